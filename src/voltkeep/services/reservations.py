"""Functional block H, reservations: asked for, used, expired, cancelled."""

from datetime import UTC, datetime, timedelta

import structlog
from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import Authorization
from voltkeep.domain.commands import CancelReservation, Outcome, ReserveNow
from voltkeep.domain.events import ReservationChanged
from voltkeep.domain.identity import Evse, IdToken, Sender, StationId, TenantId
from voltkeep.domain.reservations import (
    OPEN_RESERVATIONS,
    Reservation,
    ReservationState,
    claimed_by,
    state_said,
)
from voltkeep.domain.transactions import Phase, Transaction, TransactionUpdate
from voltkeep.services.audit import audit
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import registered
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 5.0
_PAGE = 500
_HIGHEST = 2**31 - 1
# A station tells of the end itself, in 2.x; its clock may be behind ours by as much.
_SAYS_SO_ITSELF = timedelta(seconds=5)


class UnknownReservation(LookupError):
    """The station has no reservation of that number."""


class Wish(Struct, frozen=True, kw_only=True):
    """What shall be reserved; nothing of it is checked against what the station has."""

    id_token: IdToken
    expires_at: datetime
    evse: Evse | None = None
    connector_type: str = ""
    group: str | None = None
    id: int | None = None  # replaces the one of that number, if there is one; None: a new number


class Reserved(Struct, frozen=True, kw_only=True):
    """A reservation that a station has answered."""

    reservation: Reservation
    outcome: Outcome


