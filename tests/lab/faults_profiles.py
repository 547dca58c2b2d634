"""Faults that the cases of feature profiles must catch."""

from tests.lab.fault import Fault
from tests.lab.spoils import (
    CUT,
    DOUBLED,
    WITHOUT,
    adds,
    answers,
    asks,
    asks_else,
    asks_first,
    asks_twice,
    by,
    follows,
    later,
    mute,
    never,
    of_each,
    put,
    refuses,
)

_BOOT, _STATUS, _START = "BootNotification", "StatusNotification", "StartTransaction"
_STOP = "StopTransaction"
_VERSION, _LIST = "GetLocalListVersion", "SendLocalList"
_UPDATE, _UPDATED = "UpdateFirmware", "FirmwareStatusNotification"
_LOG, _LOGGED = "GetDiagnostics", "DiagnosticsStatusNotification"
_INVALID = {"status": "Invalid"}

LOCAL_LIST = [
    Fault("The version is asked for", "TC_042_1", never(_VERSION), silent=True),
    Fault(
        "-1 is an answer", "TC_042_1", follows(_VERSION, _LIST, listVersion=1, updateType="Full"), 2
    ),
    Fault("GetLocalListVersion.req is empty", "TC_042_2", asks(_VERSION, listVersion=0), 3),
    Fault("It is asked for once", "TC_042_2", asks_twice(_VERSION)),
    Fault("0 is an answer", "TC_042_2", follows(_VERSION, "Reset", type="Soft"), 2),
    Fault("A list is sent", "TC_043_1", never(_LIST), silent=True),
    Fault("A list ordered whole is Full", "TC_043_1", asks(_LIST, updateType="Differential"), 2),
    Fault("NotSupported is heeded", "TC_043_1", follows(_LIST, _VERSION), 3),
    Fault("A version is not 0", "TC_043_3", asks(_LIST, listVersion=0)),
    Fault("Failed is heeded", "TC_043_3", follows(_LIST, "ClearCache"), 2),
    Fault("A list that fails is Full", "TC_043_3", asks(_LIST, updateType="Differential"), 3),
    Fault(
        "Each entry says what of its token",
        "TC_043_4",
        asks(_LIST, localAuthorizationList=of_each(idTagInfo=WITHOUT)),
    ),
    Fault("A version is not -1", "TC_043_4", asks(_LIST, listVersion=-1), 2),
    Fault("A version is a number", "TC_043_4", asks(_LIST, listVersion="1"), 3),
    Fault("No token is left out", "TC_043_4", asks(_LIST, localAuthorizationList=CUT)),
    Fault("No token is there twice", "TC_043_4", asks(_LIST, localAuthorizationList=DOUBLED), 2),
    Fault("A full list has entries", "TC_043_4", asks(_LIST, localAuthorizationList=WITHOUT), 3),
    Fault(
        "A list ordered whole is not a change", "TC_043_4", asks(_LIST, updateType="Differential")
    ),
    Fault("A full list is versioned", "TC_043_4", asks(_LIST, listVersion=WITHOUT), 2),
    Fault(
        "A valid token is Accepted in a list",
        "TC_043_4",
        asks(_LIST, localAuthorizationList=of_each(idTagInfo={"status": "Blocked"})),
        3,
    ),
    Fault("A change is Differential", "TC_043_5", asks(_LIST, 2, updateType="Full")),
    Fault("A change is newer", "TC_043_5", asks(_LIST, 2, listVersion=1), 2),
    Fault("A change is not older", "TC_043_5", asks(_LIST, 2, listVersion=by(-1)), 3),
    Fault(
        "Only the token that changed is in a change",
        "TC_043_5",
        asks(_LIST, 2, localAuthorizationList=DOUBLED),
    ),
    Fault(
        "A change of this token is of this token",
        "TC_043_5",
        asks(_LIST, 2, localAuthorizationList=of_each(idTag="OTHER")),
        2,
    ),
    Fault(
        "A change does not delete",
        "TC_043_5",
        asks(_LIST, 2, localAuthorizationList=of_each(idTagInfo=WITHOUT)),
        3,
    ),
    Fault("A change is sent", "TC_043_5", never(_LIST, 2), silent=True),
]

