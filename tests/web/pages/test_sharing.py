"""Documents of the fleet: read once for all who wait for the same, and for nobody else."""

import asyncio
import gzip

import pytest
from msgspec import json

from tests.web.api.conftest import running_api
from tests.web.api.people import setup
from tests.web.pages.test_fleet import connectors, document, limited, names, row
from voltkeep.web.pages.sharing import Document, Shared


class Readings:
    """Reads that end when they are told to."""

    def __init__(self):
        self.begun = []

    async def read(self):
        end = asyncio.get_running_loop().create_future()
        self.begun.append(end)
        return await end


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_while_it_is_read_shares_the_next_reading():
    shared, made = Shared(), Readings()
    asked = [asyncio.create_task(shared.get("a", made.read))]
    await turn()
    asked += [asyncio.create_task(shared.get("a", made.read)) for _ in range(5)]
    await turn()
    assert len(made.begun) == 1

    made.begun[0].set_result(1)
    await turn()
    assert len(made.begun) == 2
    made.begun[1].set_result(2)
    first, *others = await asyncio.gather(*asked)
    assert len(set(others)) == 1
    assert first not in others
    assert not shared._reading
    assert not shared._next


async def test_others_are_read_for_beside_it():
    shared, made = Shared(), Readings()
    asked = [asyncio.create_task(shared.get(key, made.read)) for key in "ab"]
    await turn()
    assert len(made.begun) == 2
    for number, each in enumerate(made.begun):
        each.set_result(number)
    one, other = await asyncio.gather(*asked)
    assert one is not other


async def test_a_reading_that_fails_is_the_end_of_that_one_only():
    shared, made = Shared(), Readings()
    asked = [asyncio.create_task(shared.get("a", made.read))]
    await turn()
    asked.append(asyncio.create_task(shared.get("a", made.read)))
    await turn()
    asked[1].cancel()  # somebody went away
    made.begun[0].set_exception(OSError("away"))
    await turn()
    made.begun[1].set_result(1)
    with pytest.raises(OSError, match="away"):
        await asked[0]
    await turn()
    assert not shared._reading
    assert isinstance(await asyncio.wait_for(shared.get("a", ready), 5), Document)


async def ready():
    return {}


async def test_who_sees_other_sites_never_shares(monkeypatch):
    keys, real = [], Shared.get

    async def get(self, key, read):
        keys.append(key)
        return await real(self, key, read)

    monkeypatch.setattr(Shared, "get", get)
    async with running_api() as api:
        browser = await setup(api)
        for name, site in (("CS-1", "north"), ("CS-2", "south")):
            await api.add(name, site=site)
        await connectors(api, row("CS-1"), row("CS-2"))
        some = await limited(api, browser, "north")
        token = await api.key(sites=("south",))
        async with api.by(token) as other:
            found = await asyncio.gather(
                *(document(each, "grid.json") for each in (browser, some, other) * 3)
            )
    assert [names(each) for each in found] == [["CS-1", "CS-2"], ["CS-1"], ["CS-2"]] * 3
    assert len(set(keys)) == 3


async def test_who_narrows_it_never_shares_with_who_does_not():
    async with running_api() as api:
        browser = await setup(api)
        await api.add("CS-1")
        await connectors(api, row("CS-1"))
        asked = [{}, {"prefix": "X"}, {"site": "north"}]
        found = await asyncio.gather(*(document(browser, "grid.json", **each) for each in asked))
    assert [names(each) for each in found] == [["CS-1"], [], []]


def test_a_document_is_packed_once():
    made = Document({"a": 1})
    assert made._packed is made._packed
    assert json.decode(gzip.decompress(made._packed)) == {"a": 1}
