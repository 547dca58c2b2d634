"""Guesses at the same time (hostile rows 14 and 15; ASVS 15.4.2): no limit is late for them."""

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.csms import LOOPBACK, Csms, knock, until
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import station_id
from voltkeep.gateway.limits import Limits
from voltkeep.services.security import Keys

TYPED = station_id("TYPED")
RIGHT = "correct horse"
HOME, ATTACKER = "127.0.0.1", "127.6.6.6"
OURS = Limits(refusal_takes_s=0.2, drain_s=1.0, unlimited_sources=LOOPBACK)


@pytest.fixture
async def csms():
    async with world() as csms:
        yield csms


class world(Csms):  # noqa: N801  # reads as what it is
    """A station with a key that a person chose, and one with a generated key."""

    def __init__(self, **limits):
        super().__init__(replace(OURS, **limits))

    async def __aenter__(self):
        await super().__aenter__()
        await self.add("TYPED", profile=1)
        await self.security.set_password(TYPED, RIGHT)
        self.key = await self.add("CS-1", profile=1)
        return self


async def tried(csms, name="TYPED", password="wrong", source=ATTACKER):
    """The status of one attempt, and how long it took."""
    started = time.perf_counter()
    status = 101
    try:
        async with knock(
            csms, f"/ocpp/{name}", ["ocpp1.6"], password=password, local_addr=(source, 0)
        ):
            pass
    except InvalidStatus as refused:
        status = refused.response.status_code
    return status, time.perf_counter() - started


async def together(*attempts):
    """How often each status, and the times."""
    told = await asyncio.gather(*attempts)
    return Counter(status for status, _ in told), [took for _, took in told]


def counting(csms, monkeypatch):
    """How many keys were really compared with the typed one."""
    looked: list[bytes] = []
    verify = csms.security._keys._verify

    def counted(key_hash, secret):
        looked.append(secret)
        return verify(key_hash, secret)

    monkeypatch.setattr(csms.security._keys, "_verify", counted)
    return looked


@pytest.mark.parametrize("name", ["TYPED", "NOBODY", "CS-1"])
async def test_a_hundred_guesses_at_once_gain_no_more_than_one_after_the_other(csms, name):
    """ASVS 15.4.2: what is counted afterwards lets all of them pass first."""
    statuses, _ = await together(*(tried(csms, name, f"wrong {n}") for n in range(100)))

    assert set(statuses) <= {401, 429}
    assert statuses[401] <= OURS.failures_burst


async def test_the_right_guess_among_a_hundred_at_once_is_not_looked_at(csms, monkeypatch):
    looked = counting(csms, monkeypatch)
    guesses = [f"wrong {n}" for n in range(99)] + [RIGHT]
    statuses, _ = await together(*(tried(csms, password=each) for each in guesses))

    assert statuses[101] == 0
    assert len(looked) <= OURS.failures_burst


async def test_guesses_at_once_from_many_sources_share_one_budget(csms, monkeypatch):
    looked = counting(csms, monkeypatch)
    statuses, _ = await together(
        *(tried(csms, source=f"127.7.{n // 100}.{n % 100 + 1}") for n in range(200))
    )

    assert statuses[401] <= OURS.identity_failures_burst
    assert statuses[401] + statuses[429] == 200
    assert len(looked) <= OURS.identity_failures_burst


async def test_guessing_where_the_station_lives_counts_though_others_have_used_up_its_limit(csms):
    """A shared router: its address is exempt from the failures of others, not from its own."""
    assert (await tried(csms, password=RIGHT, source=HOME))[0] == 101
    for n in range(25):
        await tried(csms, source=f"127.7.0.{n + 1}")

    for n in range(OURS.failures_burst):
        await tried(csms, password=f"wrong {n}", source=HOME)
    assert (await tried(csms, password=RIGHT, source=HOME))[0] == 429


async def test_the_real_station_with_a_generated_key_comes_in_amid_the_guesses(csms):
    guesses = [tried(csms, "CS-1", f"wrong {n}") for n in range(60)]
    found = await asyncio.gather(*guesses, tried(csms, "CS-1", csms.key))

    assert found[-1][0] == 101


async def test_the_real_station_comes_home_amid_guesses_from_elsewhere(csms):
    assert (await tried(csms, password=RIGHT, source=HOME))[0] == 101
    guesses = [tried(csms, source=f"127.7.0.{n + 1}") for n in range(60)]
    found = await asyncio.gather(*guesses, tried(csms, password=RIGHT, source=HOME))

    assert found[-1][0] == 101


