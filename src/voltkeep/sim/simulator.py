"""A simulated charging station to hold in one's hands: plug, authorize, wait, unplug."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from msgspec import json

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.v21 import ChargingStateEnum as State
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim.battery import Vehicle
from voltkeep.sim.clock import Clock, Ticker
from voltkeep.sim.dialect import Dialect, Verdict
from voltkeep.sim.link import Answer
from voltkeep.sim.ocpp2 import Ocpp2
from voltkeep.sim.ocpp16 import Ocpp16
from voltkeep.sim.presence import Recorder
from voltkeep.sim.spec import StationSpec
from voltkeep.sim.station import Station
from voltkeep.sim.transaction import Token, Transaction

DIALECTS: dict[str, Dialect] = {
    "ocpp1.6": Ocpp16(),
    "ocpp2.0.1": Ocpp2("2.0.1", v201.ACTIONS, frozenset({2, 3, 4})),
    "ocpp2.1": Ocpp2("2.1", v21.ACTIONS, frozenset({2, 3, 4, 5, 6})),
}

_PATIENCE_S = 30.0


class SimStation:
    """A station as `async with` knows it: connected inside, gone outside.

    `clock` and `ticker` may be shared by several stations. Waiting is in real seconds, and gives
    up with TimeoutError. `core` is the station itself, for whoever needs more.
    """

    def __init__(
        self,
        spec: StationSpec,
        speed: float = 1.0,
        *,
        clock: Clock | None = None,
        ticker: Ticker | None = None,
        recorder: Recorder | None = None,
        keep: bool = True,
        log_frames: int = 500,
        call_timeout: float = 30.0,
    ) -> None:
        self.spec = spec
        self.core = Station(
            spec,
            clock or Clock(speed),
            DIALECTS,
            recorder=recorder,
            keep=keep,
            log_frames=log_frames,
            call_timeout=call_timeout,
        )
        self.core.changed = self._wake
        self._ticker = ticker or Ticker()
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.leave()

    def start(self) -> None:
        """Connect, and keep going until `leave`."""
        self._ticker.add(self.core)
        self.core.link.start()

    async def leave(self) -> None:
        """Go for good, with a close frame."""
        self._ticker.remove(self.core)
        await self.core.jobs.stop()
        await self.core.link.stop()

    # Waiting

    async def until(self, holds: Callable[[], bool], timeout: float | None = _PATIENCE_S) -> None:
        """Wait until something holds of this station."""
        if holds():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((holds, future))
        try:
            async with asyncio.timeout(timeout):
                await future
        finally:
            self._waiters = [w for w in self._waiters if w[1] is not future]

    async def booted(self, timeout: float = _PATIENCE_S) -> None:
        """Wait until the CSMS has accepted the station, and answered its statuses."""
        await self.until(lambda: self.core.accepted and self.core.link.quiet, timeout)

    async def charging(self, connector: int = 1, timeout: float = _PATIENCE_S) -> Transaction:
        """Wait until energy flows, and the CSMS, if there, has answered to the transaction."""
        outlet = self.core.outlets[connector]

        def flows() -> bool:
            transaction = outlet.transaction
            if transaction is None or transaction.state is not State.CHARGING:
                return False
            return transaction.known or not self.core.accepted

        await self.until(flows, timeout)
        assert outlet.transaction is not None
        return outlet.transaction

    async def settled(self, timeout: float = _PATIENCE_S) -> None:
        """Wait until everything there is to tell is told and answered."""
        core = self.core

        def told() -> bool:
            return core.accepted and not (core.queue or core.notices or core.jobs)

        await self.until(lambda: told() and core.link.quiet, timeout)

    # What a person does

    async def plug(self, connector: int = 1, vehicle: Vehicle | None = None) -> None:
        """Plug a car in."""
        self.core.plug(self.core.outlets[connector], vehicle)

    async def authorize(
        self,
        connector: int,
        token: str,
        kind: str = "ISO14443",
        timeout: float | None = _PATIENCE_S,
    ) -> Verdict:
        """Present a token, and wait for what is said of it."""
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

        def told(answer: Verdict) -> None:
            if not verdict.done():
                verdict.set_result(answer)

        self.core.swipe(self.core.outlets[connector], Token(token, kind), told)
        async with asyncio.timeout(timeout):
            return await verdict

    async def stop(self, connector: int = 1, token: str | None = None) -> None:
        """Stop charging at the station, by the token that started or another of its group."""
        outlet = self.core.outlets[connector]
        if token is not None:
            await self.authorize(connector, token)
        else:
            held = outlet.admission.token if outlet.admission is not None else None
            self.core.stop(outlet, Trigger.STOP_AUTHORIZED, Reason.LOCAL, held)

    async def unplug(self, connector: int = 1) -> None:
        """Take the car away."""
        self.core.unplug(self.core.outlets[connector])

    async def fault(self, connector: int = 1, code: str | None = "GroundFailure") -> None:
        """Break something, in a word of 1.6's error codes; None repairs it."""
        self.core.fail(self.core.outlets[connector], code)

    async def power_cut(self) -> None:
        """Take the station's power away."""
        self.core.cut_power()

    async def power_back(self) -> None:
        """Give the station its power back: it starts up."""
        self.core.restore_power()

    # The connection

    async def drop(
        self, *, abrupt: bool = True, stay_away: bool = False, back_after_s: float | None = None
    ) -> None:
        """Lose the connection, without a close frame or with one; gone when this returns.

        It is made again after so many simulated seconds, else as the back-off has it; and if it
        is to stay away, after `reconnect`.
        """
        self.core.link.drop(abrupt=abrupt, stay=stay_away, pause_s=back_after_s)
        await self.until(lambda: not self.core.link.online)

    async def reconnect(self) -> None:
        """Connect at once, and wait for it."""
        self.core.link.resume()
        await self.until(lambda: self.core.link.online)

    async def reboot(self) -> None:
        """Start again at once, without a word."""
        self.core.reset(Reason.IMMEDIATE_RESET)

    async def call(self, action: str, payload: Any, timeout: float = _PATIENCE_S) -> Answer:
        """Send a CALL of any action and payload (bytes are sent as they are)."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def told(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        data = payload if isinstance(payload, bytes) else json.encode(payload)
        if self.core.link.call(action, data, told) is None:
            return Answer(description="Not connected", lost=True)
        async with asyncio.timeout(timeout):
            return await future

    def send_raw(self, frame: str | bytes) -> bool:
        """Send a frame as it is."""
        return self.core.link.send_raw(frame)

    # What it remembers

    @property
    def transactions(self) -> list[Transaction]:
        """All of them, the oldest first, with their messages."""
        return self.core.transactions

    @property
    def log(self) -> deque[tuple[float, str, bytes]]:
        """The last frames: when (simulated), `<` or `>`, and what."""
        return self.core.log

    @property
    def online(self) -> bool:
        """Whether it is connected."""
        return self.core.link.online

    def _wake(self) -> None:
        for holds, future in self._waiters:
            if not future.done() and holds():
                future.set_result(None)
