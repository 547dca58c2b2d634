"""Faults that the cases beyond the official list must catch, and those of no field at all."""

import ssl

from tests.lab.csms.server import SUITES
from tests.lab.fault import Fault
from tests.lab.spoils import (
    adds,
    answers,
    asks,
    asks_twice,
    barred,
    codes,
    cuts,
    ends,
    follows,
    follows_late,
    has,
    mute,
    refuses,
    shows,
    takes,
    unasked,
    unchecked,
    wishes,
)

_OLD = {
    "level": "@SECLEVEL=0",
    "suites": f"{SUITES}:AES128-SHA",
    "minimum_version": ssl.TLSVersion.TLSv1_1,
}
_NULL = {"level": "@SECLEVEL=0", "suites": f"{SUITES}:NULL-SHA256"}
_ANONYMOUS = {"level": "@SECLEVEL=0", "suites": f"{SUITES}:AECDH-AES128-SHA"}
_NO_CHECK_TIME = 0x200000  # of OpenSSL's X509_VERIFY_PARAM
_START, _STOP = "StartTransaction", "StopTransaction"
_ACCEPTED = {"status": "Accepted"}
_CHANGE, _SIGNED, _UPDATE = "ChangeConfiguration", "CertificateSigned", "SignedUpdateFirmware"
_READ, _TRIGGER = "GetConfiguration", "ExtendedTriggerMessage"
_EVENT = "SecurityEventNotification"
_CLOCK_MS = 1_763_800_000_000
_STRANGE = "LaboratoryNoSuchAction"


class Same:
    """Always the same message id."""

    def __init__(self, id: str) -> None:
        self.id = id

    def __call__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"Same({self.id!r})"


DOOR = [
    Fault("The user is the station itself", "LAB_01", unchecked("user")),
    Fault("Nor is another let in over TLS", "LAB_01", unchecked("user"), 2),
    Fault("The station itself is let in", "LAB_01", barred("user")),
    Fault("A wrong key does not let in", "LAB_02", unchecked("password")),
    Fault("Nor does it over TLS", "LAB_02", unchecked("password"), 2),
    Fault("No key does not let in", "LAB_03", unchecked("password")),
    Fault("No key is an answer of HTTP", "LAB_03", wishes(refusal=500), 2),
    Fault("Strangers are not let in", "LAB_04", has(admits_strangers=True)),
    Fault("Nor over TLS", "LAB_04", has(admits_strangers=True), 2),
    Fault("Nor with a certificate", "LAB_04", has(admits_strangers=True), 3),
    Fault("Strangers are not found", "LAB_04", wishes(refusal=401), warned=True),
    Fault("A station of profile 2 is not let in without TLS", "LAB_05", unchecked("profile"), 2),
    Fault("A key is nothing on profile 3", "LAB_05", unchecked("profile", "password"), 3),
    Fault("A certificate must be shown", "LAB_06", unasked("certificate"), 3),
    Fault("It must be of an authority", "LAB_07", unasked("certificate"), 3),
    Fault("It must not have expired", "LAB_08", wishes(verify_flags=_NO_CHECK_TIME), 3),
    Fault("It must not be revoked", "LAB_09", unchecked("revocation"), 3),
    Fault("It must be the station's own", "LAB_10", unchecked("certificate"), 3),
    Fault("Its own lets in", "LAB_10", barred("certificate"), 3),
    Fault("TLS 1.1 is not spoken", "LAB_11", wishes(**_OLD), 2),
    Fault("TLS 1.1 is not spoken to certificates either", "LAB_11", wishes(**_OLD), 3),
    Fault("Suites without encryption are not spoken", "LAB_12", wishes(**_NULL), 3),
    Fault("Nor are those that prove nothing", "LAB_12", wishes(**_ANONYMOUS), 2),
    Fault(
        "Nor should be those with SHA-1",
        "LAB_12",
        wishes(suites=f"{SUITES}:AES128-SHA"),
        2,
        warned=True,
    ),
    Fault("Both certificates name an organization", "LAB_14", shows("rsa", organization=""), 2),
    Fault("Both lead to a root", "LAB_14", shows("ec", is_ca_known=False), 3),
    Fault("Octets of a key let in", "LAB_15", wishes(octets=False)),
    Fault("Hex digits of a key do", "LAB_15", wishes(digits=False), 2, warned=True),
    Fault("A key that was replaced does not let in", "LAB_16", has(keeps_old_keys=True)),
    Fault("Nor does it over TLS", "LAB_16", has(keeps_old_keys=True), 2),
]

