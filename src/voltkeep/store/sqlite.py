"""SQLite: one connection that writes, a few that read, each with a thread of its own.

Whoever writes in this process waits in line for the one connection, in order of arrival; other
processes are waited for in SQLite itself. Statements of a transaction cross to the thread one by
one, the journal's batches whole.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, Executable, Row, Table, insert
from sqlalchemy.engine import URL

from voltkeep.services.ports import StoreUnavailable
from voltkeep.store.counting import COUNT_UP
from voltkeep.store.engine import SPOILT, EngineName, Parameters, ReadsOnly, Steps, T, execute
from voltkeep.store.failures import TRANSLATED
from voltkeep.store.sqlite_workers import Worker, make_engine

log = structlog.get_logger(__name__)

_CLOSE_SECONDS = 5.0
_READERS = 4
_PACE_S = 0.015


class _Member:
    """A work that has ended well, and waits for the commit of its group."""

    def __init__(self, tail: Callable[[Connection], None]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tail = tail
        self.error: Exception | None = None


class _Group:
    """Works that are committed together: one transaction, in which each has a savepoint.

    Used on the writer's thread, but for ``members``.
    """

    def __init__(self) -> None:
        self.members: list[_Member] = []
        self._tails: list[_Member] = []
        self._is_begun = False

    def join(self, member: _Member) -> None:
        """What the member has put off runs at the next crossing, whoever's that is."""
        self.members.append(member)
        self._tails.append(member)

    def catch_up(self, connection: Connection) -> None:
        """Begin, and run what those before have put off. One that fails, fails alone."""
        if not self._is_begun:
            # Immediate, or a reader that turns writer could fail for what was written in between.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            self._is_begun = True
        tails, self._tails = self._tails, []
        for member in tails:
            try:
                member.tail(connection)
            except Exception as error:  # noqa: BLE001  # it is told to whose work it was
                member.error = error
                self.roll_back(connection)

    def commit(self, connection: Connection) -> None:
        self.catch_up(connection)
        connection.commit()

    @staticmethod
    def roll_back(connection: Connection) -> None:
        """Undo the last work alone. Raises if SQLite has undone the whole transaction."""
        connection.exec_driver_sql("ROLLBACK TO work")
        connection.exec_driver_sql("RELEASE work")


class SqliteStatements:
    """One open transaction on a worker's connection."""

    engine: EngineName = "sqlite"

    def __init__(
        self, worker: Worker, told: dict[str, int] | None, group: _Group | None = None
    ) -> None:
        self._worker = worker
        self._told = told
        self._group = group  # None: this transaction only reads
        self._is_open = False
        self._failed = False
        self._put_off: list[Callable[[Connection], object]] = []

    def check(self) -> None:
        """Raises StoreUnavailable if a statement failed, whoever caught that."""
        if self._failed:
            raise StoreUnavailable(SPOILT)

    async def rows(
        self, statement: Executable, parameters: Parameters = None
    ) -> Sequence[Row[Any]]:
        return (await self._execute(statement, parameters))[0]

    async def run(self, statement: Executable, parameters: Parameters = None) -> int:
        if self._group is None:
            raise ReadsOnly(ReadsOnly.__doc__)
        return (await self._execute(statement, parameters))[1]

    async def run_later(self, statement: Executable, parameters: Parameters = None) -> None:
        """With the next statement or the commit, so that it costs no crossing of its own."""
        if self._group is None:
            raise ReadsOnly(ReadsOnly.__doc__)
        self._put_off.append(lambda connection: execute(connection, statement, parameters))

    async def append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """As `run_later`."""
        number = list(table.primary_key)[-1].name

        def numbered() -> Steps[None]:
            counted = {"tenant": "", "name": table.name, "value": len(rows)}
            found = yield COUNT_UP[self.engine], counted
            first = found[0].value - len(rows) + 1
            yield insert(table), [{**row, number: first + n} for n, row in enumerate(rows)]

        await self.take_later(numbered())

    async def take(self, steps: Steps[T]) -> T:
        if self._group is None:
            raise ReadsOnly(ReadsOnly.__doc__)
        return await self._do(lambda connection: _take(connection, steps))

    async def take_later(self, steps: Steps[None]) -> None:
        if self._group is None:
            raise ReadsOnly(ReadsOnly.__doc__)
        self._put_off.append(lambda connection: _take(connection, steps))

    def finish(self) -> _Member:
        """Join the commit of the group. Raises StoreUnavailable."""
        assert self._group is not None
        self.check()
        member = _Member(self._end)
        self._group.join(member)
        return member

    def _end(self, connection: Connection) -> None:
        if self._put_off:
            self._catch_up(connection)
        if self._is_open:
            connection.exec_driver_sql("RELEASE work")

    async def abandon(self) -> None:
        """Undo what this work has done, and nothing else."""
        if self._is_open:
            await self._worker.do(_Group.roll_back)

    async def next_number(self, sequence: str) -> int:
        """A number rolled back is not told again by this process, and was told to nobody else."""
        assert self._told is not None, ReadsOnly.__doc__
        told = self._told.get(sequence, 0)
        number = await self._count_up(sequence, 1)
        if number <= told:
            number += await self._count_up(sequence, told + 1 - number) - number
        self._told[sequence] = number
        return number

    async def _count_up(self, sequence: str, by: int) -> int:
        """The last of ``by`` numbers. Nobody else writes meanwhile, so order is commit order."""
        counted = await self.rows(
            COUNT_UP[self.engine], {"tenant": "", "name": sequence, "value": by}
        )
        value: int = counted[0].value
        return value

    async def _execute(
        self, statement: Executable, parameters: Parameters
    ) -> tuple[Sequence[Row[Any]], int]:
        return await self._do(lambda connection: execute(connection, statement, parameters))

    async def _do(self, function: Callable[[Connection], T]) -> T:
        def statements(connection: Connection) -> T:
            self._catch_up(connection)
            return function(connection)

        try:
            return await self._worker.do(statements)
        except BaseException:
            self._failed = True
            raise

    def _catch_up(self, connection: Connection) -> None:
        if not self._is_open:
            if self._group is None:
                connection.exec_driver_sql("BEGIN")
            else:
                self._group.catch_up(connection)
                connection.exec_driver_sql("SAVEPOINT work")
            self._is_open = True
        put_off, self._put_off = self._put_off, []
        for statement in put_off:
            statement(connection)


