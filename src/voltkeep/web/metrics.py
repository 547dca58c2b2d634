"""Metrics as Prometheus reads them: how the installation does, and never of one station.

A label has few values, whoever sends: what a peer makes up is counted as ``other``. Each server
has a registry of its own.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import distribution, version
from itertools import accumulate
from typing import Protocol

from msgspec import Struct, json
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from voltkeep.services.ports import Clock, StoreUnavailable
from voltkeep.web.loop_lag import LoopLag

CONTENT_TYPE = CONTENT_TYPE_LATEST
_CENSUS_EVERY_S = 15.0


class DurationCounts(Protocol):
    """`gateway.counting.Durations`."""

    @property
    def buckets(self) -> Sequence[int]: ...
    @property
    def total_s(self) -> float: ...


class WireNumbers(Protocol):
    """`gateway.counting.WireCounts`."""

    @property
    def messages(self) -> Mapping[tuple[str, str, str, str], int]: ...
    @property
    def frames(self) -> Mapping[str, int]: ...
    @property
    def octets(self) -> Mapping[str, int]: ...
    @property
    def handled(self) -> Mapping[str, DurationCounts]: ...
    @property
    def round_trips(self) -> Mapping[str, DurationCounts]: ...
    @property
    def connects(self) -> int: ...
    @property
    def ends(self) -> Mapping[str, int]: ...


class CensusNumbers(Protocol):
    """`store.census.Census`."""

    @property
    def stations(self) -> int: ...
    @property
    def transactions_active(self) -> int: ...
    @property
    def connectors(self) -> Mapping[str, int]: ...
    @property
    def events_untold(self) -> int: ...


class JournalNumbers(Protocol):
    """`store.journal.JournalCounters`."""

    @property
    def waiting(self) -> int: ...
    @property
    def batches(self) -> int: ...
    @property
    def entries(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def flushing_s(self) -> float: ...
    @property
    def flushes(self) -> Sequence[int]: ...


class Sources(Struct, frozen=True, kw_only=True):
    """Where the numbers come from. Each is asked when somebody reads the metrics."""

    wire: WireNumbers
    bounds_s: Sequence[float]  # of the buckets of durations
    flush_bounds_s: Sequence[float]  # of the buckets of `JournalNumbers.flushes`
    connections: Callable[[], Iterable[tuple[str, int]]]  # subprotocol and security profile
    commands_waiting: Callable[[], int]
    refusals: Callable[[], Mapping[str, int]]
    journal: Callable[[], JournalNumbers]
    pool_in_use: Callable[[], int]
    census: Callable[[], Awaitable[CensusNumbers]]
    certificates: Callable[[], Iterable[tuple[str, datetime]]]  # kind and end
    webhooks: Callable[[], Mapping[str, int]]
    webhooks_waiting: Callable[[], int]
    streams: Callable[[], int]
    clock: Clock


class _Source(Struct, frozen=True):
    commit_id: str = ""


class _Origin(Struct, frozen=True):
    vcs_info: _Source = _Source()


class Metrics:
    """Renders the metrics of one server."""

    def __init__(self, sources: Sources, lag: LoopLag | None = None) -> None:
        self._sources = sources
        self._lag = lag or LoopLag()
        self._registry = CollectorRegistry(auto_describe=False)
        self._collector = _Numbers(sources, self._lag)
        self._registry.register(self._collector)
        self._taken_at = -_CENSUS_EVERY_S

    async def text(self) -> bytes:
        """In Prometheus' text format. What the database does not tell now is left out."""
        now = time.monotonic()
        if now - self._taken_at >= _CENSUS_EVERY_S:
            self._taken_at = now
            try:
                self._collector.census = await self._sources.census()
            except StoreUnavailable:
                self._collector.census = None
        return generate_latest(self._registry)


