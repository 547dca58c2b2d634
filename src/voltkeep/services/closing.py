"""Functional block E: transactions that never ended are found, and people close the record.

That is never a stop: nothing is sent to the station, and what it says later counts more.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.closing import Evidence, Surroundings, Unended, evidence
from voltkeep.domain.events import TransactionClosed
from voltkeep.domain.identity import StationId, TenantId, TransactionRef
from voltkeep.domain.transactions import Closing, Transaction
from voltkeep.services.audit import acting, audit
from voltkeep.services.background import now_and_then
from voltkeep.services.ports import Begin, Clock, MeterRow, Read, Work
from voltkeep.services.records import Look
from voltkeep.services.security_events import raise_alert
from voltkeep.services.transactions import UnknownTransaction

log = structlog.get_logger(__name__)

ALERT = "transaction never ended"
_LOOK_EVERY_S = 300.0
_PAGE = 200
_ALERTS_AT_ONCE = 20  # of one tenant at one look; of more there is one that counts them
_BY_SILENCE = (Evidence.OFFLINE, Evidence.RESTARTED)


class NotClosable(ValueError):
    """The transaction is over already, or cannot have ended like that."""


class ClosingService:
    """Looks for transactions that never ended, and closes them in the record."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, *, patience: timedelta) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._patience = patience

    # What goes on by itself.

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        await now_and_then("unended transactions", self.look, _LOOK_EVERY_S)

    async def look(self) -> None:
        """Note what has never ended, tell people of it, and drop what has ended after all."""
        await self._review()
        found = await self._search()
        by_tenant: defaultdict[TenantId, list[Unended]] = defaultdict(list)
        for each in found:
            by_tenant[each.station.tenant].append(each)
        for tenant, new in by_tenant.items():
            await self._tell(tenant, new)

    async def _search(self) -> list[Unended]:
        """Those that were not known yet."""
        now = self._clock()
        found: list[Unended] = []
        after: tuple[StationId, TransactionRef] | None = None
        while True:
            async with self._read() as work:
                page = await work.transactions.suspects(
                    now - self._patience, after=after, limit=_PAGE
                )
                for each in page:
                    known = await work.unended.get(each.station, each.ref)
                    if known is None and (seen := await self._judged(work, each, now)):
                        found.append(seen)
            if len(page) < _PAGE:
                return found
            after = (page[-1].station, page[-1].ref)

    async def _judged(self, work: Work, open_: Transaction, now: datetime) -> Unended | None:
        rows = await work.connectors.of(open_.station)
        around = Surroundings(
            station=await work.stations.get(open_.station),
            connectors=[(row.update, row.received_at) for row in rows],
            newer=await work.transactions.newer(open_),
            last_metered_at=None,
        )
        said = evidence(open_, around, now, self._patience)
        if said is None:
            return None
        if said[0] is not Evidence.NEWER:  # the row does not follow what only meters (ADR 0005)
            metered = await work.meter_values.of_transaction(open_.station, open_.ref)
            last = max((row.received_at for row in metered), default=None)
            around = structs.replace(around, last_metered_at=last)
            said = evidence(open_, around, now, self._patience)
        if said is None:
            return None
        return Unended(
            station=open_.station,
            id=open_.ref,
            state=said[0],
            at=now,
            text=said[1],
            evse=open_.evse,
            id_token=open_.id_token,
            started_at=open_.started_at,
            last_heard_at=open_.last_heard_at,
        )

    async def _tell(self, tenant: TenantId, new: list[Unended]) -> None:
        now = self._clock()
        async with self._begin() as work:
            added = [each for each in new if await work.unended.add(each)]
            if len(added) > _ALERTS_AT_ONCE:
                text = (
                    f"{len(added)} transactions never ended, as it seems, the last "
                    f"{added[-1].id} of {added[-1].station}: {added[-1].text}. "
                    "`voltkeep transaction unended` lists them."
                )
                everyone = StationId(tenant, "")
                await raise_alert(work, everyone, ALERT, text, now, times=len(added))
                return
            for each in added:
                text = (
                    f"transaction {each.id} never ended, as it seems: {each.text}. `voltkeep "
                    f"transaction close {each.station.quoted} {each.id}` closes the record."
                )
                await raise_alert(work, each.station, ALERT, text, now)

    async def _review(self) -> None:
        """Forget those that have ended, or that were heard of again."""
        before: tuple[datetime, StationId, str] | None = None
        while True:
            async with self._read() as work:
                page = await work.unended.all(before=before, limit=_PAGE)
                over = [each for each in page if await self._is_over(work, each)]
            if over:
                async with self._begin() as work:
                    for each in over:
                        await work.unended.remove(each.station, each.id)
            if len(page) < _PAGE:
                return
            before = (page[-1].at, page[-1].station, page[-1].id)

    async def _is_over(self, work: Work, known: Unended) -> bool:
        transaction = await work.transactions.get(known.station, TransactionRef(known.id))
        if transaction is None or not transaction.is_active:
            return True
        if known.state not in _BY_SILENCE:
            return False
        station = await work.stations.get(known.station)
        if station is None or station.last_seen_at is None or station.last_seen_at <= known.at:
            return False
        return await self._judged(work, transaction, self._clock()) is None

    # What operators ask.

    async def find_unended(self, tenant: TenantId, look: Look | None = None) -> list[Unended]:
        """Those found at the last look that are open still, the latest found first."""
        async with self._read() as work:
            return [
                each
                for each in await work.unended.page(tenant, look or Look())
                if (found := await work.transactions.get(each.station, TransactionRef(each.id)))
                and found.is_active
            ]

    async def close(
        self,
        station: StationId,
        ref: TransactionRef,
        *,
        reason: str,
        ended_at: datetime | None = None,
        meter_wh: float | None = None,
    ) -> Transaction:
        """Close a transaction in our record; nothing is sent to the station.

        Its end and its meter are those given, or else the last that were heard. Raises
        UnknownTransaction, NotClosable.
        """
        now = self._clock()
        async with self._begin() as work:
            await work.stations.lock(station)  # its reports wait; one that was removed has none
            transaction = await work.transactions.get(station, ref)
            if transaction is None:
                raise UnknownTransaction(f"{station} has no transaction {ref}")
            _check_open(transaction)
            rows = await work.meter_values.of_transaction(station, ref)
            closing = Closing(
                at=now,
                by=acting().name,
                reason=reason,
                as_of=ended_at or _last_heard(transaction, rows),
                meter_wh=_last_register(transaction, rows) if meter_wh is None else meter_wh,
            )
            _check_end(transaction, closing)
            transaction.closing = closing
            await work.transactions.save(transaction)
            await work.unended.remove(station, ref)
            work.emit(
                TransactionClosed(
                    station=station,
                    at=now,
                    ref=ref,
                    evse=transaction.evse,
                    closed_by=closing.by,
                    reason=reason,
                    as_of=closing.as_of,
                    energy_wh=transaction.energy_wh,
                )
            )
            said = f"ended {closing.as_of:%FT%TZ}, meter {closing.meter_wh} Wh: {reason}"
            deed = Deed(
                action="transaction.closed", object=f"{station} {ref}", before="open", after=said
            )
            await audit(work, station.tenant, now, deed)
        return transaction