class ReservationService:
    """Reservations as records: what was asked for, and what became of it."""

    def __init__(self, begin: Begin, read: Read, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock

    # What we ask.

    async def reserve(self, station: StationId, wish: Wish) -> Reserved:
        """Ask a station to keep an EVSE, or any, for a token (H01).

        Raises UnknownStation, CommandUnfit for a time out of all calendars, and what
        `Stations.send` raises.
        """
        wish = structs.replace(wish, expires_at=_utc(wish.expires_at))
        reservation, replaced = await self._begun(station, wish)
        command = ReserveNow(
            id=int(reservation.id),
            evse=wish.evse,
            connector_type=wish.connector_type,
            id_token=wish.id_token,
            group=reservation.group,
            expires_at=wish.expires_at,
        )
        try:
            outcome = await self._stations.send(station, command)
        except StationUnreachable as failure:
            lost = failure.may_have_arrived
            state = ReservationState.UNKNOWN if lost else ReservationState.REFUSED
            await self._answered(reservation, state, failure.result, replaced)
            raise
        state = ReservationState.ACTIVE if outcome.accepted else ReservationState.REFUSED
        reservation = await self._answered(reservation, state, outcome.status, replaced)
        return Reserved(reservation=reservation, outcome=outcome)

    async def _begun(
        self, station: StationId, wish: Wish
    ) -> tuple[Reservation, Reservation | None]:
        """Remember it before it is asked for: the driver may be quicker than the answer."""
        now = self._clock()
        async with self._begin() as work:
            await registered(work, station)
            group = wish.group
            if group is None:
                token = await work.tokens.get(station.tenant, wish.id_token)
                group = token.group if token is not None else None
            id = str(wish.id) if wish.id is not None else await _new_id(work, station.tenant)
            replaced = await work.reservations.lock(station, id)
            reservation = Reservation(
                station=station,
                id=id,
                state=ReservationState.REQUESTED,
                at=now,
                evse=wish.evse,
                connector_type=wish.connector_type,
                id_token=wish.id_token,
                group=group,
                expires_at=wish.expires_at,
                requested_at=now,
            )
            await _put(work, reservation)
            what = f"{id} at {_where(reservation)} until {wish.expires_at:%FT%TZ}"
            deed = Deed(action="reservation.requested", object=str(station), after=what)
            await audit(work, station.tenant, now, deed)
        return reservation, replaced

    async def _answered(
        self,
        asked: Reservation,
        state: ReservationState,
        status: str,
        replaced: Reservation | None,
    ) -> Reservation:
        now = self._clock()
        async with self._begin() as work:
            current = await work.reservations.lock(asked.station, asked.id) or asked
            if current.state is not ReservationState.REQUESTED:
                return current  # used meanwhile, or cancelled
            refused = state is ReservationState.REFUSED
            if refused and replaced is not None and replaced.state in OPEN_RESERVATIONS:
                # H01.FR.02: only an accepted one takes the place of the older.
                await _put(work, structs.replace(replaced, at=now, status=status))
                return structs.replace(current, state=state, status=status, at=now)
            return await _put(work, structs.replace(current, state=state, status=status, at=now))

    async def cancel(self, station: StationId, id: int) -> Outcome:
        """Ask a station to give a reservation up (H02), also one that we know nothing of.

        Raises UnknownStation, and what `Stations.send` raises.
        """
        async with self._read() as work:
            await registered(work, station)
        try:
            outcome = await self._stations.send(station, CancelReservation(id=id))
        except StationUnreachable as failure:
            await self._cancelled(station, id, None, failure.result)
            raise
        # H02.FR.01: rejected means that the station has none of that number.
        state = ReservationState.CANCELLED if outcome.accepted else ReservationState.REMOVED
        await self._cancelled(station, id, state, outcome.status)
        return outcome

    async def _cancelled(
        self, station: StationId, id: int, state: ReservationState | None, result: str
    ) -> None:
        now = self._clock()
        async with self._begin() as work:
            known = await work.reservations.lock(station, str(id))
            if state is not None and known is not None and known.state in OPEN_RESERVATIONS:
                await _put(work, structs.replace(known, state=state, status=result, at=now))
            deed = Deed(
                action="reservation.cancelled",
                object=str(station),
                after=str(id),
                result=result or "done",
            )
            await audit(work, station.tenant, now, deed)

    # What stations say.

    async def status(self, sender: Sender, id: int, status: str) -> None:
        """A station tells that a reservation is over (H04). An unknown number is no error."""
        state = state_said(status)
        async with self._begin() as work:
            await work.stations.hold(sender)
            known = await work.reservations.lock(sender.station, str(id))
            if known is None or state is None or known.state not in OPEN_RESERVATIONS:
                return
            at = sender.received_at
            await _put(work, structs.replace(known, state=state, status=status, at=at))

    # What goes on by itself.

    async def run(self) -> None:
        """End reservations whose time is over, until cancelled."""
        await now_and_then("reservations", self.expire, _LOOK_EVERY_S)

    async def expire(self) -> int:
        """End those whose time is over, connected or not; how many."""
        latest = self._clock() - _SAYS_SO_ITSELF
        due: list[Reservation] = []
        before = None
        async with self._read() as work:
            while page := await work.reservations.all(
                states=OPEN_RESERVATIONS, before=before, limit=_PAGE
            ):
                due += [each for each in page if each.expires_at <= latest]
                before = (page[-1].at, page[-1].station, page[-1].id)
        for each in due:
            async with self._begin() as work:
                current = await work.reservations.lock(each.station, each.id)
                if (
                    current is not None
                    and current.state in OPEN_RESERVATIONS
                    and current.expires_at <= latest
                ):
                    state = ReservationState.EXPIRED
                    await _put(work, structs.replace(current, state=state, at=self._clock()))
        return len(due)

    # What operators look at.

    async def get(self, station: StationId, id: str) -> Reservation:
        """Raises UnknownReservation."""
        async with self._read() as work:
            found = await work.reservations.get(station, id)
        if found is None:
            raise UnknownReservation(f"{station} has no reservation {id}")
        return found

    async def page(self, tenant: TenantId, look: Look) -> list[Reservation]:
        """Those that fit, the latest changed first."""
        async with self._read() as work:
            return await work.reservations.page(tenant, look)


async def used(
    work: Work, transaction: Transaction, update: TransactionUpdate, at: datetime
) -> None:
    """Note which reservation a transaction uses, in the work that records it (H03).

    By the number that the station says, which is good also when we had given it up; else by
    the token and its group, if the token was accepted.
    """
    if update.phase is Phase.ENDED or transaction.ref == "":
        return
    found: Reservation | None = None
    if update.reservation_id is not None:
        found = await work.reservations.lock(transaction.station, str(update.reservation_id))
        if found is not None and found.transaction is not None:
            return
    elif update.id_token is not None and transaction.authorization is Authorization.ACCEPTED:
        open_ones = await work.reservations.of(transaction.station, states=OPEN_RESERVATIONS)
        found = claimed_by(
            open_ones,
            id_token=update.id_token,
            group=transaction.group,
            evse=transaction.evse,
            at=update.at,
        )
    if found is None:
        return
    if transaction.reservation_id is None:
        transaction.reservation_id = int(found.id)
    state = ReservationState.USED
    await _put(work, structs.replace(found, state=state, transaction=transaction.ref, at=at))


async def _new_id(work: Work, tenant: TenantId) -> str:
    """The installation's own numbers never repeat; a person may have used one before."""
    while True:
        id = str((await work.transactions.next_number() - 1) % _HIGHEST + 1)
        if await work.reservations.find(tenant, id) is None:
            return id


async def _put(work: Work, reservation: Reservation) -> Reservation:
    await work.reservations.put(reservation)
    work.emit(
        ReservationChanged(
            station=reservation.station,
            at=reservation.at,
            reservation_id=int(reservation.id),
            evse=reservation.evse,
            id_token=reservation.id_token,
            state=reservation.state,
            status=reservation.status,
            expires_at=reservation.expires_at,
        )
    )
    return reservation


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise CommandUnfit("a reservation ends between the years 1 and 9999") from error


def _where(reservation: Reservation) -> str:
    return f"EVSE {reservation.evse.id}" if reservation.evse is not None else "any EVSE"
