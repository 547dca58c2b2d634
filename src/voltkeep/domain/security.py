"""Who may connect, and how: the decision at the door, before any upgrade."""

import enum
import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.certificates import ClientCertificate, Standing
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import NameCheck, SecurityProfile, Station


class Refusal(Struct, frozen=True, kw_only=True):
    """Connections refused for one reason at one address: counted, for people (never answered).

    ``station`` is what was asked for, registered or not; name "" if it never came to that.
    """

    station: StationId
    id: str  # reason and host, hashed
    state: str = "refused"
    at: datetime  # the last time
    first_at: datetime
    count: int
    host: str
    reason: str  # a `Verdict`, or other words
    detail: str = ""
    until: datetime | None = None  # when credentials are looked at again, who was told to wait


class Alert(Struct, frozen=True, kw_only=True):
    """Something a person should look at. ``state`` is open or acknowledged."""

    station: StationId
    id: str
    state: str = "open"
    at: datetime  # the last time
    first_at: datetime
    count: int = 1
    kind: str
    text: str
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    note: str = ""  # what whoever acknowledged it has found


class SecurityEvent(Struct, frozen=True, kw_only=True):
    """A security event that a station reported (A04). ``type`` and ``tech_info`` are hostile."""

    station: StationId
    id: str  # of its content: the same event said twice is stored once
    state: str  # critical or noted
    at: datetime  # when we heard it
    happened_at: datetime
    type: str
    tech_info: str | None = None


class Shown(enum.StrEnum):
    """What the password of a connection is."""

    NOTHING = "nothing"  # no Basic header that can be read
    EMPTY = "empty"
    WRONG = "wrong"
    KEY = "the key"
    NEXT_KEY = "the next key"  # one that may have reached the station (`Trust.next_key_hash`)


class Attempt(Struct, frozen=True, kw_only=True):
    """What a connection shows before it is let in.

    ``demands_certificate`` is the listener's: who has none does not come this far.
    """

    tls: bool
    user: str | None
    password: Shown
    demands_certificate: bool = False
    certificate: ClientCertificate | None = None
    issued_to: StationId | None = None  # of a certificate of our own authority


class Rules(Struct, frozen=True, kw_only=True):
    """What counts where a station has no rule of its own."""

    cpo_name: str
    organization: NameCheck = NameCheck.STRICT
    common_name: NameCheck = NameCheck.STRICT
    is_lenient: bool = False  # a certificate whose revocation cannot be learned is let in


class Verdict(enum.StrEnum):
    """Why a connection is admitted or refused; the peer is told no more than "401"."""

    ADMITTED = "admitted"
    UNKNOWN_STATION = "unknown station"
    TLS_REQUIRED = "the station must use TLS"
    TLS_NOT_EXPECTED = "the station connected over TLS, but its security profile has none"
    NO_CREDENTIALS = "no HTTP Basic credentials"
    WRONG_USER = "the user name is not the station id"
    EMPTY_PASSWORD = "empty password"  # noqa: S105  # words for a log, not a secret
    WRONG_PASSWORD = "wrong password"  # noqa: S105  # words for a log, not a secret
    NO_KEY = "the station has no key yet"
    CERTIFICATE_NOT_EXPECTED = "a client certificate, but the station's security profile has none"
    CERTIFICATE_REQUIRED = "no client certificate"
    CERTIFICATE_AWAITED = "no client certificate, though security profile 3 was asked for"
    CERTIFICATE_UNTRUSTED = "a client certificate of an authority that is not trusted"
    CERTIFICATE_EXPIRED = "an expired client certificate"
    CERTIFICATE_NOT_YET_VALID = "a client certificate that is not valid yet"
    CERTIFICATE_REVOKED = "a revoked client certificate"
    REVOCATION_UNKNOWN = "whether the client certificate is revoked cannot be learned now"
    CERTIFICATE_WRONG_PURPOSE = "a certificate that is not made for authenticating a client"
    CERTIFICATE_WEAK = "a client certificate whose key is too weak"
    CERTIFICATE_OF_ANOTHER = "a client certificate that was issued to another station"
    ANCHORED_ELSEWHERE = "a client certificate of an authority trusted for another station only"
    WRONG_ORGANIZATION = "the certificate's O is not the expected one"
    WRONG_COMMON_NAME = "the certificate's CN is not the expected one"
    NO_SERIAL_NUMBER = "the station's serial number is not known, so no CN can be compared"
    NOT_THE_PINNED = "another client certificate than the one the station first showed"


