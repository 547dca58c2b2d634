"""OCPP 2.0.1 and 2.1, as a station speaks them. What is built is 2.1's; it fits both."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec import UNSET

from voltkeep.ocpp import v21
from voltkeep.ocpp.errors import ErrorCode, Refusal
from voltkeep.ocpp.messages import Message, encode, read
from voltkeep.ocpp.session import Wire
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import RegistrationStatusEnum as Registration
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.sim import ocpp2_commands, ocpp2_security
from voltkeep.sim.clock import seconds, timestamp
from voltkeep.sim.dialect import Boot, Verdict
from voltkeep.sim.meter import Reading
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.queue import Pending
from voltkeep.sim.security import SecurityEvent
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Fact, Reservation, Token, Transaction

_LONGEST_SERIAL = 25
_HANDLERS = ocpp2_commands.HANDLERS | ocpp2_security.HANDLERS

Actions = Mapping[str, tuple[type[Message], type[Message] | None]]


class Ocpp2:
    """See `dialect.Dialect`."""

    def __init__(self, version: str, actions: Actions, message_types: frozenset[int]) -> None:
        self.wire = Wire(
            rpc_framework_error=True,
            message_types=message_types,
            misspells_error_codes=False,
            answers_afresh=frozenset(),
        )
        self._version = version
        self._actions = actions

    def boot(self, station: Station) -> bytes:
        spec = station.spec
        return encode(
            v21.BootNotificationRequest(
                reason=station.boot_reason,
                charging_station=v21.ChargingStation(
                    model=spec.model,
                    vendor_name=spec.vendor,
                    serial_number=(spec.serial or spec.id)[:_LONGEST_SERIAL],
                    firmware_version=station.firmware,
                ),
            )
        )

    def booted(self, payload: bytes) -> Boot:
        answer = self._read("BootNotification", payload)
        return Boot(Registration(answer.status), answer.interval, seconds(answer.current_time))

    def status_word(self, station: Station, outlet: Outlet | None) -> str | None:
        """The five statuses of a connector; 2.x has none for the station."""
        if outlet is None:
            return None
        status = v21.ConnectorStatusEnum
        if outlet.fault is not None:
            return status.FAULTED
        if outlet.plugged:
            return status.OCCUPIED
        if not (outlet.operative and station.operative):
            return status.UNAVAILABLE
        return status.RESERVED if outlet.reservation is not None else status.AVAILABLE

    def status(self, station: Station, outlet: Outlet | None, word: str) -> bytes:
        assert outlet is not None
        return encode(
            v21.StatusNotificationRequest(
                timestamp=timestamp(station.wall(station.clock.now())),
                connector_status=v21.ConnectorStatusEnum(word),
                evse_id=outlet.id,
                connector_id=1,
            )
        )

    def authorize(self, token: Token) -> bytes:
        return encode(v21.AuthorizeRequest(id_token=_id_token(token)))

    def verdict(self, payload: bytes) -> Verdict:
        return ocpp2_commands.verdict(self._read("Authorize", payload).id_token_info)

    def messages(self, station: Station, fact: Fact) -> list[Pending]:
        transaction = fact.transaction
        if fact.phase is Phase.STARTED:
            transaction.ref = transaction.id
        payload = _event(station, fact)
        return [
            Pending(
                "TransactionEvent",
                partial(_as_it_was, payload),
                partial(self._answered, station, fact),
                _give_up,
                transaction,
            )
        ]

    def meter_values(
        self, station: Station, outlet: Outlet, readings: tuple[Reading, ...], context: Context
    ) -> bytes:
        value = _meter_value(station, station.clock.now(), readings, context)
        return encode(v21.MeterValuesRequest(evse_id=outlet.id, meter_value=[value]))

    def reservation_over(self, reservation: Reservation) -> tuple[str, bytes]:
        """H04.FR.01."""
        update = v21.ReservationStatusUpdateRequest(
            reservation_id=reservation.id,
            reservation_update_status=v21.ReservationUpdateStatusEnum.EXPIRED,
        )
        return "ReservationStatusUpdate", encode(update)

    def password(self, value: str) -> str | bytes:
        """BasicAuthPassword is what it is (A01, passwordString)."""
        return value

    def security_event(self, event: SecurityEvent) -> bytes:
        return ocpp2_security.security_event(event)

    def sign_certificate(self, csr: str) -> bytes:
        return ocpp2_security.sign_certificate(csr, numbered=self._version == "2.1")

    def handle(self, station: Station, action: str, payload: bytes) -> bytes:
        types = self._actions.get(action)
        if types is None:
            text = f"OCPP {self._version} has no action {action[:40]}"
            raise Refusal(ErrorCode.NOT_IMPLEMENTED, text)
        handler = _HANDLERS.get(action)
        if handler is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, f"This station does not know {action}")
        request: Any = read(types[0], payload)
        return encode(handler(station, request))

    def _answered(self, station: Station, fact: Fact, payload: bytes) -> None:
        fact.transaction.known = True
        info = self._read("TransactionEvent", payload).id_token_info
        if info is not UNSET and fact.token is not None:
            station.judged(fact.transaction, fact.token, ocpp2_commands.verdict(info))

    def _read(self, action: str, payload: bytes) -> Any:
        answer = self._actions[action][1]
        assert answer is not None
        return read(answer, payload)


def _id_token(token: Token) -> v21.IdToken:
    return v21.IdToken(id_token=token.value, type=token.kind)


def _event(station: Station, fact: Fact) -> bytes:
    transaction = fact.transaction
    ended = fact.phase is Phase.ENDED
    started = fact.phase is Phase.STARTED
    return encode(
        v21.TransactionEventRequest(
            event_type=fact.phase,
            timestamp=timestamp(station.wall(fact.at)),
            trigger_reason=fact.trigger,
            seq_no=fact.seq_no,
            offline=UNSET if station.accepted else True,
            transaction_info=_info(transaction, fact, ended=ended),
            meter_value=_meter_values(station, fact),
            evse=v21.EVSE(id=transaction.outlet, connector_id=1) if started else UNSET,
            id_token=_id_token(fact.token) if fact.token is not None else UNSET,
            reservation_id=_or_unset(transaction.reservation_id if started else None),
        )
    )


def _info(transaction: Transaction, fact: Fact, *, ended: bool) -> v21.Transaction:
    reason = transaction.stop_reason if ended else None
    return v21.Transaction(
        transaction_id=transaction.id,
        charging_state=fact.state,
        time_spent_charging=round(transaction.charging_s) if ended else UNSET,
        stopped_reason=_or_unset(reason),
        remote_start_id=_or_unset(transaction.remote_start_id),
    )


def _or_unset(value: Any) -> Any:
    return UNSET if value is None else value


def _meter_values(station: Station, fact: Fact) -> Any:
    if not fact.readings:
        return UNSET
    return [_meter_value(station, fact.at, fact.readings, fact.context)]


def _meter_value(
    station: Station, at: float, readings: tuple[Reading, ...], context: Context
) -> v21.MeterValue:
    return v21.MeterValue(
        timestamp=timestamp(station.wall(at)),
        sampled_value=[
            v21.SampledValue(
                value=reading.value,
                context=context,
                measurand=reading.measurand,
                phase=_or_unset(reading.phase),
                location=_or_unset(reading.location),
                unit_of_measure=v21.UnitOfMeasure(unit=reading.unit),
            )
            for reading in readings
        ],
    )


def _as_it_was(payload: bytes) -> bytes:
    return payload


def _give_up() -> None:
    """Lost, after as many attempts as the settings allow (E13.FR.04)."""
