"""Campaigns over the API: started, looked at, and turned."""

import pytest

from tests.web.api.conftest import EVERYTHING
from voltkeep.domain.accounts import Permission
from voltkeep.domain.commands import Outcome, UpdateFirmware
from voltkeep.domain.identity import DEFAULT_TENANT, TenantId, station_id
from voltkeep.domain.stations import Boot, Make

FIRMWARE = {"image": "new", "version": "2.1.0"}
URL = "https://maker.example/new.bin"


@pytest.fixture
async def fleet(api):
    """Five stations of two sites that are connected, and an image."""
    await api.services.firmware.images.add_elsewhere(DEFAULT_TENANT, "new", URL)
    await api.add("N1", "N2", "N3", site="north")
    await api.add("S1", "S2", site="south")
    for name in ("N1", "N2", "N3", "S1", "S2"):
        await booted(api, name, "1.0.0")
    return api


async def booted(api, name, firmware):
    station = station_id(name)
    now = api.services.campaigns._clock()
    make = Make(vendor="Acme", model="One", firmware=firmware)
    async with api.store.begin() as work:
        await work.stations.connected(station, at=now, subprotocol="ocpp1.6", address="::1")
        await work.stations.booted(station, Boot(make=make), now)


async def start(api, expect=202, **body):
    new = {"firmware": FIRMWARE, "which": {"vendor": "Acme"}} | body
    return await api.request("POST", "/campaigns", expect, json=new)


def asked(api):
    return [
        each.name for each, command in api.stations.asked if isinstance(command, UpdateFirmware)
    ]


async def test_a_campaign_is_started_walked_and_finished(fleet):
    campaign = await start(fleet, canaries=1, waits_for_word=True, at_once=10)
    assert campaign["state"] == "running"
    assert (campaign["stations"]["waiting"], campaign["canary_stations"]) == (5, {"waiting": 1})

    await fleet.services.campaigns.move_on()
    [first] = asked(fleet)
    path = f"/campaigns/{campaign['id']}"
    [canary] = (await fleet.request("GET", f"{path}/stations?state=asked"))["items"]
    assert (canary["station"], canary["wave"]) == (first, "canary")
    update = await fleet.request("GET", f"/stations/{first}/firmware-updates/{canary['update']}")
    assert update["image"] == "new"

    await booted(fleet, first, "2.1.0")
    await fleet.services.campaigns.move_on()
    assert (await fleet.request("GET", path))["state"] == "paused"
    assert (await fleet.request("POST", f"{path}/go-on"))["state"] == "running"
    await fleet.services.campaigns.move_on()
    assert sorted(asked(fleet)) == ["N1", "N2", "N3", "S1", "S2"]
    for name in asked(fleet):
        await booted(fleet, name, "2.1.0")
    await fleet.services.campaigns.move_on()

    shown = await fleet.request("GET", path)
    assert (shown["state"], shown["stations"]["done"], shown["ended"]) == ("finished", 5, 5)
    [listed] = (await fleet.request("GET", "/campaigns?state=finished"))["items"]
    assert (listed["id"], listed["stations"]) == (campaign["id"], None)


async def test_stations_of_a_campaign_come_in_pages_and_only_its_own(fleet):
    campaign = await start(fleet)
    await start(fleet, which={"stations": ["N1"]})

    path = f"/campaigns/{campaign['id']}/stations?limit=2&state=waiting"
    seen, cursor = [], ""
    while cursor is not None:
        page = await fleet.request("GET", f"{path}&cursor={cursor}" if cursor else path)
        assert len(page["items"]) <= 2
        seen += [each["station"] for each in page["items"]]
        cursor = page["next"]

    assert sorted(seen) == ["N1", "N2", "N3", "S1", "S2"]


