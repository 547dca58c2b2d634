"""Fill a database with a fleet: stations, connectors, tokens, transactions, and their history.

Run `python -m bench.api_data URL --stations 100000 --transactions 2000000` on an empty database.
The same arguments make the same rows.
"""

import argparse
import asyncio
import itertools
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from msgspec import json

from voltkeep.domain.audit import GENESIS, Actor, Deed, chained
from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.events import StationBooted
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    Sender,
    StationId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.stations import Make, Registration
from voltkeep.services.ports import Exchange
from voltkeep.store import messages, meter_values, migrate, tables
from voltkeep.store.audit import as_row
from voltkeep.store.columns import as_it_is, micros
from voltkeep.store.engine import parse_url
from voltkeep.store.sqlite_workers import file_of

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_SPAN = timedelta(days=730)
_CHUNK = 20_000
_ACTIVE = 0.05
SITES = 400

Row = tuple[Any, ...]
Moment = Callable[[datetime], Any]
Filled = tuple[str, list[str], Iterator[Row]]
"""The name of a table, its columns, and its rows."""


def name(number: int) -> str:
    """What a station is called."""
    return f"S{number:06}"


class Fleet:
    """Rows of each table, in the order in which time brought them."""

    def __init__(self, stations: int, transactions: int, history: int, moment: Moment) -> None:
        self.stations = stations
        self.transactions = transactions
        self.history = history
        self._moment = moment
        self._random = random.Random(4)
        self._ids = itertools.count(1)

    def tables(self) -> Iterator[Filled]:
        """A name, its columns, and its rows."""
        for table, columns, rows in (
            ("stations", _STATION, self._stations()),
            ("connectors", _CONNECTOR, self._connectors()),
            ("tokens", _TOKEN, self._tokens()),
            ("transactions", _TRANSACTION, self._transactions()),
            ("message_log", " ".join(messages.COLUMNS), self._messages()),
            ("message_log_blocks", " ".join(messages.BLOCK_COLUMNS), self._blocks()),
            ("status_history", _STATUS, self._statuses()),
            ("meter_values", " ".join(meter_values.COLUMNS), self._meter_values()),
            ("meter_value_hours", " ".join(meter_values.HOUR_COLUMNS), self._hours()),
            ("outbox", _EVENT, self._events()),
            ("audit_log", _ENTRY, self._entries()),
            ("security_events", f"{_RECORD} type", self._security_events()),
            ("sequences", "tenant name value", self._counters()),
        ):
            yield table, columns.split(), rows

    def _any_station(self) -> str:
        return name(self._random.randrange(self.stations))

    def _ago(self, most: timedelta) -> datetime:
        return NOW - most * self._random.random()

    def _stations(self) -> Iterator[Row]:
        pick, moment = self._random, self._moment
        weights = [1 / (number + 3) for number in range(SITES)]
        sites = [f"site-{number:03}" for number in range(SITES)]
        for number in range(self.stations):
            connected_at = self._ago(timedelta(days=30)) if pick.random() < 0.97 else None
            is_gone = connected_at is not None and pick.random() < 0.05
            vendor = pick.randrange(8)
            registration = Registration.ACCEPTED if pick.random() < 0.99 else Registration.PENDING
            yield (
                DEFAULT_TENANT,
                name(number),
                pick.choice((1, 2, 2, 2, 3)),
                registration.value,
                False,
                "",
                pick.choices(sites, weights)[0],
                moment(NOW - _SPAN + _SPAN * (number / self.stations)),
                f"Vendor {vendor}" if connected_at else None,
                f"Model {vendor}{pick.randrange(3)}" if connected_at else None,
                f"{pick.randrange(3)}.{pick.randrange(4)}" if connected_at else None,
                pick.choice(("ocpp1.6", "ocpp1.6", "ocpp2.0.1")) if connected_at else None,
                1,
                moment(connected_at) if connected_at else None,
                moment(self._ago(timedelta(hours=1))) if is_gone else None,
                moment(self._ago(timedelta(minutes=10))) if connected_at else None,
            )

    def _status(self) -> str:
        statuses = tuple(ConnectorStatus)
        return self._random.choices(statuses, (60, 32, 0.1, 6, 2))[0].value

    def _connectors(self) -> Iterator[Row]:
        for number in range(self.stations):
            for evse in (0, 1, 2):
                at = self._moment(self._ago(timedelta(days=3)))
                status = self._status()
                yield (
                    *(DEFAULT_TENANT, name(number), evse, min(evse, 1)),
                    *(status, status, at, at),
                )

    def _tokens(self) -> Iterator[Row]:
        pick = self._random
        for number in range(self.stations):
            value = f"{number * 2654435761 % 2**32:08x}"
            expires = self._moment(NOW + (pick.random() - 0.1) * _SPAN)
            group = f"group-{pick.randrange(2000)}" if pick.random() < 0.2 else None
            created_at = self._moment(self._ago(_SPAN))
            yield (
                *(DEFAULT_TENANT, value, value, "ISO14443", group, pick.random() < 0.02),
                *(expires, 1, "", created_at),
            )

    def _transactions(self) -> Iterator[Row]:
        pick, moment = self._random, self._moment
        for number in range(self.transactions):
            done = number / self.transactions
            heard_at = NOW - _SPAN + _SPAN * done
            started_at = heard_at - timedelta(seconds=pick.random() * 60)
            # Those of today, and a few of each day that nobody ever ended.
            is_active = done > 1 - _ACTIVE * 0.9 or pick.random() < _ACTIVE * 0.1
            ended_at = None if is_active else heard_at + timedelta(hours=4 * pick.random() ** 2)
            owner = int(self.stations * pick.random() ** 2)
            token = f"{owner * 2654435761 % 2**32:08x}"
            yield (
                *(DEFAULT_TENANT, self._any_station(), f"{number + 1:010}"),
                *(f"{number:024x}", pick.choice((1, 2)), 1),
                *(token, token, "ISO14443", f"group-{owner % 2000}" if owner % 5 == 0 else None),
                *("Accepted", moment(started_at), moment(ended_at) if ended_at else None),
                *(1000.0, None if is_active else 21_000.0, None if is_active else "Local"),
                *(moment(heard_at), moment(ended_at or NOW)),
            )

    def _messages(self) -> Iterator[Row]:
        actions = ("Heartbeat", "MeterValues", "MeterValues", "StatusNotification", "Authorize")
        for number in range(self.history):
            at = NOW - timedelta(days=30) * (1 - number / self.history)
            action = "BootNotification" if number % 5000 == 0 else self._random.choice(actions)
            exchange = Exchange(
                station=StationId(DEFAULT_TENANT, name(number * 7919 % self.stations)),
                direction="in",
                message_id=f"{number}",
                action=action,
                call=b'[2,"%d","%b",{"connectorId":1,"transactionId":1,"meterValue":[]}]'
                % (number, action.encode()),
                called_at=at,
                answer=b'[3,"%d",{}]' % number,
                answered_at=at,
            )
            yield messages.row(exchange, number + 1, self._moment)

    def _blocks(self) -> Iterator[Row]:
        seen = {
            (number * 7919 % self.stations, (number + 1) // tables.LOG_BLOCK)
            for number in range(self.history)
        }
        for station, block in seen:
            yield (DEFAULT_TENANT, name(station), block)

    def _statuses(self) -> Iterator[Row]:
        for number in range(self.history):
            at = self._moment(NOW - timedelta(days=365) * (1 - number / self.history))
            status = self._status()
            yield (
                *(DEFAULT_TENANT, self._any_station(), self.history + number + 1),
                *(1, 1, status, status, at, at),
            )

    def _metered(self) -> Iterator[Row]:
        """The same each time: of a few hundred transactions that run, and are metered for hours."""
        cars = max(1, self.history // 600)
        for number in range(self.history):
            car, turn = number % cars, number // cars
            at = NOW - timedelta(hours=10) + timedelta(minutes=turn)
            station = StationId(DEFAULT_TENANT, name(car * 31 % self.stations))
            value = MeterValue(at=at, energy_wh=100.0 * turn, power_w=7000.0, raw=b"[]")
            ref = TransactionRef(f"{self.transactions - car:010}")
            sender = Sender(station, 1, at)
            yield from meter_values.rows(sender, ref, Evse(1, 1), [value], self._moment)

    def _meter_values(self) -> Iterator[Row]:
        return self._metered()

    def _hours(self) -> Iterator[Row]:
        yield from meter_values.hours(self._metered())

    def _events(self) -> Iterator[Row]:
        make = Make(vendor="Vendor 1", model="Model 1")
        for number in range(self.history // 2):
            event = StationBooted(
                station=StationId(DEFAULT_TENANT, self._any_station()),
                at=NOW,
                make=make,
                registration=Registration.ACCEPTED,
                reason="PowerUp",
            )
            published_at = self._moment(NOW - timedelta(seconds=self.history - number))
            yield (
                DEFAULT_TENANT,
                number + 1,
                json.encode(event).decode(),
                published_at,
                number + 1,
            )

    def _entries(self) -> Iterator[Row]:
        actor, last = Actor(kind="cli", name="ada"), GENESIS
        for number in range(self.history // 3):
            at = NOW - _SPAN * (1 - number / self.history * 3)
            deed = Deed(action="station.changed", object=self._any_station())
            entry = chained(DEFAULT_TENANT, number + 1, at, actor, deed, last)
            last = entry.hash
            row = as_row(entry)
            yield tuple(self._moment(each) if each is at else each for each in row.values())

    def _security_events(self) -> Iterator[Row]:
        content = json.encode({"happened_at": NOW, "type": "StartupOfTheDevice"}).decode()
        for number in range(self.history // 2):
            at = self._moment(NOW - timedelta(days=365) * (1 - number / self.history * 2))
            type = "StartupOfTheDevice"
            yield (DEFAULT_TENANT, self._any_station(), f"{number}", "noted", at, content, type)

    def _counters(self) -> Iterator[Row]:
        yield ("", messages.COUNTER, 2 * self.history + 1)
        yield (DEFAULT_TENANT, "audit_log", self.history // 3)
        yield ("", "event positions", self.history // 2)
        yield ("", "outbox", self.history // 2)


_STATION = (
    "tenant name security_profile registration passive note site created_at vendor model firmware "
    "subprotocol epoch connected_at disconnected_at last_seen_at"
)
_CONNECTOR = "tenant station evse_id connector_id status raw_status at received_at"
_TOKEN = "tenant key value kind group_token blocked expires_at max_active note created_at"
_TRANSACTION = (
    "tenant station ref start_key evse_id connector_id token_key token_value token_kind "
    "group_token authorization started_at ended_at meter_start_wh meter_stop_wh stop_reason "
    "first_heard_at last_heard_at"
)
_STATUS = "tenant station id evse_id connector_id status raw_status at received_at"
_EVENT = "tenant seq event published_at position"
_ENTRY = "tenant seq at actor deed before_hash hash"
_RECORD = "tenant station id state at content"


More = Callable[[int, Moment], Iterable[Filled]]
"""Tables beyond those of a fleet, for so many stations."""


def _nothing(_stations: int, _moment: Moment) -> Iterable[Filled]:
    return ()


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield chunk


def _fill_sqlite(url: str, options: argparse.Namespace, more: More) -> None:
    fleet = Fleet(options.stations, options.transactions, options.history, micros)
    connection = sqlite3.connect(file_of(parse_url(url)), isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    for table, columns, rows in (*fleet.tables(), *more(options.stations, micros)):
        began = time.perf_counter()
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL "
            "AND tbl_name=?",
            (table,),
        ).fetchall()
        places = ", ".join("?" * len(columns))
        connection.execute("BEGIN")
        for index, _ in indexes:
            connection.execute(f'DROP INDEX "{index}"')
        for chunk in _chunks(rows):
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", chunk
            )
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
        print(f"  {table:20} {time.perf_counter() - began:6.1f} s", flush=True)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _fill_postgres(url: str, options: argparse.Namespace, more: More) -> None:
    fleet = Fleet(options.stations, options.transactions, options.history, as_it_is)
    connection = await asyncpg.connect(parse_url(url).render_as_string(hide_password=False))
    await connection.execute("SET maintenance_work_mem = '256MB'")
    await connection.execute("SET synchronous_commit = off")
    for table, columns, rows in (*fleet.tables(), *more(options.stations, as_it_is)):
        began = time.perf_counter()
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 "
            "AND indexname LIKE 'ix_%' AND schemaname = current_schema()",
            table,
        )
        async with connection.transaction():
            for index in indexes:
                await connection.execute(f'DROP INDEX "{index["indexname"]}"')
            for chunk in _chunks(rows):
                await connection.copy_records_to_table(table, records=chunk, columns=columns)
            for index in indexes:
                await connection.execute(index["indexdef"])
        print(f"  {table:20} {time.perf_counter() - began:6.1f} s", flush=True)
    await connection.execute("SELECT setval('outbox_seq_seq', $1)", options.history + 1)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def fill(url: str, options: argparse.Namespace, more: More = _nothing) -> None:
    """The schema, and every row; with ``more``, what else is to be there."""
    await migrate(url)
    if parse_url(url).get_backend_name() == "sqlite":
        await asyncio.to_thread(_fill_sqlite, url, options, more)
    else:
        await _fill_postgres(url, options, more)


def arguments() -> argparse.ArgumentParser:
    """How large the fleet is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=100_000)
    parser.add_argument("--transactions", type=int, default=2_000_000)
    parser.add_argument("--history", type=int, default=300_000, help="messages, meter values …")
    return parser


def main() -> None:
    parser = arguments()
    parser.add_argument("url")
    options = parser.parse_args()
    asyncio.run(fill(options.url, options))


if __name__ == "__main__":
    main()