class TlsFault(enum.StrEnum):
    """Why no TLS came about, before anybody said which station it is."""

    NO_SHARED_CIPHER = "TLS: no shared cipher"
    UNSUPPORTED_PROTOCOL = "TLS: unsupported protocol version"
    NO_CERTIFICATE = "TLS: no client certificate was shown"
    UNTRUSTED = "TLS: the client certificate is of no authority we trust"
    WEAK = "TLS: the client certificate is too weak"
    OUR_AUTHORITY_UNKNOWN = "TLS: the peer does not know the authority of our certificate"
    OUR_CERTIFICATE_REFUSED = "TLS: the peer refused our certificate"
    ALERT = "TLS: the peer sent an alert"
    HTTP = "HTTP without TLS was spoken to a TLS port"
    NO_TLS = "no TLS was spoken to a TLS port"
    TLS_ON_PLAIN = "TLS was spoken to a port without TLS"
    LEFT = "TLS: the peer left during the handshake"
    TOO_SLOW = "TLS: the handshake took too long"
    BROKEN = "TLS: the handshake is broken"


class Decision(Struct, frozen=True, kw_only=True):
    """``profile`` is the security profile that a connection was admitted with."""

    verdict: Verdict
    profile: SecurityProfile | None = None


_MISMATCHES = (
    Verdict.TLS_REQUIRED,
    Verdict.TLS_NOT_EXPECTED,
    Verdict.CERTIFICATE_REQUIRED,
    Verdict.CERTIFICATE_NOT_EXPECTED,
    Verdict.NO_CREDENTIALS,
)
_STANDINGS = {
    Standing.UNTRUSTED: Verdict.CERTIFICATE_UNTRUSTED,
    Standing.EXPIRED: Verdict.CERTIFICATE_EXPIRED,
    Standing.NOT_YET_VALID: Verdict.CERTIFICATE_NOT_YET_VALID,
    Standing.REVOKED: Verdict.CERTIFICATE_REVOKED,
    Standing.REVOCATION_UNKNOWN: Verdict.REVOCATION_UNKNOWN,
    Standing.WRONG_PURPOSE: Verdict.CERTIFICATE_WRONG_PURPOSE,
    Standing.WEAK: Verdict.CERTIFICATE_WEAK,
}
_PARTS = re.compile(r"[\s,;:/=()|]+")  # of a name; a hyphen or a dot is part of a serial number


def admit(station: Station | None, attempt: Attempt, rules: Rules) -> Decision:
    """Security whitepaper A00.FR.001-006, 201-207, 301-325, 401-424.

    While a higher profile is asked for, both count (A05.FR.08); a lower one never does again.
    """
    if station is None:
        return Decision(verdict=Verdict.UNKNOWN_STATION)
    profiles = [station.security_profile]
    asked = station.trust.next_profile
    if asked is not None and asked > station.security_profile:
        profiles.append(asked)
    refused = []
    for profile in profiles:
        verdict = _judge(profile, station, attempt, rules)
        if verdict is Verdict.ADMITTED:
            return Decision(verdict=verdict, profile=profile)
        refused.append(verdict)
    # Of two reasons the one that came further says more.
    telling = [verdict for verdict in refused if verdict not in _MISMATCHES]
    if not telling and refused == [Verdict.NO_CREDENTIALS, Verdict.CERTIFICATE_REQUIRED]:
        # It has left its password behind, as it was asked to.
        return Decision(verdict=Verdict.CERTIFICATE_AWAITED)
    return Decision(verdict=(telling or refused)[0])


def _judge(profile: SecurityProfile, station: Station, attempt: Attempt, rules: Rules) -> Verdict:
    if profile < SecurityProfile.TLS_BASIC:
        if attempt.tls:
            return Verdict.TLS_NOT_EXPECTED
    elif not attempt.tls:
        return Verdict.TLS_REQUIRED
    match profile:
        case SecurityProfile.NONE:
            return Verdict.ADMITTED
        case SecurityProfile.TLS_CERTIFICATE:
            # A password beside it proves nothing more, and is not looked at.
            return _judge_certificate(station, attempt, rules)
        case _:
            return _judge_password(station, attempt)


def _judge_password(station: Station, attempt: Attempt) -> Verdict:
    # A certificate that was merely asked for, beside the right password, makes no profile 3 of
    # it; one without a password, or where one is demanded, is another profile (A00.FR.002).
    if attempt.demands_certificate or (attempt.certificate is not None and attempt.user is None):
        return Verdict.CERTIFICATE_NOT_EXPECTED
    if station.key_hash is None and station.trust.next_key_hash is None:
        return Verdict.NO_KEY
    if attempt.user is None or attempt.password is Shown.NOTHING:
        return Verdict.NO_CREDENTIALS
    if attempt.user != station.id.name:  # A00.FR.204
        return Verdict.WRONG_USER
    match attempt.password:
        case Shown.KEY | Shown.NEXT_KEY:
            return Verdict.ADMITTED
        case Shown.EMPTY:
            return Verdict.EMPTY_PASSWORD
        case _:
            return Verdict.WRONG_PASSWORD


