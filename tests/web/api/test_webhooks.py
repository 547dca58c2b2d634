"""Webhooks over the API: who makes them, whom they are shown, and what they are sent again."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from msgspec import structs
from standardwebhooks import Webhook as Verifier

from tests.bus.receiver import receiving
from tests.web.api.conftest import running_api
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outward import Outward
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import StationChanged
from voltkeep.domain.identity import station_id

URL = "https://billing.example.com/hook"
READER = (Permission.READ_WEBHOOKS, Permission.READ_EVENTS)


@pytest.fixture
async def api():
    async with running_api(outbound_allowed="127.0.0.0/8") as api:
        yield api


@pytest.fixture
async def receiver():
    async with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def delivering(api):
    """The part of a server that tells others."""
    outward = Outward(
        api.store,
        LocalBus(),
        api.services.webhooks.courier,
        lambda: datetime.now(UTC),
        look_every_s=60,
    )
    await outward.open()
    tasks = [asyncio.ensure_future(run()) for _, run in outward.jobs()]
    try:
        yield outward
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stations(api, **sites):
    """Register them, and have that told before anybody listens."""
    for name, site in sites.items():
        await api.add(name, **({"site": site} if site else {}))
    async with delivering(api) as outward:
        while await outward.relay.relay():
            pass


async def tell(api, *told_what, station="CP1"):
    async with api.store.begin() as work:
        for what in told_what:
            work.emit(StationChanged(station=station_id(station), at=datetime.now(UTC), what=what))


async def added(api, url=URL, **words):
    """The webhook, and its secret."""
    made = await api.request("POST", "/webhooks", 201, json={"url": url, **words})
    return made["webhook"], made["secret"]


async def over(api, path, state):
    """The deliveries, once they are all in this state."""
    async with asyncio.timeout(20):
        while True:
            page = await api.request("GET", f"{path}/deliveries")
            if page["items"] and {each["state"] for each in page["items"]} == {state}:
                return page["items"]
            await asyncio.sleep(0.02)


async def deeds(api):
    async with api.store.read() as work:
        return [entry.deed for entry in await work.audit.last("default")]


async def test_a_secret_is_told_once_and_kept_nowhere_in_clear(api):
    webhook, secret = await added(api, types=["station.*"])
    path = f"/webhooks/{webhook['id']}"
    assert secret.startswith("whsec_")

    shown = [await api.request("GET", each) for each in ("/webhooks", path)]
    renamed = await api.request("PATCH", path, json={"description": "invoices"})
    assert renamed["description"] == "invoices"
    assert renamed["types"] == ["station.*"]
    async with api.store.read() as work:
        kept = [str(each) for each in await work.webhooks.all()]
    said = [str(deed) for deed in await deeds(api)]

    for words in (str(shown), str(renamed), *kept, *said):
        assert secret not in words
        assert secret.removeprefix("whsec_") not in words


async def test_after_a_rotation_both_secrets_sign(api, receiver):
    webhook, old = await added(api, receiver.url)
    path = f"/webhooks/{webhook['id']}"
    turned = await api.request("POST", f"{path}/rotate", json={"overlap_hours": 1})
    assert turned["secret"] != old
    assert turned["webhook"]["old_secret_until"] is not None

    attempt = await api.request("POST", f"{path}/test")
    assert (attempt["status"], attempt["error"]) == (204, None)
    [got] = receiver.got
    for secret in (old, turned["secret"]):
        assert Verifier(secret).verify(got.body, got.headers)["type"] == "webhook.test"
    await api.request("POST", f"{path}/rotate", 400, json={"overlap_hours": -1})


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/",
        "http://billing.example.com/",
        "ftp://billing.example.com/",
        "https://user:password@billing.example.com/",
        "https://billing.example.com:99999/",
        "billing",
    ],
)
async def test_an_address_that_is_not_sent_to_is_said_by_its_field(url):
    async with running_api() as api:
        refused = await api.request("POST", "/webhooks", 422, json={"url": url})
        webhook, _ = await added(api)
        path = f"/webhooks/{webhook['id']}"
        again = await api.request("PATCH", path, 422, json={"url": url})

        assert (await api.request("GET", path))["url"] == URL
    for problem in (refused, again):
        assert [each["field"] for each in problem["errors"]] == ["url"]


@pytest.mark.parametrize("url", ["https://localhost/", "https://2130706433/"])
async def test_a_name_that_means_the_inside_is_sent_nothing(url):
    async with running_api() as api:
        webhook, _ = await added(api, url)
        attempt = await api.request("POST", f"/webhooks/{webhook['id']}/test")

    assert attempt["status"] is None
    assert "address of the inside" in attempt["error"]


async def test_a_type_that_does_not_exist_is_said_by_its_field(api):
    problem = await api.request(
        "POST", "/webhooks", 422, json={"url": URL, "types": ["station.danced"]}
    )

    assert [each["field"] for each in problem["errors"]] == ["types"]
    assert "station.danced" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"url": URL, "types": "station.*"}, "types"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
        ({"url": URL, "permissions": ["tokens:read"]}, "permissions"),
    ],
)
async def test_what_is_wrong_with_a_webhook_is_said_by_its_field(api, body, field):
    problem = await api.request("POST", "/webhooks", 400, json=body)

    assert field in problem["detail"] + str(problem["errors"])


async def test_nobody_tells_others_what_they_may_not_read(api):
    poor = api.by(await api.key(*READER, Permission.WRITE_WEBHOOKS))
    for words in ({"types": ["transaction.started"]}, {"full_tokens": True}):
        answer = await poor.post("/webhooks", json={"url": URL, **words})
        assert answer.status_code == 403, answer.text
    reader = api.by(await api.key(*READER))
    assert (await reader.post("/webhooks", json={"url": URL})).status_code == 403
    # Who changes it gives it what they may read, and no more.
    webhook, _ = await added(api, full_tokens=True)
    answer = await poor.patch(f"/webhooks/{webhook['id']}", json={"full_tokens": False})
    async with api.store.read() as work:
        [kept] = await work.webhooks.all()
    assert answer.status_code == 200
    assert kept.permissions == (Permission.READ_WEBHOOKS,)


ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"description": "x"}),
    ("DELETE", "", None),
    ("POST", "/enable", {}),
    ("POST", "/disable", None),
    ("POST", "/rotate", {}),
    ("POST", "/test", None),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/1.x", None),
    ("POST", "/deliveries/1.x/redeliver", None),
    ("POST", "/redeliver", {"since": "2026-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_webhooks_of_others_are_not_there(api, receiver, method, path, body):
    """Neither of another tenant, nor of sites that one does not see."""
    await stations(api, CP1="north", CP2="south")
    ours, _ = await added(api, receiver.url, sites=["south"])
    whole, _ = await added(api, receiver.url)
    await api.request("POST", "/tenants", 201, json={"id": "another", "title": "Another"})
    foreign = api.by(await api.key(tenant="another"))
    north = api.by(await api.key(sites=["north"]))

    for client in (foreign, north):
        for webhook in (ours, whole):
            answer = await client.request(method, f"/webhooks/{webhook['id']}{path}", json=body)
            assert answer.status_code == 404, answer.text
        assert (await client.get("/webhooks")).json()["items"] == []
    assert receiver.got == []
    assert (await api.request("GET", f"/webhooks/{ours['id']}")) == ours


async def test_who_sees_some_sites_tells_of_these(api, receiver):
    await stations(api, CP1="north", CP2="south")
    north = api.by(await api.key(sites=["north"]))
    made = (await north.post("/webhooks", json={"url": receiver.url})).json()
    path = f"/webhooks/{made['webhook']['id']}"
    assert made["webhook"]["sites"] == ["north"]

    for sites in (["south"], ["north", "south"]):
        said = {"url": receiver.url, "sites": sites}
        assert (await north.post("/webhooks", json=said)).status_code == 404
        assert (await north.patch(path, json={"sites": sites})).status_code == 404
    # All of them is, for them, all of theirs.
    assert (await north.patch(path, json={"sites": None})).json()["sites"] == ["north"]

    async with delivering(api):
        await tell(api, "south", station="CP2")
        await tell(api, "north", station="CP1")
        await receiver.have(1)
        [delivery] = await over(api, path, "delivered")
    assert receiver.told_what() == ["north"]
    assert delivery["station"] == "CP1"


async def test_a_change_on_an_old_reading_is_refused(api):
    webhook, _ = await added(api)
    path = f"/webhooks/{webhook['id']}"
    tag = (await api.client.get(path)).headers["etag"]
    await api.request("PATCH", path, json={"description": "x"}, headers={"if-match": tag})

    await api.request("PATCH", path, 412, json={"description": "y"}, headers={"if-match": tag})


async def test_what_was_given_up_is_sent_again_with_the_same_id(api, receiver):
    await stations(api, CP1="")
    receiver.answer = lambda _: (500, "")
    webhook, _ = await added(api, receiver.url, types=["station.*"])
    path = f"/webhooks/{webhook['id']}"
    async with delivering(api):
        await tell(api, "a")
        await receiver.have(1)
        [waiting] = await over(api, path, "waiting")
        async with asyncio.timeout(20):
            while waiting["last"] is None:
                [waiting] = await over(api, path, "waiting")
        assert (waiting["attempts"], waiting["last"]["status"]) == (1, 500)
        assert waiting["payload"]["data"]["what"] == "a"
        await give_up(api, waiting["id"])
        [failed] = (await api.request("GET", f"{path}/deliveries?state=failed"))["items"]

        receiver.answer = lambda _: (204, "")
        one = f"{path}/deliveries/{failed['id']}"
        await api.request("POST", f"{one}/redeliver")
        await receiver.have(2)
        await over(api, path, "delivered")
        await give_up(api, failed["id"])
        again = await api.request("POST", f"{path}/redeliver", json={"since": failed["queued_at"]})
        assert again == {"count": 1}
        await receiver.have(3)
        [delivered] = await over(api, path, "delivered")

    assert {got.id for got in receiver.got} == {failed["event_id"]}
    assert (await api.request("GET", one))["id"] == delivered["id"]
    assert [deed.action for deed in await deeds(api)].count("webhook.redelivered") == 2


async def give_up(api, id):
    """As after the last try."""
    async with api.store.begin() as work:
        found = await work.deliveries.find("default", id)
        state = found.state.replace("waiting", "failed").replace("delivered", "failed")
        await work.deliveries.put(structs.replace(found, state=state))


async def test_what_is_sent_is_shown_to_who_may_read_all_of_it(api, receiver):
    await stations(api, CP1="")
    webhook, _ = await added(api, receiver.url, types=["station.*"], full_tokens=True)
    path = f"/webhooks/{webhook['id']}"
    async with delivering(api):
        await tell(api, "a")
        [shown] = await over(api, path, "delivered")
    reader = api.by(await api.key(*READER))
    [hidden] = (await reader.get(f"{path}/deliveries")).json()["items"]

    assert shown["payload"]["data"]["what"] == "a"
    assert hidden == shown | {"payload": None}


async def test_what_is_switched_off_is_sent_nothing_until_it_is_on(api, receiver):
    await stations(api, CP1="")
    webhook, _ = await added(api, receiver.url)
    path = f"/webhooks/{webhook['id']}"
    off = await api.request("POST", f"{path}/disable")
    assert (off["state"], off["reason"]) == ("disabled", "by an operator")
    async with delivering(api):
        await tell(api, "missed")
        await api.request("POST", f"{path}/enable", json={"from_now": False})
        await receiver.have(1)
        while "missed" not in receiver.told_what():  # that the station was added may come first
            await receiver.have(len(receiver.got) + 1)


async def test_a_webhook_that_was_removed_is_not_there(api):
    webhook, _ = await added(api)
    path = f"/webhooks/{webhook['id']}"
    await api.request("DELETE", path, 204)

    await api.request("GET", path, 404)
    await api.request("DELETE", path, 404)
    assert [deed.action for deed in await deeds(api)][-2:] == ["webhook.added", "webhook.removed"]


async def test_the_list_is_read_in_pages_by_state(api):
    ids = {(await added(api))[0]["id"] for _ in range(5)}
    one = min(ids)
    await api.request("POST", f"/webhooks/{one}/disable")
    seen, query = [], "limit=2"
    while query:
        page = await api.request("GET", f"/webhooks?{query}")
        seen += [each["id"] for each in page["items"]]
        query = f"limit=2&cursor={page['next']}" if page["next"] else ""

    assert sorted(seen) == sorted(ids)
    off = await api.request("GET", "/webhooks?state=disabled")
    assert [each["id"] for each in off["items"]] == [one]


async def test_types_are_listed_with_what_they_take(api):
    types = {each["name"]: each for each in await api.request("GET", "/event-types")}

    assert types["transaction.started"]["permission"] == Permission.READ_TRANSACTIONS
    assert not types["station.changed"]["live_only"]
    assert any(each["live_only"] for each in types.values())
