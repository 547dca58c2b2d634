"""Health and metrics: what machines are told, and who else is not."""

import asyncio
import ipaddress
from datetime import UTC, datetime, timedelta
from importlib.metadata import PathDistribution
from pathlib import Path

import httpx
import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from tests.web.api.conftest import Api
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import StationConnected, StationDisconnected
from voltkeep.domain.identity import station_id
from voltkeep.gateway.counting import BUCKETS_S, CountedExchanges, WireCounts, count_connection
from voltkeep.services.ports import Exchange, StoreUnavailable
from voltkeep.store.census import Census
from voltkeep.store.journal import FLUSH_BOUNDS_S, JournalCounters
from voltkeep.store.store import Described
from voltkeep.web.api.vitals import Vitals
from voltkeep.web.condition import Condition, Facts
from voltkeep.web.http import hardened, make_api
from voltkeep.web.loop_lag import LoopLag
from voltkeep.web.metrics import Metrics, Sources

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")


def exchange(action="Heartbeat", direction="in", verdict="ok", answer=b"[3]", took=0.02):
    return Exchange(
        station=STATION,
        direction=direction,
        message_id="1",
        action=action,
        call=b"[2,{}]",
        called_at=NOON,
        answer=answer,
        answered_at=None if answer is None else NOON + timedelta(seconds=took),
        verdict=verdict,
    )


class Watched:
    """An API whose numbers a test sets."""

    def __init__(self):
        self.api = Api()
        self.wire = WireCounts()
        self.told: list[Exchange] = []
        self.count = CountedExchanges(
            self.told.append, lambda _: "ocpp1.6", {"Heartbeat", "Reset"}, self.wire
        )
        self.troubles = []
        self.is_away = False
        self.allowed = [ipaddress.ip_network("127.0.0.0/8")]
        self.lag = LoopLag()
        self.sources = self._sources()
        self.metrics = Metrics(self.sources, self.lag)
        self.condition = Condition(self.sources, self._facts(), self.lag)

    def _sources(self):
        return Sources(
            wire=self.wire,
            bounds_s=BUCKETS_S,
            connections=lambda: [("ocpp1.6", 1), ("ocpp1.6", 1), ("ocpp2.1", 3)],
            commands_waiting=lambda: 4,
            refusals=lambda: {"wrong password": 2},
            flush_bounds_s=FLUSH_BOUNDS_S,
            journal=self._journal,
            pool_in_use=lambda: 5,
            census=self._census,
            certificates=lambda: [
                ("server", NOON + timedelta(days=2)),
                ("server", NOON + timedelta(days=1)),
            ],
            webhooks=lambda: {"delivered": 7},
            webhooks_waiting=lambda: 8,
            streams=lambda: 9,
            clock=lambda: NOON,
        )

    def _facts(self):
        return Facts(
            started_at=NOON,
            data=Path("/"),
            max_connections=100,
            upgrades_per_s=7,
            retention={"message_log_retention_days": 30, "meter_value_retention_days": 0},
            listeners=lambda: {"http": ("127.0.0.1:8080", True), "ocpp": ("0.0.0.0:9", False)},
            troubles=self._troubles,
            database=self._describe,
            pruned=lambda: (NOON, NOON + timedelta(hours=1)),
        )

    async def _describe(self):
        if self.is_away:
            raise StoreUnavailable("away")
        return Described(
            kind="SQLite", version="3.40", schema="0003", size_bytes=5 * 10**6, latency_s=0.002
        )

    def _journal(self):
        flushes = [0, 1, 0, 1] + [0] * (len(FLUSH_BOUNDS_S) - 3)
        return JournalCounters(waiting=1, batches=2, entries=3, flushing_s=0.5, flushes=flushes)

    async def _census(self):
        if self.is_away:
            raise StoreUnavailable("away")
        return Census(
            stations=10, transactions_active=11, connectors={"Available": 12}, events_untold=13
        )

    async def _troubles(self):
        return self.troubles

    def client(self, address="127.0.0.1", *, is_on=True, token=None):
        vitals = Vitals(
            metrics=self.metrics if is_on else None,
            troubles=self._troubles,
            allowed=self.allowed,
            condition=self.condition,
            origins={"http": "flag --http"},
        )
        app = make_api(self.api.services, b"key", {"vitals": vitals})
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=hardened(app), client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers)

    async def samples(self):
        """Values by name and labels."""
        async with self.client() as client:
            answer = await client.get("/metrics")
        assert answer.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