def _judge_certificate(station: Station, attempt: Attempt, rules: Rules) -> Verdict:
    shown = attempt.certificate
    if shown is None:
        return Verdict.CERTIFICATE_REQUIRED
    if shown.standing is not Standing.TRUSTED:
        return _STANDINGS[shown.standing]
    if shown.is_own and attempt.issued_to != station.id:
        return Verdict.CERTIFICATE_OF_ANOTHER
    if shown.anchored_for not in (None, station.id):
        return Verdict.ANCHORED_ELSEWHERE
    if not _organization_fits(station, shown, rules):
        return Verdict.WRONG_ORGANIZATION
    return _judge_common_name(station, shown, rules)


def _organization_fits(station: Station, shown: ClientCertificate, rules: Rules) -> bool:
    """A00.FR.404."""
    trust = station.trust
    match trust.organization or rules.organization:
        case NameCheck.STRICT:
            return holds(shown.organizations, rules.cpo_name)
        case NameCheck.VALUE:
            return holds(shown.organizations, trust.organization_value)
        case NameCheck.OFF:
            return True


def _judge_common_name(station: Station, shown: ClientCertificate, rules: Rules) -> Verdict:
    """A00.FR.405."""
    trust = station.trust
    check = trust.common_name or rules.common_name
    if check is NameCheck.OFF:
        # One of ours was issued to this station; a foreign one is the first that came, and none
        # beside it.
        is_known = shown.is_own or trust.pin in ("", shown.fingerprint)
        return Verdict.ADMITTED if is_known else Verdict.NOT_THE_PINNED
    expected = trust.common_name_value if check is NameCheck.VALUE else serial_number(station)
    if check is NameCheck.STRICT and not expected:
        # Our own record binds one of ours to this station already.
        return Verdict.ADMITTED if shown.is_own else Verdict.NO_SERIAL_NUMBER
    # Two names, one of them right, would be one certificate for two stations.
    is_one = len(shown.common_names) == 1
    fits = is_one and holds(shown.common_names, expected)
    return Verdict.ADMITTED if fits else Verdict.WRONG_COMMON_NAME


def serial_number(station: Station) -> str:
    """As commissioned, or else as the station said at its boot; "" if nobody has said."""
    said = station.make.serial_number if station.make is not None else None
    return (station.trust.serial_number or said or "").strip()


def pins(station: Station, attempt: Attempt, rules: Rules) -> bool:
    """Whether an admitted connection makes its certificate the only one from now on."""
    shown, check = attempt.certificate, station.trust.common_name or rules.common_name
    return (
        shown is not None and not shown.is_own and check is NameCheck.OFF and not station.trust.pin
    )


def holds(names: Sequence[str], wanted: str) -> bool:
    """Whether one of the names holds it as whole words: 123 is not in 1234, nor in 123-4."""
    words = [word for word in _PARTS.split(wanted) if word]
    if not words:
        return False
    for name in names:
        parts = _PARTS.split(name)
        if any(parts[at : at + len(words)] == words for at in range(len(parts))):
            return True
    return False


