"""What a row of a file that is imported does: it adds something, or changes it, or fails."""

import enum
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.events import StationAdded, StationChanged
from voltkeep.domain.identity import BadName, Evse, IdToken, IdTokenKind, TransactionRef, station_id
from voltkeep.domain.imports import Format, Import, RowKind
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services.exports import COLUMNS
from voltkeep.services.ports import Work
from voltkeep.services.sites import UnknownSite, check_site
from voltkeep.services.token_groups import joined
from voltkeep.services.unknown_tokens import registered_now

R = TypeVar("R", bound=Struct)

_WORDS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_Word = Annotated[str, Meta(max_length=255, pattern=_WORDS)]
_Note = Annotated[str, Meta(max_length=2000)]
_Wh = Annotated[float, Meta(ge=0, le=1e15)]
_Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
# What an empty cell means; of other columns it says nothing.
_EMPTY: dict[str, Any] = {
    "site": "",
    "note": "",
    "expires_at": None,
    **dict.fromkeys(("stop_reason", "id_token", "meter_start_wh", "meter_last_wh")),
}


class Result(enum.Enum):
    """What a row did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class BadRow(ValueError):
    """A row cannot be taken; ``field`` says what of it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class StationRow(Struct, frozen=True, kw_only=True):
    """A station as it is imported. What is left out stays, or is as usual."""

    id: str
    site: Annotated[str, Meta(max_length=48)] | UnsetType = UNSET
    note: _Note | UnsetType = UNSET
    security_profile: SecurityProfile | UnsetType = UNSET
    registration: Registration | UnsetType = UNSET
    passive: bool | UnsetType = UNSET


class TokenRow(Struct, frozen=True, kw_only=True):
    """A token as it is imported. What is left out stays, or is as usual."""

    value: Annotated[str, Meta(min_length=1, max_length=255, pattern=_WORDS)]
    kind: Annotated[str, Meta(min_length=1, max_length=20, pattern=_WORDS)] | UnsetType = UNSET
    group: _Word | UnsetType | None = UNSET
    blocked: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    max_active: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    note: _Note | UnsetType = UNSET


class TransactionRow(Struct, frozen=True, kw_only=True):
    """A transaction that is over, as another system kept it."""

    station: str
    ref: Annotated[str, Meta(min_length=1, max_length=36, pattern=_WORDS)]
    started_at: datetime
    ended_at: datetime
    evse_id: _Id | None = None
    connector_id: _Id | None = None
    id_token: _Word | None = None
    id_token_kind: Annotated[str, Meta(max_length=20, pattern=_WORDS)] = IdTokenKind.ISO14443.value
    group: _Word | None = None
    authorization: Authorization | None = None
    meter_start_wh: _Wh | None = None
    meter_last_wh: _Wh | None = None
    stop_reason: _Word | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None


async def take_station(work: Work, given: Import, row: Mapping[str, Any], now: datetime) -> Result:
    """Register a station, or change what is said of it. Raises BadRow."""
    wanted = _read(StationRow, row, given.format)
    try:
        id = station_id(wanted.id, given.station.tenant)
    except BadName as error:
        raise BadRow("id", str(error)) from error
    known = await work.stations.lock(id)
    site = wanted.site if wanted.site is not UNSET else known.site if known else ""
    if given.sites is not None and not (
        site in given.sites and (known is None or known.site in given.sites)
    ):
        raise BadRow("site", "it is not at a site that whoever imports it may see")
    if known is None or site != known.site:
        try:
            await check_site(work, given.station.tenant, site)
        except UnknownSite as error:
            raise BadRow("site", str(error)) from error
    if known is not None:
        return await _change_station(work, known, wanted, now)
    said = {name: value for name, value in structs.asdict(wanted).items() if value is not UNSET}
    values = {"security_profile": SecurityProfile.TLS_BASIC} | said
    # Epochs of a station that was removed and comes again go on where they were, and further.
    station = Station(**(values | {"id": id, "created_at": now, "epoch": int(now.timestamp())}))
    if not await work.stations.add(station):
        raise BadRow("id", "somebody else registers it at this moment")
    work.emit(StationAdded(station=id, at=now))
    return Result.ADDED


async def _change_station(work: Work, known: Station, wanted: StationRow, now: datetime) -> Result:
    rows, id = work.stations, known.id
    changed = [
        name
        for name in ("site", "note", "security_profile", "registration", "passive")
        if getattr(wanted, name) not in {UNSET, getattr(known, name)}
    ]
    for name in changed:
        value = getattr(wanted, name)
        match name:
            case "site":
                await rows.set_site(id, value)
            case "note":
                await rows.set_note(id, value)
            case "security_profile":
                await rows.set_profile(id, value)
            case "registration":
                await rows.set_registration(id, value)
            case _:
                await rows.set_passive(id, passive=value)
        work.emit(StationChanged(station=id, at=now, what=name.replace("_", " ")))
    return Result.CHANGED if changed else Result.UNCHANGED


