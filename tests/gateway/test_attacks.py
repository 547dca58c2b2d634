"""The door under attack: rows 1, 5, 14, 15 and 20 of the hostile list, with our own limits.

Every test has a station beside the attack that must not notice it.
"""

import asyncio
import contextlib
import random
import statistics
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.csms import LOOPBACK, Csms, beside, clock, knock, until
from tests.gateway.trust import TlsCsms, s_client
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile
from voltkeep.gateway.limits import Limits
from voltkeep.services.refusals import NOBODY

CS = station_id("CS-1")
# As they are by default, but that whoever opens many connections here is a test.
OURS = Limits(refusal_takes_s=0.0, drain_s=1.0, unlimited_sources=LOOPBACK)
ATTACKER = "127.6.6.6"


@pytest.fixture
async def csms():
    async with world(OURS) as csms:
        yield csms


@contextlib.asynccontextmanager
async def world(limits):
    async with Csms(limits) as csms:
        csms.key = await csms.add("CS-1", profile=1)
        await csms.add("OTHER", profile=0)
        yield csms


async def answered(csms, path="/ocpp/CS-1", source=ATTACKER, **options):
    """The response to an upgrade request from this address; None if it was let in."""
    try:
        async with knock(csms, path, ["ocpp1.6"], local_addr=(source, 0), **options):
            return None
    except InvalidStatus as refused:
        return refused.response


async def statuses(csms, times, **options):
    found = [await answered(csms, **options) for _ in range(times)]
    return [response.status_code if response else 101 for response in found]


async def alerts(csms):
    async with csms.store.read() as work:
        return sorted({alert.kind for alert in await work.alerts.all()})


async def refusals(csms, station):
    await csms.security.refusals.flush()
    async with csms.store.read() as work:
        return {each.reason: each.count for each in await work.refusals.of(station)}


# Guessing (row 14).


@pytest.mark.parametrize("path", ["/ocpp/CS-1", "/ocpp/NOBODY"])
async def test_after_five_failures_credentials_are_told_to_wait(csms, path):
    assert await statuses(csms, 7, path=path, password="wrong") == [401] * 5 + [429] * 2

    response = await answered(csms, path=path, password="wrong")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    counted = await refusals(csms, station_id(path.rpartition("/")[2]))
    # A key that cannot be guessed is looked at all the same: its refusals say what was wrong.
    expected = {
        "/ocpp/CS-1": {"wrong password": 8},
        "/ocpp/NOBODY": {"unknown station": 5, Barrier.FAILED_TOO_OFTEN: 3},
    }
    assert counted == expected[path]


async def test_who_is_limited_learns_nothing(csms):
    """The same status, body and headers for a known and an unknown id."""
    told = []
    for path in ("/ocpp/CS-1", "/ocpp/NOBODY"):
        await statuses(csms, 6, path=path, password="wrong")
        response = await answered(csms, path=path, password="wrong")
        names = [name for name, _ in response.headers.items()]
        told.append((response.status_code, bytes(response.body), names))

    assert told[0] == told[1]


async def test_the_real_station_with_a_generated_key_is_let_in_whoever_guesses(csms):
    """From another address, and from the very address of the guessing: a shared router."""
    await statuses(csms, 30, password="wrong")

    assert await answered(csms, source="127.0.0.1", password=csms.key) is None
    assert await answered(csms, source=ATTACKER, password=csms.key) is None


async def test_guessing_a_typed_key_gains_nothing_by_the_limit(csms):
    """Right or wrong, it is not looked at: 429 says nothing of it."""
    await csms.security.set_password(CS, "correct horse")
    await statuses(csms, 6, password="wrong")

    assert await statuses(csms, 2, password="correct horse") == [429] * 2


async def test_a_guess_spread_over_many_addresses_does_not_lock_the_station_out(csms):
    """Row 14: a typed key, 500 addresses; from where it was let in before, the station is."""
    await csms.security.set_password(CS, "correct horse")
    home = "127.0.0.1"
    assert await answered(csms, source=home, password="correct horse") is None

    async with beside(csms):
        found = []
        for each in range(500):
            source = f"127.7.{each // 250}.{each % 250 + 1}"
            found += await statuses(csms, 1, source=source, password="wrong")
    assert found[:20] == [401] * 20
    assert found.count(429) > 400
    assert await statuses(csms, 1, source="127.8.8.8", password="correct horse") == [429]
    assert await answered(csms, source=home, password="correct horse") is None
    assert "password guessing" in await alerts(csms)


async def test_an_operator_who_changes_the_key_ends_the_wait(csms):
    await csms.security.set_password(CS, "correct horse")
    await statuses(csms, 6, password="wrong")
    await csms.security.set_password(CS, "another horse")
    csms.gateway.reconsider(CS)  # as the event tells the gateway to

    assert await statuses(csms, 1, password="another horse") == [101]