@pytest.fixture
def watched():
    return Watched()


async def test_metrics_have_their_names_and_no_station(watched):
    watched.count(exchange())
    watched.count(exchange(direction="out", action="Reset", took=2))
    at = {"station": STATION, "at": NOON}
    count_connection(
        watched.wire,
        StationConnected(
            **at, subprotocol="ocpp1.6", security_profile=1, remote_address="", epoch=1
        ),
    )
    count_connection(
        watched.wire, StationDisconnected(**at, epoch=1, reason="closed by the station (1000)")
    )
    found = await watched.samples()

    protocol, action = ("version", "ocpp1.6"), ("action", "Heartbeat")
    expected = {
        ("csms_ws_connections", ("protocol", "ocpp1.6"), ("security_profile", "1")): 2,
        ("csms_ws_connects_total", ("result", "ok")): 1,
        ("csms_ws_connects_total", ("result", "wrong password")): 2,
        ("csms_ws_disconnects_total", ("reason", "closed by the station")): 1,
        ("csms_ws_frames_total", ("dir", "in")): 2,
        ("csms_ws_bytes_total", ("dir", "out")): 9,
        ("csms_ocpp_messages_total", action, ("dir", "in"), ("result", "ok"), protocol): 1,
        ("csms_ocpp_handle_seconds_count", action): 1,
        ("csms_ocpp_handle_seconds_bucket", action, ("le", "0.01")): 0,
        ("csms_ocpp_handle_seconds_bucket", action, ("le", "0.025")): 1,
        ("csms_ocpp_call_roundtrip_seconds_sum", ("action", "Reset")): 2,
        ("csms_command_queue_depth",): 4,
        ("csms_db_flush_rows_total",): 3,
        ("csms_db_flush_seconds_sum",): 0.5,
        ("csms_db_flush_seconds_count",): 2,
        ("csms_db_flush_seconds_bucket", ("le", "0.0025")): 1,
        ("csms_db_pool_in_use",): 5,
        ("csms_transactions_active",): 11,
        ("csms_connectors", ("status", "Available")): 12,
        ("csms_outbox_waiting",): 13,
        ("csms_webhook_deliveries_total", ("result", "delivered")): 7,
        ("csms_event_streams",): 9,
        ("csms_certificates_expiry_seconds", ("kind", "server")): 86_400,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert not [key for key in found if "station" in str(key[1:]) and "closed" not in str(key)]
    assert watched.told[0] == exchange()


async def test_what_a_peer_makes_up_becomes_no_label(watched):
    for number in range(100):
        watched.count(exchange(action=f"Made{number}", verdict=f"Up{number}"))
        watched.count(exchange(verdict="SecurityError"))

    assert len(watched.wire.messages) == 2
    assert set(watched.wire.handled) == {"other", "Heartbeat"}
    found = await watched.samples()
    assert (
        found[
            "csms_ocpp_callerrors_total",
            ("code", "SecurityError"),
            ("dir", "out"),
            ("version", "ocpp1.6"),
        ]
        == 100
    )
    ended = StationDisconnected(station=STATION, at=NOON, epoch=1, reason="made up")
    count_connection(watched.wire, ended)
    assert dict(watched.wire.ends) == {"other": 1}


async def test_a_database_that_is_away_is_told_and_takes_no_metric_with_it(watched):
    watched.is_away = True
    found = await watched.samples()

    assert found["csms_db_up",] == 0
    assert ("csms_transactions_active",) not in found
    assert found["csms_command_queue_depth",] == 4


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.0.2.1", {}, 401),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, 401),
        ("127.0.0.1", {"forwarded": "for=192.0.2.1"}, 401),
    ],
)
async def test_metrics_are_for_those_who_are_near(watched, address, headers, status):
    async with watched.client(address) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_metrics_from_afar_take_a_key_of_the_whole_installation(watched):
    tenants = await watched.api.key(tenant="default")
    scopeless = await watched.api.key(Permission.READ_STATIONS)
    good = await watched.api.key(Permission.READ_SETTINGS)

    for token, status in ((tenants, 401), (scopeless, 401), (good, 200)):
        async with watched.client("192.0.2.1", token=token) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_metrics_can_be_switched_off(watched):
    async with watched.client(is_on=False) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_why_it_is_not_ready_is_told_to_those_who_are_near(watched):
    async with watched.client() as client:
        assert (await client.get("/health/live")).json() == {"status": "ok"}
        assert (await client.get("/health/ready")).json() == {"status": "ok"}
        watched.troubles = ["the database is away: no route"]
        near = await client.get("/health/ready")
    async with watched.client("192.0.2.1") as client:
        far = await client.get("/health/ready")
        assert (await client.get("/health/live")).status_code == 200

    assert (near.status_code, far.status_code) == (503, 503)
    assert near.json() == {"status": "unavailable", "reasons": watched.troubles}
    assert far.json() == {"status": "unavailable"}


