"""Each row of the table explains what strict reading refuses, and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import Raw

from tests.dialects.recorder import Recorder, answer
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.mending import ANSWERS, ConnectionQuirks
from voltkeep.dialects.quirks import QUIRKS, connection_quirks, quirks_of
from voltkeep.domain.commands import RawCommand
from voltkeep.domain.stations import Make
from voltkeep.ocpp.errors import Refusal

LEGRAND = Make(vendor="Legrand", model="Green'Up")
AT = "2026-01-01T10:15:00Z"
BOOT_16 = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS_16 = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
START_16 = {"connectorId": 1, "idTag": "T", "meterStart": 1000, "timestamp": AT}
STOP_16 = {"transactionId": 7, "meterStop": 5200, "timestamp": AT}
STATUS_2 = {"timestamp": AT, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
EVENT_2 = {
    "eventType": "Ended",
    "timestamp": AT,
    "triggerReason": "EVCommunicationLost",
    "seqNo": 2,
    "transactionInfo": {"transactionId": "tx"},
}


def metered(*samples: object, **more: object) -> dict[str, object]:
    return {"meterValue": [{"timestamp": AT, "sampledValue": list(samples)}], **more}


def energies(heard: Any) -> list[float | None]:
    return [value.energy_wh for value in heard.values]


@dataclass(frozen=True)
class Example:
    """A payload that only one row explains, and what is then heard."""

    version: str
    action: str
    payload: object
    look: Any
    expected: object
    make: Make | None = None


def nothing(heard: object) -> object:
    return heard


def energy(version: str, action: str, payload: object, *wh: float | None) -> Example:
    return Example(version, action, payload, energies, list(wh))


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "null-field": (
        Example(
            "ocpp1.6",
            "MeterValues",
            metered({"value": "3100"}, connectorId=1, transactionId=None),
            lambda heard: heard.ref,
            None,
        ),
        Example(
            "ocpp2.1",
            "TransactionEvent",
            {**EVENT_2, "idToken": None},
            lambda heard: heard.id_token,
            None,
        ),
    ),
    "timestamp": tuple(
        Example(
            "ocpp1.6",
            "StopTransaction",
            {**STOP_16, "timestamp": written},
            lambda heard: heard.at.isoformat(),
            meant,
        )
        for written, meant in (
            ("2026-01-01T12:15:00+02", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01T12:15+02:00", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01T12:15:00Z+02:00", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01T10:15:00ZZ", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01 10:15:00 UTC", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01T10:15", "2026-01-01T10:15:00+00:00"),
            ("2026-01-01T10:15:00,5Z", "2026-01-01T10:15:00.500000+00:00"),
        )
    ),
    "whole-number": (
        Example(
            "ocpp1.6",
            "StopTransaction",
            {**STOP_16, "meterStop": 5200.0},
            lambda heard: heard.meter_wh,
            5200.0,
        ),
        Example(
            "ocpp2.0.1",
            "TransactionEvent",
            {**EVENT_2, "seqNo": 2.0},
            lambda heard: heard.seq_no,
            2,
        ),
    ),
    "boot-text-too-long": (
        Example(
            "ocpp1.6",
            "BootNotification",
            {**BOOT_16, "chargePointSerialNumber": "4" * 33},
            lambda heard: heard.make.serial_number,
            "4" * 25,
        ),
        Example(
            "ocpp2.1",
            "BootNotification",
            {
                "reason": "PowerUp",
                "chargingStation": {"vendorName": "V", "model": "M" * 21},
            },
            lambda heard: heard.make.model,
            "M" * 20,
        ),
    ),
    "status-text-too-long": (
        Example(
            "ocpp1.6",
            "StatusNotification",
            {**STATUS_16, "info": "i" * 51},
            lambda heard: heard.info,
            "i" * 50,
        ),
    ),
    "error-code-error": (
        Example(
            "ocpp1.6",
            "StatusNotification",
            {**STATUS_16, "errorCode": "Error"},
            lambda heard: heard.error_code,
            "OtherError",
            LEGRAND,
        ),
    ),
    "connector-status-of-1.6": tuple(
        Example(
            "ocpp2.0.1",
            "StatusNotification",
            {**STATUS_2, "connectorStatus": word},
            lambda heard: heard.status,
            "Occupied",
        )
        for word in ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")
    ),
    "stop-reason-of-1.6": tuple(
        Example(
            "ocpp2.1",
            "TransactionEvent",
            {**EVENT_2, "transactionInfo": {"transactionId": "tx", "stoppedReason": word}},
            lambda heard: heard.stop_reason,
            meant,
        )
        for word, meant in (
            ("SoftReset", "ImmediateReset"),
            ("UnlockCommand", "Other"),
            ("CarGone", "Other"),
        )
    ),
    "unknown-stop-reason": (
        Example(
            "ocpp1.6",
            "StopTransaction",
            {**STOP_16, "reason": "CarGone"},
            lambda heard: heard.stop_reason,
            "Other",
        ),
    ),
    "numeric-sampled-value": (
        energy("ocpp1.6", "MeterValues", metered({"value": 3100.5}, connectorId=1), 3100.5),
        energy(
            "ocpp1.6",
            "StopTransaction",
            {
                **STOP_16,
                "transactionData": [{"timestamp": AT, "sampledValue": [{"value": 3100}]}],
            },
            3100.0,
        ),
    ),
    "text-sampled-value": (
        energy("ocpp2.0.1", "MeterValues", metered({"value": "3100.5"}, evseId=1), 3100.5),
    ),
    "hertz": (
        Example(
            "ocpp1.6",
            "MeterValues",
            metered(
                {"value": "3100"},
                {"value": "50", "measurand": "Frequency", "unit": "Hz"},
                connectorId=1,
            ),
            lambda heard: heard.values[0].raw,
            b'[{"value":"3100"},{"value":"50","measurand":"Frequency","unit":"Hertz"}]',
        ),
    ),
    "sample-remark": (
        energy(
            "ocpp1.6",
            "MeterValues",
            metered({"value": "3100", "context": "Sometimes", "location": ""}, connectorId=1),
            3100.0,
        ),
        energy(
            "ocpp2.1",
            "MeterValues",
            metered({"value": 3100, "location": "Roof"}, evseId=1),
            3100.0,
        ),
    ),
    "sample-extra-field": (
        energy(
            "ocpp1.6", "MeterValues", metered({"value": "3100", "tariff": 1}, connectorId=1), 3100.0
        ),
    ),
    "bad-sample": (
        energy(
            "ocpp1.6",
            "MeterValues",
            metered({"value": "3100"}, {"value": "1", "measurand": "Mood"}, connectorId=1),
            3100.0,
        ),
        # Without its unit it would be read as Wh: better none than one that is wrong.
        energy(
            "ocpp1.6",
            "MeterValues",
            metered({"value": "3.1", "unit": "KWH"}, {"value": "3100"}, connectorId=1),
            3100.0,
        ),
        energy(
            "ocpp1.6",
            "MeterValues",
            metered(
                {"value": "3.1", "unitOfMeasure": {"unit": "kWh"}}, {"value": "3100"}, connectorId=1
            ),
            3100.0,
        ),
        energy(
            "ocpp2.0.1",
            "MeterValues",
            metered({"value": 3.1, "unit": "kWh"}, {"value": 3100}, evseId=1),
            3100.0,
        ),
    ),
    "bad-sample-of-a-transaction": (
        energy(
            "ocpp1.6",
            "StopTransaction",
            {
                **STOP_16,
                "transactionData": [
                    {"timestamp": AT, "sampledValue": [{"value": "1", "unit": "miles"}]}
                ],
            },
            None,
        ),
        energy(
            "ocpp2.1",
            "TransactionEvent",
            {**EVENT_2, **metered({"value": 1, "phase": "L4"}, {"value": 3100})},
            3100.0,
        ),
    ),
    "no-samples": (
        energy(
            "ocpp1.6",
            "MeterValues",
            {
                "connectorId": 1,
                "meterValue": [
                    {"timestamp": AT, "sampledValue": []},
                    {"timestamp": AT, "sampledValue": [{"value": "3100"}]},
                ],
            },
            3100.0,
        ),
    ),
    "no-meter-values": (energy("ocpp2.0.1", "TransactionEvent", {**EVENT_2, "meterValue": []}),),
    "nothing-metered": tuple(
        Example(version, "MeterValues", {**place, "meterValue": []}, nothing, None)
        for version, place in (("ocpp1.6", {"connectorId": 1}), ("ocpp2.1", {"evseId": 1}))
    ),
}

MESSAGE_ROWS = [row for row in QUIRKS if not isinstance(row.mend, ConnectionQuirks)]
EACH_EXAMPLE = pytest.mark.parametrize(
    ("id", "example"),
    [
        pytest.param(id, example, id=f"{id}-{number}")
        for id, examples in EXAMPLES.items()
        for number, example in enumerate(examples)
    ],
)


@pytest.mark.parametrize("row", MESSAGE_ROWS, ids=lambda row: row.id)
def test_every_row_about_messages_has_an_example(row):
    assert row.actions == (ANSWERS,) or EXAMPLES.get(row.id)


def test_every_row_has_a_name_of_its_own_and_says_where_it_was_seen():
    assert len({row.id for row in QUIRKS}) == len(QUIRKS)
    assert all(row.source and row.why.endswith(".") for row in QUIRKS)


@EACH_EXAMPLE
async def test_a_known_quirk_is_forgiven_and_noted(id, example):
    services = Recorder()

    answered = await answer(
        DIALECTS[example.version], example.action, example.payload, services, example.make
    )

    assert {note.split(":")[0] for note in answered.leniencies} == {id}
    heard = services.heard[0] if services.heard else None
    assert example.look(heard) == example.expected


@EACH_EXAMPLE
async def test_nothing_but_its_row_explains_a_quirk(id, example):
    """What is not in the table stays strict, or costs more: a sample instead of its remark."""
    dialect = DIALECTS[example.version]
    without = dialect.but(quirks=tuple(row for row in dialect.quirks if row.id != id))
    services = Recorder()

    try:
        await answer(without, example.action, example.payload, services, example.make)
    except Refusal:
        return
    assert example.look(services.heard[0]) != example.expected


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        ("ocpp1.6", metered({"value": "1", "measurand": "Mood"}, connectorId=1)),
        ("ocpp2.1", metered({"value": 1, "measurand": "Mood"}, evseId=1)),
        ("ocpp2.1", {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": "none"}]}),
    ],
)
async def test_a_report_without_any_good_sample_is_refused(version, payload):
    with pytest.raises(Refusal):
        await answer(DIALECTS[version], "MeterValues", payload)


@pytest.mark.parametrize("make", [None, Make(vendor="Other", model="Green'Up")])
async def test_the_quirk_of_one_make_is_not_forgiven_another(make):
    payload = {**STATUS_16, "errorCode": "Error"}

    with pytest.raises(Refusal):
        await answer(DIALECTS["ocpp1.6"], "StatusNotification", payload, make=make)


MONEY = {
    "ocpp1.6": (
        ("Authorize", {"idTag": "T"}, ("idTag",)),
        ("StartTransaction", START_16, ("connectorId", "idTag", "meterStart", "timestamp")),
        ("StopTransaction", STOP_16, ("transactionId", "meterStop", "timestamp")),
    ),
    "ocpp2.0.1": (
        ("TransactionEvent", EVENT_2, ("eventType", "timestamp", "seqNo", "transactionInfo")),
    ),
}
MONEY["ocpp2.1"] = MONEY["ocpp2.0.1"]


@pytest.mark.parametrize("bad", [None, [], {}, "", "x", True, 1.5], ids=repr)
@pytest.mark.parametrize(
    ("version", "action", "payload", "field"),
    [
        (version, action, payload, field)
        for version, messages in MONEY.items()
        for action, payload, fields in messages
        for field in fields
    ],
)
async def test_no_mend_makes_up_what_is_worth_money(version, action, payload, field, bad):
    if field == "idTag" and isinstance(bad, str):
        return  # a token like any other
    services = Recorder()
    missing = {name: value for name, value in payload.items() if name != field}

    with pytest.raises(Refusal):
        await answer(DIALECTS[version], action, {**payload, field: bad}, services)
    with pytest.raises(Refusal):
        await answer(DIALECTS[version], action, missing, services)

    assert services.heard == []


async def test_several_quirks_of_one_message_are_forgiven_together():
    payload = metered(
        {"value": 3.1, "unit": "kWh", "phase": None, "context": "Often"},
        {"value": "1", "measurand": "Mood"},
        connectorId=1.0,
        transactionId=None,
    )
    services = Recorder()

    answered = await answer(DIALECTS["ocpp1.6"], "MeterValues", payload, services)

    assert energies(services.heard[0]) == [3100.0]
    assert {note.split(":")[0] for note in answered.leniencies} == {
        *("bad-sample", "null-field", "numeric-sampled-value", "sample-remark", "whole-number"),
    }


@pytest.mark.parametrize("sample", [{"value": 1}, {"value": "1", "mood": "bad"}])
async def test_a_hostile_message_does_not_keep_us_busy(sample):
    """What would be mended in an honest one is refused in one of very many values."""
    honest, hostile = (metered(*[sample] * count, connectorId=1) for count in (500, 1500))

    assert (await answer(DIALECTS["ocpp1.6"], "MeterValues", honest)).leniencies
    with pytest.raises(Refusal):
        await answer(DIALECTS["ocpp1.6"], "MeterValues", hostile)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (None, ConnectionQuirks()),
        (Make(vendor="Acme", model="Wall 1"), ConnectionQuirks()),
        (Make(vendor="EN+", model="AC7000"), ConnectionQuirks(no_pings=True)),
        (Make(vendor="EN+", model="DC 60"), ConnectionQuirks()),
        (Make(vendor="EVBox", model="Livo"), ConnectionQuirks(ask_nothing_after_boot_s=10.0)),
        (
            Make(vendor="Wall Box Chargers", model="Pulsar Plus"),
            ConnectionQuirks(ask_nothing_before_boot=True),
        ),
    ],
)
def test_the_gateway_is_told_of_a_make_by_name(make, expected):
    assert connection_quirks(make) == expected


def test_rows_of_one_version_are_not_read_in_another():
    ids = {version: {row.id for row in quirks_of(version)} for version in DIALECTS}

    assert "numeric-sampled-value" in ids["ocpp1.6"] - ids["ocpp2.1"]
    assert "text-sampled-value" in ids["ocpp2.0.1"] & ids["ocpp2.1"] - ids["ocpp1.6"]
    assert ids["ocpp2.0.1"] == ids["ocpp2.1"]


def test_answers_of_stations_may_say_more_than_they_should():
    command = RawCommand(action="Reset", payload=Raw(b'{"type":"Soft"}'))
    said = Raw(b'{"status":"Accepted","because":"yes","info":null}')

    outcome = DIALECTS["ocpp1.6"].outcome(command, "Reset", said)

    assert (outcome.accepted, outcome.status, outcome.response) == (True, "Accepted", said)
