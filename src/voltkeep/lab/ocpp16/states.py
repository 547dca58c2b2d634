"""The states that cases begin in (OCTT, section 1.3): booted, authorized, charging."""

from msgspec import UNSET

from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import (
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationRequest,
    BootNotificationResponse,
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


async def boot(station: ChargePoint) -> BootNotificationResponse:
    """Boot, be accepted, and tell the status of the station and of each connector."""
    bench = station.bench
    request = BootNotificationRequest(
        charge_point_vendor="Voltkeep",
        charge_point_model="Laboratory",
        charge_point_serial_number=station.credentials.account.serial_number,
        firmware_version="1.0.0",
    )
    booted = await station.tell(request, BootNotificationResponse)
    bench.check(booted.status == "Accepted", "status Accepted", f"status {booted.status}")
    bench.check(booted.interval >= 0, "an interval of 0 or more", booted.interval)
    for connector in range(bench.plan.connectors + 1):
        await tell_status(station, Status.AVAILABLE, connector)
    return booted


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
    came = answer.id_tag_info.status
    station.bench.check(came == status, f"idTagInfo.status {status}", f"idTagInfo.status {came}")
    return answer


async def start_transaction(
    station: ChargePoint,
    *,
    token: str | None = None,
    status: str = "Accepted",
    ago_s: float = 0.0,
    reservation: int | None = None,
) -> int:
    """Start a transaction on connector 1; the CSMS must give it an id, with this status.

    Raises Failed.
    """
    request = StartTransactionRequest(
        connector_id=1,
        id_tag=token or station.bench.plan.tokens.valid,
        meter_start=0,
        timestamp=now(ago_s),
        reservation_id=UNSET if reservation is None else reservation,
    )
    answer = await station.tell(request, StartTransactionResponse)
    station.transaction = answer.transaction_id
    came = answer.id_tag_info.status
    station.bench.check(came == status, f"idTagInfo.status {status}", f"idTagInfo.status {came}")
    # Unique and positive (errata to OCPP 1.6, 3.54): 0 and -1 are what stations say for none.
    is_id = 0 < answer.transaction_id < 2**31
    station.bench.check(is_id, "a transactionId above 0, of 32 bits", answer.transaction_id)
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
        meter_stop=1000,
        timestamp=now(ago_s),
        reason=reason,
        id_tag=UNSET if token is None else token,
    )
    station.transaction = None
    answer = await station.tell(request, StopTransactionResponse)
    if token is not None and answer.id_tag_info:
        came = answer.id_tag_info.status
        if came != "Accepted":
            raise Failed("idTagInfo.status Accepted", f"came idTagInfo.status {came}")
