"""Functional block G, availability: the status of connectors, and what is wanted of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.availability import (
    OPEN_WISHES,
    AvailabilityPlan,
    AvailabilityWish,
    Freshness,
    PlanState,
    StatusUpdate,
    WishState,
    differs,
    freshness,
    is_fulfilled,
    place_id,
)
from voltkeep.domain.commands import ChangeAvailability, Outcome
from voltkeep.domain.events import AvailabilityChanged, ConnectorStatusChanged
from voltkeep.domain.identity import Evse, Sender, StationId
from voltkeep.domain.stations import Station
from voltkeep.services.audit import acting, audit
from voltkeep.services.availability_plans import AvailabilityPlans
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    ConnectorRow,
    Journal,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import registered

log = structlog.get_logger(__name__)

MAX_CONNECTORS = 64  # of one station: a station must not fill our memory with inventions
_FEW_WISHES = 200  # open at once: they are looked at one by one


class ConnectorState(Struct, frozen=True, kw_only=True):
    """What a connector said last, and how far that can be believed."""

    row: ConnectorRow
    freshness: Freshness


class WishShown(Struct, frozen=True, kw_only=True):
    """What is wanted of a place; ``differs``: it did so, and says otherwise since."""

    wish: AvailabilityWish
    differs: bool


class Availability(Struct, frozen=True, kw_only=True):
    """A station's connectors, what is wanted of it, and what is planned."""

    station: Station
    connectors: tuple[ConnectorState, ...]
    wishes: tuple[WishShown, ...]
    plans: tuple[AvailabilityPlan, ...]