FIRMWARE = [
    Fault(
        "Firmware is fetched where it is",
        "TC_044_1",
        asks(_UPDATE, location="https://evil.example/"),
    ),
    Fault("It is said when to fetch it", "TC_044_1", asks(_UPDATE, retrieveDate=WITHOUT), 2),
    Fault("When to fetch it is a time", "TC_044_1", asks(_UPDATE, retrieveDate="now"), 3),
    Fault(
        "It is fetched now", "TC_044_1", asks(_UPDATE, retrieveDate=later(hours=24)), warned=True
    ),
    Fault("Downloading is taken", "TC_044_1", refuses(_UPDATED, 1), 2),
    Fault("Installed is taken", "TC_044_1", refuses(_UPDATED, 4), 3),
    Fault("Unavailable is taken in between", "TC_044_1", refuses(_STATUS, 4)),
    Fault(
        "A station is accepted with new firmware",
        "TC_044_1",
        answers(_BOOT, 2, status="Rejected"),
        2,
    ),
    Fault("Firmware is ordered", "TC_044_1", never(_UPDATE), silent=True),
    Fault("Retries are a number", "TC_044_2", asks(_UPDATE, retries="3")),
    Fault("DownloadFailed is taken", "TC_044_2", refuses(_UPDATED, 2), 2),
    Fault(
        "DownloadFailed orders nothing anew", "TC_044_2", adds(_UPDATED, "Reset", 2, type="Hard"), 3
    ),
    Fault("InstallationFailed is taken", "TC_044_3", refuses(_UPDATED, 4)),
    Fault("InstallationFailed is answered", "TC_044_3", mute(_UPDATED, 4), 2, silent=True),
    Fault("A location is not empty", "TC_044_3", asks(_UPDATE, location=""), 3),
    Fault(
        "Diagnostics go where they are wanted",
        "TC_045_1",
        asks(_LOG, location="https://evil.example/"),
    ),
    Fault("They are asked for", "TC_045_1", never(_LOG), 2, silent=True),
    Fault("Uploaded is taken", "TC_045_1", refuses(_LOGGED, 2), 3),
    Fault(
        "They begin before they end",
        "TC_045_1",
        asks(_LOG, startTime="2026-02-01T00:00:00Z", stopTime="2026-01-01T00:00:00Z"),
    ),
    Fault(
        "GetDiagnostics is no GetLog",
        "TC_045_1",
        asks_else(
            _LOG, "GetLog", log={"remoteLocation": "x"}, logType="DiagnosticsLog", requestId=1
        ),
        2,
    ),
    Fault("UploadFailed is taken", "TC_045_2", refuses(_LOGGED, 2)),
    Fault("They have a location", "TC_045_2", asks(_LOG, location=WITHOUT), 2),
    Fault(
        "UploadFailed asks for nothing anew",
        "TC_045_2",
        adds(_LOGGED, _LOG, 2, location="https://files.example/"),
        3,
    ),
]

