"""Faults that the Core cases must catch."""

from tests.lab.fault import Fault
from tests.lab.spoils import (
    WITHOUT,
    a_charging_profile,
    adds,
    answers,
    answers_another,
    answers_raw,
    answers_twice,
    asks,
    asks_else,
    asks_first,
    asks_raw,
    asks_twice,
    by,
    closes,
    ends,
    follows,
    follows_late,
    gives_up,
    later,
    mute,
    never,
    pads,
    refuses,
    repeats,
)

_BOOT, _BEAT, _STATUS = "BootNotification", "Heartbeat", "StatusNotification"
_START, _STOP = "StartTransaction", "StopTransaction"
_REMOTE_START, _REMOTE_STOP = "RemoteStartTransaction", "RemoteStopTransaction"
_INVALID = {"status": "Invalid"}
_ACCEPTED = {"status": "Accepted"}

BOOT = [
    Fault("A station that is known is accepted", "TC_001", answers(_BOOT, status="Rejected")),
    Fault("It is accepted at once", "TC_001", answers(_BOOT, status="Pending"), 2),
    Fault("A status is a word of the schema", "TC_001", answers(_BOOT, status="accepted"), 3),
    Fault("An interval is a whole number", "TC_001", answers(_BOOT, interval="300")),
    Fault("An interval is not negative", "TC_001", answers(_BOOT, interval=-1)),
    Fault("BootNotification.conf gives the time", "TC_001", answers(_BOOT, currentTime=WITHOUT)),
    Fault("A time is of ISO 8601", "TC_001", answers(_BOOT, currentTime="today")),
    Fault("Heartbeat.conf gives the time", "TC_001", answers(_BEAT, currentTime=WITHOUT), 2),
    Fault("The time is the time now", "TC_001", answers(_BEAT, currentTime="1970-01-01T00:00:00Z")),
    Fault("It is not that of a time zone", "TC_001", answers(_BOOT, currentTime=later(hours=2)), 2),
    Fault(
        "It is right to a minute",
        "TC_001",
        answers(_BOOT, currentTime=later(hours=0.05)),
        3,
        warned=True,
    ),
    Fault("A Heartbeat is answered", "TC_001", mute(_BEAT), silent=True),
    Fault("The status of connector 0 is taken", "TC_001", refuses(_STATUS, 1), 3),
    Fault("The status of each connector is taken", "TC_001", refuses(_STATUS, 3)),
    Fault("An answer has no fields beside the schema's", "TC_001", answers(_STATUS, status="OK")),
    Fault("An answer bears the id of its CALL", "TC_001", answers_another(_BEAT)),
    Fault("A CALL is answered once", "TC_001", answers_twice(_BOOT)),
    Fault("A frame is JSON", "TC_001", answers_raw(_BEAT, "[3,")),
    Fault("A frame is an array", "TC_001", answers_raw(_BEAT, "{}")),
    Fault("A frame is of a type that is", "TC_001", answers_raw(_BEAT, '[7,"1",{}]')),
    Fault("The connection stays open", "TC_001", closes(_STATUS, 2), 2),
    Fault("Nothing is asked after a boot", "TC_001", adds(_BOOT, "GetConfiguration")),
    Fault("Nor a while after it", "TC_001", follows_late(_BOOT, "GetConfiguration"), 3),
    Fault("Heartbeats have an interval", "TC_001", answers(_BOOT, interval=0), warned=True),
    Fault("An interval has 32 bits", "TC_001", answers(_BOOT, interval=2**31)),
    Fault("An answer has three elements", "TC_001", pads(_BEAT, "more", 7)),
    Fault("Nothing is triggered after a boot", "TC_001", adds(_STATUS, "TriggerMessage", 3), 2),
]