class AvailabilityService:
    """Takes status at once, stores the latest of each connector soon, its history too.

    What is wanted of a place is kept, and settled by what the station says.
    """

    def __init__(
        self,
        begin: Begin,
        read: Read,
        journal: Journal,
        stations: Stations,
        clock: Clock,
        *,
        patience: timedelta | None,
    ) -> None:
        self._begin = begin
        self._read = read
        self._journal = journal
        self._stations = stations
        self._clock = clock
        self._patience = patience
        # With the time it counts for: a clock that is ahead must not outdate all that follows.
        self._latest: dict[StationId, dict[Evse | None, tuple[datetime, StatusUpdate]]] = {}
        self._unsaved: dict[tuple[StationId, Evse | None], tuple[ConnectorRow, bool]] = {}
        self.plans = AvailabilityPlans(begin, read, self.change, clock)

    # What stations say.

    def record(self, sender: Sender, update: StatusUpdate) -> None:
        """Take a status. Never waits: `save` stores it within a second."""
        known = self._latest.setdefault(sender.station, {})
        before = known.get(update.evse)
        if before is None and len(known) >= MAX_CONNECTORS:
            log.warning("too many connectors", station=str(sender.station), limit=MAX_CONNECTORS)
            return
        at = min(update.at, sender.received_at)
        if before is not None and at < before[0]:
            self._journal.status(sender, update)  # late news: history, not state
            return
        known[update.evse] = at, update
        changed = before is None or _told(before[1]) != _told(update)
        row = ConnectorRow(station=sender.station, update=update, received_at=sender.received_at)
        unsaved = self._unsaved.get((sender.station, update.evse))
        self._unsaved[sender.station, update.evse] = (
            row,
            changed or (unsaved is not None and unsaved[1]),
        )
        self._journal.status(sender, update)

    async def save(self) -> None:
        """Store what has come since the last time, and tell of changes. Keeps it on failure."""
        if not self._unsaved:
            return
        taken, self._unsaved = self._unsaved, {}
        try:
            async with self._begin() as work:
                rows = [row for row, _ in taken.values()]
                await work.connectors.save(rows)
                for row, changed in taken.values():
                    if changed:
                        work.emit(_changed(row))
                await self._settle(work, rows)
        except BaseException:
            self._unsaved = taken | self._unsaved
            raise

    def disconnected(self, station: StationId) -> None:
        """Forget what is stored by now or soon: its next connection reports anew."""
        self._latest.pop(station, None)

    # What is wanted.

    async def change(
        self, station: StationId, *, operative: bool, evse: Evse | None = None
    ) -> Outcome:
        """Ask a station to serve drivers or not, there or as a whole (G03, G04).

        What is wanted is kept, unless nothing was asked. Raises UnknownStation, and what
        `Stations.send` raises.
        """
        now = self._clock()
        wish = AvailabilityWish(
            station=station,
            id=place_id(evse),
            state=WishState.ASKED,
            at=now,
            operative=operative,
            evse=evse,
            asked_at=now,
            asked_by=acting().name,
        )
        async with self._begin() as work:
            await registered(work, station)
            before = await work.availability.lock(station, wish.id)
            await work.availability.put(wish)
        try:
            outcome = await self._stations.send(
                station, ChangeAvailability(operative=operative, evse=evse)
            )
        except StationUnreachable as failure:
            await self._unanswered(wish, before, failure)
            raise
        state = WishState.DONE if outcome.accepted else WishState.REJECTED
        if outcome.status == "Scheduled":
            state = WishState.SCHEDULED
        await self._answered(wish, state, outcome.status)
        return outcome

    async def _unanswered(
        self, wish: AvailabilityWish, before: AvailabilityWish | None, failure: StationUnreachable
    ) -> None:
        if failure.may_have_arrived:
            await self._answered(wish, WishState.UNANSWERED, failure.result)
            return
        async with self._begin() as work:
            current = await work.availability.lock(wish.station, wish.id)
            if current == wish and before is None:
                await work.availability.remove(wish.station, wish.id)
            elif current == wish and before is not None:
                await work.availability.put(before)
            if not isinstance(failure, CommandUnfit):
                await self._note(work, wish, failure.result)

    async def _answered(self, wish: AvailabilityWish, state: WishState, status: str) -> None:
        async with self._begin() as work:
            await self._note(work, wish, status or state)
            current = await work.availability.lock(wish.station, wish.id)
            if current != wish:
                return  # wanted otherwise, or fulfilled, meanwhile
            moved = structs.replace(wish, state=state, status=status, at=self._clock())
            said = await _said(work, wish.station)
            if state in OPEN_WISHES and is_fulfilled(moved, said):
                moved = structs.replace(moved, state=WishState.DONE)
            await _move(work, moved)

    async def _note(self, work: Work, wish: AvailabilityWish, result: str) -> None:
        place = f" {wish.id}" if wish.evse else ""
        deed = Deed(
            action="availability.changed",
            object=f"{wish.station}{place}",
            after="operative" if wish.operative else "inoperative",
            result=result,
        )
        await audit(work, wish.station.tenant, self._clock(), deed)

    async def _settle(self, work: Work, rows: Sequence[ConnectorRow]) -> None:
        """What a station has just said may be what was wanted (G03.FR.06, G04.FR.07)."""
        told = {row.station for row in rows}
        open_ = await work.availability.all(states=OPEN_WISHES, limit=_FEW_WISHES + 1)
        if len(open_) <= _FEW_WISHES:
            told &= {wish.station for wish in open_}
        for station in sorted(told):
            said = await _said(work, station)
            for wish in await work.availability.of(station, states=OPEN_WISHES):
                current = await work.availability.lock(station, wish.id)
                is_open = current is not None and current.state in OPEN_WISHES
                if current is not None and is_open and is_fulfilled(current, said):
                    done = structs.replace(current, state=WishState.DONE, at=self._clock())
                    await _move(work, done)

    # What operators ask.

    async def of(self, station: StationId) -> list[ConnectorRow]:
        """The stored status of a station and its connectors."""
        async with self._read() as work:
            return await work.connectors.of(station)

    def judge(self, row: ConnectorRow, station: Station) -> ConnectorState:
        """How far a status can be believed now."""
        fresh = freshness(row.received_at, station, self._clock(), self._patience)
        return ConnectorState(row=row, freshness=fresh)

    async def show(self, station: StationId) -> Availability:
        """What a station says, what is wanted of it, and what is planned. Raises UnknownStation."""
        async with self._read() as work:
            known = await registered(work, station)
            rows = await work.connectors.of(station)
            wishes = await work.availability.of(station)
            plans = await work.availability_plans.of(station, states=[PlanState.PLANNED])
        said = [(row.update, row.received_at) for row in rows]
        return Availability(
            station=known,
            connectors=tuple(self.judge(row, known) for row in rows),
            wishes=tuple(
                WishShown(wish=wish, differs=differs(wish, said))
                for wish in sorted(wishes, key=_place)
            ),
            plans=tuple(sorted(plans, key=lambda plan: (plan.due_at, plan.id))),
        )


def _place(wish: AvailabilityWish) -> tuple[int, int]:
    evse = wish.evse
    return (0, 0) if evse is None else (evse.id, evse.connector_id or 0)


async def _said(work: Work, station: StationId) -> list[tuple[StatusUpdate, datetime]]:
    return [(row.update, row.received_at) for row in await work.connectors.of(station)]


async def _move(work: Work, wish: AvailabilityWish) -> None:
    await work.availability.put(wish)
    work.emit(
        AvailabilityChanged(
            station=wish.station,
            at=wish.at,
            evse=wish.evse,
            operative=wish.operative,
            state=wish.state,
            status=wish.status,
        )
    )


def _told(update: StatusUpdate) -> tuple[str | None, ...]:
    return update.raw_status, update.error_code, update.info


def _changed(row: ConnectorRow) -> ConnectorStatusChanged:
    update = row.update
    return ConnectorStatusChanged(
        station=row.station,
        at=row.received_at,
        evse=update.evse,
        status=update.status,
        raw_status=update.raw_status,
        error_code=update.error_code,
        info=update.info,
    )