_RESERVE, _CANCEL = "ReserveNow", "CancelReservation"
RESERVATION = [
    Fault("The connector is the one ordered", "TC_046", asks(_RESERVE, connectorId=2)),
    Fault("The token is the one ordered", "TC_046", asks(_RESERVE, idTag="OTHER"), 2),
    Fault("A reservation has an id", "TC_046", asks(_RESERVE, reservationId=WITHOUT), 3),
    Fault("A reservation ends", "TC_046", asks(_RESERVE, expiryDate=WITHOUT)),
    Fault("Its driver may charge", "TC_046", answers(_START, idTagInfo=_INVALID), 2),
    Fault("Reserved is taken", "TC_046", refuses(_STATUS, 4), 3),
    Fault("A reservation used is not cancelled", "TC_046", adds(_START, _CANCEL, reservationId=1)),
    Fault("It ends when it was ordered to", "TC_047", asks(_RESERVE, expiryDate=later(hours=1))),
    Fault(
        "It ends in the minute that was ordered",
        "TC_047",
        asks(_RESERVE, expiryDate=later(hours=0.03)),
        3,
    ),
    Fault("Its end is a time", "TC_047", asks(_RESERVE, expiryDate="soon"), 2),
    Fault(
        "What has expired is not cancelled", "TC_047", adds(_STATUS, _CANCEL, 5, reservationId=1), 3
    ),
    Fault("A faulted connector is reserved all the same", "TC_048_1", never(_RESERVE), silent=True),
    Fault(
        "Faulted is heeded",
        "TC_048_1",
        follows(
            _RESERVE,
            _RESERVE,
            connectorId=1,
            idTag="X",
            reservationId=9,
            expiryDate="2030-01-01T00:00:00Z",
        ),
        2,
    ),
    Fault(
        "An occupied connector is reserved all the same", "TC_048_2", never(_RESERVE), silent=True
    ),
    Fault("Occupied is not cancelled", "TC_048_2", follows(_RESERVE, _CANCEL, reservationId=1), 2),
    Fault("Another connector is not taken instead", "TC_048_2", asks(_RESERVE, connectorId=2), 3),
    Fault(
        "Out of service is Inoperative", "TC_048_3", asks("ChangeAvailability", 1, type="Operative")
    ),
    Fault(
        "The connector put out of service is the one ordered",
        "TC_048_3",
        asks("ChangeAvailability", 1, connectorId=0),
        2,
    ),
    Fault(
        "In service is Operative", "TC_048_3", asks("ChangeAvailability", 2, type="Inoperative"), 3
    ),
    Fault(
        "An unavailable connector is reserved all the same",
        "TC_048_3",
        never(_RESERVE),
        silent=True,
    ),
    Fault("Rejected is heeded", "TC_048_4", follows(_RESERVE, _CANCEL, reservationId=1)),
    Fault("A reservation is asked for once", "TC_048_4", asks_twice(_RESERVE), 2),
    Fault("The whole station is connector 0", "TC_049", asks(_RESERVE, connectorId=1)),
    Fault("A station is reserved", "TC_049", never(_RESERVE), 2, silent=True),
    Fault(
        "A reservation of the station names the token", "TC_049", asks(_RESERVE, idTag=WITHOUT), 3
    ),
    Fault("What was reserved is cancelled", "TC_051", asks(_CANCEL, reservationId=by(1))),
    Fault("A cancellation names what", "TC_051", asks(_CANCEL, reservationId=WITHOUT), 2),
    Fault("A cancellation is sent", "TC_051", never(_CANCEL), 3, silent=True),
    Fault("What is unknown is cancelled all the same", "TC_052", never(_CANCEL), silent=True),
    Fault("An id is a number", "TC_052", asks(_CANCEL, reservationId="9"), 2),
    Fault("Rejected is not followed up", "TC_052", follows(_CANCEL, _CANCEL, reservationId=1), 3),
    Fault("A group is named in its reservation", "TC_053", asks(_RESERVE, parentIdTag=WITHOUT)),
    Fault("It is the group that was ordered", "TC_053", asks(_RESERVE, parentIdTag="OTHER"), 2),
    Fault(
        "Another of the group is accepted", "TC_053", answers("Authorize", 2, idTagInfo=_INVALID), 3
    ),
    Fault("Its group is told", "TC_053", answers("Authorize", 2, idTagInfo={"status": "Accepted"})),
    Fault(
        "Its group is the same",
        "TC_053",
        answers("Authorize", 2, idTagInfo__parentIdTag="OTHER"),
        2,
    ),
    Fault("It may end the charging", "TC_053", answers(_STOP, idTagInfo=_INVALID), 3),
]