async def test_who_was_let_in_or_told_to_come_later_has_used_up_nothing(csms):
    """However many at a time, and one after the other."""
    for _ in range(2 * OURS.failures_burst):
        await together(*(tried(csms, password=RIGHT, source=HOME) for _ in range(2)))
    csms.store.is_away = True
    for _ in range(2 * OURS.failures_burst):
        statuses, _ = await together(*(tried(csms, source=HOME) for _ in range(2)))
        assert statuses == {503: 2}
    csms.store.is_away = False

    found = [(await tried(csms, source=HOME))[0] for _ in range(OURS.failures_burst + 1)]
    assert found == [401] * OURS.failures_burst + [429]


# What the clock tells (row 15).


async def test_in_parallel_a_typed_key_takes_no_longer_than_an_unknown_id(csms):
    """Sixty of each at once: neither the statuses nor the times tell which id there is."""
    names = ["NOBODY", "TYPED"] * 60
    told = await asyncio.gather(*(tried(csms, name, f"wrong {n}") for n, name in enumerate(names)))
    found = {name: told[n::2] for n, name in enumerate(names[:2])}
    medians = {name: statistics.median(took for _, took in each) for name, each in found.items()}
    longest = {name: max(took for _, took in each) for name, each in found.items()}

    assert max(medians.values()) / min(medians.values()) < 1.25, medians
    assert max(longest.values()) / min(longest.values()) < 1.5, longest
    assert all({status for status, _ in each} == {401, 429} for each in found.values())


async def test_all_refusals_take_as_long_as_a_typed_key_takes_now(csms, monkeypatch):
    """While many typed keys wait for their check, an unknown id is not told any sooner."""
    names = [f"T{n}" for n in range(12)]
    for name in names:
        await csms.add(name, profile=1)
        await csms.security.set_password(station_id(name), RIGHT)
    slowly(csms, monkeypatch)
    await tried(csms)  # so long one takes

    typed, unknown = [
        statistics.median(took)
        for _, took in await asyncio.gather(
            together(*(tried(csms, name) for name in names)),
            together(*(tried(csms, f"NOBODY{n}", source="127.6.6.7") for n in range(12))),
        )
    ]
    assert typed > 2 * OURS.refusal_takes_s
    assert 0.5 < typed / unknown < 2.0, (typed, unknown)


def slowly(csms, monkeypatch, seconds=0.15):
    verify = csms.security._keys._verify

    def slow(key_hash, secret):
        time.sleep(seconds)
        return verify(key_hash, secret)

    monkeypatch.setattr(csms.security._keys, "_verify", slow)


async def test_nobody_else_waits_behind_typed_keys(monkeypatch):
    """What waits for its check is in nobody's place: 4 handshakes at once are enough."""
    async with world(handshakes_at_once=4) as csms:
        for n in range(10):
            await csms.add(f"T{n}", profile=1)
            await csms.security.set_password(station_id(f"T{n}"), RIGHT)
        slowly(csms, monkeypatch, 0.5)
        guesses = [asyncio.create_task(tried(csms, f"T{n}")) for n in range(10)]
        await until(lambda: csms.security._keys.waiting == 10)

        status, took = await tried(csms, "CS-1", csms.key, source=HOME)
        assert (status, csms.security._keys.waiting > 4) == (101, True)
        assert took < 0.5
        await asyncio.gather(*guesses)


async def test_when_the_line_is_full_unknown_ids_are_told_the_same():
    """503 for typed keys alone would say which they are."""
    async with world() as csms:
        csms.security._keys = Keys(b"pepper", checks_waiting=0)
        assert (await tried(csms))[0] == 503
        assert (await tried(csms, "NOBODY"))[0] == 503


async def test_an_operator_sees_who_is_held_back_and_may_end_it(csms):
    for _ in range(6):
        await tried(csms)
    await csms.security.refusals.flush()
    (held,) = [each for each in await refusals(csms) if each.reason == Barrier.FAILED_TOO_OFTEN]
    assert held.until is not None
    assert timedelta() < held.until - held.at <= timedelta(minutes=1)

    csms.gateway.reconsider(TYPED)
    await csms.security.refusals.flush()
    assert [each.until for each in await refusals(csms)] == [None, None]


async def refusals(csms):
    async with csms.store.read() as work:
        return await work.refusals.of(TYPED)
