"""Whether a server may be used: asked of one that starts, works, has lost something, or stops."""

import asyncio
import sqlite3
from contextlib import closing

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.test_tracing import OFF
from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.gateway.server import Gateway


@pytest.fixture
def app(tmp_path):
    addresses = {"ocpp": "127.0.0.1:0", "http": "127.0.0.1:0"} | OFF
    return App(Settings(data=tmp_path / "data", **addresses))


async def ready(app):
    """The status, and the reasons."""
    url = f"http://{app.services.addresses.settings.http}/health/ready"
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
    return answer.status_code, answer.json().get("reasons", [])


def set_revision(path, revision):
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.commit()


async def test_a_server_is_ready_once_stations_can_connect(app, monkeypatch):
    listen = Gateway.listen
    begun, go = asyncio.Event(), asyncio.Event()

    async def hesitate(*args):
        begun.set()
        await go.wait()
        return await listen(*args)

    async def serve():
        async with app.running(serve=True):
            started.set()
            await end.wait()

    monkeypatch.setattr(Gateway, "listen", hesitate)
    started, end = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve())
    await asyncio.wait_for(begun.wait(), 20)
    assert await ready(app) == (503, ["ocpp = 127.0.0.1:0 is not open"])
    go.set()
    await asyncio.wait_for(started.wait(), 20)
    assert await ready(app) == (200, [])
    end.set()
    await serving


async def test_a_server_that_stops_is_not_ready(app, monkeypatch):
    seen = []
    close = Gateway.close

    async def look_and_close(self):
        seen.append(await ready(app))
        await close(self)

    monkeypatch.setattr(Gateway, "close", look_and_close)
    async with app.running(serve=True):
        pass

    [(status, reasons)] = seen
    assert status == 503
    assert any(reason.startswith("ocpp = ") for reason in reasons)


@pytest.mark.parametrize("revision", ["9999_from_the_future_post", "0002_trust_pre"])
async def test_a_schema_that_does_not_fit_is_told(app, revision):
    async with app.running(serve=True):
        await asyncio.to_thread(set_revision, app.settings.data / "voltkeep.db", revision)
        status, [reason] = await ready(app)

    assert status == 503
    assert revision in reason


async def test_metrics_of_a_whole_server(app):
    async with app.running(serve=True):
        url = f"http://{app.services.addresses.settings.http}/metrics"
        async with httpx.AsyncClient() as client:
            answer = await client.get(url)
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}

    assert families["csms_db_up"].samples[0].value == 1
    assert families["csms_db_flush_seconds"].type == "histogram"
    assert families["csms_certificates_expiry_seconds"].samples != []
