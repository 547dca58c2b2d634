"""A checker that numbers its messages: what was answered must be in the database exactly once.

Stations start, meter and stop transactions as fast as they are answered, in OCPP 1.6 and 2.0.1.
Each message says something that no other says. The ledger keeps what was answered; the database
is read past all of our code.
"""

import asyncio
import contextlib
import itertools
import json
import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

START = datetime(2026, 1, 1, tzinfo=UTC)
LOST = (OSError, WebSocketException, TimeoutError, EOFError)


@dataclass
class Ledger:
    """What was answered: (station, transaction, what it said)."""

    starts: dict[tuple[str, str], float] = field(default_factory=dict)  # the meter at start
    stops: dict[tuple[str, str], float] = field(default_factory=dict)
    meters: Counter[tuple[str, str, datetime]] = field(default_factory=Counter)
    answered: int = 0


class Journalist:
    """A station that goes on with the same message until it is answered."""

    def __init__(self, name, version, ledger):
        self.name = name
        self.version = version
        self.ledger = ledger
        self._seconds = itertools.count(1)
        self._ids = itertools.count(1)
        self._script = self._messages()
        self._message = None

    async def run(self, url):
        """Talk until the connection is lost."""
        with contextlib.suppress(*LOST):
            async with connect(
                url, subprotocols=[Subprotocol(self.version)], compression=None, open_timeout=2
            ) as socket:
                while True:
                    if self._message is None:
                        self._message = next(self._script)
                    action, payload, note = self._message
                    answer = await self._ask(socket, action, payload)
                    if answer is not None:
                        self.ledger.answered += 1
                        note(answer)
                        self._message = None

    async def _ask(self, socket, action, payload):
        """None: refused for now. A message that was lost is said again under a new id, later."""
        await socket.send(json.dumps([2, f"{next(self._ids)}", action, payload]))
        async with asyncio.timeout(20):  # `wait_for` of Python 3.11 may swallow a cancellation
            answer = json.loads(await socket.recv())
        if answer[0] == 4:
            assert answer[2] == "InternalError", answer  # the one that says: try again
            await asyncio.sleep(0.1)
            return None
        return answer[2]

    def _messages(self):
        tell = self._tell_16 if self.version == "ocpp1.6" else self._tell_2
        for number in itertools.count(1):
            yield from tell(number)

    def _time(self):
        at = START + timedelta(seconds=next(self._seconds))
        return at, at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _tell_16(self, number):
        told = {}

        def started(answer):
            assert answer["idTagInfo"]["status"] == "Accepted"
            told["ref"] = answer["transactionId"]
            key = (self.name, str(told["ref"]))
            assert key not in self.ledger.starts, "one id for two transactions"
            self.ledger.starts[key] = float(number)

        _, at = self._time()
        start = {"connectorId": 1, "idTag": "CARD", "meterStart": number, "timestamp": at}
        yield "StartTransaction", start, started
        for reading in range(3):
            at, text = self._time()
            metered = (self.name, str(told["ref"]), at)
            samples = [{"value": str(number + reading), "unit": "Wh"}]
            meter = [{"timestamp": text, "sampledValue": samples}]
            payload = {"connectorId": 1, "transactionId": told["ref"], "meterValue": meter}
            yield "MeterValues", payload, lambda _, key=metered: self.ledger.meters.update([key])
        _, at = self._time()
        key = (self.name, str(told["ref"]))
        stop = {"transactionId": told["ref"], "meterStop": number + 10, "timestamp": at}
        yield (
            "StopTransaction",
            stop,
            lambda _: self.ledger.stops.update({key: float(number + 10)}),
        )

    def _tell_2(self, number):
        ref = f"{self.name}-{number}"
        for seq_no, phase in enumerate(("Started", "Updated", "Updated", "Ended")):
            at, text = self._time()
            energy = number + (10 if phase == "Ended" else seq_no)
            event = {
                "eventType": phase,
                "timestamp": text,
                "triggerReason": "Authorized" if phase == "Started" else "MeterValuePeriodic",
                "seqNo": seq_no,
                "transactionInfo": {"transactionId": ref},
                "meterValue": [{"timestamp": text, "sampledValue": [{"value": energy}]}],
            }
            if phase == "Started":
                event |= {
                    "evse": {"id": 1, "connectorId": 1},
                    "idToken": {"idToken": "CARD", "type": "ISO14443"},
                }

            def note(_, at=at, phase=phase, energy=energy):
                self.ledger.meters.update([(self.name, ref, at)])
                if phase == "Started":
                    self.ledger.starts[self.name, ref] = float(energy)
                if phase == "Ended":
                    self.ledger.stops[self.name, ref] = float(energy)

            yield "TransactionEvent", event, note


async def load(server, journalists, answers):
    """Let them all talk until so many messages more are answered; they talk on."""
    tasks = [asyncio.create_task(one.run(server.url(one.name))) for one in journalists]
    ledger = journalists[0].ledger
    enough = ledger.answered + answers
    async with asyncio.timeout(60):
        while ledger.answered < enough:  # noqa: ASYNC110  # a counter is no event
            await asyncio.sleep(0.005)
    return tasks


async def hang_up(tasks):
    """End the talk from the stations' side."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, AssertionError):
            raise result


# The database, read past our code.


TRANSACTIONS = """
    SELECT station, ref, meter_start_wh, meter_stop_wh, started_at, ended_at FROM transactions
"""
METERS = "SELECT station, ref, at FROM meter_values"


async def rows(settings, query):
    """What a query finds, times as datetimes."""
    url = settings.database_url
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            found = database.execute(query).fetchall()
        return [tuple(map(_time, row)) for row in found]
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _time(value):
    """SQLite keeps times as microseconds since 1970: large integers, and nothing else is."""
    is_time = isinstance(value, int) and value > 10**12
    return START.fromtimestamp(value / 1e6, UTC) if is_time else value


async def check(settings, ledger):
    """Everything answered is there exactly once. Returns what was counted."""
    transactions = await rows(settings, TRANSACTIONS)
    by_ref = {(row[0], row[1]): row for row in transactions}
    assert len(by_ref) == len(transactions), "a transaction is stored twice"
    for key, meter in ledger.starts.items():
        assert key in by_ref, f"{key} was answered and is not stored"
        assert by_ref[key][2] == meter, f"{key} was stored with another meter value"
    for key, meter in ledger.stops.items():
        assert by_ref[key][3] == meter, f"{key} was stopped, and that is not stored"
        assert by_ref[key][5] is not None
    metered = Counter(await rows(settings, METERS))
    for key in ledger.meters:
        assert metered[key] == 1, f"{key} is stored {metered[key]} times"
    assert max(metered.values()) == 1, "a meter value is stored twice"
    # 1.6 numbers its messages by what they say: a start that was repeated is still one.
    starts = Counter((row[0], row[2]) for row in transactions if row[2] is not None)
    assert max(starts.values()) == 1, "a repeated start became a second transaction"
    return len(ledger.starts), len(ledger.stops), len(ledger.meters)


def journalists(names, ledger, seed):
    """Half of them speak 1.6, half 2.0.1."""
    versions = itertools.cycle(("ocpp1.6", "ocpp2.0.1"))
    people = [
        Journalist(name, version, ledger) for name, version in zip(names, versions, strict=False)
    ]
    random.Random(seed).shuffle(people)
    return people