async def take_token(work: Work, given: Import, row: Mapping[str, Any], now: datetime) -> Result:
    """Register a token, or change what is said of it. Raises BadRow."""
    wanted = _read(TokenRow, row, given.format)
    if not wanted.value.strip():
        raise BadRow("value", "a token is not blank")
    tenant = given.station.tenant
    kind = IdTokenKind.ISO14443.value if wanted.kind is UNSET else wanted.kind
    is_blocked = False
    if isinstance(wanted.group, str):
        is_blocked = await joined(work, tenant, wanted.group, now)
    known = await work.tokens.hold(tenant, IdToken(wanted.value, kind))
    said = {
        name: value
        for name, value in structs.asdict(wanted).items()
        if value is not UNSET and name not in {"value", "kind"}
    }
    if "group" in said:
        said["group"] = said["group"] or None
    if isinstance(wanted.expires_at, datetime):
        said["expires_at"] = _utc(wanted.expires_at, "expires_at")
    if known is None:
        token = Token(id_token=IdToken(wanted.value, kind), created_at=now, **said)
    else:
        own = known.id_token.kind if wanted.kind is UNSET else wanted.kind
        token = structs.replace(known, id_token=IdToken(known.id_token.value, own), **said)
    if wanted.group is not UNSET:
        token = structs.replace(token, group_blocked=is_blocked)
    if token == known:
        return Result.UNCHANGED
    if known is not None:
        await work.tokens.save(tenant, token)
        return Result.CHANGED
    if not await work.tokens.add(tenant, token):
        raise BadRow("value", "somebody else registers it at this moment")
    await registered_now(work, tenant, token)
    return Result.ADDED


async def take_transaction(
    work: Work, given: Import, row: Mapping[str, Any], now: datetime
) -> Result:
    """Keep a transaction of another system, as it was there. Raises BadRow."""
    wanted = _read(TransactionRow, row, given.format)
    try:
        station = station_id(wanted.station, given.station.tenant)
    except BadName as error:
        raise BadRow("station", str(error)) from error
    known = await work.stations.get(station)
    if known is None or (given.sites is not None and known.site not in given.sites):
        raise BadRow("station", f"no station is called {station.name}")
    started = _utc(wanted.started_at, "started_at")
    ended = _utc(wanted.ended_at, "ended_at")
    if not started <= ended <= now:
        raise BadRow("ended_at", "it ends after it started, and not in the future")
    if wanted.connector_id is not None and wanted.evse_id is None:
        raise BadRow("evse_id", "a connector belongs to an EVSE: name it")
    ref = TransactionRef(wanted.ref)
    there = await work.transactions.get(station, ref)
    if there is not None:
        if (there.started_at, there.ended_at) == (started, ended):
            return Result.UNCHANGED
        raise BadRow("ref", "the station has another transaction of that name")
    token = IdToken(wanted.id_token, wanted.id_token_kind) if wanted.id_token else None
    await work.transactions.add(
        Transaction(
            station=station,
            ref=ref,
            evse=None if wanted.evse_id is None else Evse(wanted.evse_id, wanted.connector_id),
            id_token=token,
            group=wanted.group or None,
            authorization=wanted.authorization,
            started_at=started,
            ended_at=ended,
            meter_start_wh=wanted.meter_start_wh,
            meter_stop_wh=wanted.meter_last_wh,
            stop_reason=wanted.stop_reason or None,
            remote_start_id=wanted.remote_start_id,
            reservation_id=wanted.reservation_id,
            first_heard_at=started,
            last_heard_at=ended,
        )
    )
    return Result.ADDED


Take = Callable[[Work, Import, Mapping[str, Any], datetime], Awaitable[Result]]
TAKES: Mapping[RowKind, Take] = {
    RowKind.STATIONS: take_station,
    RowKind.TOKENS: take_token,
    RowKind.TRANSACTIONS: take_transaction,
}
_TYPES: Mapping[RowKind, type[Struct]] = {
    RowKind.STATIONS: StationRow,
    RowKind.TOKENS: TokenRow,
    RowKind.TRANSACTIONS: TransactionRow,
}


def columns_of(kind: RowKind) -> tuple[str, ...]:
    """What may be in a file: what can be imported, and what an export has besides."""
    return tuple(dict.fromkeys((*_TYPES[kind].__struct_fields__, *COLUMNS[kind])))


def _read(kind: type[R], row: Mapping[str, Any], form: Format) -> R:
    """Raises BadRow."""
    is_csv = form is Format.CSV
    values: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        if name not in row:
            continue
        value = row[name]
        if is_csv and value == "":
            if name not in _EMPTY and name != "group":
                continue
            value = _EMPTY.get(name)
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=not is_csv)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        words = _PATH.sub("", str(error))
        missing = re.search(r"field `(\w+)`", words)
        field = found["path"] if found else missing[1] if missing else ""
        raise BadRow(field, words) from error


def _utc(at: datetime, field: str) -> datetime:
    """A time without a zone is UTC. Raises BadRow."""
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise BadRow(field, "that is no time") from error
