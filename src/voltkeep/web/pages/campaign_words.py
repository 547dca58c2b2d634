"""What pages say of campaigns: names of kinds and states, and what to do about a failure."""

from voltkeep.domain.campaigns import ChangeKind, StepState
from voltkeep.web.pages.marking import _

KINDS: dict[ChangeKind, str] = {
    ChangeKind.FIRMWARE: _("Firmware"),
    ChangeKind.PROFILE: _("Security profile"),
}
STATES: dict[StepState, str] = {
    StepState.DONE: _("done"),
    StepState.ASKED: _("asked"),
    StepState.PREPARING: _("getting a certificate"),
    StepState.WAITING: _("waiting"),
    StepState.SKIPPED: _("left out"),
    StepState.FAILED: _("failed"),
}

# How a reason begins, and what to do about it: the first that fits.
_ADVICE: tuple[tuple[str, str], ...] = (
    ("offline", _("It is asked once it is back.")),
    ("busy", _("It is asked again soon.")),
    ("no listener for files", _("Turn on the listener for files in the settings of the server.")),
    (
        "nothing that stations can be told listens",
        _(
            "Switch the listener on: the setting ocpp_tls for profile 2, ocpp_mtls for 3. "
            "Then try those that failed again."
        ),
    ),
    ("cancelled", _("Start another campaign for it, if it still has to change.")),
    ("the station is passive", _("Nothing is sent to it. Its settings say so.")),
    ("the station was removed", _("It is not registered any more: nothing to do.")),
    ("it runs", _("Nothing to do.")),
    ("it is there already", _("Nothing to do.")),
    ("it was not there before", _("It was away until the end. Start another campaign for it.")),
    ("it was asked, and said nothing", _("Look at its messages: does it answer at all?")),
    ("it was not done in time", _("Look at how far it is now, or give stations more time.")),
    ("it was ", _("The image may not fit that model. Choose one that does.")),
    ("it did not come back", _("Its page says why it is away. Perhaps somebody has to go there.")),
    ("it is still connected as before", _("Restart it, then try those that failed again.")),
    ("it came back with profile", _("Look at its configuration, then try again.")),
    ("it has taken no certificate", _("Look at its certificates, then try again.")),
    ("it asks for no certificate", _("Look at its certificates, and at its messages.")),
    ("it says installed, and has not restarted", _("Restart it, then try again.")),
    ("it says installed, and runs", _("Is the version right that the campaign waits for?")),
    ("it installed, restarted and runs", _("Is the version right that the campaign waits for?")),
    ("another update took its place", _("Look at its updates: somebody began another one.")),
    ("the station was replaced", _("Look whether the new one needs it too.")),
    ("it said download", _("Can it reach the address of the file? Look at its updates.")),
    ("it said invalidsignature", _("Is the image signed with a key that its maker knows?")),
    ("it said install", _("Ask it for its log, and its maker for what it means.")),
    ("it said", _("It refuses. Look at its messages for what it answered.")),
    (
        "refused: notsupported: the station takes only signed firmware",
        _("Sign the image, then try those that failed again."),
    ),
    ("refused", _("It refuses. Look at its messages for what it answered.")),
    ("unfit", _("It cannot do that as it is. Leave it out, or change what is asked.")),
    ("impossible", _("It cannot do that. Leave it out.")),
    ("silent", _("It did not answer. Look at its messages, then try again.")),
    ("left", _("Its connection ended meanwhile. Try again once it is back.")),
)
_ELSE = _("Look at its messages, then try those that failed again.")


def advice(state: StepState, reason: str) -> str:
    """What to do about a station in that state for that reason; "" if there is no more to say."""
    said = reason.casefold()
    found = next((words for begin, words in _ADVICE if reason and said.startswith(begin)), "")
    return found or (_ELSE if state is StepState.FAILED else "")