SESSIONS = [
    Fault("A valid token may charge", "TC_003", answers("Authorize", idTagInfo=_INVALID)),
    Fault("A transaction has an id", "TC_003", answers(_START, transactionId=WITHOUT), 2),
    Fault("A transactionId is not 0", "TC_003", answers(_START, transactionId=0), 3, warned=True),
    Fault("Status Preparing is taken", "TC_003", refuses(_STATUS, 4)),
    Fault("An answer says what of a token", "TC_004_1", answers("Authorize", idTagInfo=WITHOUT)),
    Fault(
        "A transactionId is positive", "TC_004_1", answers(_START, transactionId=-7), 2, warned=True
    ),
    Fault("A transactionId is a number", "TC_004_1", answers(_START, transactionId="7"), 3),
    Fault("A transactionId has 32 bits", "TC_004_1", answers(_START, transactionId=2**31)),
    Fault("A valid token stays valid", "TC_004_1", answers(_START, idTagInfo__status="Blocked")),
    Fault("Available is taken, though nothing came of it", "TC_004_2", refuses(_STATUS, 5)),
    Fault("A token is accepted before the cable is", "TC_004_2", refuses("Authorize"), 2),
    Fault("The end of a transaction is taken", "TC_005_1", refuses(_STOP)),
    Fault("The end of a transaction is answered", "TC_005_1", mute(_STOP), silent=True),
    Fault("SuspendedEV is taken", "TC_005_1", refuses(_STATUS, 6), 2),
    Fault("Finishing is taken", "TC_005_1", refuses(_STATUS, 7), 3),
    Fault("A start without Authorize is judged", "TC_007", answers(_START, idTagInfo=_INVALID)),
    Fault("A start without Authorize is taken", "TC_007", refuses(_START), 2),
    Fault("A cache is cleared when it is ordered", "TC_061", never("ClearCache"), silent=True),
    Fault("ClearCache.req is empty", "TC_061", asks("ClearCache", all=True), 2),
    Fault("It is ClearCache, not a reset", "TC_061", asks_else("ClearCache", "Reset", type="Soft")),
]

REMOTE = [
    Fault("Another's token is not started with", "TC_010", asks(_REMOTE_START, idTag="OTHER")),
    Fault("A remote start names a token", "TC_010", asks(_REMOTE_START, idTag=WITHOUT), 2),
    Fault("A remote start names the connector", "TC_010", asks(_REMOTE_START, connectorId=2), 3),
    Fault(
        "The token of a remote start is valid", "TC_010", answers("Authorize", idTagInfo=_INVALID)
    ),
    Fault("What was started remotely is accepted", "TC_010", answers(_START, idTagInfo=_INVALID)),
    Fault(
        "A profile that comes unasked is a TxProfile",
        "TC_010",
        asks(_REMOTE_START, chargingProfile=a_charging_profile("TxDefaultProfile")),
    ),
    Fault(
        "A profile that comes unasked names no transaction",
        "TC_026",
        asks(_REMOTE_START, chargingProfile=a_charging_profile("TxProfile", transactionId=1)),
        2,
    ),
    Fault("A remote start is asked for once", "TC_010", asks_twice(_REMOTE_START)),
    Fault("A remote start begins a transaction", "TC_011_1", refuses(_START)),
    Fault("The token ordered is the one sent", "TC_011_1", asks(_REMOTE_START, idTag="X"), 2),
    Fault("A connector is above 0", "TC_011_1", asks(_REMOTE_START, connectorId=0), 3),
    Fault("A remote start is sent", "TC_011_2", never(_REMOTE_START), silent=True),
    Fault(
        "The token is asked for and accepted", "TC_011_2", answers("Authorize", idTagInfo=_INVALID)
    ),
    Fault("Available is taken after a time-out", "TC_011_2", refuses(_STATUS, 5), 2),
    Fault(
        "The transaction that runs is stopped", "TC_012", asks(_REMOTE_STOP, transactionId=by(1))
    ),
    Fault("A remote stop is no remote start", "TC_012", asks_else(_REMOTE_STOP, "ClearCache"), 2),
    Fault("A transaction stopped remotely is closed", "TC_012", refuses(_STOP), 3),
    Fault("The connection stays to the end", "TC_012", ends(_STATUS, 7)),
    Fault("A remote stop is sent", "TC_012", never(_REMOTE_STOP), silent=True),
    Fault(
        "A start refused is not asked again", "TC_026", follows(_REMOTE_START, "Reset", type="Hard")
    ),
    Fault("The token ordered is the one refused", "TC_026", asks(_REMOTE_START, idTag="X"), 2),
    Fault("A stop of what is unknown is sent", "TC_028", never(_REMOTE_STOP), 2, silent=True),
    Fault("The stop names what was ordered", "TC_028", asks(_REMOTE_STOP, transactionId=by(1))),
    Fault(
        "A stop refused is not followed up", "TC_028", follows(_REMOTE_STOP, "Reset", type="Hard")
    ),
    Fault("A token has 20 characters", "TC_026", asks(_REMOTE_START, idTag="X" * 21), 3),
]

