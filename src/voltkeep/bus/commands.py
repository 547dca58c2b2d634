"""Commands across processes that share a database: a row goes there, its result comes back.

A command line beside a running server has no socket of a station; the server has.
"""

import asyncio
import secrets
from datetime import timedelta

import structlog

from voltkeep.bus.sealing import Seal, WrongSecret
from voltkeep.domain.commands import Command, Outcome
from voltkeep.domain.events import CommandCompleted
from voltkeep.domain.identity import StationId
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    QueuedCommand,
    Read,
    StationBusy,
    StationLeft,
    StationOffline,
    StationPassive,
    StationRefused,
    Stations,
    StationSilent,
    StationUnclear,
    StationUnreachable,
    StoreUnavailable,
)
from voltkeep.services.sending import followed, following, note

log = structlog.get_logger(__name__)

_POLL_S = 0.1
_TAKE_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 60.0
_SETTLE_WITHIN_S = 2.0

_BY_RESULT: dict[str, type[StationUnreachable]] = {
    kind.result: kind
    for kind in (
        StationOffline,
        StationLeft,
        StationSilent,
        StationBusy,
        StationPassive,
        CommandUnfit,
    )
}
_WITH_CODE: dict[str, type[StationRefused]] = {
    kind.result: kind for kind in (StationRefused, StationUnclear)
}


class NobodyServes(StationUnreachable):
    """No running server took the command."""

    result = "unserved"
    may_have_arrived = False


class QueuedStations:
    """`Stations` for a process without sockets: the one that has them takes the command."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, seal: Seal, issued_by: str) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._seal = seal
        self._issued_by = issued_by

    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        """See `voltkeep.services.ports.Stations`. Raises also NobodyServes."""
        now = self._clock()
        patience = _ANSWER_WITHIN_S if timeout is None else timeout
        queued = self._seal.closed(
            QueuedCommand(
                id=secrets.token_hex(12),
                station=station,
                command=command,
                issued_by=self._issued_by,
                created_at=now,
                expires_at=now + timedelta(seconds=patience),
            )
        )
        async with self._begin() as work:
            await work.commands.add(queued)
        try:
            done = await self._done(queued, patience)
        except StationUnreachable as failure:
            await self._give_up(queued, failure)
            raise
        heard = followed()
        for message in done.messages:
            note(heard, message)
        if done.outcome is None:
            raise _failure(done, station)
        outcome = self._seal.opened_outcome(done.outcome)
        kept = self._seal.kept_outcome(command, outcome)
        if kept is not outcome:
            # Read by who asked; what is kept of it has no secrets.
            done.outcome = kept
            async with self._begin() as work:
                await work.commands.settle(done)
        return outcome

    async def _give_up(self, queued: QueuedCommand, failure: StationUnreachable) -> None:
        """Whoever was told that it failed must not see it happen later.

        Raises StationSilent if a server took it at the last moment.
        """
        queued.done_at, queued.result, queued.error = self._clock(), "given up", str(failure)
        async with self._begin() as work:
            await work.commands.settle(queued)
            found = await work.commands.get(queued.station.tenant, queued.id)
        if isinstance(failure, NobodyServes) and found is not None and found.taken_at is not None:
            raise StationSilent(f"{queued.station} was asked late, and has not answered yet")

    async def _done(self, queued: QueuedCommand, patience: float) -> QueuedCommand:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(_POLL_S)
            async with self._read() as work:
                found = await work.commands.get(queued.station.tenant, queued.id)
            waited = loop.time() - began
            if found is None or (found.taken_at is None and waited > _TAKE_WITHIN_S):
                raise NobodyServes(
                    "no server took the command: is `voltkeep serve` running on this database?"
                )
            if found.done_at is not None:
                return found
            if waited > patience + _TAKE_WITHIN_S:
                raise StationSilent(f"{queued.station} did not answer in {patience:g} s")


def _failure(done: QueuedCommand, station: StationId) -> StationUnreachable:
    if (with_code := _WITH_CODE.get(done.result or "")) is not None:
        code, _, description = (done.error or "").partition(": ")
        return with_code(code, description)
    kind = _BY_RESULT.get(done.result or "", StationUnreachable)
    return kind(done.error or f"{station}: {done.result}")


class CommandDesk:
    """Takes commands that other processes left, and settles them: what is kept has no secrets."""

    def __init__(
        self, begin: Begin, read: Read, stations: Stations, clock: Clock, seal: Seal
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock
        self._seal = seal
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, *, look_every_s: float = 0.2) -> None:
        """Until cancelled; then what was taken is still settled."""
        try:
            await self._look(look_every_s)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_SETTLE_WITHIN_S)

    async def _look(self, look_every_s: float) -> None:
        while True:
            await asyncio.sleep(look_every_s)
            try:
                async with self._read() as work:
                    waiting = await work.commands.waiting(self._clock())
                if not waiting:
                    continue
                async with self._begin() as work:
                    taken = await work.commands.take(self._clock())
            except StoreUnavailable as error:
                log.warning("commands wait for the database", error=str(error))
                continue
            for command in taken:
                task = asyncio.create_task(self._carry_out(command))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, command: QueuedCommand) -> None:
        with following() as messages:
            await self._ask(command)
        command.messages = tuple(messages)
        command.done_at = self._clock()
        try:
            async with self._begin() as work:
                await work.commands.settle(command)
                work.emit(
                    CommandCompleted(
                        station=command.station,
                        at=command.done_at,
                        command_id=command.id,
                        action=type(command.command).__name__,
                        result=command.result or "failed",
                    )
                )
        except StoreUnavailable as error:
            log.warning("a command's result is lost", command_id=command.id, error=str(error))

    async def _ask(self, command: QueuedCommand) -> None:
        """Send it, and note in it what became of it."""
        left = (command.expires_at - self._clock()).total_seconds()
        try:
            opened = self._seal.opened(command)
        except WrongSecret as error:
            command.result, command.error = CommandUnfit.result, str(error)
            return
        try:
            outcome = await self._stations.send(command.station, opened, left)
            command.outcome = self._seal.closed_outcome(opened, outcome)
            command.result = "accepted" if outcome.accepted else "rejected"
        except StationUnreachable as failure:
            words = self._seal.kept_words(opened, str(failure))
            command.result, command.error = failure.result, words
        except Exception:
            log.exception("a command failed", station=str(command.station), command_id=command.id)
            command.result, command.error = "failed", "the server failed; see its log"
        command.command, command.sealed = self._seal.kept(opened), None
