"""Transactions: what was charged, what the meter said, and what never ended."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from litestar import get, post
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Raw, Struct, json, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ChargingState
from voltkeep.domain.closing import Evidence, Unended
from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef
from voltkeep.domain.transactions import Closing, Transaction
from voltkeep.services import lists
from voltkeep.services.lists import MeterFilter, Place, TimeSort, TransactionFilter, TransactionSort
from voltkeep.services.ports import MeterRow
from voltkeep.web.access import (
    ApiServices,
    Given,
    Known,
    Paging,
    StationName,
    Who,
    check_visible,
    named,
    seen_sites,
)
from voltkeep.web.discretion import sees_tokens, shown_token
from voltkeep.web.looks import LOOK, Looking, Time
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of, page_of_records
from voltkeep.web.problems import Asked, NotThere

Ref = Annotated[str, PathParameter(description="The transaction's name at its station.")]
_Token = Annotated[
    str | None,
    QueryParameter(description="Of this token, without regard to case. Needs tokens:read."),
]
_EvseId = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)]
_Reason = Annotated[str, Meta(max_length=500)]


class ClosingOut(Struct, frozen=True, kw_only=True):
    """That a person has closed the record. It stopped nothing at the station."""

    closed_at: datetime
    closed_by: str
    reason: str
    as_of: datetime
    meter_wh: float | None


class TransactionOut(Struct, frozen=True, kw_only=True):
    """A transaction as far as it has been told; times as the station gave them.

    ``active``: neither has the station ended it, nor a person closed it in the record. Without
    `tokens:read` tokens are shown by their last four characters.
    """

    station: str
    ref: str
    evse: Evse | None
    id_token: IdToken | None
    group: str | None
    authorization: Authorization | None
    active: bool
    started_at: datetime | None
    ended_at: datetime | None
    meter_start_wh: float | None
    meter_last_wh: float | None
    energy_wh: float | None
    stop_reason: str | None
    stop_token: IdToken | None
    charging_state: ChargingState | None
    remote_start_id: int | None
    reservation_id: int | None
    closed: ClosingOut | None
    first_heard_at: datetime
    last_heard_at: datetime


class UnendedOut(Struct, frozen=True, kw_only=True):
    """A transaction that is open, and cannot be running any more: ``text`` tells why."""

    station: str
    ref: str
    evidence: Evidence
    text: str
    evse: Evse | None
    id_token: IdToken | None
    started_at: datetime | None
    last_heard_at: datetime
    found_at: datetime


class CloseTransaction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close the record. What is left out is taken from what was heard last."""

    reason: _Reason = ""
    ended_at: Annotated[datetime, Meta(tz=True)] | None = None
    meter_wh: Annotated[float, Meta(ge=0, le=1e15)] | None = None


class MeterValueOut(Struct, frozen=True, kw_only=True):
    """What a meter showed at one instant; ``samples`` as the station said it."""

    evse: Evse | None
    transaction: str | None
    at: datetime
    heard_at: datetime
    context: str
    values: dict[str, float]
    samples: Raw


def out(principal: Principal, transaction: Transaction) -> TransactionOut:
    """A transaction as the API shows it to somebody."""
    closing = transaction.closing
    return TransactionOut(
        station=transaction.station.name,
        ref=transaction.ref,
        evse=transaction.evse,
        id_token=shown_token(principal, transaction.id_token),
        group=transaction.group,
        authorization=transaction.authorization,
        active=transaction.is_active,
        started_at=transaction.started_at,
        ended_at=transaction.ended_at,
        meter_start_wh=transaction.meter_start_wh,
        meter_last_wh=transaction.last_meter_wh,
        energy_wh=transaction.energy_wh,
        stop_reason=transaction.stop_reason,
        stop_token=shown_token(principal, transaction.stop_token),
        charging_state=transaction.charging_state,
        remote_start_id=transaction.remote_start_id,
        reservation_id=transaction.reservation_id,
        closed=None if closing is None else _closed(closing),
        first_heard_at=transaction.first_heard_at,
        last_heard_at=transaction.last_heard_at,
    )


