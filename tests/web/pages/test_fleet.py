"""The fleet: who sees which connectors, in documents that come in parts, and what maps may load."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from tests.web.api.conftest import running_api
from tests.web.api.people import active, setup
from tests.web.pages.forms import check_forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    IdToken,
    Sender,
    TransactionRef,
    station_id,
)
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.sites import Site, of_tenant
from voltkeep.domain.transactions import Transaction
from voltkeep.services.rows import ConnectorRow
from voltkeep.web.pages import fleet

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def row(name, evse=1, *, tenant=DEFAULT_TENANT, info=None, raw="Available"):
    update = StatusUpdate(
        evse=Evse(evse, 1),
        status=ConnectorStatus.AVAILABLE if info is None else ConnectorStatus.FAULTED,
        raw_status=raw,
        at=NOON,
        info=info,
    )
    return ConnectorRow(station=station_id(name, tenant), update=update, received_at=NOON)


async def connectors(api, *rows):
    async with api.store.begin() as work:
        await work.connectors.save(rows)


async def charge(api, name, ref="7"):
    transaction = Transaction(
        station=station_id(name),
        ref=TransactionRef(ref),
        evse=Evse(1, 1),
        id_token=IdToken("SECRET-TOKEN"),
        started_at=NOON,
        meter_start_wh=1000,
        first_heard_at=NOON,
        last_heard_at=NOON,
    )
    async with api.store.begin() as work:
        await work.transactions.add(transaction)


async def document(browser, path, expect=200, **query):
    address = f"http://localhost:8080/fleet/{path}"
    answer = await browser.get(address, params=query, headers={"accept": "application/json"})
    assert answer.status_code == expect, answer.text
    return answer.json()


def names(found):
    return [each[0] for each in found["stations"]]


async def limited(api, browser, *sites):
    return await active(api, browser, "lena", Role.OPERATOR, sites=list(sites))


async def test_tiles_are_of_stations_that_somebody_may_see(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await connectors(api, row("CS-1"), row("CS-2"))
    some = await limited(api, browser, "north")

    assert names(await document(browser, "grid.json")) == ["CS-1", "CS-2"]
    assert names(await document(some, "grid.json")) == ["CS-1"]
    assert names(await document(some, "grid.json", site="south")) == []


async def test_what_is_charged_is_of_stations_that_somebody_may_see(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    for name in ("CS-1", "CS-2"):
        await charge(api, name)
    some = await limited(api, browser, "north")

    found = await document(some, "charges.json")
    assert [each[0] for each in found["charges"]] == ["CS-1"]
    assert "SECRET" not in json.dumps(found)


async def test_a_meter_is_read_for_who_may_see_its_station(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    for name in ("CS-1", "CS-2"):
        await charge(api, name)
        values = tuple(
            MeterValue(at=NOON.replace(minute=at), power_w=11_000 + at, energy_wh=2000 + at)
            for at in (1, 2)
        )
        sender = Sender(station=station_id(name), epoch=0, received_at=NOON)
        report = MeterReport(evse=Evse(1, 1), ref=TransactionRef("7"), values=values)
        await api.store.journal.meter_values(sender, report)
    some = await limited(api, browser, "north")

    asked = {"station": ["CS-1", "CS-2"], "ref": ["7", "7"]}
    assert len((await document(browser, "meters.json", **asked))["meters"]) == 2
    found = await document(some, "meters.json", **asked)
    assert found["meters"] == [["CS-1", "7", 11_002, None, 2002]]


async def test_meters_are_asked_for_in_pairs(api):
    browser = await setup(api)

    await document(browser, "meters.json", 400, station=["A", "B"], ref=["1"])
    many = ["1"] * 41
    await document(browser, "meters.json", 400, station=many, ref=many)


async def test_who_may_read_stations_only_is_told_of_no_charges(api):
    token = await api.key(Permission.READ_STATIONS)
    async with api.by(token) as client:
        client.base_url = "http://localhost:8080"
        assert (await client.get("/fleet/grid.json")).status_code == 200
        assert (await client.get("/fleet/charges.json")).status_code == 403
        assert (await client.get("/fleet/meters.json?station=A&ref=1")).status_code == 403
        assert "data-charges" not in (await see(client, "/fleet")).text
    none = await api.key(Permission.READ_TOKENS)
    async with api.by(none) as client:
        client.base_url = "http://localhost:8080"
        for path in ("/fleet", "/fleet/map", "/fleet/grid.json"):
            assert (await client.get(path)).status_code == 403


async def test_the_document_comes_in_parts(api, monkeypatch):
    monkeypatch.setattr(fleet, "_AT_ONCE", 2)
    browser = await setup(api)
    await api.add(*(f"CS-{number}" for number in range(5)))
    await connectors(api, *(row(f"CS-{number}") for number in range(5)))

    found, cursor = [], None
    while True:
        part = await document(browser, "grid.json", **({"cursor": cursor} if cursor else {}))
        found += names(part)
        cursor = part["next"]
        if cursor is None:
            break
    assert found == [f"CS-{number}" for number in range(5)]
    await document(browser, "grid.json", 400, cursor="bm8=")


async def test_tiles_are_found_by_how_the_id_begins(api):
    browser = await setup(api)
    await api.add("A-1", "B-1", "B-2")
    await connectors(api, *(row(name) for name in ("A-1", "B-1", "B-2")))

    assert names(await document(browser, "grid.json", prefix="B-")) == ["B-1", "B-2"]


async def test_a_status_that_may_not_be_true_is_marked(api):
    browser = await setup(api)
    await api.add("CS-1")
    await connectors(api, row("CS-1", info="it smokes"))

    (tile,) = (await document(browser, "grid.json"))["connectors"]
    assert tile[3:] == ["Faulted", "Available", None, "it smokes", "disconnected", 1777636800]


async def test_the_document_is_packed_for_who_can_unpack_it(api):
    browser = await setup(api)
    address = "http://localhost:8080/fleet/grid.json"
    plain = await browser.get(address, headers={"accept-encoding": "identity"})
    request = browser.build_request("GET", address, headers={"accept-encoding": "gzip"})
    answer = await browser.send(request, stream=True)
    packed = b"".join([part async for part in answer.aiter_raw()])

    assert gzip.decompress(packed) == plain.content
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/fleet", "/fleet/map"])
async def test_what_somebody_called_a_site_is_text(api, path):
    browser = await setup(api)
    async with api.store.begin() as work:
        for id, at in (("north", 53.5), ("south", None)):
            site = Site(
                station=of_tenant(DEFAULT_TENANT),
                id=id,
                at=NOON,
                created_at=NOON,
                name=HOSTILE + "'",
                latitude=at,
                longitude=at,
            )
            await work.sites.put(site)

    answer = await see(browser, path)
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert "alert(1)</script>" not in answer.text
    check_forms(api, answer.text)


async def test_sites_without_a_position_stand_beside_the_map(api):
    browser = await setup(api)
    await api.add("CS-1", site="nowhere")
    page = (await see(browser, "/fleet/map")).text

    assert "Sites without a position" in page
    assert 'href="/fleet?site=nowhere"' in page
    some = await limited(api, browser, "north")
    assert "nowhere" not in (await see(some, "/fleet/map")).text


async def test_a_map_loads_nothing_from_elsewhere_unless_it_is_set_so(api):
    browser = await setup(api)
    policy = (await see(browser, "/fleet/map")).headers["content-security-policy"]
    assert "img-src 'self' data:;" in policy

    api.app.state.map_tiles = "https://tiles.example:8443/{z}/{x}/{y}.png"
    answer = await see(browser, "/fleet/map")
    policy = answer.headers["content-security-policy"]
    assert "img-src 'self' data: https://tiles.example:8443;" in policy
    assert "tiles.example" not in (await see(browser, "/fleet")).headers["content-security-policy"]
    assert 'data-tiles="https://tiles.example:8443/{z}/{x}/{y}.png"' in answer.text


async def test_the_fleet_of_another_tenant_is_theirs():
    async with running_api() as api:
        browser = await setup(api)
        client = api.by(await api.key())
        answer = await client.post("/tenants", json={"id": "other"})
        assert answer.status_code == 201, answer.text
        await api.add("CS-9", tenant="other")
        await connectors(api, row("CS-9", tenant="other"))

        assert names(await document(browser, "grid.json")) == []