def _take(connection: Connection, steps: Steps[T]) -> T:
    """On the thread, where no other statement comes between."""
    try:
        statement, parameters = next(steps)
        while True:
            rows, _ = execute(connection, statement, parameters)
            statement, parameters = steps.send(rows)
    except StopIteration as end:
        value: T = end.value
        return value


class SqliteDatabase:
    """A database file. `turn` is for whoever writes past `writing`: the journal.

    Works that are in line when one begins are committed with it. When several were, the next
    commit waits until `_PACE_S` after the last, so that more of them share it.
    """

    engine: EngineName = "sqlite"

    def __init__(
        self, url: URL, *, busy_seconds: float, patience: float, echo: bool = False
    ) -> None:
        self._patience = patience
        writes = make_engine(url, busy_seconds=busy_seconds, writes=True, echo=echo)
        reads = make_engine(url, busy_seconds=busy_seconds, writes=False, echo=echo)
        self.writer = Worker(writes, "writer")
        self._line = asyncio.Lock()
        self._group: _Group | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._committed_at = 0.0
        self._were_many = False
        self._told: dict[str, int] = {}
        self._all_readers = [Worker(reads, f"reader-{n}") for n in range(_READERS)]
        self._readers: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        for reader in self._all_readers:
            self._readers.put_nowait(reader)

    @property
    def in_use(self) -> int:
        return int(self._line.locked()) + _READERS - self._readers.qsize()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Worker]:
        """The writer, for one at a time, in order of arrival, outside any transaction."""
        async with self._in_line():
            await self._commit(self._group)
            yield self.writer

    @contextlib.asynccontextmanager
    async def _in_line(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._line.acquire()
        except TimeoutError:
            raise StoreUnavailable("other writers kept the database busy") from None
        try:
            yield
        finally:
            self._line.release()

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[SqliteStatements]:
        async with self._in_line():
            group = self._group or self._begin_group()
            statements = SqliteStatements(self.writer, self._told, group)
            try:
                yield statements
                member = statements.finish()
            except BaseException:
                await undisturbed(self._abandon(statements, group))
                raise
        await member.done

    async def _abandon(self, statements: SqliteStatements, group: _Group) -> None:
        try:
            await statements.abandon()
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing of the group is left
            await self._break(group, error)

    # Commits.

    def _begin_group(self) -> _Group:
        group = self._group = _Group()
        task = asyncio.create_task(self._commit_in_turn(group), name="commit")
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return group

    async def _commit_in_turn(self, group: _Group) -> None:
        """After those who are in line already."""
        if self._were_many:
            rest = self._committed_at + _PACE_S - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, rest))
        async with self._line:
            await self._commit(group)

    async def _commit(self, group: _Group | None) -> None:
        """Commit, and tell who waits for it. Never raises; the line must be ours."""
        if group is None or group is not self._group:
            return
        self._group = None
        self._were_many = len(group.members) > 1
        if not group.members:
            await undisturbed(self._end())
            return
        try:
            await self.writer.do(group.commit)
        except Exception as error:  # noqa: BLE001  # it is told to each whose work it was
            await self._break(group, error)
        else:
            for member in group.members:
                _tell(member, member.error)
        self._committed_at = asyncio.get_running_loop().time()

    async def _break(self, group: _Group, error: Exception) -> None:
        if self._group is group:
            self._group = None
        await undisturbed(self._end())
        for member in group.members:
            _tell(member, StoreUnavailable(f"not committed: {error}"))

    async def _end(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self.writer.end()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[SqliteStatements]:
        reader = await self._readers.get()
        is_at_rest = False
        try:
            yield SqliteStatements(reader, None)
            reader.end_soon()
            is_at_rest = True
        finally:
            try:
                if not is_at_rest:  # it may be reading yet, and others would wait for that
                    await undisturbed(reader.end())
            finally:  # even if cancelled meanwhile: there are only a few
                self._readers.put_nowait(reader)

    async def close(self) -> None:
        """Whoever still writes after a while is cut off, and keeps nothing."""
        has_turn = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                has_turn = await self._line.acquire()
        if has_turn:
            await self._commit(self._group)
        elif self._group is not None:
            await self._break(self._group, StoreUnavailable("the store is closed"))
        for worker in (self.writer, *self._all_readers):
            await worker.close()
        if has_turn:
            self._line.release()


def _tell(member: _Member, error: Exception | None) -> None:
    if member.done.done():
        return  # nobody waits any more
    if error is None:
        member.done.set_result(None)
        return
    try:
        with TRANSLATED:
            raise error
    except Exception as translated:  # noqa: BLE001  # it is told to whose work it was
        member.done.set_exception(translated)


async def undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Finish even if cancelled meanwhile: who comes next must not meet a transaction of ours."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
