"""`kill -9` while commands run and wait: nothing is sent twice, and nothing is forgotten."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.end_to_end.server import Server
from tests.end_to_end.test_every_command import LATER, api
from tests.store.databases import (
    database_url,
    migrated_database,
    migrated_file,
    migrated_postgres_url,
    sqlite_url,
)

__all__ = [
    "database_url",
    "migrated_database",
    "migrated_file",
    "migrated_postgres_url",
    "sqlite_url",
]

BUSY, AWAY = "CS-1", "CS-2"
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


class Listener:
    """A 1.6 station that keeps what it is asked, and answers all but what it is to leave open."""

    def __init__(self, server, name):
        self.url = server.url(name)
        self.asked = []
        self.news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connected(self, *, leaves_open=()):
        async with connect(self.url, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
            await socket.send(json.dumps([2, "boot", "BootNotification", BOOT]))
            assert json.loads(await socket.recv())[2]["status"] == "Accepted"
            task = asyncio.create_task(self._listen(socket, leaves_open))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, socket, leaves_open):
        with contextlib.suppress(ConnectionClosed):
            while True:
                kind, id, *rest = json.loads(await socket.recv())
                assert kind == 2
                self.asked.append(rest[0])
                self.news.set()
                if rest[0] not in leaves_open:
                    await socket.send(json.dumps([3, id, {"status": "Accepted"}]))


@pytest.fixture
async def server(tmp_path, database_url):
    server = Server(tmp_path / "data", database_url, listen=("http",))
    await server.prepare([BUSY, AWAY])
    await server.start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output()


async def give(client, station, ask, *, waits=False):
    params = {"queue_until": LATER} if waits else {}
    answer = await client.post(f"/stations/{station}/commands", params=params, json=ask)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def over(client, id):
    return (await client.get(f"/commands/{id}", params={"wait": 40})).json()


@pytest.mark.timeout(180)
async def test_a_killed_server_interrupts_what_was_asked_and_carries_out_what_waited(server):
    busy, away = Listener(server, BUSY), Listener(server, AWAY)
    async with api(server) as client:
        async with busy.connected(leaves_open=("Reset",)):
            asked = await give(client, BUSY, {"command": "Reset", "kind": "OnIdle"})
            async with asyncio.timeout(20):
                await busy.news.wait()
            waiting = [
                await give(client, AWAY, {"command": "ClearCache"}, waits=True),
                await give(client, AWAY, {"command": "GetLocalListVersion"}, waits=True),
                await give(client, AWAY, {"command": "ClearCache"}, waits=True),
            ]
            running = (await client.get(f"/commands/{asked}")).json()
            server.kill()
        await server.start()
        async with busy.connected(), away.connected():
            interrupted = await over(client, asked)
            done = [await over(client, each) for each in waiting]

    assert running["state"] == "running"
    assert (interrupted["state"], interrupted["result"]) == ("interrupted", "interrupted")
    assert busy.asked == ["Reset"]
    assert [each["state"] for each in done] == ["done"] * 3
    assert away.asked == ["ClearCache", "GetLocalListVersion", "ClearCache"]
