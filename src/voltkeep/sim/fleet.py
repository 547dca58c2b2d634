"""Many stations in one process: a load for a CSMS, and what it did with it."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext, SSLError

from msgspec import Struct
from websockets.exceptions import InvalidMessage, InvalidStatus

from voltkeep.sim.clock import Clock, Ticker
from voltkeep.sim.driver import Habits, drive, everyday
from voltkeep.sim.link import Answer
from voltkeep.sim.presence import Recorder
from voltkeep.sim.simulator import SimStation
from voltkeep.sim.spec import Credentials, StationSpec

_RAMP_STEP_S = 0.05
_FIRST_WITHIN_S = 30.0  # simulated; a fleet begins as busy as it will be
_GROWTH = math.log(1.1)  # one bucket of the histogram is 10 % wide
_SMALLEST_S = 1e-4
_WORDLESS: dict[type[Exception], str] = {
    ConnectionResetError: "the server hung up",
    TimeoutError: "the server did not answer in time",
}


class Latencies:
    """How long answers took, kept as a histogram: its size does not grow with the load."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self._buckets = [0] * 160
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        bucket = math.log(max(seconds, _SMALLEST_S) / _SMALLEST_S) / _GROWTH
        self._buckets[min(int(bucket), len(self._buckets) - 1)] += 1
        self.count += 1

    def percentile(self, share: float) -> float:
        """The latency that so many of a hundred stay under, in s; 0 without answers."""
        left = share / 100.0 * self.count
        for bucket, count in enumerate(self._buckets):
            left -= count
            if count and left <= 0.0:
                return _SMALLEST_S * math.exp((bucket + 1) * _GROWTH)
        return 0.0


def _words(failure: Exception) -> str:
    return str(failure) or _WORDLESS.get(type(failure), type(failure).__name__)


def _cause(failure: Exception) -> str:
    match failure:
        case InvalidStatus() if b"wss://" not in (failure.response.body or b""):
            return "refused"
        # Who speaks TLS, and is asked without, says so, answers with no HTTP or hangs up.
        case InvalidStatus() | SSLError() | InvalidMessage() | ConnectionResetError():
            return "tls"
        case _:
            return "unreachable"


class FleetStatus(Struct, frozen=True, kw_only=True):
    """How a fleet is doing. Latencies are of all answers since the start."""

    elapsed_s: float = 0.0
    stations: int = 0
    connected: int = 0
    booted: int = 0
    charging: int = 0
    transactions: int = 0
    messages: int = 0
    errors: int = 0  # CALLERRORs
    unanswered: int = 0  # no answer in time
    refused: int = 0  # stations whose last attempt to connect failed
    waiting: int = 0  # messages about transactions that are still to be delivered
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    problem: str = ""  # why a station could not connect, for one of them
    cause: str = ""  # of that: refused, tls or unreachable


class FleetOptions(Struct, frozen=True, kw_only=True):
    """What `voltkeep sim run` starts. Stations are called PREFIX-0001 and so on."""

    stations: int
    url: str
    versions: tuple[str, ...] = ("1.6", "2.0.1", "2.1")
    id_prefix: str = "SIM"
    password: str | bytes | None = None
    tokens: tuple[str, ...] = ()  # nobody charges without one
    duration_s: float | None = None
    speed: float = 1.0
    ramp_per_s: float = 100.0
    connectors: int = 1
    meter_interval_s: int = 60
    stay_s: float = 2400.0
    busy: float = 0.6
    misbehave: tuple[str, ...] = ()
    seed: int = 0
    report_every_s: float = 1.0
    ssl: SSLContext | None = None
    profile: int | None = None  # else what the URL and the credentials make
    credentials: Credentials = Credentials()
    keys: Mapping[str, str | bytes] = {}  # of stations that have one of their own
    certified: Mapping[str, Credentials] = {}  # stations with a certificate of their own

    @property
    def ids(self) -> list[str]:
        """What they are called."""
        return [f"{self.id_prefix}-{number:04d}" for number in range(1, self.stations + 1)]

    def specs(self) -> list[StationSpec]:
        """The stations: the versions take turns."""
        return [
            StationSpec(
                id=id,
                version=self.versions[number % len(self.versions)],
                url=self.url,
                password=self.keys.get(id, self.password),
                connectors=self.connectors,
                meter_interval_s=self.meter_interval_s,
                misbehave=self.misbehave,
                ssl=self.ssl,
                profile=self.profile,
                credentials=self.certified.get(id, self.credentials),
            )
            for number, id in enumerate(self.ids)
        ]


