"""What every dialect does with a message before and after it is translated."""

import pytest
from msgspec import Raw, json

from tests.dialects.recorder import NOON, SENDER, Recorder, answer
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import (
    RawCommand,
    Reset,
    ResetKind,
    StartTransaction,
    StopTransaction,
    Trigger,
    Triggered,
)
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.stations import Registration
from voltkeep.ocpp import v21
from voltkeep.ocpp.errors import ErrorCode, Refusal
from voltkeep.services.ports import CommandUnfit

EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
TWO = pytest.mark.parametrize(
    "dialect", [DIALECTS["ocpp2.0.1"], DIALECTS["ocpp2.1"]], ids=["2.0.1", "2.1"]
)
OCPP16 = DIALECTS["ocpp1.6"]
NEVER_ANSWERED = "NotifyPeriodicEventStream"
STREAM = {"id": 1, "pending": 0, "basetime": "2026-01-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}


async def refused(dialect, action, payload, services=None):
    with pytest.raises(Refusal) as refusal:
        await answer(dialect, action, payload, services)
    return refusal.value.code


def test_there_is_a_dialect_for_each_version():
    assert list(DIALECTS) == ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"]
    assert all(dialect.subprotocol == name for name, dialect in DIALECTS.items())


@EACH
def test_every_handler_and_request_is_of_its_version(dialect):
    assert dialect.handlers.keys() <= dialect.actions.keys()
    assert dialect.instructions.keys() <= dialect.actions.keys()
    for words in dialect.instructions.values():
        assert set(words.values()) <= dialect.actions.keys() | {
            # What 2.1 lets ask for and 2.0.1 does not is never asked of the latter.
            *("CustomTrigger", "PublishFirmwareStatusNotification"),
        }


def test_what_is_different_on_the_wire_is_named():
    assert [d.wire.misspells_error_codes for d in DIALECTS.values()] == [False, False, True]
    assert [d.wire.rpc_framework_error for d in DIALECTS.values()] == [True, True, False]
    assert [len(d.wire.message_types) for d in DIALECTS.values()] == [5, 3, 3]
    assert [d.requires_compression_offer for d in DIALECTS.values()] == [True, True, False]
    assert {d.wire.answers_afresh for d in DIALECTS.values()} == {
        frozenset({"BootNotification", "Heartbeat"})
    }


@EACH
async def test_an_unknown_action_is_not_implemented(dialect):
    assert await refused(dialect, "Dance", {}) == ErrorCode.NOT_IMPLEMENTED


@EACH
async def test_an_action_that_no_service_stands_behind_is_not_supported(dialect):
    handled = {
        *("Authorize", "BootNotification", "DataTransfer", "Heartbeat", "MeterValues"),
        *("StartTransaction", "StatusNotification", "StopTransaction", "TransactionEvent"),
        *("SecurityEventNotification", "SignCertificate", "LogStatusNotification"),
        *("FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
        *("DiagnosticsStatusNotification", "GetCertificateStatus", "Get15118EVCertificate"),
        *("GetCertificateChainStatus", "NotifyReport", "ReservationStatusUpdate"),
        *("NotifyChargingLimit", "ClearedChargingLimit", "ReportChargingProfiles"),
        *("NotifyEVChargingNeeds", "NotifyEVChargingSchedule"),
    }
    assert dialect.handlers.keys() == handled & dialect.actions.keys()
    for action in dialect.actions.keys() - handled:
        assert await refused(dialect, action, {}) == ErrorCode.NOT_SUPPORTED


@EACH
@pytest.mark.parametrize("action", ["Heartbeat", "MeterValues", "Authorize", "Dance", "Reset"])
async def test_a_station_that_is_not_accepted_may_only_boot(dialect, action):
    """1.6 J errata 3.10; 2.x B01.FR.10, B02.FR.09, B03.FR.07."""
    services = Recorder(accepted=False)

    assert await refused(dialect, action, b"nonsense", services) == ErrorCode.SECURITY_ERROR
    assert services.heard == []


@EACH
async def test_a_station_that_is_not_accepted_may_send_what_it_was_asked_for(dialect):
    """B02.FR.02: instructed by the CSMS, with TriggerMessage."""
    services = Recorder(accepted=False)
    asked = dialect.instructs(*dialect.request(Trigger(message=Triggered.HEARTBEAT)))

    answered = await dialect.answer(
        services, SENDER, "Heartbeat", Raw(b"{}"), None, instructed=asked
    )

    assert json.decode(answered.payload) == {"currentTime": "2026-01-01T12:00:00Z"}
    with pytest.raises(Refusal):
        await dialect.answer(
            services, SENDER, "StatusNotification", Raw(b"{}"), None, instructed=asked
        )


@pytest.mark.parametrize(
    ("version", "action", "payload", "expected"),
    [
        ("ocpp1.6", "TriggerMessage", {"requestedMessage": "MeterValues"}, {"MeterValues"}),
        (
            "ocpp1.6",
            "ExtendedTriggerMessage",
            {"requestedMessage": "FirmwareStatusNotification"},
            {"SignedFirmwareStatusNotification"},
        ),
        (
            "ocpp1.6",
            "ExtendedTriggerMessage",
            {"requestedMessage": "SignChargePointCertificate"},
            {"SignCertificate"},
        ),
        (
            "ocpp2.1",
            "TriggerMessage",
            {"requestedMessage": "SignV2GCertificate"},
            {"SignCertificate"},
        ),
        (
            "ocpp2.0.1",
            "GetBaseReport",
            {"requestId": 1, "reportBase": "FullInventory"},
            {"NotifyReport"},
        ),
        ("ocpp2.0.1", "TriggerMessage", {"requestedMessage": "Nothing"}, set()),
        ("ocpp2.0.1", "TriggerMessage", [1], set()),
        ("ocpp2.0.1", "TriggerMessage", {"requestedMessage": [1]}, set()),
        ("ocpp2.0.1", "Reset", {"type": "Immediate"}, set()),
    ],
)
def test_what_a_request_tells_a_station_to_send(version, action, payload, expected):
    assert DIALECTS[version].instructs(action, json.encode(payload)) == expected


@EACH
@pytest.mark.parametrize(
    ("registration", "interval"), [("Accepted", 300), ("Pending", 300), ("Rejected", 300)]
)
async def test_a_boot_is_answered_with_the_time_in_whole_seconds(dialect, registration, interval):
    make = (
        {"chargePointVendor": "V", "chargePointModel": "M"}
        if dialect is OCPP16
        else {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
    )
    services = Recorder(accepted=False, registration=Registration(registration))

    answered = await answer(dialect, "BootNotification", make, services)

    assert json.decode(answered.payload) == {
        "status": registration,
        "interval": interval,
        "currentTime": "2026-01-01T12:00:00Z",
    }


@EACH
async def test_an_invalid_payload_is_refused_for_its_reason(dialect):
    assert await refused(dialect, "Authorize", {}) == ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION
    assert await refused(dialect, "Heartbeat", {"a": 1}) == ErrorCode.FORMAT_VIOLATION
    assert await refused(dialect, "Heartbeat", []) == ErrorCode.FORMAT_VIOLATION
    assert await refused(dialect, "DataTransfer", {"vendorId": 7}) == (
        ErrorCode.TYPE_CONSTRAINT_VIOLATION
    )
    assert await refused(dialect, "DataTransfer", {"vendorId": "v" * 256}) == (
        ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    )
    assert await refused(dialect, "Heartbeat", b'{"a":' + b"[" * 5000) == (
        ErrorCode.FORMAT_VIOLATION
    )


async def test_an_answer_is_proved_in_the_version_it_goes_to():
    """Built with the structs of 2.1, it must not say to 2.0.1 what that cannot read."""

    async def too_much(services, sender, request, notes):
        return v21.DataTransferResponse(
            status=v21.DataTransferStatusEnum.ACCEPTED,
            status_info=v21.StatusInfo(reason_code="R", additional_info="i" * 1024),
        )

    wide = {
        version: DIALECTS[version].but(handlers={"DataTransfer": too_much})
        for version in ("ocpp2.0.1", "ocpp2.1")
    }

    told = await answer(wide["ocpp2.1"], "DataTransfer", {"vendorId": "v"})
    assert b"additionalInfo" in told.payload
    with pytest.raises(Refusal):
        await answer(wide["ocpp2.0.1"], "DataTransfer", {"vendorId": "v"})


# --- SEND ----------------------------------------------------------------------------------------


async def test_what_is_sent_is_taken_and_not_answered():
    taken = []

    async def take(services, sender, request, notes):
        taken.append(request)

    dialect = DIALECTS["ocpp2.1"].but(handlers={NEVER_ANSWERED: take})
    payload = Raw(json.encode({**STREAM, "id": 1.0}))

    notes = await dialect.take(Recorder(), SENDER, NEVER_ANSWERED, payload, None)

    assert [request.id for request in taken] == [1]
    assert notes == ("whole-number: id",)
    assert (
        await dialect.take(Recorder(), SENDER, NEVER_ANSWERED, Raw(json.encode(STREAM)), None) == ()
    )


@pytest.mark.parametrize(
    ("action", "accepted", "code"),
    [
        (NEVER_ANSWERED, True, ErrorCode.NOT_SUPPORTED),
        ("Heartbeat", True, ErrorCode.PROTOCOL_ERROR),
        ("Dance", True, ErrorCode.NOT_IMPLEMENTED),
        (NEVER_ANSWERED, False, ErrorCode.SECURITY_ERROR),
    ],
)
async def test_what_cannot_be_taken_is_refused_for_the_log(action, accepted, code):
    with pytest.raises(Refusal) as refusal:
        await DIALECTS["ocpp2.1"].take(
            Recorder(accepted=accepted), SENDER, action, Raw(b"{}"), None
        )

    assert refusal.value.code == code


# --- commands ------------------------------------------------------------------------------------


def raw(action, payload, *, force=False):
    return RawCommand(action=action, payload=Raw(payload), force=force)


@EACH
def test_a_raw_command_is_sent_as_it_is_written(dialect):
    written = b' {"vendorId": "com.example",\n "data": "x"} '

    assert dialect.request(raw("DataTransfer", written)) == ("DataTransfer", written)


@EACH
@pytest.mark.parametrize(
    ("action", "payload", "force", "why"),
    [
        ("Dance", b"{}", False, "has no Dance"),
        ("Reset", b"{}", False, "missing required"),
        ("Reset", b"{", False, "not JSON"),
        ("Reset", b"{", True, "not JSON"),
        ("Reset", b"[" * 100_000, True, "not JSON"),
        ("Reset", b'{"a":"\xff"}', True, "not JSON"),
    ],
)
def test_a_raw_command_that_cannot_be_sent_says_why(dialect, action, payload, force, why):
    with pytest.raises(CommandUnfit, match=why):
        dialect.request(raw(action, payload, force=force))


def test_a_message_that_nobody_answers_cannot_be_asked():
    with pytest.raises(CommandUnfit, match="nobody answers"):
        DIALECTS["ocpp2.1"].request(raw(NEVER_ANSWERED, json.encode(STREAM)))


@EACH
def test_force_skips_every_check_but_that_for_json(dialect):
    assert dialect.request(raw("Dance", b"[1]", force=True)) == ("Dance", b"[1]")
    assert dialect.request(raw("Reset", b"{}", force=True)) == ("Reset", b"{}")


@TWO
def test_what_2x_is_asked(dialect):
    token = IdToken("T", "eMAID")
    assert [
        (action, json.decode(payload))
        for action, payload in map(
            dialect.request,
            [
                StartTransaction(remote_start_id=3, id_token=token, evse=Evse(2)),
                StartTransaction(remote_start_id=3, id_token=token),
                Reset(kind=ResetKind.IMMEDIATE),
                Trigger(message=Triggered.STATUS_NOTIFICATION, evse=Evse(1, 2)),
                Trigger(message=Triggered.STATUS_NOTIFICATION, evse=Evse(3)),
                Trigger(message=Triggered.METER_VALUES, evse=Evse(1)),
                Trigger(message=Triggered.METER_VALUES),
            ],
        )
    ] == [
        (
            "RequestStartTransaction",
            {"remoteStartId": 3, "idToken": {"idToken": "T", "type": "eMAID"}, "evseId": 2},
        ),
        (
            "RequestStartTransaction",
            {"remoteStartId": 3, "idToken": {"idToken": "T", "type": "eMAID"}},
        ),
        ("Reset", {"type": "Immediate"}),
        (
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 2}},
        ),
        (
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "evse": {"id": 3, "connectorId": 1}},
        ),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}}),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}),
    ]