async def test_who_was_told_to_come_back_has_not_failed(csms):
    """A fleet that meets a server which is starting, or a database that is away, is no attacker."""
    csms.store.is_away = True
    assert await statuses(csms, 50, password=csms.key) == [503] * 50

    csms.store.is_away = False
    assert await statuses(csms, 1, password=csms.key) == [101]


async def test_to_be_limited_takes_as_long_as_to_be_refused():
    """Whether credentials were looked at cannot be told by the clock."""
    async with world(replace(OURS, refusal_takes_s=0.2)) as csms:
        for path in ("/ocpp/CS-1", "/ocpp/NOBODY"):
            await statuses(csms, 5, path=path, password="wrong")
            started = time.monotonic()
            assert await statuses(csms, 1, path=path, password="wrong") == [429]
            assert time.monotonic() - started >= 0.2


# Enumeration (row 15).


async def test_a_source_that_tries_many_ids_is_blocked_and_told_of(csms):
    async with beside(csms):
        found = []
        for each in range(100):
            found += await statuses(csms, 1, path=f"/ocpp/CP{each:04}")
    assert found[:40] == [401] * 40
    assert found[-30:] == [429] * 30
    assert await alerts(csms) == ["identity enumeration"]

    assert await statuses(csms, 1, path="/ocpp/CP9999", source="127.0.0.1") == [401]
    assert await statuses(csms, 1, password=csms.key) == [101]  # behind the same router


async def test_a_fleet_behind_one_address_is_no_enumeration(csms):
    """Stations that come in do not count, however many they are."""
    keys = {f"F{each}": await csms.add(f"F{each}", profile=1) for each in range(100)}

    for name, key in keys.items():
        assert await answered(csms, path=f"/ocpp/{name}", password=key) is None
    assert await alerts(csms) == []


async def test_unknown_and_wrong_take_equally_long():
    """Row 15: within five per cent, by the median."""
    async with world(
        replace(OURS, refusal_takes_s=0.25, failures_burst=1000, identity_failures_burst=1000)
    ) as csms:
        await csms.add("TYPED", profile=1)
        await csms.security.set_password(station_id("TYPED"), "correct horse")
        took: dict[str, list[float]] = {"CS-1": [], "NOBODY": [], "TYPED": []}
        for _ in range(12):
            for name, measured in took.items():
                started = time.perf_counter()
                response = await answered(csms, path=f"/ocpp/{name}", password="wrong" * 8)
                assert response.status_code == 401
                measured.append(time.perf_counter() - started)

    medians = {name: statistics.median(measured) for name, measured in took.items()}
    assert max(medians.values()) / min(medians.values()) < 1.05, medians


# Connections without end (rows 1, 5).


async def is_closed(reader):
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionError:
        return True


async def test_too_many_connections_of_one_source_are_closed_before_a_byte_is_read():
    limits = replace(OURS, unlimited_sources=(), accepts_burst=10, accepts_per_s=0.1)
    async with world(limits) as csms:
        pairs = [
            await asyncio.open_connection(*csms.address, local_addr=(ATTACKER, 0))
            for _ in range(15)
        ]
        closed = [await is_closed(reader) for reader, _ in pairs[10:]]
        assert closed == [True] * 5
        assert await answered(csms, source="127.0.0.1", password=csms.key) is None
        assert await refusals(csms, NOBODY) == {Barrier.TOO_MANY: 5}
        for _, writer in pairs:
            writer.close()


async def test_over_its_limit_a_source_gets_no_handshake(authority):
    """Row 5: what costs us milliseconds is not begun."""
    limits = replace(OURS, unlimited_sources=(), accepts_burst=3, accepts_per_s=0.01)
    async with TlsCsms(authority, limits) as csms:
        said = [await s_client(csms.port()) for _ in range(5)]

        assert ["Server public key" in each for each in said] == [True] * 3 + [False] * 2
        assert await refusals(csms, NOBODY) == {Barrier.TOO_MANY: 2}


async def test_connections_that_say_nothing_cost_nobody_their_place():
    """Row 1: they are no stations yet, and do not count as such."""
    limits = replace(OURS, max_connections=2, handshake_timeout_s=1.0)
    async with world(limits) as csms, beside(csms):
        pairs = [await asyncio.open_connection(*csms.address) for _ in range(300)]
        assert await answered(csms, password=csms.key) is None
        assert all(await asyncio.gather(*(is_closed(reader) for reader, _ in pairs)))
        for _, writer in pairs:
            writer.close()


async def test_there_are_only_so_many_that_are_not_in_yet():
    async with world(replace(OURS, not_in_yet=20)) as csms:
        pairs = [await asyncio.open_connection(*csms.address) for _ in range(60)]
        await until(lambda: len(csms.gateway._sockets) <= 21)
        for _, writer in pairs:
            writer.close()


# A storm.


