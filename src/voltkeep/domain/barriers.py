"""Why a connection was not let in, beyond what it showed; and every refusal in plain words."""

import enum

from voltkeep.domain.identity import StationId
from voltkeep.domain.security import TlsFault, Verdict, advice


class Barrier(enum.StrEnum):
    """What kept a connection out whatever its credentials."""

    TOO_MANY = "too many connections from one address"
    FAILED_TOO_OFTEN = "too many failed attempts: told to wait"
    LINE = "too many stations at once: told to come back"
    CONNECTED = "the station is connected already, and alive"
    QUARANTINED = "quarantined: two connections contend for this station"
    NO_SUBPROTOCOL = "no common subprotocol"
    NO_ADDRESS = "no such address"
    BROWSER = "a browser, not a station"
    TOKEN = "a token that opens nothing"  # noqa: S105  # words for a log, not a secret
    MORE = "more refusals than are kept apart"


_MEANING: dict[str, str] = {
    Verdict.UNKNOWN_STATION: (
        "Nobody has registered this id. Upper and lower case count, and the id is the last part "
        "of the address."
    ),
    Verdict.TLS_REQUIRED: "It connected without TLS, and its security profile demands it.",
    Verdict.TLS_NOT_EXPECTED: "It connected over TLS, and its security profile is one without.",
    Verdict.NO_CREDENTIALS: "It sent no user name and password.",
    Verdict.WRONG_USER: "The user name that it sent is not its id.",
    Verdict.EMPTY_PASSWORD: "It sent its user name with an empty password.",
    Verdict.WRONG_PASSWORD: "The key that it sent is not the one we know.",
    Verdict.NO_KEY: "It is registered, and has been given no key.",
    Verdict.CERTIFICATE_NOT_EXPECTED: "It showed a certificate, and should send a password.",
    Verdict.CERTIFICATE_REQUIRED: "It must show a client certificate, and showed none.",
    Verdict.CERTIFICATE_AWAITED: (
        "It was asked to use security profile 3, and showed no certificate; perhaps this address "
        "asks for none."
    ),
    Verdict.CERTIFICATE_UNTRUSTED: "Nobody we trust has issued the certificate that it showed.",
    Verdict.CERTIFICATE_EXPIRED: "The certificate that it showed is past its end.",
    Verdict.CERTIFICATE_NOT_YET_VALID: "The certificate that it showed begins in the future.",
    Verdict.CERTIFICATE_REVOKED: "The certificate that it showed was revoked.",
    Verdict.REVOCATION_UNKNOWN: "Who issued its certificate does not say whether it is revoked.",
    Verdict.CERTIFICATE_WRONG_PURPOSE: "Its certificate is made for something else.",
    Verdict.CERTIFICATE_WEAK: "The key of its certificate can be broken.",
    Verdict.CERTIFICATE_OF_ANOTHER: "It showed a certificate that we made for another station.",
    Verdict.ANCHORED_ELSEWHERE: "Who issued its certificate is trusted for another station only.",
    Verdict.WRONG_ORGANIZATION: "Its certificate bears another organization than ours (O).",
    Verdict.WRONG_COMMON_NAME: "The name in its certificate (CN) is not its serial number.",
    Verdict.NO_SERIAL_NUMBER: "Its serial number is not known: nothing to compare the CN with.",
    Verdict.NOT_THE_PINNED: "It showed another certificate than the first time.",
    Barrier.TOO_MANY: "Its address opened connections faster than one station would.",
    Barrier.FAILED_TOO_OFTEN: (
        "After five failures from one address, twenty from all, or fifty ids tried from one "
        "address, wrong and right are told to wait. A generated key opens all the same."
    ),
    Barrier.LINE: "A fleet came back at once. Nothing is wrong: it is let in when it returns.",
    Barrier.CONNECTED: (
        "Another connection has this id and answers. Two stations have the same id, or somebody "
        "pretends."
    ),
    Barrier.QUARANTINED: "Two stations with this id push each other out; one may be a clone.",
    Barrier.NO_SUBPROTOCOL: "It speaks none of OCPP 1.6, 2.0.1 and 2.1, or does not say what.",
    Barrier.NO_ADDRESS: "The path of its address is not /ocpp/ID.",
    Barrier.BROWSER: "A web page tried; stations send no Origin.",
    Barrier.TOKEN: (
        "Somebody came for a file with an address that is wrong, too old, or was used before. "
        "Its connection is not affected."
    ),
}
_DO: dict[str, str] = {
    Barrier.TOO_MANY: (
        "If many stations share the address, add it to unlimited_sources: voltkeep config show"
    ),
    Barrier.FAILED_TOO_OFTEN: (
        "Correct what is wrong (see the other reasons); a new key ends the wait at once: "
        "voltkeep station rotate-key {station}"
    ),
    Barrier.CONNECTED: (
        "Give each an id of its own. While its security profile is 0 anybody can pretend to be it: "
        "voltkeep station raise-profile {station}"
    ),
    Barrier.QUARANTINED: (
        "Give it a new key, then let it in again: voltkeep station rotate-key {station}, "
        "voltkeep station release {station}"
    ),
    Barrier.NO_SUBPROTOCOL: "Choose its OCPP version in the station: 1.6 JSON, 2.0.1 or 2.1",
    Barrier.NO_ADDRESS: (
        "Enter the whole address, with /ocpp/ and its id. Some stations add the id themselves: "
        "give those the address without it"
    ),
    Barrier.TOKEN: (
        "Ask once more: voltkeep log request {station}, or voltkeep firmware update {station}"
    ),
}
_TLS = {each.value for each in TlsFault}


def meaning(reason: str) -> str:
    """A refusal in a sentence for people; "" if its reason says it all."""
    if reason in _TLS:
        return "TLS failed before it said which station it is."
    return _MEANING.get(reason, "")


def remedy(reason: str, station: StationId | None = None) -> str:
    """What to do about a refusal, for any reason there is; "" if there is nothing to do."""
    said = advice(reason, station)
    if said:
        return said
    name = station.quoted if station is not None and station.name else "STATION"
    return _DO.get(reason, "").replace("{station}", name)