WIRE = [
    Fault("Garbage does not close the connection", "LAB_17", has(takes_garbage=False)),
    Fault("Garbage is answered as 1.6 spells it", "LAB_17", codes("", "FormatViolation"), 2),
    Fault("An unknown action is NotImplemented", "LAB_18", codes(_STRANGE, "NotSupported")),
    Fault("An unknown action is answered", "LAB_18", mute(_STRANGE), 2, silent=True),
    Fault("An unknown action is not taken", "LAB_18", takes(_STRANGE), 3),
    Fault(
        "A code is spelled as in 1.6", "LAB_19", codes("Authorize", "OccurrenceConstraintViolation")
    ),
    Fault("A wrong payload is answered", "LAB_19", mute("Authorize"), 2, silent=True),
    Fault("A code is one of ten", "LAB_19", codes("Authorize", "BadRequest"), 3),
    Fault("A CALL that comes again is answered", "LAB_20", mute(_START, 2), silent=True),
    Fault(
        "It begins no other transaction",
        "LAB_20",
        answers(_START, 2, transactionId=99),
        2,
        warned=True,
    ),
    Fault("It is not refused", "LAB_20", refuses(_START, 2), 3, warned=True),
    Fault("What comes before the boot is answered", "LAB_21", mute("Authorize", 1), silent=True),
    Fault("It is a SecurityError", "LAB_21", codes("Authorize", "GenericError"), 2, warned=True),
    Fault("After the boot it is served", "LAB_21", refuses("Authorize", 2), 3),
    Fault("MeterValues of -1 are taken", "LAB_22", refuses("MeterValues")),
    Fault("The end of -1 is taken", "LAB_22", refuses(_STOP), 2),
    Fault("-1 is answered", "LAB_22", mute(_STOP), 3, silent=True),
    Fault("A token is the same in small letters", "LAB_23", has(minds_letter_case=True)),
    Fault(
        "A token is blocked in small letters",
        "LAB_23",
        answers("Authorize", 2, idTagInfo=_ACCEPTED),
        2,
    ),
    Fault("A message id is new", "TC_067", has(new_id=Same("1"))),
    Fault("It is new on every connection", "TC_021", has(new_id=Same("1")), 2, after=("TC_061",)),
    Fault("It has 36 characters", "TC_021", has(new_id=Same("1" * 37)), 3),
    Fault("It is not empty", "TC_021", has(new_id=Same("")), 2),
    Fault(
        "One CALL at a time, also of the operator", "TC_067", asks_twice("ClearChargingProfile"), 2
    ),
    Fault(
        "A station that returns is not asked to boot",
        "TC_037_1",
        adds(_START, "TriggerMessage", requestedMessage="BootNotification"),
    ),
    Fault("Whom it knows need not boot again", "TC_039", refuses(_START, code="SecurityError"), 3),
]

# A CSMS that waits: for the end of a case, or until nobody seems to look any more.
LATE = [
    Fault("Nothing is read a while after a key", "TC_073", follows_late(_CHANGE, _READ), 2),
    Fault(
        "Nothing is triggered a while after a rejection",
        "TC_077",
        follows_late(_SIGNED, _TRIGGER, requestedMessage="SignChargePointCertificate"),
        3,
    ),
    Fault("Whom it hears of an attack it keeps", "TC_077", ends(_EVENT), 3),
    Fault("Whom it hears of its own root it keeps", "TC_078", ends(_EVENT), 2),
    Fault("It keeps whose log it has", "TC_079", ends("LogStatusNotification", 2)),
    Fault("It keeps who found a signature wrong", "TC_081", ends(_EVENT), 2),
    Fault("Nothing is asked before a key is replaced", "LAB_16", adds("BootNotification", _READ)),
    Fault("Nor just after", "LAB_16", follows(_CHANGE, _READ), 2),
]

FORM = [
    Fault("A CALLERROR has five elements", "LAB_18", cuts(_STRANGE)),
    Fault("It has them of every code", "LAB_19", cuts("Authorize"), 2),
    Fault("The number of a log has 32 bits", "TC_079", asks("GetLog", requestId=_CLOCK_MS), 2),
    Fault("So has that of an update", "TC_080", asks(_UPDATE, requestId=_CLOCK_MS)),
    Fault("And of a wrong one", "TC_081", asks(_UPDATE, requestId=_CLOCK_MS), 3),
    Fault("And of a reservation", "TC_046", asks("ReserveNow", reservationId=_CLOCK_MS)),
    Fault("And of a local list", "TC_043_4", asks("SendLocalList", listVersion=_CLOCK_MS), 2),
    Fault(
        "Logs are told apart",
        "TC_079",
        asks("GetLog", requestId=1),
        3,
        warned=True,
        after=("TC_079",),
    ),
    Fault(
        "Updates are told apart",
        "TC_081",
        asks(_UPDATE, requestId=1),
        warned=True,
        after=("TC_080",),
    ),
    Fault("Nothing is compressed", "LAB_13", wishes(compresses=True), 2),
    Fault("Nor on profile 3", "LAB_13", wishes(compresses=True), 3),
]

FAULTS = [*DOOR, *WIRE, *LATE, *FORM]
