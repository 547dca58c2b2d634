"""Works that write on SQLite at the same time are committed together, and stay apart."""

import asyncio
import contextlib
import sqlite3

import pytest
from tests.contract.samples import ALPHA, NOON, exchange, station
from tests.store.databases import clock

from voltkeep.domain.events import StationAdded
from voltkeep.domain.identity import station_id
from voltkeep.services.ports import StoreUnavailable
from voltkeep.store import engine, open_store, sqlite


@pytest.fixture
async def store(sqlite_url):
    opened = await open_store(sqlite_url, clock=clock, patience=5.0, busy_seconds=0.2)
    yield opened
    await opened.close()


@pytest.fixture
def commits(monkeypatch):
    """How often a group was committed."""
    counted = []
    commit = sqlite._Group.commit

    def counting(group, connection):
        counted.append(len(group.members))
        commit(group, connection)

    monkeypatch.setattr(sqlite._Group, "commit", counting)
    return counted


def seen(url):
    """What another connection sees."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
        return {name for (name,) in other.execute("SELECT name FROM stations")}


async def add(store, name, *, fails=None):
    async with store.begin() as work:
        assert await work.stations.add(station(station_id(name)))
        work.emit(StationAdded(station=station_id(name), at=NOON))
        if fails is not None:
            raise fails


NAMES = [f"S{number}" for number in range(40)]


async def test_works_at_the_same_time_share_a_commit(store, sqlite_url, commits):
    await asyncio.gather(*(add(store, name) for name in NAMES))

    assert seen(sqlite_url) == set(NAMES)
    assert sum(commits) == len(NAMES)
    assert len(commits) <= 4
    assert len(await store.outbox.unpublished()) == len(NAMES)


async def test_who_is_done_finds_everything_committed(store, sqlite_url):
    async def check(name):
        await add(store, name)
        return name in seen(sqlite_url)

    assert all(await asyncio.gather(*(check(name) for name in NAMES)))


async def test_one_after_the_other_waits_for_nobody(store, commits):
    loop = asyncio.get_running_loop()
    await add(store, "first")
    began = loop.time()

    for name in NAMES:
        await add(store, name)

    assert commits == [1] * (len(NAMES) + 1)
    assert loop.time() - began < len(NAMES) * sqlite._PACE_S  # it would be at least that


async def test_a_work_that_fails_takes_no_other_with_it(store, sqlite_url, commits):
    failing = NAMES[::3]

    ended = await asyncio.gather(
        *(add(store, name, fails=KeyError() if name in failing else None) for name in NAMES),
        return_exceptions=True,
    )

    assert [type(end) for end in ended[::3]] == [KeyError] * len(failing)
    assert seen(sqlite_url) == set(NAMES) - set(failing)
    assert len(await store.outbox.unpublished()) == len(NAMES) - len(failing)
    assert len(commits) <= 4


async def test_what_fails_with_the_commit_fails_alone(store, sqlite_url, monkeypatch):
    """Statements that were put off are run by whoever comes next, who is not to blame."""
    ours = engine.execute

    def execute(connection, statement, parameters):
        rows = parameters if isinstance(parameters, list) else []
        if any('"station":["default","S7"]' in str(row.get("event")) for row in rows):
            raise sqlite3.IntegrityError("not this one")
        return ours(connection, statement, parameters)

    monkeypatch.setattr(sqlite, "execute", execute)

    ended = await asyncio.gather(*(add(store, name) for name in NAMES), return_exceptions=True)

    assert [name for name, end in zip(NAMES, ended, strict=True) if end is not None] == ["S7"]
    assert seen(sqlite_url) == set(NAMES) - {"S7"}


async def test_when_nothing_can_be_committed_everybody_is_told(store, sqlite_url, monkeypatch):
    def broken(group, connection):
        group.catch_up(connection)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite._Group, "commit", broken)
        ended = await asyncio.gather(*(add(store, name) for name in NAMES), return_exceptions=True)

    assert {type(end) for end in ended} == {StoreUnavailable}
    assert seen(sqlite_url) == set()
    await add(store, "after")
    assert seen(sqlite_url) == {"after"}


async def test_while_another_process_writes_everybody_is_told(store, sqlite_url):
    path = sqlite_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = await asyncio.gather(
            *(add(store, name) for name in NAMES[:5]), return_exceptions=True
        )
        other.execute("ROLLBACK")

    assert {type(end) for end in ended} == {StoreUnavailable}
    await add(store, "after")
    assert seen(sqlite_url) == {"after"}


async def test_a_work_that_is_cancelled_takes_no_other_with_it(store, sqlite_url):
    tasks = [asyncio.create_task(add(store, name)) for name in NAMES]
    await asyncio.sleep(0)
    inside = asyncio.Event()

    async def stuck():
        async with store.begin() as work:
            await work.stations.add(station(ALPHA))
            inside.set()
            await asyncio.sleep(60)

    tasks.insert(0, asyncio.create_task(stuck()))
    async with asyncio.timeout(5):
        await inside.wait()
    later = asyncio.create_task(add(store, "later"))
    await asyncio.sleep(0)
    tasks[0].cancel()

    ended = await asyncio.gather(*tasks, later, return_exceptions=True)

    assert isinstance(ended[0], asyncio.CancelledError)
    assert ended[1:] == [None] * (len(NAMES) + 1)
    assert seen(sqlite_url) == {*NAMES, "later"}


async def test_the_journal_writes_between_works(store, sqlite_url):
    async def both(name):
        await add(store, name)
        store.journal.exchange(exchange("1"))

    await asyncio.gather(*(both(name) for name in NAMES))
    await store.close()

    assert seen(sqlite_url) == set(NAMES)
    with contextlib.closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        assert other.execute("SELECT count(*) FROM message_log").fetchone() == (len(NAMES),)


async def test_what_is_done_when_the_store_closes_is_kept(store, sqlite_url):
    tasks = [asyncio.create_task(add(store, name)) for name in NAMES]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    await store.close()

    ended = await asyncio.gather(*tasks, return_exceptions=True)
    kept = {name for name, end in zip(NAMES, ended, strict=True) if end is None}
    assert kept
    assert seen(sqlite_url) == kept
