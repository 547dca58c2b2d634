"""OCPP 1.6-J, as a station speaks it: the home of idTag and connectorId on this side."""

from functools import partial
from typing import Any

from msgspec import UNSET

from voltkeep.ocpp import v16
from voltkeep.ocpp.errors import ErrorCode, Refusal
from voltkeep.ocpp.messages import encode, read
from voltkeep.ocpp.session import Wire
from voltkeep.ocpp.v21 import ChargingStateEnum as State
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import RegistrationStatusEnum as Registration
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim import ocpp16_commands, ocpp16_security
from voltkeep.sim.clock import seconds, timestamp
from voltkeep.sim.dialect import Boot, Verdict
from voltkeep.sim.meter import Reading
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.queue import Pending
from voltkeep.sim.security import SecurityEvent
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Fact, Reservation, Token, Transaction

_LONGEST_SERIAL = 25
_KEY_BYTES = range(16, 21)
UNKNOWN_TRANSACTION = -1

_HANDLERS = ocpp16_commands.HANDLERS | ocpp16_security.HANDLERS

_STOPPED = {
    Trigger.UNLOCK_COMMAND: v16.StopTransactionRequestReason.UNLOCK_COMMAND,
    Trigger.REMOTE_STOP: v16.StopTransactionRequestReason.REMOTE,
    Trigger.EV_DEPARTED: v16.StopTransactionRequestReason.EV_DISCONNECTED,
    Trigger.DEAUTHORIZED: v16.StopTransactionRequestReason.DE_AUTHORIZED,
}
_REASONS = {
    Reason.LOCAL: v16.StopTransactionRequestReason.LOCAL,
    Reason.IMMEDIATE_RESET: v16.StopTransactionRequestReason.HARD_RESET,
    Reason.REBOOT: v16.StopTransactionRequestReason.SOFT_RESET,
    Reason.POWER_LOSS: v16.StopTransactionRequestReason.POWER_LOSS,
    Reason.EMERGENCY_STOP: v16.StopTransactionRequestReason.EMERGENCY_STOP,
}
_STATUS = {
    State.CHARGING: v16.StatusNotificationRequestStatus.CHARGING,
    State.SUSPENDED_EV: v16.StatusNotificationRequestStatus.SUSPENDED_EV,
    State.IDLE: v16.StatusNotificationRequestStatus.SUSPENDED_EV,
    State.SUSPENDED_EVSE: v16.StatusNotificationRequestStatus.SUSPENDED_EVSE,
}


class Ocpp16:
    """See `dialect.Dialect`."""

    wire = Wire(
        rpc_framework_error=False,
        message_types=frozenset({2, 3, 4}),
        misspells_error_codes=True,
        answers_afresh=frozenset(),
    )

    def boot(self, station: Station) -> bytes:
        spec = station.spec
        return encode(
            v16.BootNotificationRequest(
                charge_point_vendor=spec.vendor,
                charge_point_model=spec.model,
                charge_point_serial_number=(spec.serial or spec.id)[:_LONGEST_SERIAL],
                firmware_version=station.firmware,
                meter_type="Simulated",
            )
        )

    def booted(self, payload: bytes) -> Boot:
        answer = read(v16.BootNotificationResponse, payload)
        return Boot(Registration(answer.status), answer.interval, seconds(answer.current_time))

    def status_word(self, station: Station, outlet: Outlet | None) -> str:
        """The nine statuses of 1.6 (section 4.9), from what an outlet is."""
        status = v16.StatusNotificationRequestStatus
        if outlet is None:
            usable = station.operative or station.charging
            return status.AVAILABLE if usable else status.UNAVAILABLE
        if outlet.fault is not None:
            return status.FAULTED
        if outlet.transaction is not None:
            return _STATUS.get(outlet.transaction.state, status.PREPARING)
        if not (outlet.operative and station.operative):
            return status.UNAVAILABLE
        if outlet.finishing:
            return status.FINISHING
        if outlet.plugged or outlet.admission is not None:
            return status.PREPARING
        return status.RESERVED if outlet.reservation is not None else status.AVAILABLE

    def status(self, station: Station, outlet: Outlet | None, word: str) -> bytes:
        error = v16.StatusNotificationRequestErrorCode.NO_ERROR
        if outlet is not None and outlet.fault is not None:
            error = v16.StatusNotificationRequestErrorCode(outlet.fault)
        return encode(
            v16.StatusNotificationRequest(
                connector_id=outlet.id if outlet else 0,
                error_code=error,
                status=v16.StatusNotificationRequestStatus(word),
                timestamp=timestamp(station.wall(station.clock.now())),
            )
        )

    def authorize(self, token: Token) -> bytes:
        return encode(v16.AuthorizeRequest(id_tag=token.value))

    def verdict(self, payload: bytes) -> Verdict:
        return ocpp16_commands.verdict(read(v16.AuthorizeResponse, payload).id_tag_info)

    def messages(self, station: Station, fact: Fact) -> list[Pending]:
        transaction = fact.transaction
        match fact.phase:
            case Phase.STARTED:
                return [
                    Pending(
                        "StartTransaction",
                        partial(_start, station, fact),
                        partial(_started, station, transaction),
                        _give_up,
                        transaction,
                    )
                ]
            case Phase.ENDED:
                build, action = partial(_stop, station, fact), "StopTransaction"
            case _ if fact.readings:
                build, action = partial(_sampled, station, fact), "MeterValues"
            case _:
                return []  # a change of state is told by StatusNotification alone
        return [Pending(action, build, _accept, _give_up, transaction)]

    def meter_values(
        self, station: Station, outlet: Outlet, readings: tuple[Reading, ...], context: Context
    ) -> bytes:
        value = _meter_value(station, station.clock.now(), readings, context)
        return encode(v16.MeterValuesRequest(connector_id=outlet.id, meter_value=[value]))

    def reservation_over(self, reservation: Reservation) -> None:
        """Its StatusNotification says enough (section 5.13)."""

    def password(self, value: str) -> str | bytes:
        """AuthorizationKey is hexadecimal on the wire and bytes in HTTP Basic (whitepaper, A01)."""
        try:
            key = bytes.fromhex(value)
        except ValueError:
            return value
        return key if len(key) in _KEY_BYTES else value

    def security_event(self, event: SecurityEvent) -> bytes:
        return ocpp16_security.security_event(event)

    def sign_certificate(self, csr: str) -> bytes:
        return encode(v16.SignCertificateRequest(csr=csr))

    def handle(self, station: Station, action: str, payload: bytes) -> bytes:
        types = v16.ACTIONS.get(action)
        if types is None:
            raise Refusal(ErrorCode.NOT_IMPLEMENTED, f"OCPP 1.6 has no action {action[:40]}")
        handler = _HANDLERS.get(action)
        extensions = (ocpp16_security.OF_OLD, ocpp16_security.EXTENSIONS)
        unknown = extensions[station.manners.any("knows_no_security")]
        if handler is None or action in unknown:
            raise Refusal(ErrorCode.NOT_SUPPORTED, f"This station does not know {action}")
        request: Any = read(types[0], payload)
        return encode(handler(station, request))