# What a station sends above its own certificate is not looked at.
_IMPORT = (
    "If you trust who issued it, import the maker's issuing certificate, and each above it up to "
    "the root: voltkeep ca roots add FILE --for-clients"
)
_CHANGED = "If it did so before, somebody else may be using its name, or it was reset"
_DOUBLED = (
    "Its address ends in the id twice: stations add it themselves, so enter the address without "
    "it, up to /ocpp. If the first is a tenant of yours: voltkeep station add {station}"
)
_ADVICE: dict[str, str] = {
    Verdict.UNKNOWN_STATION: "If it is yours: voltkeep station add {station}",
    Verdict.TLS_REQUIRED: (
        "Let it connect to the wss:// address of its security profile: voltkeep station explain "
        f"{{station}}. {_CHANGED}"
    ),
    Verdict.TLS_NOT_EXPECTED: (
        "Let it connect to the ws:// address, or raise its profile here: "
        "voltkeep station set {station} --security-profile 2"
    ),
    Verdict.NO_CREDENTIALS: (
        "Enter its key as the password (AuthorizationKey) in the station; for a new one: "
        "voltkeep station rotate-key {station}"
    ),
    Verdict.WRONG_USER: "In the station, the user name must be its id: {name}",
    Verdict.EMPTY_PASSWORD: (
        "Enter its key in the station; for a new one: voltkeep station rotate-key {station}"
    ),
    Verdict.WRONG_PASSWORD: (
        "Enter its key in the station; for a new one: voltkeep station rotate-key {station}"
    ),
    Verdict.NO_KEY: "Give it one: voltkeep station rotate-key {station}",
    Verdict.CERTIFICATE_NOT_EXPECTED: (
        "Let it connect with its password to the address of its profile, or raise its profile "
        "here: voltkeep station set {station} --security-profile 3"
    ),
    Verdict.CERTIFICATE_REQUIRED: (
        "It must show its client certificate, at the address of security profile 3: voltkeep "
        f"station explain {{station}}. {_CHANGED}"
    ),
    Verdict.CERTIFICATE_AWAITED: (
        "Enter the address of security profile 3 in it (voltkeep station explain {station}), or "
        "set ocpp_tls_client_certificates"
    ),
    Verdict.CERTIFICATE_UNTRUSTED: _IMPORT,
    Verdict.CERTIFICATE_EXPIRED: (
        "At the station, let it use its password again; then renew the certificate: "
        "voltkeep station set {station} --security-profile 2, voltkeep certificate renew {station}"
    ),
    Verdict.CERTIFICATE_NOT_YET_VALID: "Look at this machine's clock: voltkeep doctor",
    Verdict.CERTIFICATE_REVOKED: (
        "If the station is still yours, let it use its password again there, and renew it: "
        "voltkeep station set {station} --security-profile 2, voltkeep certificate renew {station}"
    ),
    Verdict.REVOCATION_UNKNOWN: (
        "Import a revocation list (voltkeep ca roots add --crl), see that its address answers, "
        "or set revocation_check to lenient"
    ),
    Verdict.CERTIFICATE_WRONG_PURPOSE: "Its extended key usage must hold clientAuth",
    Verdict.CERTIFICATE_WEAK: "It needs RSA of 2048 bits or EC of 224 (A00.FR.502, 503)",
    Verdict.CERTIFICATE_OF_ANOTHER: (
        "Find out how it came there, and revoke it: voltkeep certificate list"
    ),
    Verdict.ANCHORED_ELSEWHERE: "If it counts for this one too: voltkeep ca roots add FILE",
    Verdict.WRONG_ORGANIZATION: (
        "Compare the O with the setting cpo_name, or change organization_check"
    ),
    Verdict.WRONG_COMMON_NAME: (
        "Compare the CN with the station's serial number; if that is another: voltkeep "
        "certificate expect {station} --serial-number SN"
    ),
    Verdict.NO_SERIAL_NUMBER: (
        "Enter its serial number: voltkeep certificate expect {station} --serial-number SN"
    ),
    Verdict.NOT_THE_PINNED: (
        "If its certificate was changed on purpose, forget the old one: voltkeep certificate "
        "expect {station} --forget-pin"
    ),
    TlsFault.NO_SHARED_CIPHER: (
        "It knows none of our suites. If tls_policy is modern, ocpp-legacy offers more; else "
        "update its firmware"
    ),
    TlsFault.UNSUPPORTED_PROTOCOL: "It needs TLS 1.2 or 1.3 (A00.FR.312): update its firmware",
    TlsFault.NO_CERTIFICATE: (
        "This is the port of profile 3; each station's own address: voltkeep station explain "
        "STATION"
    ),
    TlsFault.UNTRUSTED: _IMPORT,
    TlsFault.WEAK: "It needs RSA of 2048 bits or EC of 224 (A00.FR.502, 503)",
    TlsFault.OUR_AUTHORITY_UNKNOWN: ("Install our root in the station: voltkeep ca export root"),
    TlsFault.OUR_CERTIFICATE_REFUSED: (
        "See that its clock is right and that it connects to our name: voltkeep ca show"
    ),
    TlsFault.ALERT: "See the station's own log; voltkeep ca show says what we present",
    TlsFault.HTTP: "Enter wss:// instead of ws:// in the station, or the port without TLS",
    TlsFault.NO_TLS: "Something else than a station knocks, or its address is wrong",
    TlsFault.TLS_ON_PLAIN: "Enter ws:// instead of wss:// in the station, or the port with TLS",
    TlsFault.LEFT: "Stations leave so when they do not trust us: voltkeep ca export root",
    TlsFault.TOO_SLOW: "Its network is very slow, or it is no station",
    TlsFault.BROKEN: "Its network may be changing what it sends, or it is no station",
}


def advice(reason: str, station: StationId | None = None) -> str:
    """What a person can do about a refusal; "" if there is nothing to say."""
    name = station.quoted if station is not None and station.name else "STATION"
    user = station.name if station is not None and station.name else "STATION"
    text = _ADVICE.get(reason, "")
    if reason == Verdict.UNKNOWN_STATION and station is not None and station.tenant == station.name:
        text = _DOUBLED
    return text.replace("{station}", name).replace("{name}", user)