async def test_the_commit_is_told_where_it_was_installed_from_one(monkeypatch):
    origin = '{"url": "https://example.com", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}'
    read = PathDistribution.read_text

    def told(self, name):
        return origin if name == "direct_url.json" else read(self, name)

    monkeypatch.setattr(PathDistribution, "read_text", told)
    watched = Watched()
    found = await watched.samples()

    [labels] = [dict(key[1:]) for key in found if key[0] == "csms_build_info"]
    assert (labels["commit"], set(labels)) == ("c0ffee", {"commit", "version"})


async def test_how_the_server_does_is_told_to_who_may_read_settings_of_all_of_it(watched):
    watched.lag.note(0.02)
    watched.lag.note(0.001)
    token = await watched.api.key(Permission.READ_SETTINGS)
    async with watched.client(token=token) as client:
        told = (await client.get("/api/v1/system")).json()
        shown = (await client.get("/api/v1/settings")).json()["settings"]

    assert told["event_loop"] == {"lag_ms": 1.0, "worst_ms": 20.0}
    assert (told["database"]["kind"], told["database"]["size_bytes"]) == ("SQLite", 5_000_000)
    assert told["queues"] == {
        "events_untold": 13,
        "rows_unstored": 1,
        "rows_dropped": 0,
        "commands": 4,
        "webhook_deliveries": 8,
    }
    assert told["connections"]["by_protocol"] == {"ocpp1.6": 2, "ocpp2.1": 1}
    assert [each["is_open"] for each in told["listeners"]] == [True, False]
    assert [each["days"] for each in told["retention"]] == [30, None]
    assert told["certificates"][0]["not_after"] == "2026-05-02T12:00:00Z"
    assert {each["origin"] for each in shown if each["name"] == "http"} == {"flag --http"}

    for scopes, tenant in (((Permission.READ_STATIONS,), None), ((), "default")):
        token = await watched.api.key(*scopes, tenant=tenant)
        async with watched.client(token=token) as client:
            assert (await client.get("/api/v1/system")).status_code == 403


async def test_a_database_that_is_away_takes_nothing_else_of_the_server_with_it(watched):
    watched.is_away = True
    told = await watched.condition.look()

    assert (told.database.kind, told.queues.events_untold) == (None, None)
    assert told.connections.connected == 3


async def test_who_looks_while_the_database_is_asked_for_the_first_time_waits_for_it(watched):
    asked = []

    async def slowly():
        asked.append(1)
        await asyncio.sleep(0)
        return await watched._describe()

    facts = structs.replace(watched._facts(), database=slowly)
    condition = Condition(watched.sources, facts, watched.lag)
    looks = await asyncio.gather(condition.look(), condition.look())
    assert [each.database.kind for each in looks] == ["SQLite", "SQLite"]
    assert asked == [1]


def test_the_worst_lag_is_told_once_to_machines_and_for_a_minute_to_people():
    lag = LoopLag()
    lag.note(0.5)
    assert (lag.take_worst_s(), lag.take_worst_s(), lag.worst_lately_s) == (0.5, 0.0, 0.5)
    for _ in range(240):
        lag.note(0.001)
    assert (lag.last_s, lag.worst_lately_s) == (0.001, 0.001)