_TRIGGER = "TriggerMessage"
TRIGGER = [
    Fault(
        "The message is the one ordered", "TC_054", asks(_TRIGGER, 1, requestedMessage="Heartbeat")
    ),
    Fault(
        "The connector of MeterValues is named", "TC_054", asks(_TRIGGER, 1, connectorId=WITHOUT), 2
    ),
    Fault("MeterValues are taken", "TC_054", refuses("MeterValues"), 3),
    Fault("A Heartbeat is of no connector", "TC_054", asks(_TRIGGER, 2, connectorId=1)),
    Fault("A Heartbeat triggered is answered", "TC_054", refuses("Heartbeat"), 2),
    Fault(
        "The connector of a status is named", "TC_054", asks(_TRIGGER, 3, connectorId=WITHOUT), 3
    ),
    Fault(
        "The order is that of the operator",
        "TC_054",
        asks(_TRIGGER, 4, requestedMessage="FirmwareStatusNotification"),
    ),
    Fault("DiagnosticsStatusNotification is taken", "TC_054", refuses(_LOGGED), 2),
    Fault("FirmwareStatusNotification is taken", "TC_054", refuses(_UPDATED), 3),
    Fault(
        "It is TriggerMessage, not the extended one",
        "TC_054",
        asks_else(_TRIGGER, "ExtendedTriggerMessage", 2, requestedMessage="Heartbeat"),
    ),
    Fault(
        "A boot is not triggered",
        "TC_054",
        asks_first(_TRIGGER, _TRIGGER, requestedMessage="BootNotification"),
        2,
    ),
    Fault("A connector that there is not is named", "TC_055", asks(_TRIGGER, connectorId=1)),
    Fault("It is asked for all the same", "TC_055", never(_TRIGGER), 2, silent=True),
    Fault(
        "Rejected is heeded",
        "TC_055",
        follows(_TRIGGER, _TRIGGER, requestedMessage="MeterValues"),
        3,
    ),
]

_SET, _CLEAR = "SetChargingProfile", "ClearChargingProfile"
_COMPOSITE, _REMOTE_START = "GetCompositeSchedule", "RemoteStartTransaction"


def _profile(
    case: str, rule: str, profile: int = 1, nth: int | None = None, **fields: object
) -> Fault:
    """Something is wrong in a charging profile."""
    wrong = {f"csChargingProfiles__{name}": value for name, value in fields.items()}
    return Fault(rule, case, asks(_SET, *([nth] if nth else []), **wrong), profile)


def _schedule(case: str, rule: str, profile: int = 1, **fields: object) -> Fault:
    """Something is wrong in its schedule."""
    wrong = {f"chargingSchedule__{name}": value for name, value in fields.items()}
    return _profile(case, rule, profile, **wrong)


def _period(case: str, rule: str, profile: int = 1, **fields: object) -> Fault:
    """Something is wrong in each period."""
    return _schedule(case, rule, profile, chargingSchedulePeriod=of_each(**fields))


