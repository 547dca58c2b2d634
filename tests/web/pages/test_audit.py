"""The audit log in the console: who reads it, and what its check says in words."""

import json
from datetime import UTC, datetime

from msgspec import structs

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms
from tests.web.pages.test_rendering import HOSTILE, HTML, see
from voltkeep.domain.accounts import Role
from voltkeep.domain.audit import GENESIS, SYSTEM, Deed, broken_at, chained
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.services.audit import audit
from voltkeep.web.pages.audit import MEANINGS, meaning

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


async def check(browser, kept="", **headers):
    address = "http://localhost:8080/audit/verification"
    return await browser.post(address, data={"kept": kept}, headers=HTML | headers)


async def test_only_who_may_sees_it_and_who_is_limited_to_sites_does_not(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    engineer = await active(api, ada, "erna", Role.ENGINEER)
    nora = await active(api, ada, "nora", Role.ADMINISTRATOR, sites=["north"])

    for path in ("/audit", "/audit.jsonl"):
        assert (await see(ada, path)).status_code == 200, path
        assert (await see(engineer, path)).status_code == 403, path
        assert (await see(nora, path)).status_code == 403, path
        assert (await see(browser_of(api), path)).status_code == 303, path
    for browser, status in ((ada, 200), (engineer, 403), (nora, 403), (browser_of(api), 401)):
        assert (await check(browser)).status_code == status
    check_forms(api, (await see(ada, "/audit")).text)


async def test_deeds_are_filtered_paged_and_downloaded(api, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.audit._ROWS", 2)
    ada = await setup(api)
    for number in range(3):
        await ada.post("/sites", json={"id": f"site-{number}", "name": f"Site {number}"})
    await ada.patch("/sites/site-1", json={"name": "Renamed"})

    text = (await see(ada, "/audit?action=site.")).text
    assert text.count("<details>") == 2
    assert "cursor=" in text
    for query, there in (
        ("object=site-1", "site-1"),
        ("actor=nobody", "No entry fits"),
        ("before=2020-01-01T00:00:00Z", "No entry fits"),
    ):
        assert there in (await see(ada, f"/audit?{query}")).text, query
    assert 'class="fault"' in (await see(ada, "/audit?since=odd")).text

    lines = (await see(ada, "/audit.jsonl?action=site.")).text.splitlines()
    assert len(lines) == 4
    assert json.loads(lines[0])["deed"]["action"].startswith("site.")


async def test_a_log_in_order_is_said_to_be_and_its_end_is_to_be_kept(api):
    ada = await setup(api)
    await api.services.audit._tell_heads()
    text = (await check(ada)).text
    assert "The chain holds" in text
    assert "You gave none." in text
    head = api.services.audit.told(DEFAULT_TENANT).head
    assert f"{head.seq}:{head.hash}" in text
    assert f"{head.seq}:{head.hash}" in (await see(ada, "/audit")).text

    kept = f"{head.seq}:{head.hash.upper()}"
    assert "The chain holds" in (await check(ada, kept)).text
    ahead = f"{head.seq + 500}:{head.hash}"
    text = (await check(ada, ahead)).text
    assert "The chain is broken" in text
    assert "The newest entries were cut off" in text
    assert (await check(ada, "12")).status_code == 400


async def test_no_other_site_has_a_browser_check_the_log(api):
    ada = await setup(api)
    del ada.headers["x-voltkeep-csrf"]

    assert (await check(ada, **{"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await check(ada, **{"sec-fetch-site": "same-origin"})).status_code == 200
    assert (await see(ada, "/audit/verification")).status_code == 405


async def test_a_change_is_found_where_it_is_and_told_in_words(api):
    ada = await setup(api)
    await api.add("CS-1", "CS-2", "CS-3")
    log = api.store._state.audit
    last = max(seq for tenant, seq in log if tenant == DEFAULT_TENANT)
    forged = log[DEFAULT_TENANT, last]
    deed = structs.replace(forged.deed, object=HOSTILE)
    log[DEFAULT_TENANT, last] = structs.replace(forged, deed=deed)

    text = (await check(ada)).text
    assert f"Entry {last}</strong>: its content is not what its hash says." in text
    assert "Somebody changed this entry" in text
    verdict = (await ada.post("/audit/verification")).json()
    assert (verdict["is_intact"], verdict["entries"]) == (False, last)
    text = (await see(ada, "/audit")).text
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text


async def test_a_log_that_was_cut_since_the_server_told_its_end_is_found_without_that_end(api):
    ada = await setup(api)
    await api.add("CS-1", "CS-2")
    await api.services.audit._tell_heads()
    log = api.store._state.audit
    del log[DEFAULT_TENANT, max(seq for tenant, seq in log if tenant == DEFAULT_TENANT)]

    assert "The newest entries were cut off" in (await check(ada)).text


def test_every_break_of_the_chain_has_a_meaning():
    first = chained(DEFAULT_TENANT, 1, NOON, SYSTEM, Deed(action="a", object="b"), GENESIS)
    third = chained(DEFAULT_TENANT, 3, NOON, SYSTEM, Deed(action="a", object="b"), first.hash)
    second = chained(DEFAULT_TENANT, 2, NOON, SYSTEM, Deed(action="a", object="b"), GENESIS)
    said = [
        broken_at(None, structs.replace(first, hash="f" * 64)),
        broken_at(None, third),
        broken_at(first, third),
        broken_at(first, second),
        "it is not the entry that it was",
        "the log ended at 5 once, and ends at 4 now",
    ]
    assert [meaning(each) for each in said] == list(MEANINGS.values())
    assert meaning("something new") == ""


async def test_a_deed_of_another_tenant_is_not_there(api):
    ada = await setup(api)
    await ada.post("/tenants", json={"id": "acme"})
    async with api.store.begin() as work:
        await audit(work, DEFAULT_TENANT, NOON, Deed(action="station.added", object="ours"))
    acme = api.by(await api.key(tenant="acme"))

    assert "ours" in (await see(ada, "/audit")).text
    assert ">ours<" not in (await see(acme, "/audit")).text
    assert "ours" not in (await see(acme, "/audit.jsonl")).text