@TWO
def test_2x_is_not_asked_for_the_status_of_no_connector(dialect):
    """F06.FR.13."""
    with pytest.raises(CommandUnfit, match="which EVSE"):
        dialect.request(Trigger(message=Triggered.STATUS_NOTIFICATION))


def test_a_token_of_2_1_may_be_too_new_for_2_0_1():
    command = StartTransaction(remote_start_id=3, id_token=IdToken("T", "VIN"))

    assert DIALECTS["ocpp2.1"].request(command)
    with pytest.raises(CommandUnfit, match="RequestStartTransaction"):
        DIALECTS["ocpp2.0.1"].request(command)


@pytest.mark.parametrize("ref", ["", "tx-1", "1_0", "\u0667", "1.0", " 7", "9" * 19])
def test_1_6_stops_only_what_has_a_number(ref):
    with pytest.raises(CommandUnfit):
        OCPP16.request(StopTransaction(ref=TransactionRef(ref)))


@pytest.mark.parametrize("value", ["", "T" * 21])
def test_1_6_starts_only_with_a_token_it_can_carry(value):
    with pytest.raises(CommandUnfit):
        OCPP16.request(StartTransaction(remote_start_id=1, id_token=IdToken(value)))


def test_1_6_is_asked_for_an_id_that_a_station_invented():
    assert OCPP16.request(StopTransaction(ref=TransactionRef("-1"))) == (
        "RemoteStopTransaction",
        b'{"transactionId":-1}',
    )


