"""Reservations: what a CSMS asks for, and how they end."""

import asyncio
from datetime import UTC, datetime, timedelta

from msgspec import UNSET, UnsetType

from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.fields import is_just, is_time, utc
from voltkeep.lab.ocpp16.states import (
    Status,
    authorized,
    is_served,
    start_transaction,
    tell_status,
)
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.ocpp.v16 import (
    CancelReservationRequest,
    CancelReservationResponse,
    CancelReservationResponseStatus,
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
    ChangeAvailabilityResponseStatus,
    ReserveNowRequest,
    ReserveNowResponse,
    ReserveNowResponseStatus,
)

CancelStatus = CancelReservationResponseStatus
ReservationStatus = ReserveNowResponseStatus
_OUT_OF_SERVICE, _RESERVATION = "a connector out of service", "a reservation"  # to take back
_MINUTE = timedelta(minutes=1)
_LASTS_S = 120.0  # at least, once the CSMS has been told
_BEAT_S = 20.0


def in_a_while(bench: Bench) -> datetime:
    """When a reservation expires that is not to expire within its case: with a whole minute."""
    return _whole_minute(datetime.now(UTC), bench.plan.deadlines.order_s + _LASTS_S)


def soon(bench: Bench) -> datetime:
    """When a reservation expires that is to expire within its case, as the plan has it."""
    seconds, now = bench.plan.reservation_s, datetime.now(UTC)
    if seconds >= _MINUTE.total_seconds():
        return _whole_minute(now, seconds)
    return now.replace(microsecond=0) + timedelta(seconds=seconds)


def _whole_minute(now: datetime, away_s: float) -> datetime:
    """The first whole minute that is so far away: a form for operators may know no seconds."""
    at = now + timedelta(seconds=away_s)
    return at.replace(second=0, microsecond=0) + _MINUTE


async def reserved(
    station: ChargePoint,
    answer: ReservationStatus = ReservationStatus.ACCEPTED,
    *,
    connector: int = 1,
    expires_at: datetime | None = None,
    for_group: bool = False,
) -> ReserveNowRequest:
    """The CSMS is told to reserve for the valid token, and is answered; what came.

    ``for_group``: and for every token of its group. Raises Failed.
    """
    bench, tokens = station.bench, station.bench.plan.tokens
    expires_at = expires_at or in_a_while(bench)
    order = bench.driver.reserve(
        station.identity,
        connector=connector,
        token=tokens.valid,
        expires_at=expires_at,
        parent=tokens.parent if for_group else None,
    )
    asked = await station.asked(order, ReserveNowRequest)
    request = asked.request
    if answer is ReservationStatus.ACCEPTED:
        station.takes_back(
            _RESERVATION,
            lambda: bench.driver.cancel_reservation(
                station.identity, reservation=request.reservation_id
            ),
            CancelReservationRequest,
            CancelReservationResponse(status=CancelStatus.ACCEPTED),
        )
    is_just(bench, "connectorId", request.connector_id, connector)
    checks.is_token(bench, request.id_tag, tokens.valid)
    is_time(bench, "expiryDate", request.expiry_date, expires_at)
    # A CSMS may add the group that it knows the token to be of, unasked.
    if for_group or request.parent_id_tag is not UNSET:
        is_parent(bench, request.parent_id_tag)
    await asked.answer(ReserveNowResponse(status=answer))
    return request


async def cancelled(station: ChargePoint, reservation: int, answer: CancelStatus) -> int:
    """The CSMS is told to cancel a reservation, and is answered; the id that came.

    Raises Failed.
    """
    order = station.bench.driver.cancel_reservation(station.identity, reservation=reservation)
    asked = await station.asked(order, CancelReservationRequest)
    await asked.answer(CancelReservationResponse(status=answer))
    station.taken_back(_RESERVATION)
    return asked.request.reservation_id


def is_parent(bench: Bench, came: str | UnsetType) -> None:
    """The group of the valid token and its sibling, in whatever case. Raises Failed."""
    parent = bench.plan.tokens.parent
    is_same = came is not UNSET and came.casefold() == parent.casefold()
    words = "no parentIdTag" if came is UNSET else f"parentIdTag {came}"
    bench.check(is_same, f"parentIdTag {parent}", words)


async def charging_as_reserved(station: ChargePoint, reservation: int) -> int:
    """The driver comes, and charges on connector 1: the reservation is used. The transaction."""
    await authorized(station)
    station.bench.step("The cable is plugged in, and charging starts with the reservation's id")
    await tell_status(station, Status.PREPARING)
    transaction = await start_transaction(station, reservation=reservation)
    station.taken_back(_RESERVATION)
    await tell_status(station, Status.CHARGING)
    return transaction


async def made_operative(station: ChargePoint, *, operative: bool) -> None:
    """The CSMS is told to put connector 1 into service, or out of it; accepted. Raises Failed."""
    bench = station.bench
    order = bench.driver.change_availability(station.identity, operative=operative, connector=1)
    asked = await station.asked(order, ChangeAvailabilityRequest)
    accepted = ChangeAvailabilityResponse(status=ChangeAvailabilityResponseStatus.ACCEPTED)
    if not operative:
        station.takes_back(
            _OUT_OF_SERVICE,
            lambda: bench.driver.change_availability(station.identity, operative=True, connector=1),
            ChangeAvailabilityRequest,
            accepted,
        )
    is_just(bench, "connectorId", asked.request.connector_id, 1)
    is_just(bench, "type", asked.request.type, "Operative" if operative else "Inoperative")
    await asked.answer(accepted)
    if operative:
        station.taken_back(_OUT_OF_SERVICE)


async def until(station: ChargePoint, at: datetime) -> None:
    """Wait until a reservation is over, with a Heartbeat now and then. Raises Failed."""
    while (left_s := (utc(at) - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(left_s, _BEAT_S))
        if left_s > _BEAT_S:
            await is_served(station)
    station.taken_back(_RESERVATION)
