"""The stations of `serve --demo`: they come back whatever people did to what it left."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.web.api.conftest import running_api
from voltkeep.cli.demo import demo_keys, register
from voltkeep.cli.errors import Failure
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import Boot, Make
from voltkeep.sim import DEMO_STATIONS
from voltkeep.sim.demo import demo_specs
from voltkeep.sim.spec import VENDOR

NAMES = [each.id for each in DEMO_STATIONS]
BOOT = Boot(make=Make(vendor=VENDOR, model="Wall 7"))


@pytest.fixture
async def api():
    async with running_api() as running:
        yield running


def app(api) -> Any:
    return SimpleNamespace(services=api.services)


async def test_the_demo_comes_back_after_somebody_changed_what_it_left(api):
    old = await demo_keys(app(api))
    assert list(old) == NAMES
    async with api.store.begin() as work:
        for name in ("DEMO-01", "DEMO-02"):
            await work.stations.booted(station_id(name), BOOT, datetime.now(UTC))
    await api.request("PATCH", "/stations/DEMO-01", json={"note": "in the yard"})
    await api.request("PATCH", "/stations/DEMO-02", json={"note": "", "passive": True})
    await api.request("DELETE", "/stations/DEMO-03", expect=204)
    await api.request("DELETE", "/tokens/DEMO-ANNA", expect=204)

    keys = await demo_keys(app(api))
    assert list(keys) == NAMES
    assert set(keys.values()).isdisjoint(old.values())
    assert (await api.request("GET", "/stations/DEMO-01"))["note"] == "in the yard"
    assert await api.request("GET", "/tokens/DEMO-ANNA")


async def test_the_demo_leaves_a_station_of_somebody_alone_and_starts_with_the_others(api):
    await api.add("DEMO-04", note="the real one")
    before = await api.services.provisioning.get(station_id("DEMO-04"))
    key = before.key_hash
    keys = await demo_keys(app(api))

    assert list(keys) == [name for name in NAMES if name != "DEMO-04"]
    assert (await api.services.provisioning.get(station_id("DEMO-04"))).key_hash == key
    versions = {each.id: each.version for each in demo_specs("ws://x", keys)}
    assert versions == {each.id: each.version for each in DEMO_STATIONS if each.id in keys}


async def test_who_registers_simulated_stations_is_told_of_one_that_is_not(api):
    await api.add("SIM-1")

    with pytest.raises(Failure, match="SIM-1"):
        await register(app(api), ["SIM-1"], [])
