"""What other systems were measured failing at, against ours: a real server, and both databases."""

import asyncio
import itertools
import json
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.end_to_end.ledger import TRANSACTIONS, rows
from tests.end_to_end.server import Server

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
AT = "2026-01-01T00:00:00Z"


@pytest.fixture(params=["sqlite", "postgresql"])
async def serve(request, tmp_path):
    """Register stations and tokens, and run a server."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    server = Server(tmp_path / "data", database)

    async def start(stations, tokens):
        await server.prepare(stations, tokens)
        await server.start()
        return server

    yield start
    server.stop()


class Plain:
    """A 1.6 station that asks and hears."""

    def __init__(self, socket):
        self.socket = socket
        self._ids = itertools.count(1)

    async def ask(self, action, payload):
        await self.socket.send(json.dumps([2, f"{next(self._ids)}", action, payload]))
        answer = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
        assert answer[0] == 3, answer
        return answer[2]

    async def start(self, connector, token, meter):
        start = {"connectorId": connector, "idTag": token, "meterStart": meter, "timestamp": AT}
        return await self.ask("StartTransaction", start)

    async def stop(self, ref, meter):
        await self.ask(
            "StopTransaction", {"transactionId": ref, "meterStop": meter, "timestamp": AT}
        )


@asynccontextmanager
async def station(server, name):
    async with connect(
        server.url(name), subprotocols=[Subprotocol("ocpp1.6")], compression=None, open_timeout=30
    ) as socket:
        plain = Plain(socket)
        assert (await plain.ask("BootNotification", BOOT))["status"] == "Accepted"
        yield plain


async def test_two_connectors_of_one_station_are_two_transactions(serve):
    server = await serve(["CS-1"], ["ONE", "TWO"])
    async with station(server, "CS-1") as plain:
        first = await plain.start(1, "ONE", 100)
        second = await plain.start(2, "TWO", 200)
        assert first["idTagInfo"]["status"] == second["idTagInfo"]["status"] == "Accepted"
        assert first["transactionId"] != second["transactionId"]
        await plain.stop(first["transactionId"], 150)
        await plain.stop(second["transactionId"], 290)

    stored = sorted(row[2:4] for row in await rows(server.settings, TRANSACTIONS))
    assert stored == [(100.0, 150.0), (200.0, 290.0)]


async def test_twenty_stations_with_ten_sessions_each_leave_two_hundred_records(serve):
    names = [f"CS-{number}" for number in range(20)]
    server = await serve(names, names)

    async def day(name):
        async with station(server, name) as plain:
            for number in range(10):
                answer = await plain.start(1, name, number * 100)
                assert answer["idTagInfo"]["status"] == "Accepted"
                await plain.stop(answer["transactionId"], number * 100 + 50)

    await asyncio.gather(*(day(name) for name in names))

    stored = await rows(server.settings, TRANSACTIONS)
    assert len(stored) == 200
    assert set(Counter(row[0] for row in stored).values()) == {10}
    assert all(row[3] - row[2] == 50 and row[5] is not None for row in stored)


@pytest.mark.timeout(180)
async def test_five_hundred_stations_drop_and_return_at_once_twice(serve):
    names = [f"CS-{number}" for number in range(500)]
    server = await serve(names, [])
    loop = asyncio.get_running_loop()

    for _ in range(3):
        began = loop.time()
        async with AsyncExitStack() as stack:
            stations = await asyncio.gather(
                *(stack.enter_async_context(station(server, name)) for name in names)
            )
            assert loop.time() - began < 60
            beats = await asyncio.gather(*(plain.ask("Heartbeat", {}) for plain in stations))
            assert all("currentTime" in beat for beat in beats)
            for plain in stations:
                plain.socket.transport.abort()  # without a close frame
            await asyncio.sleep(0.2)
    assert server.is_running
    assert "Traceback" not in server.output()


async def test_two_hundred_stations_report_status_at_once(serve):
    names = [f"CS-{number}" for number in range(200)]
    server = await serve(names, [])
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": AT}
    async with AsyncExitStack() as stack:
        stations = await asyncio.gather(
            *(stack.enter_async_context(station(server, name)) for name in names)
        )
        for _ in range(3):
            answers = await asyncio.gather(
                *(plain.ask("StatusNotification", status) for plain in stations)
            )
            assert answers == [{}] * 200

        async with asyncio.timeout(10):
            while len(await rows(server.settings, CONNECTORS)) < 200:  # noqa: ASYNC110  # rows tell nobody
                await asyncio.sleep(0.1)
    assert {row[1] for row in await rows(server.settings, CONNECTORS)} == {"Preparing"}


CONNECTORS = "SELECT station, raw_status FROM connectors"