def _closed(closing: Closing) -> ClosingOut:
    return ClosingOut(
        closed_at=closing.at,
        closed_by=closing.by,
        reason=closing.reason,
        as_of=closing.as_of,
        meter_wh=closing.meter_wh,
    )


def _meter(row: MeterRow) -> MeterValueOut:
    value = row.value
    found: dict[str, Any] = structs.asdict(value)
    numbers = {name: each for name, each in found.items() if isinstance(each, int | float)}
    return MeterValueOut(
        evse=row.evse,
        transaction=row.ref,
        at=value.at,
        heard_at=row.received_at,
        context=value.context,
        values=numbers,
        samples=Raw(value.raw),
    )


def _unended(principal: Principal, found: Unended) -> UnendedOut:
    return UnendedOut(
        station=found.station.name,
        ref=found.id,
        evidence=found.state,
        text=found.text,
        evse=found.evse,
        id_token=shown_token(principal, found.id_token),
        started_at=found.started_at,
        last_heard_at=found.last_heard_at,
        found_at=found.at,
    )


async def visible(
    services: ApiServices, principal: Principal, station: str, ref: str
) -> tuple[StationId, TransactionRef]:
    """A transaction that they may see, of a station that may be gone. Raises NotThere."""
    what = f"{station[:60]} has no transaction {ref[:60]}"
    id = named(principal, station)
    await check_visible(services, principal, id, what)
    return id, TransactionRef(ref)