RESETS = [
    Fault("A hard reset is Hard", "TC_013", asks("Reset", type="Soft")),
    Fault("A reset is sent", "TC_013", never("Reset"), 2, silent=True),
    Fault(
        "A station is accepted after a hard reset", "TC_013", answers(_BOOT, 2, status="Pending"), 3
    ),
    Fault("Its status is taken after a hard reset", "TC_013", refuses(_STATUS, 6)),
    Fault("The connection stays until the station goes", "TC_013", gives_up("Reset")),
    Fault("A soft reset is Soft", "TC_014", asks("Reset", type="Hard")),
    Fault(
        "A station is accepted after a soft reset",
        "TC_014",
        answers(_BOOT, 2, status="Rejected"),
        2,
    ),
    Fault("Nothing is read after a soft reset", "TC_014", adds(_BOOT, "GetConfiguration", 2), 3),
    Fault("The connector to unlock is named", "TC_017_1", asks("UnlockConnector", connectorId=2)),
    Fault("Connector 0 has no lock", "TC_017_1", asks("UnlockConnector", connectorId=0), 2),
    Fault(
        "The connector to unlock is the one ordered",
        "TC_017_2",
        asks("UnlockConnector", connectorId=by(1)),
    ),
    Fault(
        "NotSupported is an answer", "TC_017_2", follows("UnlockConnector", "Reset", type="Soft"), 2
    ),
    Fault(
        "A connector is unlocked while it charges",
        "TC_018_1",
        never("UnlockConnector"),
        silent=True,
    ),
    Fault("UnlockCommand is a reason to stop", "TC_018_1", refuses(_STOP), 2),
    Fault(
        "What is unlocked is what charges", "TC_018_1", asks("UnlockConnector", connectorId=2), 3
    ),
    Fault(
        "A lock that failed is not tried again",
        "TC_030",
        follows("UnlockConnector", "UnlockConnector", connectorId=1),
    ),
    Fault("An unlock is sent", "TC_030", never("UnlockConnector"), 3, silent=True),
    Fault(
        "An unlock of an unknown connector is sent", "TC_031", never("UnlockConnector"), silent=True
    ),
    Fault(
        "An unknown connector stays unknown", "TC_031", asks("UnlockConnector", connectorId=1), 2
    ),
    Fault(
        "Nothing is asked between a reset and the restart",
        "TC_013",
        follows("Reset", "GetConfiguration"),
        3,
    ),
    Fault("A reset is asked for once", "TC_014", asks_twice("Reset")),
    Fault("An action is spelled as it is", "TC_013", asks_else("Reset", "reset", type="Hard"), 2),
    Fault(
        "A CALL has four elements",
        "TC_014",
        asks_raw("Reset", '[2,"1","Reset",{"type":"Soft"},{}]'),
    ),
    Fault(
        "The type of a message is a number",
        "TC_017_1",
        asks_raw("UnlockConnector", '["2","1","UnlockConnector",{"connectorId":1}]'),
        3,
    ),
]

CONFIGURATION = [
    Fault(
        "All keys: none is named", "TC_019_1", asks("GetConfiguration", key=["HeartbeatInterval"])
    ),
    Fault("Keys are a list", "TC_019_1", asks("GetConfiguration", key="all"), 2),
    Fault(
        "The key ordered is read", "TC_019_2", asks("GetConfiguration", key=["HeartbeatInterval"])
    ),
    Fault("One key: not all", "TC_019_2", asks("GetConfiguration", key=WITHOUT), 2),
    Fault(
        "One key: not two",
        "TC_019_2",
        asks("GetConfiguration", key=["SupportedFeatureProfiles", "X"]),
        3,
    ),
    Fault(
        "The key ordered is written", "TC_021", asks("ChangeConfiguration", key="HeartbeatInterval")
    ),
    Fault("The value ordered is written", "TC_021", asks("ChangeConfiguration", value="600"), 2),
    Fault("A value is a text", "TC_021", asks("ChangeConfiguration", value=60), 3),
    Fault(
        "Nothing is read after a change",
        "TC_021",
        follows("ChangeConfiguration", "GetConfiguration"),
    ),
    Fault(
        "Nor is anything a while after it",
        "TC_021",
        follows_late("ChangeConfiguration", "GetConfiguration"),
        2,
    ),
    Fault(
        "An unknown key is written all the same",
        "TC_040_1",
        never("ChangeConfiguration"),
        silent=True,
    ),
    Fault(
        "An unknown key stays unknown",
        "TC_040_1",
        asks("ChangeConfiguration", key="HeartbeatInterval"),
        2,
    ),
    Fault(
        "NotSupported is heeded",
        "TC_040_1",
        follows("ChangeConfiguration", "Reset", type="Soft"),
        3,
    ),
    Fault(
        "A wrong value is written all the same",
        "TC_040_2",
        asks("ChangeConfiguration", key="HeartbeatInterval"),
    ),
    Fault("Rejected is heeded", "TC_040_2", follows("ChangeConfiguration", "GetConfiguration"), 2),
    Fault("A message id is new", "TC_021", repeats("ChangeConfiguration")),
    Fault("One CALL at a time", "TC_021", asks_first("ChangeConfiguration", "GetConfiguration"), 3),
    Fault("A CALL is JSON", "TC_021", asks_raw("ChangeConfiguration", "[2,")),
]