class _Numbers(Collector):
    def __init__(self, sources: Sources, lag: LoopLag) -> None:
        self._sources = sources
        self._lag = lag
        self._build = _build()
        self.census: CensusNumbers | None = None

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("csms_build", "What runs here.", value=self._build)
        yield from self._connections()
        yield from self._messages()
        yield from self._database()
        yield from self._outward()
        yield from self._rest()

    def _connections(self) -> Iterator[Metric]:
        sources, wire = self._sources, self._sources.wire
        open_ = GaugeMetricFamily(
            "csms_ws_connections",
            "Stations that are connected.",
            labels=["protocol", "security_profile"],
        )
        for (protocol, profile), number in sorted(Counter(sources.connections()).items()):
            open_.add_metric([protocol, str(profile)], number)
        yield open_
        connects = CounterMetricFamily(
            "csms_ws_connects", "Connections that were asked for, by result.", labels=["result"]
        )
        connects.add_metric(["ok"], wire.connects)
        for reason, number in sorted(sources.refusals().items()):
            connects.add_metric([reason], number)
        yield connects
        yield _counter(
            "csms_ws_disconnects", "Connections that ended, by reason.", "reason", wire.ends
        )
        yield _counter(
            "csms_ws_frames", "Messages that crossed the wire, seen from us.", "dir", wire.frames
        )
        yield _counter("csms_ws_bytes", "Octets of these messages.", "dir", wire.octets)

    def _messages(self) -> Iterator[Metric]:
        wire, bounds = self._sources.wire, self._sources.bounds_s
        messages = CounterMetricFamily(
            "csms_ocpp_messages",
            "Calls of stations (in) and of ours (out), by what became of them.",
            labels=["version", "action", "dir", "result"],
        )
        errors = CounterMetricFamily(
            "csms_ocpp_callerrors",
            "Calls that were answered with an error: by us (out) or by stations (in).",
            labels=["version", "code", "dir"],
        )
        codes: Counter[tuple[str, str, str]] = Counter()
        for (protocol, action, direction, result), number in sorted(wire.messages.items()):
            messages.add_metric([protocol, action, direction, result], number)
            if result[:1].isupper():
                codes[protocol, result, "out" if direction == "in" else "in"] += number
        for labels, number in sorted(codes.items()):
            errors.add_metric(labels, number)
        yield messages
        yield errors
        yield _histogram(
            "csms_ocpp_handle_seconds",
            "From a station's call to our answer.",
            wire.handled,
            bounds,
        )
        yield _histogram(
            "csms_ocpp_call_roundtrip_seconds",
            "From our call to the station's answer.",
            wire.round_trips,
            bounds,
        )
        waiting = self._sources.commands_waiting()
        yield GaugeMetricFamily(
            "csms_command_queue_depth", "Calls of ours without an answer yet.", value=waiting
        )

    def _database(self) -> Iterator[Metric]:
        journal = self._sources.journal()
        yield _total("csms_db_flush_rows", "Rows that the journal has stored.", journal.entries)
        flushes = HistogramMetricFamily("csms_db_flush_seconds", "Commits of the journal.")
        bounds = self._sources.flush_bounds_s
        flushes.add_metric([], _rising(journal.flushes, bounds), journal.flushing_s)
        yield flushes
        yield _total("csms_db_flush_failures", "Commits that failed.", journal.failures)
        yield _total(
            "csms_journal_dropped", "Rows of the logs dropped under pressure.", journal.dropped
        )
        yield GaugeMetricFamily(
            "csms_journal_waiting", "Rows not stored yet.", value=journal.waiting
        )
        in_use = self._sources.pool_in_use()
        yield GaugeMetricFamily(
            "csms_db_pool_in_use", "Connections to the database in use.", value=in_use
        )
        census = self.census
        yield GaugeMetricFamily(
            "csms_db_up", "Whether the database answered.", value=int(census is not None)
        )
        if census is None:
            return
        yield GaugeMetricFamily(
            "csms_outbox_waiting", "Events that are not told yet.", value=census.events_untold
        )
        yield GaugeMetricFamily("csms_stations", "Stations registered.", value=census.stations)
        active = census.transactions_active
        yield GaugeMetricFamily(
            "csms_transactions_active", "Transactions that have not ended.", value=active
        )
        connectors = GaugeMetricFamily(
            "csms_connectors", "Connectors, by their last known status.", labels=["status"]
        )
        for status, number in sorted(census.connectors.items()):
            connectors.add_metric([status], number)
        yield connectors

    def _outward(self) -> Iterator[Metric]:
        sources = self._sources
        yield _counter(
            "csms_webhook_deliveries",
            "Tries to deliver to webhooks, by result.",
            "result",
            sources.webhooks(),
        )
        yield GaugeMetricFamily(
            "csms_webhook_waiting", "Deliveries to be sent.", value=sources.webhooks_waiting()
        )
        yield GaugeMetricFamily(
            "csms_event_streams", "Event streams that are open.", value=sources.streams()
        )

    def _rest(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "csms_event_loop_lag_seconds",
            "How late the event loop was at the last look.",
            value=self._lag.last_s,
        )
        yield GaugeMetricFamily(
            "csms_event_loop_lag_worst_seconds",
            "How late it was at most since somebody read this.",
            value=self._lag.take_worst_s(),
        )
        now = self._sources.clock()
        left: dict[str, float] = {}
        for kind, not_after in self._sources.certificates():
            seconds = (not_after - now).total_seconds()
            left[kind] = min(left.get(kind, seconds), seconds)
        expiry = GaugeMetricFamily(
            "csms_certificates_expiry_seconds",
            "Until the first certificate expires that the server, a station or our trust needs.",
            labels=["kind"],
        )
        for kind, seconds in sorted(left.items()):
            expiry.add_metric([kind], seconds)
        yield expiry


def _total(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)


def _counter(name: str, words: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for value, number in sorted(numbers.items()):
        family.add_metric([value], number)
    return family


def _histogram(
    name: str, words: str, numbers: Mapping[str, DurationCounts], bounds: Sequence[float]
) -> Metric:
    family = HistogramMetricFamily(name, words, labels=["action"])
    for action, counted in sorted(numbers.items()):
        family.add_metric([action], _rising(counted.buckets, bounds), counted.total_s)
    return family


def _rising(buckets: Sequence[int], bounds: Sequence[float]) -> list[tuple[str, float]]:
    ends = [*(str(each) for each in bounds), "+Inf"]
    return list(zip(ends, accumulate(buckets), strict=True))


def _build() -> dict[str, str]:
    """The version, and the commit if it was installed from a repository (PEP 610)."""
    found = {"version": version("voltkeep")}
    told = distribution("voltkeep").read_text("direct_url.json")
    if told is not None and (commit := json.decode(told, type=_Origin).vcs_info.commit_id):
        found["commit"] = commit
    return found
