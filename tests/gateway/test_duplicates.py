"""Two connections of one identity (hostile rows 56 and 57; reliability rule 1)."""

import asyncio
import contextlib
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.csms import LENIENT, Csms, clock, knock, until
from tests.gateway.trust import TlsCsms, showing
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.events import DuplicateConnection, StationQuarantined
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile, Trust
from voltkeep.gateway.tls import TlsKind

CS = station_id("CS-1")
OTHER = station_id("OTHER")
PROBED = replace(LENIENT, duplicate_probe_s=0.4, close_timeout_s=0.3)


CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # 1000, masked with zeros
CREDENTIALS = {"key": {"password": True}, "nothing": {}}


@pytest.mark.parametrize("shown", CREDENTIALS)
async def test_a_password_never_touches_the_connection_of_a_certificate(authority, tmp_path, shown):
    """Row 56: mTLS vs Basic, over each listener."""
    async with TlsCsms(authority, PROBED) as csms:
        key = await csms.add("CS-1", profile=1)
        async with csms.store.begin() as work:
            await work.stations.set_profile(CS, SecurityProfile.TLS_CERTIFICATE)
            await work.stations.set_trust(CS, Trust(serial_number="SN-1"))
        issued, own = await csms.issue(CS)
        context = showing(authority, tmp_path, issued.pem, own)
        options = {"password": key} if CREDENTIALS[shown] else {}
        async with csms.over_tls(kind=TlsKind.MUTUAL, context=context) as station:
            assert await status(csms, "/ocpp/CS-1", **options) == 401
            with pytest.raises(InvalidStatus) as caught:
                async with csms.over_tls(**options):
                    pass
            assert caught.value.response.status_code == 401
            assert await station.is_alive()

            async with csms.over_tls(kind=TlsKind.MUTUAL, context=context) as clone:
                assert await is_pushed_out(station)
                assert await clone.is_alive()


@pytest.fixture
async def csms():
    async with Csms(PROBED) as csms:
        csms.key = await csms.add("CS-1", profile=1)
        await csms.add("OPEN", profile=0)
        await csms.add("OTHER", profile=0)
        yield csms


@contextlib.asynccontextmanager
async def deaf(csms, name, **options):
    """A connection that answers nothing any more: its network is gone, its TCP is not."""
    async with csms.booted(name, **options) as station:
        station.socket.transport.pause_reading()
        yield station
        station.socket.transport.abort()


async def status(csms, path, **options):
    """How an upgrade request is answered."""
    try:
        async with knock(csms, path, ["ocpp1.6"], **options):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def is_pushed_out(station):
    with pytest.raises(ConnectionClosed):
        await station.hear()
    return station.socket.close_code == 1008


def told(csms, kind):
    return [event for event in csms.store.published if isinstance(event, kind)]


async def alerts(csms):
    async with csms.store.read() as work:
        return [alert.kind for alert in await work.alerts.all()]


def epoch(csms, id=CS):
    return csms.stations.get(id).epoch


@pytest.mark.parametrize(
    "options",
    [{}, {"password": "wrong"}, {"password": ""}, {"password": "right", "user": "CS-2"}],
    ids=["unauthenticated", "wrong key", "empty key", "wrong user"],
)
async def test_who_is_not_the_station_never_touches_its_connection(csms, options):
    """Row 56: refused before the upgrade."""
    options = {key: csms.key if value == "right" else value for key, value in options.items()}
    async with csms.booted(password=csms.key) as station:
        before = epoch(csms)
        assert await status(csms, "/ocpp/CS-1", **options) == 401

        assert await station.is_alive()
        assert epoch(csms) == before
    assert told(csms, DuplicateConnection) == []


async def test_a_clone_with_the_right_key_wins_and_is_told_of(csms):
    """Row 56: which one is the station nobody can tell, so the later one is; a person hears."""
    async with csms.booted(password=csms.key) as old, csms.booted(password=csms.key) as new:
        assert await is_pushed_out(old)
        assert await new.is_alive()
        await until(lambda: told(csms, DuplicateConnection))
    (event,) = told(csms, DuplicateConnection)
    assert event.admitted
    async with csms.store.read() as work:
        deeds = [entry.deed for entry in await work.audit.since(CS.tenant)]
    assert [each.result for each in deeds if each.action == "connection.duplicate"] == ["admitted"]


async def test_what_the_older_one_says_counts_no_more_while_it_is_probed(csms):
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0}
    start["timestamp"] = "2026-01-01T00:00:00Z"
    async with deaf(csms, "CS-1", password=csms.key) as old, csms.booted(password=csms.key):
        await old.say([2, "alive", "Heartbeat", {}])
        await old.say([2, "late", "StartTransaction", start])
        await until(lambda: len(csms.store.messages) == 4)
    said = [each.exchange.verdict for each in csms.store.messages]
    assert said == ["ok", "ok", "superseded", "superseded"]
    async with csms.store.read() as work:
        assert await work.transactions.all() == []


