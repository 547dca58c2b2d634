"""Functional block D, local lists: each station's kept in step with our tokens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import ALL_TOKENS, TokenChange
from voltkeep.domain.commands import (
    EntriesLeftOut,
    GetLocalListLimits,
    GetLocalListVersion,
    LocalListLimitsTold,
    LocalListVersionTold,
    Outcome,
    SendLocalList,
)
from voltkeep.domain.events import LocalListChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.local_list import (
    LIST,
    ListEntry,
    ListState,
    LocalList,
    entry_of,
    is_listed,
    next_version,
)
from voltkeep.domain.stations import Station
from voltkeep.services.audit import audit
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationRefused,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import locked, registered
from voltkeep.services.records import Look

log = structlog.get_logger(__name__)

_PER_MESSAGE = 100  # where a station does not say how many it takes
_MOST_PER_MESSAGE = 1000  # whatever it says: more would be too long a message
_PAGE = 500
CHANGES_KEPT = timedelta(days=90)  # a list that is older is sent in full
_ACCEPTED = "Accepted"
_NOT_SUPPORTED = "NotSupported"
_NONE_MISSING = EntriesLeftOut(0, "")


class LocalListService:
    """Sends lists and what changed in them. Nothing is kept of a list but up to when it is true."""

    def __init__(self, begin: Begin, read: Read, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock
        self._locks: WeakValueDictionary[StationId, asyncio.Lock] = WeakValueDictionary()

    # What operators do.

    async def set(
        self,
        station: StationId,
        *,
        is_on: bool | None = None,
        groups: Sequence[str] | None = None,
        unless_changed: Check[LocalList] = as_it_is,
    ) -> LocalList:
        """Whether the list is kept in step by itself, and of which groups it is made.

        Raises UnknownStation.
        """
        now = self._clock()
        async with self._begin() as work:
            where = await locked(work, station)
            known = await _locked(work, where)
            unless_changed(known)
            changed = known
            if is_on is not None:
                changed = structs.replace(changed, is_on=is_on)
            if groups is not None and tuple(groups) != known.groups:
                state = ListState.NEW if known.state is ListState.NEW else ListState.DUE
                changed = structs.replace(
                    changed, groups=tuple(groups), synced_until=None, state=state
                )
            changed = structs.replace(changed, at=now)
            await _put(work, changed)
            of = ", ".join(changed.groups) or "every token"
            deed = Deed(
                action="local_list.changed",
                object=str(station),
                after=f"{'on' if changed.is_on else 'off'}, {of}",
            )
            await audit(work, station.tenant, now, deed)
        return changed

    async def version(self, station: StationId) -> Outcome:
        """Ask which version the station has (D02). Raises what `Stations.send` raises."""
        outcome = await self._stations.send(station, GetLocalListVersion())
        told = outcome.told
        if isinstance(told, LocalListVersionTold):
            now = self._clock()
            async with self._begin() as work:
                known = await _locked(work, await locked(work, station))
                if told.version is None:
                    known = structs.replace(known, state=ListState.UNSUPPORTED, version=0)
                elif told.version != known.version:
                    state = ListState.NEW if told.version == 0 else ListState.DUE
                    known = structs.replace(
                        known, state=state, version=told.version, synced_until=None
                    )
                await _put(work, structs.replace(known, at=now))
        return outcome

    async def send(
        self,
        station: StationId,
        entries: Sequence[ListEntry],
        *,
        full: bool,
        version: int | None = None,
    ) -> Outcome:
        """Send exactly these entries (D01), whatever we know of them.

        The list is not ours then: the next time it is kept in step, all of it is sent. Raises
        UnknownStation, and what `Stations.send` raises.
        """
        async with self._lock(station):
            known = await self._known(station)
            number = next_version(known.version) if version is None else version
            command = SendLocalList(version=number, full=full, entries=tuple(entries))
            await self._audit(station, f"version {number}, {len(entries)} entries", full=full)
            outcome = await self._stations.send(station, command)
            took = outcome.accepted
            await self._keep(
                structs.replace(
                    known,
                    state=ListState.BY_HAND if took else ListState.FAILED,
                    version=number if took else known.version,
                    synced_until=None,
                    sent_at=self._clock() if took else known.sent_at,
                    entries=len(entries) if full and took else known.entries,
                    status=outcome.status,
                    reason="" if took else _refused(outcome.status),
                )
            )
        return outcome

    async def sync(
        self,
        station: StationId,
        *,
        full: bool = False,
        exactly: bool = False,
        version: int | None = None,
    ) -> Outcome:
        """Bring a station's list in step, now: somebody asks for it, so that a list is sent.

        Nothing else is, to a passive station, or ``exactly``, or as a ``version``. Raises
        UnknownStation, and as `Stations.send`.
        """
        where = await self._audit(station, "as registered", full=full)
        until = self._clock()
        if not (exactly or where.passive) and version is None:
            return await self.bring_in_step(station, until=until, full=full, asked_for=True)
        async with self._lock(station):
            known = await self._known(station)
            if full or known.synced_until is None or await self._all_changed(known):
                return await self._send_all(known, until, version)
            outcome = await self._send_changes(known, until, always=True, number=version)
            if not outcome.accepted:
                known = structs.replace(known, synced_until=None)
                await self._failed(known, _refused(outcome.status), outcome)
            return outcome

    async def get(self, station: StationId) -> LocalList:
        """What is known of a station's list. Raises UnknownStation."""
        return await self._known(station)

    async def page(self, tenant: TenantId, look: Look) -> list[LocalList]:
        """Lists of stations, the latest changed first."""
        async with self._read() as work:
            return await work.local_lists.page(tenant, look)

    # How it is done.

    async def bring_in_step(
        self,
        station: StationId,
        *,
        until: datetime,
        full: bool = False,
        asked_for: bool = False,
    ) -> Outcome:
        """Send what changed before ``until``, or all of it where that will not do (D01).

        To a station that says it keeps no list, only if somebody has asked for it.
        """
        async with self._lock(station):
            known = await self._known(station)
            asked = await self._version_told(station, may_refuse=asked_for)
            told = asked.told
            if not isinstance(told, LocalListVersionTold) or told.version is None:
                if asked_for:
                    return await self._send_all(structs.replace(known, version=0), until)
                reason = "the station keeps no local list"
                state = ListState.UNSUPPORTED
                await self._keep(structs.replace(known, state=state, version=0, reason=reason))
                return structs.replace(asked, accepted=False, status=_NOT_SUPPORTED)
            is_ours = told.version == known.version and known.synced_until is not None
            known = structs.replace(known, version=told.version)
            if full or known.per_message is None:
                known = await self._limits(known)
            if (problem := await self._too_many(known)) is not None:
                return await self._failed(known, problem)
            if not full and is_ours and not await self._all_changed(known):
                outcome = await self._send_changes(known, until)
                if outcome.accepted:
                    return outcome
                # D01.FR.18, 1.6 5.15: with all of it, whatever it has now.
                log.info("a local list is sent anew", station=str(station), said=outcome.status)
            return await self._send_all(known, until)

    async def _version_told(self, station: StationId, *, may_refuse: bool) -> Outcome:
        try:
            return await self._stations.send(station, GetLocalListVersion())
        except StationRefused as refused:
            if not may_refuse:
                raise
            return Outcome(accepted=False, status=refused.code)

    async def _send_all(
        self, known: LocalList, until: datetime, number: int | None = None
    ) -> Outcome:
        """The first message is the full list, the next ones add to it."""
        # Until all of it is there nothing is certain: a crash on the way begins anew.
        await self._keep(structs.replace(known, state=ListState.DUE, synced_until=None))
        version, sent, after, is_first = known.version, 0, "", True
        outcome, missing = Outcome(accepted=True, status=_ACCEPTED), _NONE_MISSING
        size = _size(known)
        while True:
            async with self._read() as work:
                page = await work.tokens.all(
                    known.station.tenant, after=after, groups=known.groups, limit=size
                )
            now = self._clock()
            entries = [entry_of(each, now) for each in page if is_listed(each, known.groups)]
            if entries or is_first:
                version = _number(version, number, first=is_first)
                outcome = await self._send(known, version, entries, full=is_first)
                if not outcome.accepted:
                    known = structs.replace(known, synced_until=None)
                    return await self._failed(known, _refused(outcome.status), outcome)
                missing = missing.and_more(outcome.told)
                is_first, sent = False, sent + len(entries)
            if len(page) < size:
                break
            after = page[-1].id_token.key
        known = structs.replace(
            known,
            version=version,
            entries=sent - missing.count,
            left_out=missing.count,
            left_out_why=missing.why,
        )
        return await self._in_step(known, until, _warned(outcome, missing))

    async def _send_changes(
        self,
        known: LocalList,
        until: datetime,
        *,
        always: bool = False,
        number: int | None = None,
    ) -> Outcome:
        """``always``: also if nothing has changed."""
        version, outcome = known.version, Outcome(accepted=True, status=_ACCEPTED)
        sent_any, missing = False, _NONE_MISSING
        async for changes in self._changes(known, until):
            entries = await self._entries(known, changes)
            if not entries:
                continue
            version = _number(version, number, first=not sent_any)
            outcome = await self._send(known, version, entries, full=False)
            if not outcome.accepted:
                return outcome
            missing = missing.and_more(outcome.told)
            sent_any = True
        if always and not sent_any:
            version = _number(version, number, first=True)
            outcome = await self._send(known, version, (), full=False)
            if not outcome.accepted:
                return outcome
            sent_any = True
        known = structs.replace(
            known,
            version=version,
            left_out=known.left_out + missing.count,
            left_out_why=missing.why or known.left_out_why,
        )
        return await self._in_step(known, until, _warned(outcome, missing), sent=sent_any)

    async def _changes(
        self, known: LocalList, until: datetime
    ) -> AsyncIterator[Sequence[TokenChange]]:
        look = Look(
            station="",
            since=known.synced_until,
            until=until,
            oldest_first=True,
            limit=_size(known),
        )
        while True:
            async with self._read() as work:
                page = await work.token_changes.page(known.station.tenant, look)
            if page:
                yield page
            if len(page) < look.limit:
                return
            last = page[-1]
            look = structs.replace(look, after=(last.at, last.station.name, last.id))

    async def _entries(self, known: LocalList, changes: Sequence[TokenChange]) -> list[ListEntry]:
        entries, now = [], self._clock()
        async with self._read() as work:
            for change in changes:
                if known.groups and not set(known.groups).intersection(change.groups):
                    continue  # never in this list
                token = await work.tokens.get(known.station.tenant, change.id_token)
                if token is not None and is_listed(token, known.groups):
                    entries.append(entry_of(token, now))
                else:
                    entries.append(ListEntry(id_token=change.id_token, status=None))
        return entries

    async def _send(
        self, known: LocalList, version: int, entries: Sequence[ListEntry], *, full: bool
    ) -> Outcome:
        command = SendLocalList(
            version=version, full=full, entries=tuple(entries), skips_unfit=True
        )
        return await self._stations.send(known.station, command)

    async def _limits(self, known: LocalList) -> LocalList:
        try:
            outcome = await self._stations.send(known.station, GetLocalListLimits())
        except StationRefused:
            return known
        told = outcome.told
        if not isinstance(told, LocalListLimitsTold):
            return known
        return structs.replace(known, most_entries=told.entries, per_message=told.per_message)

    async def _too_many(self, known: LocalList) -> str | None:
        if known.most_entries is None:
            return None
        async with self._read() as work:
            count = await work.tokens.count(known.station.tenant, groups=known.groups)
        if count <= known.most_entries:
            return None
        return (
            f"{count} tokens, and the station keeps {known.most_entries}: name the groups that "
            "shall be in its list"
        )

    async def _all_changed(self, known: LocalList) -> bool:
        since = known.synced_until
        if since is None or since <= self._clock() - CHANGES_KEPT:
            return True
        async with self._read() as work:
            change = await work.token_changes.get(StationId(known.station.tenant, ""), ALL_TOKENS)
        return change is not None and change.at >= since

    async def _in_step(
        self, known: LocalList, until: datetime, outcome: Outcome, *, sent: bool = True
    ) -> Outcome:
        await self._keep(
            structs.replace(
                known,
                state=ListState.IN_STEP,
                synced_until=until,
                sent_at=self._clock() if sent else known.sent_at,
                status=outcome.status if sent else known.status,
                reason="",
            )
        )
        return outcome

    async def _failed(
        self, known: LocalList, reason: str, outcome: Outcome | None = None
    ) -> Outcome:
        status = outcome.status if outcome is not None else ""
        state = ListState.UNSUPPORTED if status == _NOT_SUPPORTED else ListState.FAILED
        await self._keep(structs.replace(known, state=state, status=status, reason=reason))
        return outcome or Outcome(accepted=False, status="Failed", warning=reason)

    async def missed(self, station: StationId, reason: str) -> None:
        """Note that it could not be brought in step now, and has to be later."""
        known = await self._known(station)
        if (known.state, known.reason) != (ListState.DUE, reason):
            await self._keep(structs.replace(known, state=ListState.DUE, reason=reason))

    def _lock(self, station: StationId) -> asyncio.Lock:
        return self._locks.setdefault(station, asyncio.Lock())

    async def _known(self, station: StationId) -> LocalList:
        async with self._read() as work:
            where = await registered(work, station)
            known = await work.local_lists.get(station, LIST)
        return known or _new(where)

    async def _keep(self, changed: LocalList) -> None:
        """Store what was found; what a person has chosen meanwhile stays chosen."""
        now = self._clock()
        async with self._begin() as work:
            where = await work.stations.lock(changed.station)
            if where is None:
                return
            current = await _locked(work, where)
            is_other = current.groups != changed.groups
            await _put(
                work,
                structs.replace(
                    changed,
                    at=now,
                    is_on=current.is_on,
                    groups=current.groups,
                    state=ListState.DUE if is_other else changed.state,
                    synced_until=None if is_other else changed.synced_until,
                ),
            )

    async def _audit(self, station: StationId, what: str, *, full: bool) -> Station:
        now = self._clock()
        async with self._begin() as work:
            where = await registered(work, station)
            how = "full" if full else "differential"
            deed = Deed(action="local_list.sent", object=str(station), after=f"{how}, {what}")
            await audit(work, station.tenant, now, deed)
        return where