def _check_open(transaction: Transaction) -> None:
    if transaction.ended_at is not None:
        raise NotClosable(
            f"transaction {transaction.ref} ended at {transaction.ended_at:%F %T}Z, as the "
            "station said"
        )
    if (closing := transaction.closing) is not None:
        raise NotClosable(
            f"transaction {transaction.ref} was closed by {closing.by} at {closing.at:%F %T}Z"
        )


def _check_end(transaction: Transaction, closing: Closing) -> None:
    started = transaction.started_at
    if closing.as_of > closing.at:
        raise NotClosable("it cannot have ended in the future: give an earlier end")
    if started is not None and closing.as_of < started:
        raise NotClosable(f"it began at {started:%F %T}Z: give an end that is later")
    first = transaction.meter_start_wh
    if first is not None and closing.meter_wh is not None and closing.meter_wh < first:
        raise NotClosable(f"its meter began at {first:g} Wh: give a reading that is not less")


def _last_heard(transaction: Transaction, rows: list[MeterRow]) -> datetime:
    """By the station's clock where its meter tells; never before it began."""
    last = rows[-1].value.at if rows else transaction.last_heard_at
    last = min(last, transaction.last_heard_at if not rows else rows[-1].received_at)
    return max(last, transaction.started_at or last)


def _last_register(transaction: Transaction, rows: list[MeterRow]) -> float | None:
    """Nothing metered since the start means that nothing is known to have flowed."""
    registers = [row.value.energy_wh for row in rows if row.value.energy_wh is not None]
    known = [*registers, transaction.meter_stop_wh, transaction.meter_start_wh]
    return max((each for each in known if each is not None), default=None)
