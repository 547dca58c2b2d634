"""Known misbehaviour of stations, as data.

Strict in what we send, lenient in what we accept: a message that breaks its schema is looked up
here, and read as the rows that fit explain it; each use is logged. What no row explains gets the
CALLERROR of its version. The rows are tried only once a message was refused, so they cost nothing
else, and they are tried in this order. `docs/reference/quirks.md` is made from this table.
"""

from fnmatch import fnmatchcase

from voltkeep.dialects.mending import (
    ANSWERS,
    ANYWHERE,
    AcknowledgeEmpty,
    ConnectionQuirks,
    DropHollow,
    DropInvalid,
    DropUnknown,
    EmptyAsAbsent,
    KeepValid,
    NullAsAbsent,
    NumberAsText,
    Quirk,
    Respell,
    TextAsNumber,
    Timestamp,
    Truncate,
    WholeNumber,
)
from voltkeep.domain.stations import Make

_METERED = ("MeterValues", "StopTransaction", "TransactionEvent")
_METER_VALUES = ("meterValue", "transactionData")  # wherever a message keeps its meter values


def _in_samples(field: str) -> tuple[str, ...]:
    return tuple(f"{where}.*.sampledValue.*.{field}" for where in _METER_VALUES)


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        id="null-field",
        actions=(ANYWHERE,),
        paths=(ANYWHERE,),
        mend=NullAsAbsent(),
        source="steve-community/steve#1109",
        why="Optional fields are sent as null instead of being left out.",
    ),
    Quirk(
        id="timestamp",
        actions=(ANYWHERE,),
        paths=(ANYWHERE,),
        mend=Timestamp(),
        source="monta-app/ocpp-emulator#5",
        why="Offsets without minutes (+02), no seconds, a comma for the fraction, or Z twice.",
    ),
    Quirk(
        id="whole-number",
        actions=(ANYWHERE,),
        paths=(ANYWHERE,),
        mend=WholeNumber(),
        source="JSON Schema draft 6, section 6.3.1",
        why="Integers are sent as 1.0, which newer JSON schemas take for an integer.",
    ),
    Quirk(
        id="boot-text-too-long",
        actions=("BootNotification",),
        paths=(ANYWHERE,),
        mend=Truncate(),
        source="mobilityhouse/ocpp#122, #123, #273",
        why="Serial numbers of 26, 33 and 34 characters where 25 are allowed (Schneider EVlink).",
    ),
    Quirk(
        id="status-text-too-long",
        actions=("StatusNotification",),
        paths=("info", "vendorId", "vendorErrorCode"),
        mend=Truncate(),
        source="our own choice: a text for people",
        why="Explanations of an error are longer than the 50 characters allowed.",
    ),
    Quirk(
        id="error-code-error",
        subprotocol="ocpp1.6",
        vendor="*legrand*",
        actions=("StatusNotification",),
        paths=("errorCode",),
        mend=Respell({"Error": "OtherError"}),
        source="lbbrhzn/ocpp#1248",
        why='The error code is "Error", which is none of the sixteen.',
    ),
    Quirk(
        id="connector-status-of-1.6",
        subprotocol="ocpp2.*",
        actions=("StatusNotification",),
        paths=("connectorStatus",),
        mend=Respell(
            {
                "Preparing": "Occupied",
                "Charging": "Occupied",
                "SuspendedEV": "Occupied",
                "SuspendedEVSE": "Occupied",
                "Finishing": "Occupied",
            }
        ),
        source="lbbrhzn/ocpp docs/supported-devices (FoxESS)",
        why="Firmware for OCPP 2.0.1 goes on speaking words of OCPP 1.6.",
    ),
    Quirk(
        id="stop-reason-of-1.6",
        subprotocol="ocpp2.*",
        actions=("TransactionEvent",),
        paths=("transactionInfo.stoppedReason",),
        mend=Respell(
            {
                "HardReset": "ImmediateReset",
                "SoftReset": "ImmediateReset",
                "UnlockCommand": "Other",
            },
            otherwise="Other",
        ),
        source="lbbrhzn/ocpp docs/supported-devices (FoxESS)",
        why="The same for why a transaction ended; its end must never be lost for a word.",
    ),
    Quirk(
        id="unknown-stop-reason",
        subprotocol="ocpp1.6",
        actions=("StopTransaction",),
        paths=("reason",),
        mend=Respell(otherwise="Other"),
        source="OCPP 1.6 section 4.10",
        why="A vendor's own reason; the end of a transaction must never be lost for a word.",
    ),
    Quirk(
        id="numeric-sampled-value",
        subprotocol="ocpp1.6",
        actions=_METERED,
        paths=_in_samples("value"),
        mend=NumberAsText(),
        source="lbbrhzn/ocpp#210; mobilityhouse/ocpp#353, #377",
        why="The value of a sample is a number in OCPP 1.6, where it shall be text (OpenEVSE).",
    ),
    Quirk(
        id="text-sampled-value",
        subprotocol="ocpp2.*",
        actions=("MeterValues", "TransactionEvent"),
        paths=_in_samples("value"),
        mend=TextAsNumber(),
        source="lbbrhzn/ocpp docs/supported-devices (FoxESS)",
        why="The value of a sample is text in OCPP 2.x, as it was in 1.6.",
    ),
    Quirk(
        id="hertz",
        subprotocol="ocpp1.6",
        actions=_METERED,
        paths=_in_samples("unit"),
        mend=Respell({"Hz": "Hertz"}),
        source="mobilityhouse/ocpp#70; OCPP 1.6 errata 3.86",
        why="Frequencies come with a unit, of which OCPP 1.6 knew none; its schema has Hertz.",
    ),
    Quirk(
        id="sample-remark",
        actions=_METERED,
        paths=(*_in_samples("context"), *_in_samples("location")),
        mend=DropInvalid(),
        source="lbbrhzn/ocpp#1144",
        why="A sample names a context or a location that is none; its value is good all the same.",
    ),
    Quirk(
        id="sample-extra-field",
        subprotocol="ocpp1.6",
        actions=_METERED,
        paths=tuple(f"{where}.**" for where in _METER_VALUES),
        mend=DropUnknown(besides=("multiplier", "unitOfMeasure")),
        source="OCPP-J 1.6 errata 3.2; citrineos/citrineos-core#973",
        why="The first schemas of OCPP 1.6 allowed any field inside a meter value.",
    ),
    Quirk(
        id="bad-sample",
        actions=("MeterValues",),
        paths=("meterValue.*.sampledValue",),
        mend=KeepValid(),
        source="lbbrhzn/ocpp#1144, #1627",
        why="One sample has a measurand, phase or unit that is none; the others are good.",
    ),
    Quirk(
        id="bad-sample-of-a-transaction",
        actions=("StopTransaction", "TransactionEvent"),
        paths=tuple(f"{where}.*.sampledValue.*" for where in _METER_VALUES),
        mend=DropInvalid(),
        source="lbbrhzn/ocpp#1144, #1627",
        why="The same; what happens to a transaction must never be lost for a sample.",
    ),
    Quirk(
        id="no-samples",
        actions=("MeterValues", "TransactionEvent"),
        paths=("meterValue.*",),
        mend=DropHollow("sampledValue"),
        source="lbbrhzn/ocpp#466",
        why="A meter value without any sample.",
    ),
    Quirk(
        id="no-meter-values",
        actions=("TransactionEvent",),
        paths=("meterValue",),
        mend=EmptyAsAbsent(),
        source="lbbrhzn/ocpp#466",
        why="An empty list of meter values, instead of none.",
    ),
    Quirk(
        id="nothing-metered",
        actions=("MeterValues",),
        paths=("meterValue",),
        mend=AcknowledgeEmpty(),
        source="lbbrhzn/ocpp#466",
        why="A report of meter values that has none: refused, it would come again for ever.",
    ),
    Quirk(
        id="answer-extra-field",
        actions=(ANSWERS,),
        paths=(ANYWHERE,),
        mend=DropUnknown(),
        source="citrineos/citrineos-core#973",
        why="Answers to our own requests have fields that no schema knows.",
    ),
    Quirk(
        id="no-pings",
        vendor="*en+*",
        model="*ac7000*",
        mend=ConnectionQuirks(no_pings=True),
        source="lbbrhzn/ocpp#211; mobilityhouse/ocpp#626",
        why="Has no answer to a WebSocket ping.",
    ),
    Quirk(
        id="mute-after-boot",
        vendor="*evbox*",
        model="*livo*",
        mend=ConnectionQuirks(ask_nothing_after_boot_s=10.0),
        source="lbbrhzn/ocpp#1432",
        why="Stays mute when it is asked something right after its boot was accepted.",
    ),
    Quirk(
        id="drops-before-boot",
        vendor="*wall*box*",
        model="*pulsar*",
        mend=ConnectionQuirks(ask_nothing_before_boot=True),
        source="lbbrhzn/ocpp#1510",
        why="Drops the connection when it is asked something before its BootNotification.",
    ),
)


def quirks_of(subprotocol: str) -> tuple[Quirk, ...]:
    """The rows about messages of one OCPP version, in order."""
    return tuple(
        row
        for row in QUIRKS
        if not isinstance(row.mend, ConnectionQuirks) and fnmatchcase(subprotocol, row.subprotocol)
    )


def connection_quirks(make: Make | None) -> ConnectionQuirks:
    """What to expect of connections of that make; of an unknown one, nothing odd."""
    rows = [row.mend for row in QUIRKS if isinstance(row.mend, ConnectionQuirks) and row.fits(make)]
    return ConnectionQuirks(
        no_pings=any(row.no_pings for row in rows),
        ask_nothing_before_boot=any(row.ask_nothing_before_boot for row in rows),
        ask_nothing_after_boot_s=max((row.ask_nothing_after_boot_s for row in rows), default=0.0),
    )
