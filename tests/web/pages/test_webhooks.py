"""Webhooks: who sees which, what a receiver answers as text, and the forms that change one."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.identity import StationId
from voltkeep.domain.telling import KINDS, LIVE_ONLY
from voltkeep.domain.webhooks import Attempt, Delivery, DeliveryState, state_of
from voltkeep.web.pages.webhooks import TYPES_IN_WORDS

URL = "https://billing.example.com/hook"
AT = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


async def added(browser, **words):
    answer = await browser.post("/webhooks", json={"url": URL, **words})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def sent(api, webhook, number=1, progress=DeliveryState.FAILED, **last):
    """A delivery of which somebody was told, or was not."""
    delivery = Delivery(
        station=StationId("default", "CS-1"),
        id=f"{number}.{webhook}",
        state=state_of(webhook, progress),
        at=AT + timedelta(minutes=number),
        event_id=str(number),
        type="station.changed",
        payload='{"data":{"what":"<script>alert(1)</script>"}}',
        attempts=3,
        next_at=AT + timedelta(hours=1),
        last=Attempt(at=AT, latency_s=0.0482, **last) if last else None,
    )
    async with api.store.begin() as work:
        await work.deliveries.put(delivery)
    return delivery


def test_every_type_that_webhooks_get_has_words():
    assert TYPES_IN_WORDS.keys() == KINDS.keys() - LIVE_ONLY


async def test_the_secret_is_on_no_page(api):
    ada = await setup(api)
    made = await added(ada, description="invoices", types=["transaction.*"])
    text = (await see(ada, "/webhooks")).text

    assert URL in text
    assert "transaction.*" in text
    assert "POST /api/v1/webhooks" in forms(text)
    for shown in (text, (await see(ada, f"/webhooks/{made['webhook']['id']}")).text):
        assert made["secret"] not in shown
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", shown)


async def test_one_is_changed_tried_and_removed_by_forms_that_there_are(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    hook = (await added(ada, types=["transaction.ended", "station.*"], sites=["north"]))["webhook"]
    path = f"/webhooks/{hook['id']}"
    text = (await see(ada, path)).text

    assert check_forms(api, text) == 7  # with the way out
    assert 'value="transaction.ended" checked' in text
    assert 'value="station.*" checked' in text
    assert 'value="north" checked' in text
    assert f'data-confirm="{URL}"' in text
    assert "/enable" not in "".join(forms(text))
    version = text.partition('data-if-match="')[2].partition('">')[0].replace("&#34;", '"')
    answer = await ada.patch(path, json={"types": []}, headers={"if-match": version})
    assert answer.status_code == 200

    await ada.post(f"{path}/disable")
    text = (await see(ada, path)).text
    assert "by an operator" in text
    assert "POST /api/v1/webhooks/{webhook}/enable" in forms(text)
    assert hook["id"] in (await see(ada, "/webhooks?state=disabled")).text
    assert "No webhook here" in (await see(ada, "/webhooks?state=enabled")).text
    assert 'class="fault"' in (await see(ada, "/webhooks?state=odd")).text


async def test_deliveries_say_what_was_sent_and_what_came_of_it(api):
    ada = await setup(api)
    hook = (await added(ada))["webhook"]["id"]
    await sent(api, hook, 1, status=500, response=HOSTILE)
    await sent(api, hook, 2, DeliveryState.WAITING, error=HOSTILE)
    await sent(api, hook, 3, DeliveryState.DELIVERED, status=204)
    text = (await see(ada, f"/webhooks/{hook}")).text

    assert "HTTP 500, 48 ms" in text
    assert "No answer, 48 ms" in text
    assert '<time datetime="2026-05-04T09:00:00Z"' in text  # the next try
    assert forms(text).count("POST /api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver") == 2
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "<img" not in text

    for query, count in (
        ("state=failed", 1),
        ("station=CS-1", 3),
        ("station=none", 0),
        ("since=2026-05-04T08:02:00Z&until=2026-05-04T08:03:00Z", 1),
    ):
        assert (await see(ada, f"/webhooks/{hook}?{query}")).text.count("<li><details>") == count
    assert "No delivery fits" in (await see(ada, f"/webhooks/{hook}?station=none")).text
    assert 'class="fault"' in (await see(ada, f"/webhooks/{hook}?since=today")).text


async def test_more_deliveries_than_a_page_go_on(api):
    ada = await setup(api)
    hook = (await added(ada))["webhook"]["id"]
    for number in range(55):
        await sent(api, hook, number, status=500)
    text = (await see(ada, f"/webhooks/{hook}?state=failed")).text
    (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)[:1]
    rest = await see(ada, f"/webhooks/{hook}" + following.replace("&amp;", "&"))

    assert text.count("<li><details>") == 50
    assert rest.text.count("<li><details>") == 5


async def test_who_may_only_look_changes_nothing_and_reads_no_more_than_they_may(api):
    ada = await setup(api)
    hook = (await added(ada, full_tokens=True))["webhook"]["id"]
    await sent(api, hook, status=500)
    reader = api.by(await api.key(Permission.READ_WEBHOOKS))

    for path in ("/webhooks", f"/webhooks/{hook}"):
        text = (await see(reader, path)).text
        assert forms(text) == ["POST /api/v1/sign-out"]
        assert "data-events" not in text.partition("<body")[2].partition(">")[0]
    assert "You may not read all" in text
    assert "what&#34;" not in text
    other = api.by(await api.key(Permission.READ_STATIONS))
    for path in ("/webhooks", f"/webhooks/{hook}"):
        assert (await see(other, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303


async def test_nobody_chooses_types_that_they_may_not_read(api):
    await setup(api)
    writer = api.by(await api.key(Permission.READ_WEBHOOKS, Permission.WRITE_WEBHOOKS))
    text = (await see(writer, "/webhooks")).text

    assert 'value="station.added"' in text
    assert 'value="transaction.started"' not in text
    assert 'value="energy.metered"' not in text
    assert 'name="full_tokens"' not in text


@pytest.mark.parametrize("sites", [None, ["south"]])
async def test_those_of_other_sites_or_tenants_are_not_there(api, sites):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    hook = (await added(ada, sites=sites))["webhook"]["id"]
    nora = await active(api, ada, "nora", Role.ADMINISTRATOR, sites=["north"])
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    for who in (nora, acme):
        assert hook not in (await see(who, "/webhooks")).text
        assert (await see(who, f"/webhooks/{hook}")).status_code == 404
    assert 'value="north" checked' in (await see(nora, "/webhooks")).text
    assert "south" not in (await see(nora, "/webhooks")).text
