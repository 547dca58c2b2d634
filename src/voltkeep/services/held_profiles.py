"""What we believe of the charging profiles of a station, changed with what is heard of it.

Works that change it lock the station first: ids are given, and profiles replaced, one by one.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from voltkeep.domain.composite import Placed, Running, Supply, composite
from voltkeep.domain.events import ChargingProfileChanged
from voltkeep.domain.identity import Evse, StationId, TransactionRef
from voltkeep.domain.smart_charging import (
    CSO,
    LIVE,
    ChargingProfile,
    CompositeSchedule,
    HeldProfile,
    ProfileReport,
    ProfileState,
    ProfilesTold,
    Purpose,
    RateUnit,
    ToldProfile,
    replaces,
    same_place,
)
from voltkeep.domain.transactions import Transaction
from voltkeep.services.ports import Work

MOST_LIVE = 1000  # of a station: what it tells beyond that is not kept
_RUNNING_LOOKED_AT = 200


async def believed(work: Work, station: StationId, now: datetime) -> list[HeldProfile]:
    """What may limit the station now, as far as we know."""
    held = [each.as_of(now) for each in await _live(work, station)]
    return [each for each in held if each.state in LIVE]


async def _live(work: Work, station: StationId) -> list[HeldProfile]:
    """By their ids, so that what is told of several is told in their order."""
    held = await work.charging_profiles.of(station, states=LIVE, limit=MOST_LIVE)
    return sorted(held, key=lambda each: (each.profile_id, each.id))


async def settled(work: Work, station: StationId, now: datetime) -> list[HeldProfile]:
    """As `believed`; and what has expired is noted."""
    live = []
    for held in await _live(work, station):
        current = held.as_of(now)
        if current.state in LIVE:
            live.append(current)
        else:
            await move(work, held, current.state, current.at)
    return live


def begun(  # each is a part of the record
    station: StationId,
    profile: ChargingProfile,
    evse: Evse | None,
    live: Sequence[HeldProfile],
    now: datetime,
    *,
    remote_start_id: int | None = None,
) -> HeldProfile:
    """A profile that is about to be sent; without an id it is given the next one."""
    number = profile.id
    if number is None:
        number = max((each.profile_id for each in live if each.profile_id > 0), default=0) + 1
    schedules = tuple(
        structs.replace(each, id=index if each.id is None else each.id)
        for index, each in enumerate(profile.schedules, 1)
    )
    profile = structs.replace(profile, id=number, schedules=schedules)
    return HeldProfile(
        station=station,
        id=name(remote_start_id) if remote_start_id is not None else secrets.token_hex(8),
        state=ProfileState.SENT,
        at=now,
        profile_id=number,
        purpose=profile.purpose,
        stack_level=profile.stack_level,
        evse=None if evse is None else Evse(evse.id),
        profile=profile,
        sent_at=now,
        remote_start_id=remote_start_id,
        transaction=profile.transaction,
    )


def name(remote_start_id: int) -> str:
    """Of the profile that came with a remote start."""
    return f"start-{remote_start_id}"


async def move(
    work: Work, held: HeldProfile, state: ProfileState, at: datetime, status: str | None = None
) -> HeldProfile:
    """Record that it has come further, and tell. What we never sent is kept while it is there."""
    changed = structs.replace(
        held, state=state, at=at, status=held.status if status is None else status
    )
    if state not in LIVE and held.sent_at is None:
        await work.charging_profiles.remove(held.station, held.id)
    else:
        await work.charging_profiles.put(changed)
    if state is not held.state:
        tell(work, changed)
    return changed


def tell(work: Work, held: HeldProfile) -> None:
    work.emit(
        ChargingProfileChanged(
            station=held.station,
            at=held.at,
            profile_id=held.profile_id,
            purpose=held.purpose,
            evse=held.evse,
            state=held.state,
            status=held.status,
            transaction=held.transaction,
        )
    )


async def answered(  # each is a part of the answer
    work: Work,
    sent: HeldProfile,
    state: ProfileState,
    status: str,
    now: datetime,
    *,
    whenever_valid: bool = False,
) -> None:
    """A station has taken a profile, or not; one that it takes may have cost it another."""
    await work.stations.lock(sent.station)
    current = await work.charging_profiles.lock(sent.station, sent.id)
    if current is None or current.state is not ProfileState.SENT:
        return  # a report, or the end of its transaction, came first
    changed = await move(work, current, state, now, status)
    if state is not ProfileState.ACCEPTED or sent.remote_start_id is not None:
        return
    for old in await settled(work, sent.station, now):
        if replaces(changed, old, whenever_valid=whenever_valid):
            await move(work, old, ProfileState.REPLACED, now)


# What happens to transactions.


async def follow(
    work: Work, transaction: Transaction, ended_before: datetime | None, at: datetime
) -> None:
    """A transaction was heard of: the profile of its remote start is its own, until it ends."""
    if ended_before is not None:
        return
    await transaction_began(work, transaction, at)
    if transaction.ended_at is not None:
        await transaction_ended(work, transaction, at)


async def transaction_began(work: Work, transaction: Transaction, at: datetime) -> None:
    """The profile that came with its remote start is its own from now on (1.6 5.16.2)."""
    if transaction.remote_start_id is None:
        return
    held = await work.charging_profiles.get(transaction.station, name(transaction.remote_start_id))
    if held is None or held.state not in LIVE or held.transaction is not None:
        return
    place = transaction.evse
    changed = structs.replace(
        held,
        transaction=transaction.ref,
        evse=held.evse if place is None else Evse(place.id),
        state=ProfileState.ACCEPTED,
        at=at,
    )
    await work.charging_profiles.put(changed)
    tell(work, changed)


async def transaction_ended(work: Work, transaction: Transaction, at: datetime) -> None:
    """1.6 3.13.1, K01: a TxProfile ends with its transaction."""
    for held in await _live(work, transaction.station):
        if held.purpose == Purpose.TX and held.transaction == transaction.ref:
            await move(work, held, ProfileState.ENDED, at)


async def running(work: Work, station: StationId) -> dict[int, Running]:
    """The transaction of each EVSE; of several that never ended the latest."""
    found: dict[int, Running] = {}
    for each in await work.transactions.all(
        station.tenant, station=station, active=True, limit=_RUNNING_LOOKED_AT
    ):
        if each.evse is not None and each.started_at is not None:
            found.setdefault(each.evse.id, Running(each.ref, each.started_at))
    return found


# What stations tell of their profiles.


async def told_profile(
    work: Work, station: StationId, told: ProfilesTold, one: ToldProfile, now: datetime
) -> str | None:
    """Believe what a station tells of one profile; the name of its record, if it is kept."""
    live = await settled(work, station, now)
    known = _known(live, told, one)
    if known is None:
        if len(live) >= MOST_LIVE:
            return None
        known = _unheard(station, told, one, now)
        await work.charging_profiles.put(known)
        tell(work, known)
        return known.id
    transaction = _transaction(known, one)
    changed = structs.replace(
        known,
        state=ProfileState.ACCEPTED,
        at=known.at if known.state is ProfileState.ACCEPTED else now,
        purpose=one.purpose,
        stack_level=one.stack_level,
        evse=told.evse,
        profile=one.profile,
        source=told.source,
        told_at=now,
        transaction=transaction,
    )
    await work.charging_profiles.put(changed)
    if _differs(known, changed):
        tell(work, changed)
    return changed.id


def _known(live: Sequence[HeldProfile], told: ProfilesTold, one: ToldProfile) -> HeldProfile | None:
    """Ids of profiles are of the station as a whole, but for the limits of others (K12.FR.05)."""
    for held in live:
        if held.source != CSO and held.told_at is None:
            same_source = held.source == told.source and _is_at(held, told.evse)
            if same_source and one.purpose == Purpose.EXTERNAL_CONSTRAINTS:
                return held  # notified before, and now it has an id
        elif held.profile_id == one.id:
            return held
    return None


def _is_at(held: HeldProfile, evse: Evse | None) -> bool:
    return same_place(held, structs.replace(held, evse=evse))


def _unheard(
    station: StationId, told: ProfilesTold, one: ToldProfile, now: datetime
) -> HeldProfile:
    return HeldProfile(
        station=station,
        id=f"told-{one.id}",
        state=ProfileState.ACCEPTED,
        at=now,
        profile_id=one.id,
        purpose=one.purpose,
        stack_level=one.stack_level,
        evse=told.evse,
        profile=one.profile,
        source=told.source,
        told_at=now,
        transaction=None if one.profile is None else one.profile.transaction,
    )


def _transaction(known: HeldProfile, one: ToldProfile) -> TransactionRef | None:
    told = None if one.profile is None else one.profile.transaction
    return known.transaction if told is None else told


def _differs(before: HeldProfile, after: HeldProfile) -> bool:
    return structs.replace(before, told_at=None, at=after.at) != structs.replace(
        after, told_at=None
    )


def placed(held: Sequence[HeldProfile]) -> tuple[list[Placed], list[int]]:
    """What can be computed with, and the ids of what cannot."""
    known: list[Placed] = []
    unknown: list[int] = []
    for each in held:
        if each.state is not ProfileState.ACCEPTED:
            continue
        if each.profile is None:
            unknown.append(each.profile_id)
        elif each.remote_start_id is None or each.transaction is not None:
            profile = structs.replace(each.profile, transaction=each.transaction)
            known.append(Placed(None if each.evse is None else each.evse.id, profile))
    return known, unknown


async def computed(
    work: Work,
    station: StationId,
    evse: Evse | None,
    at: datetime,
    duration_s: int,
    *,
    unit: RateUnit,
    supply: Supply,
    now: datetime,
) -> tuple[CompositeSchedule, list[int]]:
    """What the profiles that we believe it has come to; and the ids of what cannot be computed."""
    known, unread = placed(await believed(work, station, now))
    transactions = await running(work, station)
    rows = await work.connectors.of(station)
    numbers = {row.update.evse.id for row in rows if row.update.evse is not None}
    schedule = composite(
        known,
        evse,
        at,
        duration_s,
        unit=unit,
        supply=supply,
        running=None if evse is None else transactions.get(evse.id),
        others=[(each, transactions.get(each)) for each in sorted(numbers | set(transactions))],
    )
    return schedule, unread


async def not_told(work: Work, report: ProfileReport, at: datetime) -> None:
    """After a report is complete: what it might have told of, and did not, is not there."""
    told = set(report.told)
    for held in await settled(work, report.station, at):
        is_waiting = held.state is ProfileState.SENT or (
            held.remote_start_id is not None and held.transaction is None
        )
        if held.id not in told and not is_waiting and report.criteria.fits(held):
            await move(work, held, ProfileState.MISSING, at)
