"""Imports: files of stations, tokens or transactions, taken in some hundred rows at a time."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from datetime import datetime

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.imports import (
    MOST_ERRORS,
    Format,
    Import,
    ImportState,
    RowError,
    RowKind,
)
from voltkeep.services.audit import acting, acting_as, audit
from voltkeep.services.authority import Files
from voltkeep.services.background import Carried
from voltkeep.services.day_counting import look_again
from voltkeep.services.ports import Begin, Clock, Read, StoreUnavailable, Work
from voltkeep.services.records import Look
from voltkeep.services.tabular import BadFile, Row, rows_of
from voltkeep.services.taking import TAKES, BadRow, Result, columns_of
from voltkeep.services.token_changes import all_changed
from voltkeep.services.token_groups import joined

log = structlog.get_logger(__name__)

MOST_BYTES = 512 * 1024 * 1024
_MOST_ROWS = 2_000_000
_MOST_AT_ONCE = 4  # of one tenant
_KEPT = 100  # that are over, of one tenant
_ROWS_OF_A_WORK = 250
_LOOK_EVERY_S = 5.0
_RETRY_S = 1.0
_LOOK_AGAIN_S = 0.1
_LONGEST_PROBLEM = 300

Told = Callable[[Import], None]


class UnknownImport(LookupError):
    """There is no import of that id."""


class TooManyImports(RuntimeError):
    """As many run as may at once."""


class ImportOver(ValueError):
    """The import is over."""


class _Rehearsed(Exception):
    """Nothing of this work is to be kept."""


class ImportService:
    """Takes files in. Where each is, is in the database: one goes on after a restart."""

    def __init__(self, begin: Begin, read: Read, files: Files, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._files = files
        self._clock = clock
        self._carried = Carried("imports", self._open, self.carry_out, _LOOK_EVERY_S)

    # What people do.

    async def give(
        self,
        tenant: TenantId,
        kind: RowKind,
        form: Format,
        content: AsyncIterator[bytes],
        *,
        dry_run: bool = False,
        sites: tuple[str, ...] | None = None,
    ) -> Import:
        """Keep a file, to be taken in by `run` or `carry_out`; a dry run only says how it went.

        Raises TooManyImports or FileTooLarge.
        """
        whole = StationId(tenant, "")
        async with self._read() as work:
            running = await work.imports.count(whole, states=(ImportState.RUNNING,))
        if running >= _MOST_AT_ONCE:
            raise TooManyImports(f"{running} imports run already: wait until one is over")
        async with self._files.receive(MOST_BYTES) as file:
            async for block in content:
                await file.write(block)
            stored_as, size, _ = await file.keep()
        now = self._clock()
        given = Import(
            station=whole,
            id=secrets.token_hex(8),
            state=ImportState.RUNNING,
            at=now,
            kind=kind,
            format=form,
            dry_run=dry_run,
            actor=acting(),
            sites=sites,
            given_at=now,
            stored_as=stored_as,
            size_bytes=size,
        )
        async with self._begin() as work:
            await work.imports.put(given)
            over = await work.imports.of(whole, limit=_KEPT + _MOST_AT_ONCE + 1)
            for old in over[_KEPT:]:
                if old.state is not ImportState.RUNNING:
                    await work.imports.remove(whole, old.id)
        self._carried.look_now()
        return given

    async def get(self, tenant: TenantId, id: str) -> Import:
        """Raises UnknownImport."""
        async with self._read() as work:
            found = await work.imports.get(StationId(tenant, ""), id)
        if found is None:
            raise UnknownImport(f"there is no import {id[:60]}")
        return found

    async def wait(self, tenant: TenantId, id: str, seconds: float) -> Import:
        """As `get`, when it is over or so much time has passed."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.get(tenant, id)
            left = until - asyncio.get_running_loop().time()
            if found.state is not ImportState.RUNNING or left <= 0:
                return found
            task = self._carried.task((tenant, id))
            if task is not None:
                await asyncio.wait({task}, timeout=left)
            else:
                await asyncio.sleep(min(_LOOK_AGAIN_S, left))  # its turn has not come

    async def page(self, tenant: TenantId, look: Look) -> Sequence[Import]:
        """The latest changed first."""
        async with self._read() as work:
            return await work.imports.page(tenant, look)

    async def cancel(self, tenant: TenantId, id: str) -> Import:
        """Take no further row; those taken stay. Raises UnknownImport or ImportOver."""
        given = await self.get(tenant, id)
        ended = await self._end(given, ImportState.CANCELLED)
        if ended is None:
            raise ImportOver(f"import {id} is over already")
        return ended

    # What goes on by itself.

    async def run(self) -> None:
        """Take in what was given, until cancelled: also what was given before a restart."""
        await self._carried.go_on()

    async def _open(self) -> dict[Hashable, Import]:
        async with self._read() as work:
            found = await work.imports.all(states=(ImportState.RUNNING,))
        return {(each.station.tenant, each.id): each for each in found}

    async def carry_out(self, given: Import, told: Told = lambda _: None) -> Import:
        """Take in what is left of it. Whoever else does the same shares the work, not the rows."""
        with acting_as(given.actor):
            while True:
                try:
                    return await self._carry_out(given, told)
                except StoreUnavailable as error:
                    log.warning("an import waits for the database", id=given.id, error=str(error))
                    await asyncio.sleep(_RETRY_S)
                    given = await self._again(given)

    async def _again(self, given: Import) -> Import:
        try:
            return await self.get(given.station.tenant, given.id)
        except StoreUnavailable:
            return given

    async def _carry_out(self, given: Import, told: Told) -> Import:
        problem = ""
        try:
            async for rows in self._chunks(given):
                taken = await self._take(given, rows)
                if taken is None:
                    return await self.get(given.station.tenant, given.id)
                given = taken
                told(given)
        except BadFile as error:
            problem = str(error)[:_LONGEST_PROBLEM]
        except FileNotFoundError:
            # Whoever else carries it out has ended it; or else the file was lost.
            problem = "its file is gone"
        state = ImportState.FAILED if problem else ImportState.DONE
        ended = await self._end(given, state, problem)
        return ended or await self.get(given.station.tenant, given.id)

    async def _chunks(self, given: Import) -> AsyncIterator[list[Row]]:
        """The rows that are not done yet. Raises BadFile, after those before what is bad."""
        chunk: list[Row] = []
        number = 0
        content = self._files.read(given.stored_as)
        try:
            async for row in rows_of(content, given.format, columns_of(given.kind)):
                number += 1
                if number > _MOST_ROWS:
                    raise BadFile(f"line {row.line}: a file has {_MOST_ROWS} rows at most")
                if number <= given.rows_done:
                    continue
                chunk.append(row)
                if len(chunk) >= _ROWS_OF_A_WORK:
                    yield chunk
                    chunk = []
        except BadFile:
            if chunk:
                yield chunk
            raise
        if chunk:
            yield chunk

    async def _take(self, given: Import, rows: Sequence[Row]) -> Import | None:
        """Take some rows and count them, in one work; None if it is over or another's by now."""
        counted = given
        try:
            async with self._begin() as work:
                known = await work.imports.lock(given.station, given.id)
                if known is None or known != given:
                    return None
                counted = await self._taken(work, given, rows)
                if given.dry_run:
                    raise _Rehearsed
                await work.imports.put(counted)
        except _Rehearsed:
            async with self._begin() as work:
                if await work.imports.lock(given.station, given.id) != given:
                    return None
                await work.imports.put(counted)
        return counted

    async def _taken(self, work: Work, given: Import, rows: Sequence[Row]) -> Import:
        now = self._clock()
        tally = dict.fromkeys(Result, 0)
        errors: list[RowError] = []
        if given.kind is RowKind.TOKENS:
            for name in _groups(rows):
                await joined(work, given.station.tenant, name, now)
        for row in rows:
            try:
                if row.problem:
                    raise BadRow(row.field, row.problem)
                tally[await TAKES[given.kind](work, given, row.values, now)] += 1
            except BadRow as error:
                words = str(error)[:_LONGEST_PROBLEM]
                errors.append(RowError(line=row.line, field=error.field, problem=words))
        if given.kind is RowKind.TOKENS and tally[Result.ADDED] + tally[Result.CHANGED]:
            await all_changed(work, given.station.tenant, now)
        return structs.replace(
            given,
            at=now,
            rows_done=given.rows_done + len(rows),
            added=given.added + tally[Result.ADDED],
            changed=given.changed + tally[Result.CHANGED],
            unchanged=given.unchanged + tally[Result.UNCHANGED],
            failed=given.failed + len(errors),
            bytes_done=rows[-1].position,
            errors=(*given.errors, *errors)[:MOST_ERRORS],
        )

    async def _end(self, given: Import, state: ImportState, problem: str = "") -> Import | None:
        """None if it is over already."""
        async with self._begin() as work:
            known = await work.imports.lock(given.station, given.id)
            if known is None or known.state is not ImportState.RUNNING:
                return None
            ended = structs.replace(known, state=state, at=self._clock(), problem=problem)
            await work.imports.put(ended)
            if ended.kind is RowKind.TRANSACTIONS and ended.added and not ended.dry_run:
                await look_again(work, given.station.tenant)
            if not ended.dry_run:
                await audit(work, given.station.tenant, ended.at, _deed(ended))
        await self._files.remove(ended.stored_as)
        return ended


def _groups(rows: Sequence[Row]) -> list[str]:
    """Of tokens, in one order, or two imports could wait for each other."""
    names = {row.values.get("group") for row in rows if not row.problem}
    return sorted(each for each in names if isinstance(each, str) and each.isprintable())


def _deed(ended: Import) -> Deed:
    counts = (
        f"{ended.added} added, {ended.changed} changed, {ended.unchanged} unchanged, "
        f"{ended.failed} failed"
    )
    return Deed(
        action=f"{ended.kind}.imported", object=ended.id, after=counts, result=str(ended.state)
    )


def ended_at(given: Import) -> datetime | None:
    """When it was over."""
    return None if given.state is ImportState.RUNNING else given.at