class Fleet:
    """Stations with one clock and one ticker. Drivers come where there are tokens to come with."""

    def __init__(
        self,
        specs: Sequence[StationSpec],
        tokens: Sequence[str] = (),
        speed: float = 1.0,
        ramp_per_s: float = 100.0,
        *,
        habits: Habits | None = None,
        seed: int = 0,
        recorder: Recorder | None = None,
        call_timeout: float = 30.0,
    ) -> None:
        self.clock = Clock(speed)
        ticker = Ticker()
        self.stations = [
            SimStation(
                spec,
                clock=self.clock,
                ticker=ticker,
                recorder=recorder,
                keep=False,
                log_frames=0,
                call_timeout=call_timeout,
            )
            for spec in specs
        ]
        self._habits = habits or Habits()
        self._visits = everyday(tokens, self._habits) if tokens else None
        self._ramp_per_s = ramp_per_s
        self._rng = random.Random(seed)
        self._latencies = Latencies()
        self._errors = self._unanswered = 0
        self._drivers: list[asyncio.Task[None]] = []
        self._began = time.monotonic()
        for station in self.stations:
            station.core.measure = self._measure

    @property
    def status(self) -> FleetStatus:
        """How it is doing now."""
        cores = [station.core for station in self.stations]
        failures = [core.link.failure for core in cores if core.link.failure is not None]
        ms = [round(self._latencies.percentile(p) * 1000, 1) for p in (50, 95, 99)]
        return FleetStatus(
            elapsed_s=round(time.monotonic() - self._began, 1),
            stations=len(cores),
            connected=sum(core.link.online for core in cores),
            booted=sum(core.accepted for core in cores),
            charging=sum(core.charging for core in cores),
            transactions=sum(core.begun for core in cores),
            messages=self._latencies.count,
            errors=self._errors,
            unanswered=self._unanswered,
            refused=len(failures),
            waiting=sum(len(core.queue) for core in cores),
            p50_ms=ms[0],
            p95_ms=ms[1],
            p99_ms=ms[2],
            problem=_words(failures[0]) if failures else "",
            cause=_cause(failures[0]) if failures else "",
        )

    async def run(
        self,
        duration_s: float | None = None,
        report: Callable[[FleetStatus], None] | None = None,
        every_s: float = 1.0,
    ) -> FleetStatus:
        """Start all, report now and then, and leave after so many real seconds, or if cancelled."""
        self._began = time.monotonic()
        end = math.inf if duration_s is None else self._began + duration_s
        try:
            await self._start(end)
            while (left := end - time.monotonic()) > 0.0:
                if report is not None:
                    report(self.status)
                await asyncio.sleep(min(left, every_s))
            return self.status
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Drivers first, then stations, all at once."""
        drivers, self._drivers = self._drivers, []
        for task in drivers:
            task.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        await asyncio.gather(*(station.leave() for station in self.stations))

    async def _start(self, end: float) -> None:
        started = 0
        while started < len(self.stations) and time.monotonic() < end:
            allowed = (time.monotonic() - self._began + _RAMP_STEP_S) * self._ramp_per_s
            while started < min(len(self.stations), allowed):
                self._launch(self.stations[started])
                started += 1
            await asyncio.sleep(_RAMP_STEP_S)

    def _launch(self, station: SimStation) -> None:
        station.start()
        if self._visits is None:
            return
        for connector in station.core.outlets:
            rng = random.Random(self._rng.getrandbits(64))
            first = rng.uniform(0.0, _FIRST_WITHIN_S) if rng.random() < self._habits.busy else None
            task = drive(station, connector, self._visits, rng, first)
            self._drivers.append(asyncio.create_task(task))

    def _measure(self, answer: Answer) -> None:
        if answer.lost:
            return
        if answer.payload is None and answer.code is None:
            self._unanswered += 1
            return
        if answer.code is not None:
            self._errors += 1
        self._latencies.add(answer.latency)


async def run_fleet(options: FleetOptions, report: Callable[[FleetStatus], None]) -> FleetStatus:
    """Run what the options say; how it was at the end."""
    fleet = Fleet(
        options.specs(),
        options.tokens,
        options.speed,
        options.ramp_per_s,
        habits=Habits(options.stay_s, options.busy),
        seed=options.seed,
    )
    return await fleet.run(options.duration_s, report, options.report_every_s)
