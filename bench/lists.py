"""How long a page of each list takes: at its start, in its middle and at its end.

Run `python -m bench.lists --stations 100000 --transactions 2000000`; with URLs, of databases that
`bench.api_data` has filled. Times are the store's own, in milliseconds, a page of 100 rows each.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from tests.postgres import Cluster

from bench.api_data import NOW, arguments, fill
from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, StationId, TransactionRef
from voltkeep.domain.stations import Registration
from voltkeep.services.lists import (
    AuditFilter,
    ConnectorFilter,
    EventFilter,
    MessageFilter,
    MeterFilter,
    Page,
    Place,
    StationFilter,
    StatusFilter,
    TokenFilter,
    TransactionFilter,
    instant,
)
from voltkeep.services.records import Look
from voltkeep.store import Store, open_store

BUDGET_MS = 50.0
_TIMES = 12
_PLACES = {"start": 0.0, "middle": 0.5, "end": 0.999}

Case = tuple[str, str, Any, str]


def cases(options: argparse.Namespace, pick: random.Random) -> Iterator[Case]:
    """A list, what is looked for, the filter, and the sort."""
    name = f"S{pick.randrange(options.stations):06}"
    site = f"site-{pick.randrange(400):03}"
    token = IdToken(f"{pick.randrange(options.stations) * 2654435761 % 2**32:08x}")
    since = NOW - timedelta(days=pick.randrange(1, 700))
    day = {"since": since, "before": since + timedelta(days=1)}
    for sort in ("name", "-name", "created_at", "-last_seen_at", "-connected_at"):
        yield "stations", "all", StationFilter(), sort
    for what, station in {
        "a site": StationFilter(sites=(site,)),
        "the largest sites": StationFilter(sites=("site-000", "site-001")),
        "pending": StationFilter(registration=Registration.PENDING),
        "vendor, model": StationFilter(vendor="Vendor 3", model="Model 31"),
        "no such firmware": StationFilter(firmware="9"),
        "not connected": StationFilter(connected=False),
        "prefix": StationFilter(prefix=name[:4]),
    }.items():
        yield "stations", what, station, "name"
    yield "stations", "a site", StationFilter(sites=(site,)), "-last_seen_at"
    for what, connector in {
        "all": ConnectorFilter(),
        "faulted": ConnectorFilter(status=ConnectorStatus.FAULTED),
        "reserved": ConnectorFilter(status=ConnectorStatus.RESERVED),
        "a site": ConnectorFilter(sites=(site,)),
        "the largest site": ConnectorFilter(sites=("site-000",)),
        "stale": ConnectorFilter(stale_before=NOW - timedelta(days=2)),
    }.items():
        yield "connectors", what, connector, "station"
    for what, tokens in {
        "all": TokenFilter(),
        "a group": TokenFilter(group="group-7"),
        "blocked": TokenFilter(blocked=True),
        "expired": TokenFilter(expires_before=NOW),
        "prefix": TokenFilter(prefix=token.value[:3]),
    }.items():
        yield "tokens", what, tokens, "key"
    yield "tokens", "all", TokenFilter(), "-created_at"
    for sort in ("first_heard_at", "started_at", "ended_at"):
        for turned in ("", "-"):
            for what, of in {
                "all": TransactionFilter(),
                "active": TransactionFilter(active=True),
                "ended": TransactionFilter(active=False),
                "a station": TransactionFilter(station=name),
                "a token": TransactionFilter(id_token=token),
                "a group": TransactionFilter(group="group-5"),
                "a site": TransactionFilter(sites=(site,)),
                "the largest site": TransactionFilter(sites=("site-000",)),
                "a day": TransactionFilter(
                    started_since=day["since"], started_before=day["before"]
                ),
                "a reference": TransactionFilter(ref=TransactionRef("0000012345")),
            }.items():
                yield "transactions", what, of, turned + sort
    yield from _history(options, pick, name)


def _history(options: argparse.Namespace, pick: random.Random, name: str) -> Iterator[Case]:
    cars = max(1, options.history // 600)
    since = NOW - timedelta(days=pick.randrange(1, 29))
    for sort in ("at", "-at"):
        car = pick.randrange(cars)
        of_car = StationId(DEFAULT_TENANT, f"S{car * 31 % options.stations:06}")
        ref = TransactionRef(f"{options.transactions - car:010}")
        yield "meter_values", "a transaction", (of_car, MeterFilter(ref=ref)), sort
        yield "meter_values", "a station", (of_car, MeterFilter()), sort
        of_station = StationId(DEFAULT_TENANT, name)
        yield "status_history", "a station", (of_station, StatusFilter()), sort
        yield "messages", "all", MessageFilter(), sort
        yield "messages", "a station", MessageFilter(station=name), sort
        yield "messages", "an action", MessageFilter(action="BootNotification"), sort
        yield "messages", "a message", MessageFilter(message_id="4711"), sort
        yield (
            *("messages", "an hour"),
            *(MessageFilter(since=since, before=since + timedelta(hours=1)), sort),
        )
        yield "messages", "a site", MessageFilter(sites=("site-100",)), sort
        yield "audit", "all", AuditFilter(), sort
        yield "audit", "an object", AuditFilter(object=name), sort
        yield "audit", "a week", AuditFilter(since=since - timedelta(days=7), before=since), sort
        yield "events", "all", EventFilter(), sort
        yield "events", "a station", EventFilter(station=name), sort
        yield "events", "a site", EventFilter(sites=("site-100",)), sort


def place(what: str, sort: str, share: float, options: argparse.Namespace) -> Place | None:
    """A place so far into the list."""
    if share == 0:
        return None
    turned = sort.startswith("-")
    share = 1 - share if turned else share
    column = sort.removeprefix("-")
    number = int(options.stations * share)
    at = instant(NOW - timedelta(days=730) * (1 - share))
    if what in {"messages", "status_history"}:
        return (int(options.history * share * (2 if what == "status_history" else 1)),)
    if what in {"audit", "events"}:
        return (int(options.history * share / (10 if what == "audit" else 2)),)
    if what == "meter_values":
        return (instant(NOW - timedelta(hours=10) * (1 - share)), "", 0, 0)
    if what == "connectors":
        return (f"S{number:06}", 1, 1)
    if what == "transactions":
        return (at, f"S{number:06}", "")
    if column in {"name", "key"}:
        return (f"S{number:06}" if column == "name" else f"{int(2**32 * share):08x}",)
    if column == "last_seen_at":
        at = instant(NOW - timedelta(minutes=10) * (1 - share))
    if column == "connected_at":
        at = instant(NOW - timedelta(days=30) * (1 - share))
    return (at, f"S{number:06}")


async def one(store: Store, case: Case, after: Place | None) -> tuple[float, int]:
    """How long it took, and how many rows there were."""
    what, _, which, sort = case
    subject, which = which if isinstance(which, tuple) else (DEFAULT_TENANT, which)
    began = time.perf_counter()
    async with store.read() as work:
        found: Page[Any] = await getattr(work.lists, what)(subject, which, sort, after=after)
    return (time.perf_counter() - began) * 1000, len(found.rows)


async def records(store: Store) -> dict[str, list[float]]:
    """`Records.page`, of a kind that has many."""
    times: dict[str, list[float]] = {}
    for oldest_first in (False, True):
        for where, share in _PLACES.items():
            at = NOW - timedelta(days=365) * (share if not oldest_first else 1 - share)
            after = None if not share else (at, "", "")
            look = Look(oldest_first=oldest_first, after=after)
            for _ in range(_TIMES):
                began = time.perf_counter()
                async with store.read() as work:
                    await work.security_events.page(DEFAULT_TENANT, look)
                taken = (time.perf_counter() - began) * 1000
                times.setdefault(where, []).append(taken)
    return times


async def measure(name: str, url: str, options: argparse.Namespace) -> bool:
    """Print a row for each list, filter and sort; whether all were within the budget."""
    store = await open_store(url, clock=lambda: datetime.now(UTC))
    times: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    counts: dict[tuple[str, str, str], int] = {}
    pick = random.Random(5)
    for _ in range(_TIMES):
        for case in cases(options, pick):
            key = (case[0], case[1], case[3])
            for where, share in _PLACES.items():
                taken, count = await one(store, case, place(case[0], case[3], share, options))
                times.setdefault(key, {}).setdefault(where, []).append(taken)
                counts[key] = max(counts.get(key, 0), count)
    times["security_events", "records", "at"] = await records(store)
    await store.close()
    print(f"{name}: a page of 100, ms (p50 / p95)")
    print(f"  {'':52}" + "".join(f"{where:>16}" for where in _PLACES) + f"{'rows':>6}")
    everything: list[float] = []
    for (what, of, sort), by_place in times.items():
        shown = "".join(
            f"{statistics.median(each):8.1f} /{_p95(each):6.1f}" for each in by_place.values()
        )
        slow = " !" if max(map(_p95, by_place.values())) > BUDGET_MS else ""
        rows = counts.get((what, of, sort), 0)
        print(f"  {what:15} {of:18} {sort:17}{shown}{rows:6}{slow}")
        everything += [taken for each in by_place.values() for taken in each]
    print(f"  all together: {statistics.median(everything):.1f} / {_p95(everything):.1f}")
    return _p95(everything) <= BUDGET_MS


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def main() -> int:
    """1 if a list was slower than it may be."""
    parser = arguments()
    parser.add_argument("urls", nargs="*")
    options = parser.parse_args()
    if options.urls:
        names = [url.partition(":")[0] for url in options.urls]
        done = [
            uvloop.run(measure(*each, options)) for each in zip(names, options.urls, strict=True)
        ]
        return int(not all(done))
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/bench.db"
        uvloop.run(fill(url, options))
        is_quick = uvloop.run(measure("SQLite", url, options))
    with Cluster() as cluster:
        uvloop.run(fill(cluster.url, options))
        is_quick = uvloop.run(measure("PostgreSQL", cluster.url, options)) and is_quick
    return int(not is_quick)


if __name__ == "__main__":
    sys.exit(main())