SMART_CHARGING = [
    Fault("The connector is the one ordered", "TC_056", asks(_SET, connectorId=0)),
    Fault("A profile is set", "TC_056", never(_SET), silent=True),
    _profile("TC_056", "The purpose is the one ordered", chargingProfilePurpose="TxProfile"),
    _profile("TC_056", "The kind is Absolute", 2, chargingProfileKind="Relative"),
    _profile("TC_056", "The stack level is the one ordered", 3, stackLevel=by(1)),
    _profile("TC_056", "It is said from when", validFrom=WITHOUT),
    _profile("TC_056", "It is said until when", 2, validTo=WITHOUT),
    _profile("TC_056", "It ends after it began", 3, validTo=later(hours=-5)),
    _profile("TC_056", "It is valid until when it was ordered", validTo=later(hours=5))._replace(
        warned=True
    ),
    _profile("TC_056", "A default names no transaction", transactionId=5),
    _profile("TC_056", "What is Absolute does not recur", 2, recurrencyKind="Daily"),
    _profile("TC_056", "A profile has an id", 3, chargingProfileId=WITHOUT),
    _schedule("TC_056", "A schedule says when it starts", startSchedule=WITHOUT),
    _schedule(
        "TC_056", "It starts when it was ordered to", 2, startSchedule=later(hours=1)
    )._replace(warned=True),
    _schedule("TC_056", "The unit is the one ordered", 3, chargingRateUnit=put("A", "W")),
    _schedule("TC_056", "A schedule says how long", duration=WITHOUT),
    _schedule("TC_056", "It lasts as it was ordered to", 2, duration=by(1)),
    _schedule("TC_056", "There are as many periods as ordered", 3, chargingSchedulePeriod=DOUBLED),
    _period("TC_056", "The first period begins at once", startPeriod=60),
    _period("TC_056", "The limit is the one ordered", 2, limit=by(10)),
    _period("TC_056", "The phases are as many as ordered", 3, numberPhases=1),
    _profile("TC_057", "The transaction is named", transactionId=WITHOUT),
    _profile("TC_057", "It is the one that runs", 2, transactionId=by(1)),
    _profile("TC_057", "The purpose is TxProfile", 3, chargingProfilePurpose="TxDefaultProfile"),
    _profile("TC_057", "The kind is not Recurring", chargingProfileKind="Recurring"),
    _profile("TC_057", "A Relative one has no start", 3, chargingProfileKind="Relative"),
    _profile("TC_057", "An Absolute one says until when", validTo=WITHOUT),
    _profile("TC_057", "recurrencyKind is absent", 2, recurrencyKind="Weekly"),
    _schedule("TC_057", "An Absolute one says when it starts", 3, startSchedule=WITHOUT),
    _period("TC_057", "Its limit is the one ordered", limit=by(-1)),
    Fault("It is of the connector that charges", "TC_057", asks(_SET, connectorId=2), 2),
    Fault(
        "A remote start brings its profile", "TC_059", asks(_REMOTE_START, chargingProfile=WITHOUT)
    ),
    Fault(
        "Its profile names no transaction",
        "TC_059",
        asks(_REMOTE_START, chargingProfile__transactionId=1),
        2,
    ),
    Fault(
        "Its purpose is TxProfile",
        "TC_059",
        asks(_REMOTE_START, chargingProfile__chargingProfilePurpose="TxDefaultProfile"),
        3,
    ),
    Fault(
        "An Absolute one says from when",
        "TC_059",
        asks(_REMOTE_START, chargingProfile__chargingProfileKind="Absolute"),
    ),
    Fault(
        "Its kind is not Recurring",
        "TC_059",
        asks(_REMOTE_START, chargingProfile__chargingProfileKind="Recurring"),
        3,
    ),
    Fault(
        "A Relative one has no start",
        "TC_059",
        asks(
            _REMOTE_START, chargingProfile__chargingSchedule__startSchedule="2026-01-01T00:00:00Z"
        ),
        2,
    ),
    Fault("Its connector is named", "TC_059", asks(_REMOTE_START, connectorId=WITHOUT), 3),
    Fault(
        "Its first period begins at once",
        "TC_059",
        asks(
            _REMOTE_START,
            chargingProfile__chargingSchedule__chargingSchedulePeriod=of_each(startPeriod=1),
        ),
    ),
    Fault("Its token is the one ordered", "TC_059", asks(_REMOTE_START, idTag="OTHER"), 2),
    Fault("A composite schedule has a unit", "TC_066", asks(_COMPOSITE, chargingRateUnit=WITHOUT)),
    Fault(
        "Its unit is the one ordered", "TC_066", asks(_COMPOSITE, chargingRateUnit=put("A", "W")), 2
    ),
    Fault("Its connector is the one ordered", "TC_066", asks(_COMPOSITE, connectorId=2), 3),
    Fault("It lasts as it was ordered to", "TC_066", asks(_COMPOSITE, duration=by(1))),
    Fault("It is asked for", "TC_066", never(_COMPOSITE), 2, silent=True),
    Fault("A maximum is of the whole station", "TC_067", asks(_SET, 1, connectorId=1)),
    _profile("TC_067", "A profile has an id of its own", 2, chargingProfileId=7),
    _profile("TC_067", "The third names the transaction", 3, nth=3, transactionId=WITHOUT),
    _profile("TC_067", "The first is a maximum", nth=1, chargingProfilePurpose="TxDefaultProfile"),
    Fault("What is cleared by id is that id", "TC_067", asks(_CLEAR, 1, id=by(1)), 2),
    Fault("And nothing beside the id is said", "TC_067", asks(_CLEAR, 1, connectorId=0), 3),
    Fault("What is cleared by purpose names no id", "TC_067", asks(_CLEAR, 2, id=1)),
    Fault("The purpose is said", "TC_067", asks(_CLEAR, 2, chargingProfilePurpose=WITHOUT), 2),
    Fault("The stack level is said", "TC_067", asks(_CLEAR, 2, stackLevel=WITHOUT), 3),
    Fault("The connector is said", "TC_067", asks(_CLEAR, 2, connectorId=WITHOUT)),
    Fault("To clear all, nothing is said", "TC_067", asks(_CLEAR, 3, connectorId=0), 2),
    Fault("All are cleared", "TC_067", never(_CLEAR, 3), 3, silent=True),
]

FAULTS = [*LOCAL_LIST, *FIRMWARE, *RESERVATION, *TRIGGER, *SMART_CHARGING]