def _number(version: int, wanted: int | None, *, first: bool) -> int:
    return wanted if first and wanted is not None else next_version(version)


def _warned(outcome: Outcome, missing: EntriesLeftOut) -> Outcome:
    return (
        structs.replace(outcome, told=missing, warning=str(missing)) if missing.count else outcome
    )


async def _locked(work: Work, where: Station) -> LocalList:
    """Of a station that is locked: there may be no list of it yet."""
    return await work.local_lists.lock(where.id, LIST) or _new(where)


def _new(where: Station) -> LocalList:
    return LocalList(station=where.id, at=where.created_at)


async def _put(work: Work, changed: LocalList) -> None:
    await work.local_lists.put(changed)
    work.emit(
        LocalListChanged(
            station=changed.station,
            at=changed.at,
            state=changed.state,
            version=changed.version,
            reason=changed.reason,
        )
    )


def _size(known: LocalList) -> int:
    return min(max(1, known.per_message or _PER_MESSAGE), _MOST_PER_MESSAGE)


def _refused(status: str) -> str:
    return f"the station said {status}"


async def try_in_step(service: LocalListService, station: StationId, until: datetime) -> None:
    """As `LocalListService.bring_in_step`, by itself: what goes wrong is noted."""
    try:
        await service.bring_in_step(station, until=until)
    except StationUnreachable as failure:
        await service.missed(station, f"{failure.result}: {failure}"[:200])