async def test_a_fleet_that_returns_at_once_stands_in_line_and_is_let_in():
    async with world(replace(OURS, upgrades_per_s=50, upgrade_wait_s=3.0)) as csms:
        keys = {f"F{each}": await csms.add(f"F{each}", profile=1) for each in range(120)}
        async with beside(csms):
            found = await asyncio.gather(
                *(answered(csms, path=f"/ocpp/{name}", password=key) for name, key in keys.items())
            )
    assert found == [None] * 120


async def test_beyond_the_line_newcomers_are_told_to_come_back_and_old_hands_are_let_in():
    async with world(replace(OURS, upgrades_per_s=5, upgrade_wait_s=2.0)) as csms:
        for each in range(30):
            await csms.add(f"NEW{each}")
        for each in range(5):
            await csms.add(f"OLD{each}")
            seen = {station_id(f"OLD{each}"): clock() - timedelta(hours=1)}
            await csms.services.provisioning.seen(seen)
        new = [asyncio.create_task(answered(csms, path=f"/ocpp/NEW{n}")) for n in range(30)]
        await asyncio.sleep(0.3)
        old = await asyncio.gather(*(answered(csms, path=f"/ocpp/OLD{n}") for n in range(5)))
        refused = [response for response in await asyncio.gather(*new) if response is not None]

    assert old == [None] * 5
    assert len(refused) >= 15
    assert {response.status_code for response in refused} == {503}
    waits = {int(response.headers["Retry-After"]) for response in refused}
    assert 10 <= min(waits) < max(waits) <= 120


# After the upgrade (rows 16 to 25; the rest is in test_websocket.py).


async def test_more_bytes_than_the_budget_are_read_no_faster():
    """A connection that may send frames enough, of the greatest size, is held back by TCP."""
    limits = replace(OURS, bytes_per_s=20_000.0, bytes_burst=40_000.0, frames_burst=100_000)
    async with world(limits) as csms, beside(csms), csms.booted(password=csms.key) as station:
        started = time.monotonic()
        padding = " " * 9_900
        for number in range(8):
            await station.say(f'[2,"n{number}","Heartbeat",{padding}{{}}]')
        for _ in range(8):
            assert (await station.hear())[0] == 3
        assert time.monotonic() - started > 1.5


async def test_empty_messages_without_end_are_held_back_and_harm_nobody():
    """Row 21: the budget, with 2,000 of them instead of 400,000; the sender is served after it."""
    limits = replace(OURS, frames_burst=200.0, frames_per_s=1000.0)
    async with world(limits) as csms, beside(csms), csms.booted(password=csms.key) as station:
        started = time.monotonic()
        for _ in range(2000):
            await station.say("")
        assert await station.is_alive()
        # A second for each thousand, but for the burst and the last slice of 4 KiB.
        assert time.monotonic() - started > 1.0


@pytest.mark.parametrize(
    "end",
    [
        b"\x88\x82\0\0\0\0\x03\xed",  # close with 1005
        b"\x88\x82\0\0\0\0\x13\x88",  # close with 5000
        b"\x88\x81\0\0\0\0\x03",  # half a code
        b"\x88\x82\0\0\0\0\x03\xe8" + b"\x81\x82\0\0\0\0{}" * 3,  # goes on after it
        b"\x81\xfe\x10\0\0\0\0\0[2",  # leaves in the middle of a frame
        b"",  # leaves without a word
    ],
    ids=["1005", "5000", "half", "goes on", "mid-frame", "FIN"],
)
async def test_however_a_connection_ends_nothing_of_it_is_left(csms, end):
    """Row 24."""
    async with beside(csms):
        reader, writer = await asyncio.open_connection(*csms.address)
        await csms.add("ENDS")
        writer.write(
            b"GET /ocpp/ENDS HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        await until(lambda: csms.stations.get(station_id("ENDS")) is not None)
        writer.write(end)
        writer.write_eof()
        await until(lambda: csms.stations.get(station_id("ENDS")) is None)
        await until(lambda: len(csms.gateway._sockets) == 1)
        writer.close()
    known = await csms.services.provisioning.get(station_id("ENDS"))
    assert not known.is_connected


async def test_noise_harms_nobody(csms):
    dice = random.Random(20260101)
    async with beside(csms):
        for _ in range(60):
            reader, writer = await asyncio.open_connection(*csms.address)
            writer.write(dice.randbytes(dice.randrange(1, 2000)))
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
    await until(lambda: len(csms.gateway._sockets) == 0)


async def test_mtls_stations_are_never_shut_out_by_passwords(csms):
    """A certificate proves itself; failed passwords for its id are somebody else's."""
    await csms.services.provisioning.set_profile(CS, SecurityProfile.TLS_CERTIFICATE)
    await statuses(csms, 30, password="wrong")

    assert await csms.services.intrusion.may_try(CS, ATTACKER, has_failed_here=True)
