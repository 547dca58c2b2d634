"""What goes on by itself, while the database is away and while a record fails."""

import asyncio

import pytest

from voltkeep.services.background import Carried, now_and_then
from voltkeep.services.ports import StoreUnavailable


async def until(is_so):
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.001)


async def test_a_job_goes_on_once_the_database_is_back():
    done: list[None] = []

    async def do():
        done.append(None)
        if len(done) < 3:
            raise StoreUnavailable("away")

    job = asyncio.create_task(now_and_then("things", do, 0.001))
    await until(lambda: len(done) > 3)
    job.cancel()


async def test_what_else_fails_ends_the_job():
    async def do():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await now_and_then("things", do, 0.001)


async def test_every_open_record_is_carried_out_once_at_a_time_and_one_that_fails_again():
    open_ones = {"good": 1, "bad": 2}
    begun, go = [], asyncio.Event()

    async def find():
        return dict(open_ones)

    async def carry_out(record):
        begun.append(record)
        await go.wait()
        if record == 2 and begun.count(2) == 1:
            raise ValueError("a bug")
        open_ones.pop("good" if record == 1 else "bad", None)

    carried = Carried("things", find, carry_out, 0.001)
    job = asyncio.create_task(carried.go_on())
    await until(lambda: len(begun) == 2)
    carried.look_now()
    await asyncio.sleep(0.02)
    assert sorted(begun) == [1, 2]
    assert carried.task("good") is not None

    go.set()
    await until(lambda: not open_ones)
    job.cancel()
    assert begun.count(1) == 1
    assert begun.count(2) == 2


async def test_with_the_job_ends_all_that_it_carries_out():
    ended = asyncio.Event()

    async def find():
        return {"a": 1}

    async def carry_out(record):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    carried = Carried("things", find, carry_out, 60)
    job = asyncio.create_task(carried.go_on())
    await until(lambda: carried.task("a") is not None)
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert ended.is_set()
    assert carried.task("a") is None