def _start(station: Station, fact: Fact) -> bytes:
    transaction = fact.transaction
    reservation = transaction.reservation_id
    request = v16.StartTransactionRequest(
        connector_id=transaction.outlet,
        id_tag=transaction.token.value if transaction.token else "",
        meter_start=round(transaction.meter_start),
        timestamp=timestamp(station.wall(transaction.started_at)),
        reservation_id=UNSET if reservation is None else reservation,
    )
    return encode(request)


def _started(station: Station, transaction: Transaction, payload: bytes) -> None:
    answer = read(v16.StartTransactionResponse, payload)
    transaction.ref = answer.transaction_id
    transaction.known = True
    if transaction.token is not None:
        verdict = ocpp16_commands.verdict(answer.id_tag_info)
        station.judged(transaction, transaction.token, verdict)


def _ref(transaction: Transaction) -> int:
    """The number that the CSMS gave, or -1: the start was never answered (errata 3.18)."""
    return transaction.ref if isinstance(transaction.ref, int) else UNKNOWN_TRANSACTION


def _sampled(station: Station, fact: Fact) -> bytes:
    value = _meter_value(station, fact.at, fact.readings, fact.context)
    return encode(
        v16.MeterValuesRequest(
            connector_id=fact.transaction.outlet,
            transaction_id=_ref(fact.transaction),
            meter_value=[value],
        )
    )


def _stop(station: Station, fact: Fact) -> bytes:
    transaction = fact.transaction
    reason = _STOPPED.get(fact.trigger) or _REASONS.get(
        transaction.stop_reason or Reason.LOCAL, v16.StopTransactionRequestReason.OTHER
    )
    token = transaction.stop_token
    data = []
    if fact.readings:
        value = _meter_value(station, fact.at, fact.readings, fact.context)
        data = [v16.TransactionData(timestamp=value.timestamp, sampled_value=value.sampled_value)]
    return encode(
        v16.StopTransactionRequest(
            transaction_id=_ref(transaction),
            meter_stop=round(transaction.meter_stop or 0.0),
            timestamp=timestamp(station.wall(fact.at)),
            reason=reason,
            id_tag=token.value if token else UNSET,
            transaction_data=data or UNSET,
        )
    )


def _meter_value(
    station: Station, at: float, readings: tuple[Reading, ...], context: Context
) -> v16.MeterValue:
    return v16.MeterValue(
        timestamp=timestamp(station.wall(at)),
        sampled_value=[
            v16.SampledValue(
                value=str(reading.value),
                context=v16.SampledValueContext(context),
                measurand=v16.SampledValueMeasurand(reading.measurand),
                phase=v16.SampledValuePhase(reading.phase) if reading.phase else UNSET,
                location=v16.SampledValueLocation(reading.location) if reading.location else UNSET,
                unit=v16.SampledValueUnit(reading.unit),
            )
            for reading in readings
        ],
    )


def _accept(_: bytes) -> None:
    """Nothing in the answer changes anything."""


def _give_up() -> None:
    """Lost, after as many attempts as the settings allow."""