@pytest.mark.parametrize(
    ("action", "answered", "accepted", "status"),
    [
        ("Reset", b'{"status":"Accepted"}', True, "Accepted"),
        ("Reset", b'{"status":"Rejected"}', False, "Rejected"),
        ("UnlockConnector", b'{"status":"Unlocked"}', True, "Unlocked"),
        ("ChangeConfiguration", b'{"status":"RebootRequired"}', True, "RebootRequired"),
        ("GetLocalListVersion", b'{"listVersion":3}', True, ""),
    ],
)
def test_how_a_station_took_a_command(action, answered, accepted, status):
    outcome = OCPP16.outcome(raw(action, b"{}"), action, Raw(answered))

    assert (outcome.accepted, outcome.status) == (accepted, status)
    assert bytes(outcome.response) == answered


@EACH
@pytest.mark.parametrize(
    "answered", [b"{}", b"[]", b'{"status":"Perhaps"}', b'{"status":1}', b'"Accepted"']
)
def test_an_answer_that_breaks_its_schema_is_refused(dialect, answered):
    with pytest.raises(Refusal):
        dialect.outcome(Reset(), "Reset", Raw(answered))


@EACH
@pytest.mark.parametrize(
    ("action", "answered", "status"),
    [
        ("Reset", b"[]", ""),
        ("Reset", b'{"status":"Per\xc2\x9bhaps"}', "Per�haps"),
        ("Dance", b'{"status":"La","x":[]}', "La"),
    ],
)
def test_whatever_answers_a_forced_command_is_shown(dialect, action, answered, status):
    outcome = dialect.outcome(raw(action, b"{}", force=True), action, Raw(answered))

    assert outcome.status == status
    assert bytes(outcome.response) == answered


@EACH
def test_an_answer_to_what_was_never_asked_is_refused(dialect):
    with pytest.raises(Refusal):
        dialect.outcome(raw("Dance", b"{}"), "Dance", Raw(b"{}"))


async def test_one_message_cannot_fill_the_log():
    samples = [{"value": "x"}] * 50
    payload = {
        "connectorId": 1,
        "meterValue": [{"timestamp": NOON.isoformat(), "sampledValue": samples}],
    }

    answered = await answer(OCPP16, "MeterValues", payload)

    assert len(answered.leniencies) == 10