async def test_a_command_to_the_older_one_fails_at_once(csms):
    async with deaf(csms, "CS-1", password=csms.key):
        asked = asyncio.create_task(csms.services.remote_control.trigger(CS, "Heartbeat"))
        await asyncio.sleep(0)
        async with csms.booted(password=csms.key):
            with pytest.raises(Exception, match="left"):
                await asyncio.wait_for(asked, 0.3)


async def test_a_dead_connection_never_keeps_the_station_out(csms):
    """A station that lost its network comes back: that is no swap, and nobody's news."""
    async with deaf(csms, "CS-1", password=csms.key):
        before = epoch(csms)
        async with csms.booted(password=csms.key) as new:
            assert epoch(csms) > before
            await until(lambda: len(csms.gateway._sockets) == 1)
            assert await new.is_alive()
    assert told(csms, DuplicateConnection) == []


async def test_a_station_that_closes_its_older_connection_contends_with_nobody(csms):
    async with contextlib.AsyncExitStack() as stack:
        old = await stack.enter_async_context(csms.booted(password=csms.key))
        old.socket.transport.pause_reading()  # so that no pong is faster
        await stack.enter_async_context(csms.booted(password=csms.key))
        old.socket.transport.write(CLOSE)
        await until(lambda: len(csms.gateway._sockets) == 1)
    assert told(csms, DuplicateConnection) == []


async def test_without_credentials_nobody_takes_the_place_of_the_living(csms):
    """Profile 0: whoever knows the id could push the station out."""
    async with csms.booted("OPEN") as station:
        for _ in range(5):
            assert await status(csms, "/ocpp/OPEN") == 503
        assert await station.is_alive()

    assert {each.admitted for each in told(csms, DuplicateConnection)} == {False}
    assert len(told(csms, DuplicateConnection)) <= 3
    assert "duplicate connection" in await alerts(csms)


async def test_without_credentials_the_station_comes_back_when_the_older_one_is_dead(csms):
    async with deaf(csms, "OPEN"):
        assert await status(csms, "/ocpp/OPEN") == 101


async def test_a_lower_profile_waits_for_a_higher_one_to_be_dead(csms):
    """While an upgrade is pending both profiles count: the lower displaces nobody alive."""
    async with csms.booted(password=csms.key) as station:
        csms.stations.get(CS).profile = SecurityProfile.TLS_BASIC
        assert await status(csms, "/ocpp/CS-1", password=csms.key) == 503
        assert await station.is_alive()
    async with deaf(csms, "CS-1", password=csms.key):
        csms.stations.get(CS).profile = SecurityProfile.TLS_BASIC
        assert await status(csms, "/ocpp/CS-1", password=csms.key) == 101


async def contend(csms):
    """Clones that push each other out, until one is refused; how many were let in."""
    let_in: list[object] = []
    async with contextlib.AsyncExitStack() as stack:

        async def come():
            while len(let_in) < 300:
                let_in.append(await stack.enter_async_context(csms.connected(password=csms.key)))
                await asyncio.sleep(0.02)

        with pytest.raises(InvalidStatus) as caught:
            await come()
    assert caught.value.response.status_code == 503
    assert int(caught.value.response.headers["Retry-After"]) >= 10
    return len(let_in)


async def test_clones_that_push_each_other_out_are_quarantined_and_hurt_nobody(csms):
    """Row 57: 50 swaps a second. After a few nobody new is let in while one of them lives."""
    async with csms.booted("OTHER") as other:
        clones = asyncio.create_task(contend(csms))
        while not clones.done():
            assert await asyncio.wait_for(other.is_alive(), 1)
            await asyncio.sleep(0.05)

    assert 4 < await clones < 30
    (event,) = told(csms, StationQuarantined)
    assert event.swaps == 4
    station = await csms.services.provisioning.get(CS)
    assert station.trust.quarantined_until == event.until
    assert "contending connections" in await alerts(csms)
    await csms.security.refusals.flush()
    async with csms.store.read() as work:
        assert [each.reason for each in await work.refusals.of(CS)] == [Barrier.QUARANTINED]


async def quarantine(csms, **more):
    async with csms.store.begin() as work:
        until_when = clock().replace(year=2999)
        await work.stations.set_trust(CS, Trust(quarantined_until=until_when, **more))


async def test_in_quarantine_the_one_that_is_connected_stays(csms):
    async with csms.booted(password=csms.key) as station:
        await quarantine(csms)
        for _ in range(20):
            assert await status(csms, "/ocpp/CS-1", password=csms.key) == 503
        assert await station.is_alive()


async def test_in_quarantine_a_station_that_is_gone_may_come_back(csms):
    await quarantine(csms)
    assert await status(csms, "/ocpp/CS-1", password=csms.key) == 101
    async with deaf(csms, "CS-1", password=csms.key):
        assert await status(csms, "/ocpp/CS-1", password=csms.key) == 101


async def test_an_operator_ends_a_quarantine(csms):
    await contend(csms)
    assert await csms.services.intrusion.lift_quarantine(CS)
    csms.gateway.reconsider(CS)  # as the event tells the gateway to

    async with csms.booted(password=csms.key), csms.booted(password=csms.key) as new:
        assert await new.is_alive()