@get("/transactions", needs=Permission.READ_TRANSACTIONS)
async def list_transactions(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    station: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    evse_id: _EvseId = None,
    ref: FromQuery[str | None] = None,
    token: _Token = None,
    group: FromQuery[str | None] = None,
    active: FromQuery[bool | None] = None,
    closed: FromQuery[bool | None] = None,
    started_since: Time = None,
    started_before: Time = None,
    ended_since: Time = None,
    ended_before: Time = None,
    sort: FromQuery[TransactionSort] = "-first_heard_at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TransactionOut]:
    """Transactions that fit every filter, by default those first heard of last."""
    if token is not None and not sees_tokens(principal):
        raise NotThere("no token is called that")
    which = TransactionFilter(
        sites=seen_sites(principal, site),
        station=station,
        evse_id=evse_id,
        ref=None if ref is None else TransactionRef(ref),
        id_token=None if token is None else IdToken(token),
        group=group,
        active=active,
        closed=closed,
        started_since=started_since,
        started_before=started_before,
        ended_since=ended_since,
        ended_before=ended_before,
    )

    async def fetch(after: Place | None) -> lists.Page[Transaction]:
        async with services.read() as work:
            return await work.lists.transactions(
                principal.tenant, which, sort, after=after, limit=limit
            )

    return await page_of(request, cursors, cursor, fetch, lambda row: out(principal, row))


@get(
    "/transactions/unended", needs=Permission.READ_TRANSACTIONS, states=Evidence, dependencies=LOOK
)
async def list_unended(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[UnendedOut]:
    """Transactions that never ended, as found at the last look, which is every five minutes.

    `state` is the evidence.
    """
    found = await services.closing.find_unended(principal.tenant, look)
    return page_of_records(
        request, cursors, look, found, lambda record: _unended(principal, record)
    )


@get("/stations/{station:str}/transactions/{transaction:str}", needs=Permission.READ_TRANSACTIONS)
async def show_transaction(
    station: StationName, transaction: Ref, principal: Who, services: Given
) -> TransactionOut:
    """One transaction. It stays when its station is removed."""
    id, ref = await visible(services, principal, station, transaction)
    return out(principal, await services.transactions.get(id, ref))


@post(
    "/stations/{station:str}/transactions/{transaction:str}/close",
    needs=Permission.WRITE_TRANSACTIONS,
    status_code=200,
)
async def close_transaction(
    data: JSONBody[CloseTransaction],
    station: StationName,
    transaction: Ref,
    principal: Who,
    services: Given,
) -> TransactionOut:
    """Close a transaction in the record. Nothing is sent to the station: this is no stop.

    What the station says later counts more, and the closing stays visible.
    """
    id, ref = await visible(services, principal, station, transaction)
    closed = await services.closing.close(
        id,
        ref,
        reason=data.reason,
        ended_at=data.ended_at and data.ended_at.astimezone(UTC),
        meter_wh=data.meter_wh,
    )
    return out(principal, closed)


@get(
    "/stations/{station:str}/transactions/{transaction:str}/meter-values",
    needs=Permission.READ_TRANSACTIONS,
)
async def list_meter_values_of_transaction(
    request: Asked,
    station: StationName,
    transaction: Ref,
    principal: Who,
    services: Given,
    cursors: Paging,
    since: Time = None,
    before: Time = None,
    sort: FromQuery[TimeSort] = "at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MeterValueOut]:
    """What the meter said during a transaction, in order of time."""
    id, ref = await visible(services, principal, station, transaction)
    await services.transactions.get(id, ref)
    which = MeterFilter(ref=ref, since=since, before=before)

    async def fetch(after: Place | None) -> lists.Page[MeterRow]:
        async with services.read() as work:
            return await work.lists.meter_values(id, which, sort, after=after, limit=limit)

    return await page_of(request, cursors, cursor, fetch, _meter)


@get("/stations/{station:str}/meter-values", needs=Permission.READ_TRANSACTIONS)
async def list_meter_values(
    request: Asked,
    known: Known,
    services: Given,
    cursors: Paging,
    evse_id: _EvseId = None,
    since: Time = None,
    before: Time = None,
    sort: FromQuery[TimeSort] = "-at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MeterValueOut]:
    """What a station's meters said, in a transaction or not, by default the latest first."""
    which = MeterFilter(evse_id=evse_id, since=since, before=before)

    async def fetch(after: Place | None) -> lists.Page[MeterRow]:
        async with services.read() as work:
            return await work.lists.meter_values(known.id, which, sort, after=after, limit=limit)

    return await page_of(request, cursors, cursor, fetch, _meter)


ROUTES = [
    list_transactions,
    list_unended,
    show_transaction,
    close_transaction,
    list_meter_values_of_transaction,
    list_meter_values,
]

_TEN = datetime(2026, 5, 2, 10, tzinfo=UTC)
_TOKEN = IdToken("04A1B2C3D4E5F6")
_CLOSED = ClosingOut(
    closed_at=_TEN + timedelta(hours=30),
    closed_by="alice",
    reason="the station was replaced",
    as_of=_TEN + timedelta(hours=1),
    meter_wh=12_400.0,
)

EXAMPLES = [
    _CLOSED,
    TransactionOut(
        station="CP-1001",
        ref="1482069332",
        evse=Evse(1, 1),
        id_token=_TOKEN,
        group=None,
        authorization=Authorization.ACCEPTED,
        active=False,
        started_at=_TEN,
        ended_at=None,
        meter_start_wh=1000.0,
        meter_last_wh=12_400.0,
        energy_wh=11_400.0,
        stop_reason=None,
        stop_token=None,
        charging_state=ChargingState.CHARGING,
        remote_start_id=None,
        reservation_id=None,
        closed=_CLOSED,
        first_heard_at=_TEN,
        last_heard_at=_TEN + timedelta(hours=1),
    ),
    UnendedOut(
        station="CP-1001",
        ref="1482069332",
        evidence=Evidence.AVAILABLE,
        text="its EVSE says Available since 2026-05-02 11:00:00Z",
        evse=Evse(1, 1),
        id_token=_TOKEN,
        started_at=_TEN,
        last_heard_at=_TEN + timedelta(hours=1),
        found_at=_TEN + timedelta(hours=2),
    ),
    CloseTransaction(reason="the station was replaced", meter_wh=12_400.0),
    MeterValueOut(
        evse=Evse(1, 1),
        transaction="1482069332",
        at=_TEN,
        heard_at=_TEN,
        context="Sample.Periodic",
        values={"energy_wh": 1000.0, "power_w": 7360.0},
        samples=Raw(json.encode([{"value": "1.0", "unit": "kWh"}])),
    ),
]
