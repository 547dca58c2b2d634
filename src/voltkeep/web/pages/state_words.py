"""The words for states that badges show as they are, to be said in a person's language."""


def _(word: str) -> str:
    """Mark a word that is translated where it is shown."""
    return word


STATES = frozenset(
    (
        # Connectors, as OCPP calls them.
        _("Available"),
        _("Occupied"),
        _("Reserved"),
        _("Unavailable"),
        _("Faulted"),
        _("Preparing"),
        _("Charging"),
        _("SuspendedEV"),
        _("SuspendedEVSE"),
        _("Finishing"),
        _("EVConnected"),
        _("Idle"),
        # Stations and tokens.
        _("Accepted"),
        _("Pending"),
        _("Rejected"),
        _("Blocked"),
        _("ConcurrentTx"),
        _("Expired"),
        _("Invalid"),
        _("NoCredit"),
        _("NotAllowedTypeEVSE"),
        _("NotAtThisLocation"),
        _("NotAtThisTime"),
        _("Unknown"),
        # What we keep of what was asked.
        _("accepted"),
        _("active"),
        _("asked"),
        _("cancelled"),
        _("cleared"),
        _("coming"),
        _("complete"),
        _("counting"),
        _("deleted"),
        _("done"),
        _("ended"),
        _("expired"),
        _("failed"),
        _("filling"),
        _("finished"),
        _("installed"),
        _("issued"),
        _("missing"),
        _("none"),
        _("pending"),
        _("planned"),
        _("queued"),
        _("refused"),
        _("rejected"),
        _("removed"),
        _("replaced"),
        _("requested"),
        _("revoked"),
        _("running"),
        _("scheduled"),
        _("sent"),
        _("signed"),
        _("superseded"),
        _("unanswered"),
        _("unfinished"),
        _("unknown"),
        _("unsent"),
        _("unused"),
        _("uploaded"),
        _("uploading"),
        _("used"),
        _("waiting"),
    )
)
"""Any other word of a state is somebody's own, and is shown as it was said."""
