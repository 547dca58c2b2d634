"""What is known when a server is told to stop is known when it starts again."""

import asyncio
import sqlite3

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.security import Verdict

OFF = dict.fromkeys(("ocpp_tls", "ocpp_mtls", "files", "files_tls", "ftp", "http"), "off")
STRANGER = StationId(DEFAULT_TENANT, "STRANGER")


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", ocpp="127.0.0.1:0", store_patience_s=1, **OFF)


async def refused(app: App):
    url = f"ws://{app.services.addresses.settings.ocpp}/ocpp/{STRANGER.name}"
    with pytest.raises(InvalidStatus):
        await connect(url, subprotocols=[Subprotocol("ocpp1.6")])


async def test_who_was_refused_last_is_known_after_the_server_stopped(settings):
    app = App(settings)
    async with app.running(serve=True):
        await refused(app)

    async with App(settings).running(serve=False) as later, later.store.read() as work:
        assert [each.reason for each in await work.refusals.of(STRANGER)] == [
            Verdict.UNKNOWN_STATION
        ]


async def test_a_server_stops_though_its_database_is_away(settings):
    with capture_logs() as logs:
        async with asyncio.timeout(40), App(settings).running(serve=True) as app:
            await refused(app)
            other = sqlite3.connect(settings.data / "voltkeep.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
        other.close()

    assert "what was not stored is lost" in [each["event"] for each in logs]