TOKENS = [
    Fault("An unknown token is Invalid", "TC_023_1", answers("Authorize", idTagInfo=_ACCEPTED)),
    Fault(
        "Unknown is not Blocked", "TC_023_1", answers("Authorize", idTagInfo__status="Blocked"), 2
    ),
    Fault(
        "An expired token is not accepted", "TC_023_2", answers("Authorize", idTagInfo=_ACCEPTED)
    ),
    Fault("Expired is not Invalid", "TC_023_2", answers("Authorize", idTagInfo=_INVALID), 3),
    Fault("A blocked token is not accepted", "TC_023_3", answers("Authorize", idTagInfo=_ACCEPTED)),
    Fault(
        "Blocked is not Expired", "TC_023_3", answers("Authorize", idTagInfo__status="Expired"), 2
    ),
    Fault("A token is answered, also a bad one", "TC_023_3", refuses("Authorize"), 3),
    Fault("A lock failure is taken", "TC_024", refuses(_STATUS, 5)),
    Fault("A lock failure is answered", "TC_024", mute(_STATUS, 5), 2, silent=True),
    Fault(
        "A lock failure unlocks nothing",
        "TC_024",
        adds(_STATUS, "UnlockConnector", 5, connectorId=1),
        3,
    ),
]

OFFLINE = [
    Fault(
        "A station that lost power is accepted", "TC_032_1", answers(_BOOT, 2, status="Rejected")
    ),
    Fault("PowerLoss is a reason to stop", "TC_032_1", refuses(_STOP), 2),
    Fault(
        "What was cut off is not stopped remotely",
        "TC_032_1",
        adds(_BOOT, _REMOTE_STOP, 2, transactionId=1),
        3,
    ),
    *(
        Fault(f"Nothing is asked before {words}", case, adds(_BOOT, "GetConfiguration", 1))
        for case, words in (
            ("TC_032_1", "power fails"),
            ("TC_037_1", "the connection is lost"),
            ("TC_037_3", "it is lost"),
            ("TC_039", "all is offline"),
        )
    ),
    Fault(
        "Nothing is read of a station that returns",
        "TC_037_1",
        follows_late(_START, "GetConfiguration"),
        3,
    ),
    Fault("A valid token was valid offline", "TC_037_1", answers(_START, idTagInfo=_INVALID)),
    Fault(
        "A start of the past is taken without a boot",
        "TC_037_1",
        refuses(_START, code="SecurityError"),
        2,
    ),
    Fault("A start of the past has an id", "TC_037_1", answers(_START, transactionId=WITHOUT), 3),
    Fault(
        "A transactionId is never given twice",
        "TC_039",
        answers(_START, transactionId=7),
        after=("TC_003",),
    ),
    Fault("An invalid token was invalid offline", "TC_037_3", answers(_START, idTagInfo=_ACCEPTED)),
    Fault(
        "What was not allowed has an id, too", "TC_037_3", answers(_START, transactionId=WITHOUT), 2
    ),
    Fault("Its id is not -1", "TC_037_3", answers(_START, transactionId=-1), 3),
    Fault("DeAuthorized is a reason to stop", "TC_037_3", refuses(_STOP)),
    Fault("A transaction of the past is accepted", "TC_039", answers(_START, idTagInfo=_INVALID)),
    Fault("Its end is taken", "TC_039", refuses(_STOP), 2),
    Fault("Its end is answered", "TC_039", mute(_STOP), 3, silent=True),
    Fault("A start of the past is answered", "TC_039", closes(_START)),
    Fault("A DataTransfer of a stranger is answered", "TC_064", mute("DataTransfer"), silent=True),
    Fault(
        "It is answered, not refused", "TC_064", refuses("DataTransfer", code="NotImplemented"), 2
    ),
    Fault(
        "Its status is one of four words", "TC_064", answers("DataTransfer", status="Unknown"), 3
    ),
    Fault("Its answer has a status", "TC_064", answers("DataTransfer", status=WITHOUT)),
]

FAULTS = [*BOOT, *SESSIONS, *REMOTE, *RESETS, *CONFIGURATION, *TOKENS, *OFFLINE]
