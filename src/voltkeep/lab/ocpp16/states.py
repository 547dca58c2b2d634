"""The states that cases begin in (OCTT, section 1.3): booted, authorized, charging."""

import asyncio

from msgspec import UNSET

from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.ocpp.v16 import (
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StatusNotificationRequestErrorCode,
    StatusNotificationRequestStatus,
    StatusNotificationResponse,
    StopTransactionRequest,
    StopTransactionRequestReason,
    StopTransactionResponse,
)

Status = StatusNotificationRequestStatus
ErrorCode = StatusNotificationRequestErrorCode
Reason = StopTransactionRequestReason


async def connected(bench: Bench) -> ChargePoint:
    """The station of this profile, connected, and not booted."""
    station = ChargePoint(bench)
    await station.connect()
    return station


async def booted(bench: Bench) -> ChargePoint:
    """A station that is accepted and idle: Booted."""
    bench.step("The station boots and tells that every connector is available")
    station = await connected(bench)
    await boot(station)
    return station


async def authorized(station: ChargePoint, token: str | None = None) -> None:
    """A valid token is presented: Authorized."""
    station.bench.step("A valid token is presented, and accepted")
    await authorize(station, token or station.bench.plan.tokens.valid)


async def charging(station: ChargePoint) -> int:
    """A transaction has started on connector 1: Charging; its id."""
    await authorized(station)
    station.bench.step("The cable is plugged in, and charging starts")
    await tell_status(station, Status.PREPARING)
    transaction = await start_transaction(station)
    await tell_status(station, Status.CHARGING)
    return transaction


async def boot(
    station: ChargePoint, connector_1: Status = Status.AVAILABLE
) -> BootNotificationResponse:
    """Boot, be accepted, and tell the status of the station and of each connector.

    All are available, but for what is said of connector 1. Raises Failed.
    """
    bench = station.bench
    booted = await station.introduces_itself()
    bench.check(booted.status == "Accepted", "status Accepted", f"status {booted.status}")
    checks.is_interval(bench, booted.interval)
    checks.is_present_time(bench, booted.current_time)
    # For 0 too (errata to OCPP 1.6, 3.22).
    for connector in range(bench.plan.connectors + 1):
        status = connector_1 if connector == 1 else Status.AVAILABLE
        await tell_status(station, status, connector)
    return booted


async def restart(station: ChargePoint) -> None:
    """Disconnect, once nothing more comes, connect anew and boot. Raises Failed."""
    await station.leave()
    await station.connect()
    await boot(station)


async def is_left_alone(station: ChargePoint) -> None:
    """Nothing is asked of it for a while, in which it sends Heartbeats as told. Raises Failed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + station.bench.plan.deadlines.idle_s
    while (remains := end - loop.time()) > 0:
        await station.hears_nothing(min(remains, station.heartbeat_s or remains))
        if not station.is_connected:
            return
        if remains > station.heartbeat_s > 0:
            await is_served(station)


async def is_served(station: ChargePoint) -> None:
    """Whatever came before, a Heartbeat is answered with the time. Raises Failed."""
    answer = await station.tell(HeartbeatRequest(), HeartbeatResponse)
    checks.is_present_time(station.bench, answer.current_time)


async def tell_status(
    station: ChargePoint,
    status: Status,
    connector: int = 1,
    error_code: ErrorCode = ErrorCode.NO_ERROR,
) -> None:
    """Tell the status of a connector; 0 is the station itself."""
    request = StatusNotificationRequest(
        connector_id=connector, error_code=error_code, status=status, timestamp=now()
    )
    await station.tell(request, StatusNotificationResponse)


async def authorize(
    station: ChargePoint, token: str, status: str = "Accepted"
) -> AuthorizeResponse:
    """Present a token; the CSMS must answer with this status. Raises Failed."""
    answer = await station.tell(AuthorizeRequest(id_tag=token), AuthorizeResponse)
    checks.is_status(station.bench, answer.id_tag_info, status)
    return answer


async def start_transaction(
    station: ChargePoint,
    *,
    token: str | None = None,
    status: str = "Accepted",
    ago_s: float = 0.0,
    reservation: int | None = None,
    connector: int = 1,
) -> int:
    """Start a transaction; the CSMS must give it an id of its own, with this status.

    It gives one whatever the status is (OCPP 1.6 edition 2, section 4.8). Raises Failed.
    """
    request = StartTransactionRequest(
        connector_id=connector,
        id_tag=token or station.bench.plan.tokens.valid,
        meter_start=station.credentials.next_reading(),
        timestamp=now(ago_s),
        reservation_id=UNSET if reservation is None else reservation,
    )
    answer = await station.tell(request, StartTransactionResponse)
    station.transaction = answer.transaction_id
    checks.is_status(station.bench, answer.id_tag_info, status)
    checks.is_new_transaction(station, answer.transaction_id)
    return answer.transaction_id


async def stop_transaction(
    station: ChargePoint,
    transaction: int,
    reason: Reason,
    *,
    ago_s: float = 0.0,
    token: str | None = None,
) -> None:
    """Stop it; the CSMS must answer, and accept a token that it is given. Raises Failed."""
    request = StopTransactionRequest(
        transaction_id=transaction,
        meter_stop=station.credentials.next_reading(),
        timestamp=now(ago_s),
        reason=reason,
        id_tag=UNSET if token is None else token,
    )
    station.transaction = None
    answer = await station.tell(request, StopTransactionResponse)
    if token is not None and answer.id_tag_info:
        checks.is_status(station.bench, answer.id_tag_info, "Accepted")


async def end_charging(
    station: ChargePoint, transaction: int, reason: Reason, *, token: str | None = None
) -> None:
    """Stop it, have the cable unplugged from connector 1, and be available again."""
    await stop_transaction(station, transaction, reason, token=token)
    await tell_status(station, Status.FINISHING)
    await tell_status(station, Status.AVAILABLE)