async def test_a_campaign_is_halted_resumed_and_cancelled(fleet):
    fleet.stations.outcome = Outcome(accepted=False, status="Rejected")
    campaign = await start(fleet, at_once=1, halt_after=1)
    path = f"/campaigns/{campaign['id']}"
    await fleet.services.campaigns.move_on()

    halted = await fleet.request("GET", path)
    assert (halted["state"], halted["stations"]["failed"]) == ("halted", 1)
    assert "it said Rejected" in halted["reason"]
    assert "Rejected" in str(await fleet.request("GET", f"{path}/stations?state=failed"))
    await fleet.request("POST", f"{path}/halt", 409)
    await fleet.request("POST", f"{path}/go-on", 409)
    resumed = await fleet.request("POST", f"{path}/resume?retry=true")
    assert (resumed["state"], resumed["stations"]["waiting"]) == ("running", 5)
    assert (await fleet.request("POST", f"{path}/halt"))["reason"] == "by test"
    cancelled = await fleet.request("POST", f"{path}/cancel")
    assert (cancelled["state"], cancelled["stations"]["skipped"]) == ("cancelled", 5)
    await fleet.request("POST", f"{path}/cancel", 409)
    await fleet.request("GET", "/campaigns/nothing", 404)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"firmware": None}, 422),
        ({"security_profile": 2}, 422),
        ({"firmware": {"image": "no such"}}, 404),
        ({"which": {"stations": ["N1", "NO"]}}, 404),
        ({"which": {"vendor": "Nobody"}}, 404),
        ({"canaries": 1, "canary_percent": 10}, 422),
        ({"waits_for_word": True}, 422),
        ({"until": "2020-01-01T00:00:00Z"}, 422),
        ({"until": "2040-01-01T00:00:00"}, 400),
        ({"window": {"begin": "22:00", "end": "22:00"}}, 422),
        ({"window": {"begin": "24:00", "end": "25:00"}}, 400),
        ({"at_once": 0}, 400),
        ({"at_once": 10**9}, 400),
        ({"halt_percent": 0}, 400),
        ({"station_timeout_s": 1e300}, 400),
        ({"retry_after_s": -1}, 400),
        ({"surprise": 1}, 400),
    ],
)
async def test_a_campaign_that_cannot_be_is_refused(fleet, body, status):
    problem = await start(fleet, status, **body)
    assert problem["status"] == status
    assert (await fleet.request("GET", "/campaigns"))["items"] == []


@pytest.mark.parametrize(
    ("scope", "body", "status"),
    [
        (Permission.SEND_TECHNICAL, {}, 202),
        (Permission.WRITE_SECURITY, {}, 403),
        (Permission.SEND_COMMANDS, {}, 403),
        (Permission.WRITE_SECURITY, {"firmware": None, "security_profile": 2}, 202),
        (Permission.SEND_TECHNICAL, {"firmware": None, "security_profile": 2}, 403),
    ],
)
async def test_each_kind_needs_its_permission_to_start_and_to_turn(fleet, scope, body, status):
    new = {"firmware": FIRMWARE, "which": {}} | body
    campaign = (await fleet.request("POST", "/campaigns", 202, json=new))["id"]
    await fleet.request("POST", f"/campaigns/{campaign}/cancel")
    campaign = (await fleet.request("POST", "/campaigns", 202, json=new))["id"]
    async with fleet.by(await fleet.key(Permission.READ_STATIONS, scope)) as client:
        turned = await client.post(f"/campaigns/{campaign}/cancel")
        assert turned.status_code == (200 if status == 202 else 403)
        if status == 403:
            await fleet.request("POST", f"/campaigns/{campaign}/cancel")
        assert (await client.post("/campaigns", json=new)).status_code == status


async def test_who_sees_one_site_reaches_no_other(fleet):
    theirs = await start(fleet)
    key = await fleet.key(Permission.READ_STATIONS, Permission.SEND_TECHNICAL, sites=("north",))
    async with fleet.by(key) as client:
        for method, path in (("GET", ""), ("GET", "/stations"), ("POST", "/cancel")):
            answer = await client.request(method, f"/campaigns/{theirs['id']}{path}")
            assert answer.status_code == 404
        new = {"firmware": FIRMWARE, "which": {}}
        own = (await client.post("/campaigns", json=new)).json()
        assert sum(own["stations"].values()) == 3
        south = {"firmware": FIRMWARE, "which": {"sites": ["south"]}}
        assert (await client.post("/campaigns", json=south)).status_code == 422
        assert (await client.post(f"/campaigns/{own['id']}/halt")).status_code == 200


async def test_a_campaign_of_another_tenant_is_not_there(fleet):
    campaign = await start(fleet)
    other = TenantId("other")
    await fleet.services.people.tenants.add(EVERYTHING, other)
    async with fleet.by(await fleet.key(tenant=other)) as client:
        for method, path in (("GET", ""), ("GET", "/stations"), ("POST", "/halt")):
            answer = await client.request(method, f"/campaigns/{campaign['id']}{path}")
            assert answer.status_code == 404
        assert (await client.get("/campaigns")).json()["items"] == []


@pytest.mark.parametrize("which", [{"stations": ["N1"], "sites": ["north"]}, {"prefix": "N"}])
async def test_which_stations_are_meant_is_told_as_it_was_asked(fleet, which):
    campaign = await start(fleet, which=which)
    body = {"ask": {"command": "ClearCache"}, "which": which}
    batch = await fleet.request("POST", "/commands/bulk", 202, json=body)

    for told in (campaign["which"], batch["which"]):
        assert {name: value for name, value in told.items() if value} == which
