"""The sentences that services say of stations and campaigns: pages translate them."""

from voltkeep.web.pages.marking import _

SENTENCES = (
    # What is so with a station.
    _("Registration"),
    _("Alike"),
    _("Address"),
    _("Connection"),
    _("Upgrade"),
    _("Key"),
    _("Certificate"),
    _("Quarantine"),
    _("Told to wait"),
    _("No station of this id is registered."),
    _("There is %(other)s: upper and lower case count."),
    _("Enter %(other)s in the station"),
    _("Connected since %(at)s from %(host)s."),
    _("It has never connected."),
    _("Last connected from %(host)s, until %(at)s; last heard %(last)s."),
    _("It was told to use security profile %(profile)s at %(at)s; until it does, both count."),
    _("Security profile %(profile)s: it connects to %(url)s"),
    _("Security profile %(profile)s: nothing listens for that."),
    _("Switch the listener on (ocpp, ocpp_tls, ocpp_mtls): voltkeep config show"),
    _("It has no key."),
    _("It has a key. The user name is %(name)s."),
    _(
        "A new key was sent at %(at)s, and its answer is not here: the old and the new key count, "
        "until one is used."
    ),
    _("We have issued none to it; it may show one of an authority that we trust."),
    _("Serial %(serial)s, %(state)s, valid until %(at)s."),
    _("EXPIRED. %(rest)s"),
    _("None that counts; its last one: %(rest)s"),
    _("It is %(state)s: it may connect and boot, and do nothing else."),
    _(
        "Until %(at)s: two connections contend for this id. Nobody new is let in while one of "
        "them is connected and alive."
    ),
    _(
        "For another %(span)s, until %(at)s, right and wrong credentials are not looked at if "
        "they come from %(host)s: %(rest)s."
    ),
    _("after failures from other addresses"),
    _("%(id)s is connected."),
    _("%(id)s is connected. Somebody else was refused since: %(reason)s."),
    _("%(id)s is refused: %(reason)s."),
    _("%(id)s is not registered, and nobody has tried to connect as it."),
    _("%(id)s is not connected. Somebody fails before saying who it is: see below."),
    _(
        "%(id)s is not connected, and nobody has been refused in its name: it does not reach "
        "this server. Check its address, the network and the firewall."
    ),
    _(
        "%(id)s is not connected, and nobody has been refused in its name since: it does not "
        "reach this server. Check its address, the network and the firewall."
    ),
    # Why somebody was not let in.
    _("unknown station"),
    _("the station must use TLS"),
    _("the station connected over TLS, but its security profile has none"),
    _("no HTTP Basic credentials"),
    _("the user name is not the station id"),
    _("empty password"),
    _("wrong password"),
    _("the station has no key yet"),
    _("no client certificate"),
    _("an expired client certificate"),
    _("a revoked client certificate"),
    _("a client certificate of an authority that is not trusted"),
    _("too many connections from one address"),
    _("too many failed attempts: told to wait"),
    _("too many stations at once: told to come back"),
    _("the station is connected already, and alive"),
    _("quarantined: two connections contend for this station"),
    _("no common subprotocol"),
    _("no such address"),
    _("a browser, not a station"),
    _("a token that opens nothing"),
    _(
        "Nobody has registered this id. Upper and lower case count, and the id is the last part "
        "of the address."
    ),
    _("It connected without TLS, and its security profile demands it."),
    _("It connected over TLS, and its security profile is one without."),
    _("It sent no user name and password."),
    _("The user name that it sent is not its id."),
    _("It sent its user name with an empty password."),
    _("The key that it sent is not the one we know."),
    _("It is registered, and has been given no key."),
    _("It showed a certificate, and should send a password."),
    _("It must show a client certificate, and showed none."),
    _("Nobody we trust has issued the certificate that it showed."),
    _("The certificate that it showed is past its end."),
    _("The certificate that it showed begins in the future."),
    _("The certificate that it showed was revoked."),
    _("Its address opened connections faster than one station would."),
    _("Two stations with this id push each other out; one may be a clone."),
    _("It speaks none of OCPP 1.6, 2.0.1 and 2.1, or does not say what."),
    _("The path of its address is not /ocpp/ID."),
    _("A web page tried; stations send no Origin."),
    _("TLS failed before it said which station it is."),
    # Why a station is as it is in a campaign.
    _("offline"),
    _("busy"),
    _("silent"),
    _("cancelled"),
    _("the station is passive"),
    _("the station was removed"),
    _("no listener for files"),
    _("it was not there before %(until)s"),
    _("it is still connected as before"),
    _("it came back with profile %(profile)s"),
    _("it did not come back"),
    _("it installed, restarted and runs"),
    _("it says Installed, and runs"),
    _("it says Installed, and has not restarted in time"),
    _("it was asked, and said nothing"),
    _("it was not done in time: its last word is %(status)s"),
    _("it said %(status)s"),
    _("the station was replaced: %(serial)s in place of %(other)s"),
    # States within these sentences.
    _("active"),
    _("accepted"),
    _("expired"),
    _("pending"),
    _("rejected"),
    _("revoked"),
)
"""%(name)s is filled in; times stand as in ``2026-01-31 12:00:00Z``."""
