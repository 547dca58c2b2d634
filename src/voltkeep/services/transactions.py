"""Functional block E, transactions: every report of a station recorded exactly once."""

from collections import OrderedDict
from datetime import timedelta

import structlog
from msgspec import Struct

from voltkeep.domain.authorization import Authorization, Decision, Token, decide, decide_stop
from voltkeep.domain.availability import ChargingState
from voltkeep.domain.events import TransactionEnded, TransactionStarted, TransactionUpdated
from voltkeep.domain.identity import (
    IdToken,
    IdTokenKind,
    Sender,
    StationId,
    TenantId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import (
    NEVER_NAMED,
    Phase,
    Transaction,
    TransactionUpdate,
    is_invented,
    transaction_number,
)
from voltkeep.services import held_profiles, reservations
from voltkeep.services.meter_values import energy_metered
from voltkeep.services.ports import Announce, Begin, Clock, Journal, MeterRow, Read, Work
from voltkeep.services.security_events import raise_alert
from voltkeep.services.unknown_tokens import NeedsAnswer, UnknownTokenService

log = structlog.get_logger(__name__)

_METER_ONLY = {"MeterValuePeriodic", "MeterValueClock"}  # 2.1 TriggerReasonEnumType
_REMOTE_START_WINDOW = timedelta(minutes=15)
_OPEN_REMEMBERED = 100_000
_OPEN_LOOKED_AT = 100  # of one station, the latest


class UnknownTransaction(LookupError):
    """The station has no transaction of that name."""


class Recorded(Struct, frozen=True):
    """``decision`` is None when the update carried no token."""

    ref: TransactionRef
    decision: Decision | None


class TransactionService:
    """Finds the transaction a report belongs to, or opens one, and stores what is new in it."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        journal: Journal,
        clock: Clock,
        announce: Announce,
        unknown: UnknownTokenService,
        *,
        number_key: bytes,
    ) -> None:
        self._begin = begin
        self._read = read
        self._journal = journal
        self._clock = clock
        self._announce = announce
        self._unknown = unknown
        self._number_key = number_key
        # The charging state of transactions known to be open: what merely meters needs no work.
        self._open: OrderedDict[tuple[StationId, TransactionRef], ChargingState | None] = (
            OrderedDict()
        )

    async def record(self, sender: Sender, update: TransactionUpdate) -> Recorded:
        """Store what a station reports. Safe to repeat: stations resend after an outage.

        Raises StoreUnavailable, or Superseded when a newer connection has taken over.
        """
        if update.ref is not None and self._only_meters(sender.station, update):
            await self._journal.transaction_update(sender, update.ref, update)
            recorded = Recorded(update.ref, None)
        else:
            recorded = await self._work_or_ask(sender, update)
        if update.values:
            self._announce(energy_metered(sender, recorded.ref, update.evse, update.values))
        return recorded

    def _only_meters(self, station: StationId, update: TransactionUpdate) -> bool:
        """Whether nothing must be read or changed first: it can go through the journal."""
        key = (station, update.ref or NEVER_NAMED)
        return (
            update.phase is Phase.UPDATED
            and update.seq_no is not None
            and update.trigger in _METER_ONLY
            and update.id_token is None
            and key in self._open
            and update.charging_state in (None, self._open[key])
        )

    async def _work_or_ask(self, sender: Sender, update: TransactionUpdate) -> Recorded:
        """Where somebody elsewhere decides over unknown tokens, ask them between two tries."""
        try:
            return await self._work(sender, update)
        except NeedsAnswer:
            assert update.id_token is not None, "nobody is asked of no token"
            async with self._read() as work:
                where = await work.stations.get(sender.station)
            if where is not None:
                await self._unknown.ask(where, update.id_token)
            return await self._work(sender, update)

    async def _work(self, sender: Sender, update: TransactionUpdate) -> Recorded:
        async with self._begin() as work:
            where = await work.stations.hold(sender)
            ref, transaction = await self._find(work, sender.station, update)
            is_new = transaction is None
            if transaction is None:
                transaction = self._opened(sender, update, ref)
            elif not await work.transactions.mark(
                sender.station, transaction.ref, update, sender.received_at
            ):
                return Recorded(transaction.ref, await self._again(work, transaction, update))
            before = (transaction.started_at, transaction.ended_at, transaction.charging_state)
            decision = await self._decide(work, where, sender, transaction, update)
            transaction.apply(update, sender.received_at)
            if before[1] is None and transaction.ended_at and not _tells_energy(update):
                await self._look_up_energy(work, transaction)
            if is_new:
                await self._claim_remote_start(work, sender, transaction, update)
                await self._add(work, transaction, named_by_us=update.ref is None)
                await work.transactions.mark(
                    sender.station, transaction.ref, update, sender.received_at
                )
            await reservations.used(work, transaction, update, sender.received_at)
            await held_profiles.follow(work, transaction, before[1], sender.received_at)
            if not is_new or transaction.reservation_id != update.reservation_id:
                await work.transactions.save(transaction)
            if update.values:
                report = MeterReport(
                    evse=transaction.evse, ref=transaction.ref, values=update.values
                )
                await work.store_meter_values(sender, report)
            _tell(work, sender, transaction, before)
            if transaction.closing is not None and transaction.ended_at is None:
                await _tell_it_runs(work, sender, transaction)
        self._remember(transaction)
        return Recorded(transaction.ref, decision)

    async def _find(
        self, work: Work, station: StationId, update: TransactionUpdate
    ) -> tuple[TransactionRef, Transaction | None]:
        """The transaction of an update, and what it is called, if we need not name it."""
        if update.ref is None:
            return TransactionRef(""), await work.transactions.started_as(station, update.start_key)
        if _is_numbered(update) or not is_invented(update.ref):
            # Scoped by station: a number that another one holds is unknown here (CVE-2026-28230).
            found = await work.transactions.get(station, update.ref)
            if found is None or not _is_another_end(found, update):
                return update.ref, found
        elif (started := await self._started_unheard(work, station, update)) is not None:
            return started.ref, started
        ref = update.orphan_ref
        return ref, await work.transactions.get(station, ref)

    async def _started_unheard(
        self, work: Work, station: StationId, update: TransactionUpdate
    ) -> Transaction | None:
        """1.6 errata 3.18: our number got lost, so the end says -1. Which start was it?

        Only if there is no doubt: one open transaction of the station bears the token, and began
        earlier, at a smaller meter value.
        """
        if update.id_token is None:
            return None
        token, candidates = update.id_token.key, []
        for one in await work.transactions.all(
            station.tenant, station=station, limit=_OPEN_LOOKED_AT
        ):
            if one.id_token is None or one.id_token.key != token or one.is_orphan:
                continue
            if (one.ended_at, one.meter_stop_wh) == (update.at, update.meter_wh):
                return one  # the same end, said again
            if one.ended_at is None and _may_end(one, update):
                candidates.append(one)
        return candidates[0] if len(candidates) == 1 else None

    def _opened(
        self, sender: Sender, update: TransactionUpdate, ref: TransactionRef
    ) -> Transaction:
        return Transaction(
            station=sender.station,
            ref=ref,
            start_key=update.start_key if update.ref is None else None,
            first_heard_at=sender.received_at,
            last_heard_at=sender.received_at,
        )

    async def _add(self, work: Work, transaction: Transaction, *, named_by_us: bool) -> None:
        if not named_by_us:
            await work.transactions.add(transaction)
            return
        # A station may have invented the number before (an orphan of its own): take the next.
        while True:
            number = transaction_number(await work.transactions.next_number(), self._number_key)
            transaction.ref = TransactionRef(str(number))
            if await work.transactions.add(transaction):
                return

    async def _claim_remote_start(
        self, work: Work, sender: Sender, transaction: Transaction, update: TransactionUpdate
    ) -> None:
        """1.6 does not repeat our id: the token, the place and the time tell which it answers."""
        if update.phase is Phase.STARTED and update.seq_no is None and update.id_token is not None:
            since = sender.received_at - _REMOTE_START_WINDOW
            transaction.remote_start_id = await work.remote_starts.claim(
                sender.station, update.id_token, update.evse, since
            )

    async def _decide(
        self,
        work: Work,
        where: Station,
        sender: Sender,
        transaction: Transaction,
        update: TransactionUpdate,
    ) -> Decision | None:
        """Answer the token of an update, and note the answer to the one that started it."""
        id_token = update.id_token
        if id_token is None:
            return None
        tenant = transaction.station.tenant
        # A token after one that was refused starts anew: it is the one that charges.
        is_open = transaction.authorization is not Authorization.ACCEPTED
        starts = update.phase is not Phase.ENDED and (transaction.id_token is None or is_open)
        if not starts:
            token = await work.tokens.get(tenant, id_token)
            return self._may_stop(transaction, id_token, token)
        token = await work.tokens.hold(tenant, id_token)
        active = await work.transactions.active_with(
            tenant, id_token, except_at=(transaction.station, update.evse or transaction.evse)
        )
        if token is None and id_token.kind != IdTokenKind.NO_AUTHORIZATION:
            decision = self._unknown.decided(where, id_token)
            await self._unknown.note(work, sender, id_token, decision.status)
        else:
            decision = decide(id_token, token, self._clock(), active=active)
        transaction.id_token = id_token
        transaction.authorization, transaction.group = decision.status, decision.group
        return decision

    async def _again(
        self, work: Work, transaction: Transaction, update: TransactionUpdate
    ) -> Decision | None:
        """A repeated report gets the answer of the first: never ConcurrentTx with itself."""
        id_token = update.id_token
        if id_token is None:
            return None
        first = transaction.id_token
        token = await work.tokens.get(transaction.station.tenant, id_token)
        if first is not None and first.key == id_token.key and transaction.authorization:
            return Decision(
                transaction.authorization, transaction.group, token.expires_at if token else None
            )
        return self._may_stop(transaction, id_token, token)

    def _may_stop(
        self, transaction: Transaction, id_token: IdToken, token: Token | None
    ) -> Decision:
        was_let_in = transaction.authorization is Authorization.ACCEPTED
        return decide_stop(
            id_token,
            token,
            self._clock(),
            started_by=transaction.id_token if was_let_in else None,
            group=transaction.group,
        )

    async def _look_up_energy(self, work: Work, transaction: Transaction) -> None:
        """An end need not repeat the meter, and what only metered went past the row (ADR 0005)."""
        rows = await work.meter_values.of_transaction(transaction.station, transaction.ref)
        registers = [row.value.energy_wh for row in rows if row.value.energy_wh is not None]
        transaction.meter_stop_wh = max(registers, default=transaction.meter_stop_wh)

    def _remember(self, transaction: Transaction) -> None:
        key = (transaction.station, transaction.ref)
        if transaction.is_active and transaction.started_at is not None:
            self._open[key] = transaction.charging_state
            while len(self._open) > _OPEN_REMEMBERED:
                self._open.popitem(last=False)
        else:
            self._open.pop(key, None)

    # What operators ask.

    async def get(self, station: StationId, ref: TransactionRef) -> Transaction:
        """Raises UnknownTransaction."""
        async with self._read() as work:
            transaction = await work.transactions.get(station, ref)
        if transaction is None:
            raise UnknownTransaction(f"{station} has no transaction {ref}")
        return transaction

    async def meter_values(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        """What the meter said during a transaction, in order of time.

        With what it said of a transaction without a name, meanwhile and there (errata 3.18).
        """
        async with self._read() as work:
            named = await work.meter_values.of_transaction(station, ref)
            transaction = await work.transactions.get(station, ref)
            if transaction is None or transaction.start_key is None:
                return named
            nameless = await work.meter_values.of_transaction(station, NEVER_NAMED)
        found = named + [row for row in nameless if _is_during(transaction, row)]
        return sorted(found, key=lambda row: row.value.at)

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        limit: int = 100,
    ) -> list[Transaction]:
        """The transactions heard of last, newest first."""
        found: list[Transaction] = []
        async with self._read() as work:
            while len(found) < limit:
                last = found[-1] if found else None
                page = await work.transactions.all(
                    tenant,
                    station=station,
                    active=active,
                    before=(last.first_heard_at, last.station, last.ref) if last else None,
                    limit=min(1000, limit - len(found)),
                )
                if not page:
                    break
                found += page
        return found


def _is_numbered(update: TransactionUpdate) -> bool:
    """2.x: the station names its transactions and numbers what it says of them."""
    return update.seq_no is not None


def _is_during(transaction: Transaction, row: MeterRow) -> bool:
    start, end = transaction.started_at, transaction.ended_at
    is_there = row.evse is not None and row.evse == transaction.evse
    is_after = start is not None and start <= row.value.at
    return is_there and is_after and (end is None or row.value.at <= end)


def _may_end(started: Transaction, update: TransactionUpdate) -> bool:
    """Whether an end can be that of a transaction, by its time and its meter."""
    if started.started_at is None or started.started_at > update.at:
        return False
    register = started.meter_start_wh
    return update.meter_wh is None or register is None or register <= update.meter_wh


def _is_another_end(found: Transaction, update: TransactionUpdate) -> bool:
    """Whether a station ends several transactions under one number that we never gave."""
    return (
        not _is_numbered(update)
        and found.is_orphan
        and found.ended_at is not None
        and update.phase is Phase.ENDED
        and (found.ended_at, found.meter_stop_wh) != (update.at, update.meter_wh)
    )


def _tells_energy(update: TransactionUpdate) -> bool:
    return update.meter_wh is not None or any(
        value.energy_wh is not None for value in update.values
    )


async def _tell_it_runs(work: Work, sender: Sender, transaction: Transaction) -> None:
    text = (
        f"transaction {transaction.ref} goes on at the station, and was closed in the record: "
        "`voltkeep station command` stops it, if that is wanted"
    )
    await raise_alert(work, sender.station, "closed transaction goes on", text, sender.received_at)


def _tell(
    work: Work, sender: Sender, transaction: Transaction, before: tuple[object, object, object]
) -> None:
    """Emit what this update changed, and nothing else."""
    started_at, ended_at, charging_state = before
    station, ref, at = transaction.station, transaction.ref, sender.received_at
    if started_at is None and transaction.started_at is not None:
        work.emit(
            TransactionStarted(
                station=station,
                at=at,
                ref=ref,
                evse=transaction.evse,
                id_token=transaction.id_token,
                authorization=transaction.authorization,
                started_at=transaction.started_at,
                remote_start_id=transaction.remote_start_id,
                meter_start_wh=transaction.meter_start_wh,
            )
        )
    elif transaction.ended_at is None and charging_state != transaction.charging_state:
        work.emit(
            TransactionUpdated(
                station=station, at=at, ref=ref, charging_state=transaction.charging_state
            )
        )
    if ended_at is None and transaction.ended_at is not None:
        work.emit(
            TransactionEnded(
                station=station,
                at=at,
                ref=ref,
                evse=transaction.evse,
                ended_at=transaction.ended_at,
                energy_wh=transaction.energy_wh,
                stop_reason=transaction.stop_reason,
                is_orphan=transaction.is_orphan,
            )
        )
