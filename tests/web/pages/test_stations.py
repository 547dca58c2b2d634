"""The list of stations, and what is asked of many: which they are, and how it goes."""

import asyncio

import pytest

from tests.web.api.people import active, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.domain.stations import Registration
from voltkeep.web.pages import stations

RESET = {"command": "Reset", "kind": "OnIdle"}


async def fitting(browser, expect=200, **query):
    address = "http://localhost:8080/bulk/fitting.json"
    answer = await browser.get(address, params=query, headers={"accept": "application/json"})
    assert answer.status_code == expect, answer.text
    return answer.json()


def named(found):
    return [each[0] for each in found["stations"]]


async def given(browser, which):
    body = {"ask": RESET, "which": which}
    answer = await browser.post("/commands/bulk", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def carried_out(api, browser, which):
    """A batch that is over."""
    id = await given(browser, which)
    task = asyncio.create_task(api.services.batches.run())
    while (await browser.get(f"/batches/{id}")).json()["state"] != "done":  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0)
    task.cancel()
    return id


async def test_filters_that_are_empty_are_no_filters(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2")
    empty = "prefix=&site=&connected=&registration=&vendor=&sort=name"

    page = (await see(browser, f"/stations?{empty}")).text
    assert "CS-1" in page
    assert "CS-2" in page
    page = (await see(browser, "/stations?site=north")).text
    assert "CS-1" in page
    assert "CS-2" not in page


@pytest.mark.parametrize("query", ["connected=perhaps", "registration=Maybe"])
async def test_a_filter_that_there_is_not_is_said_to_be_none(api, query):
    answer = await see(await setup(api), f"/stations?{query}")
    assert 'class="fault"' in answer.text


async def test_an_order_that_there_is_not_is_a_problem(api):
    assert (await see(await setup(api), "/stations?sort=colour")).status_code == 400


async def test_the_list_shows_stations_that_somebody_may_see(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    some = await active(api, browser, "lena", sites=["north"])

    for query in ("", "?site=south", "?prefix=CS"):
        assert "CS-2" not in (await see(some, f"/stations{query}")).text
    assert "CS-1" in (await see(some, "/stations")).text


async def test_who_may_ask_nothing_is_shown_nothing_to_ask(api):
    browser = await setup(api)
    await api.add("CS-1")
    viewer = await active(api, browser, "vera", Role.VIEWER)

    page = (await see(viewer, "/stations")).text
    assert "data-pick" not in page
    assert "commands/bulk" not in page
    await fitting(viewer, 403)
    for path in ("/bulk", "/bulk/1"):
        assert (await see(viewer, path)).status_code == 403


async def test_technical_asks_are_offered_to_who_may_give_them(api):
    browser = await setup(api)
    await api.add("CS-1")
    operator = await active(api, browser, "olga", Role.OPERATOR)

    assert "ApplyTemplate" not in (await see(operator, "/stations")).text
    assert "ApplyTemplate" in (await see(browser, "/stations")).text


async def test_forms_of_the_list_lead_to_the_api(api):
    browser = await setup(api)
    await api.add("CS-1")
    page = (await see(browser, "/stations")).text

    assert "POST /api/v1/commands/bulk" in forms(page)
    assert check_forms(api, page)


async def test_a_dry_run_names_those_that_fit(api):
    browser = await setup(api)
    await api.add("A-1", site="north")
    await api.add("A-2", "B-1", passive=True, site="south")

    found = await fitting(browser, prefix="A-", site="")
    assert (found["total"], found["connected"], found["passive"]) == (2, 0, 1)
    assert named(found) == ["A-1", "A-2"]
    assert found["which"]["stations"] == ["A-1", "A-2"]
    assert named(await fitting(browser, station=["B-1", "gone"])) == ["B-1"]


async def test_a_dry_run_knows_what_somebody_may_see(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    some = await active(api, browser, "lena", sites=["north"])

    assert named(await fitting(some)) == ["CS-1"]
    assert named(await fitting(some, station=["CS-1", "CS-2"])) == ["CS-1"]
    assert named(await fitting(some, site="south")) == []


async def test_what_a_dry_run_found_is_what_is_asked(api):
    browser = await setup(api)
    await api.add("CS-1", "CS-2", registration=Registration.ACCEPTED)
    which = (await fitting(browser))["which"]
    await api.add("CS-3")

    id = await carried_out(api, browser, which)
    assert (await browser.get(f"/batches/{id}")).json()["stations"] == 2


async def test_of_many_the_filters_are_asked_and_of_too_many_nobody_is(api, monkeypatch):
    monkeypatch.setattr(stations, "_NAMED", 2)
    browser = await setup(api)
    await api.add("A-1", "A-2", "A-3")

    found = await fitting(browser, prefix="A-")
    assert (found["total"], len(found["stations"])) == (3, 2)
    assert (found["which"]["stations"], found["which"]["prefix"]) == (None, "A-")
    monkeypatch.setattr(stations, "_COUNTED", 2)
    assert (await fitting(browser, prefix="A-"))["which"] is None


async def test_a_batch_shows_what_became_of_it(api):
    browser = await setup(api)
    await api.add("CS-1", "CS-2")
    id = await carried_out(api, browser, {})

    page = (await see(browser, f"/bulk/{id}")).text
    assert "2 of 2 stations" in page
    assert "offline 2" in page
    assert "every 2s" not in page
    assert "CS-1" not in (await see(browser, f"/bulk/{id}?result=accepted")).text
    assert f'href="/bulk/{id}"' in (await see(browser, "/bulk")).text
    assert (await see(browser, f"/bulk/{id}?result={HOSTILE}")).status_code == 400


async def test_a_batch_that_goes_on_can_be_ended_on_its_page(api):
    browser = await setup(api)
    await api.add("CS-1")
    page = (await see(browser, f"/bulk/{await given(browser, {})}")).text

    assert "every 2s" in page
    assert "DELETE /api/v1/batches/{batch}" in forms(page)
    assert check_forms(api, page)


async def test_a_batch_is_shown_to_who_sees_all_it_reaches(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    some = await active(api, browser, "lena", sites=["north"])

    assert (await see(some, f"/bulk/{await given(browser, {})}")).status_code == 404
    mine = await given(some, {})
    assert (await see(some, f"/bulk/{mine}")).status_code == 200
    assert (await see(some, "/bulk/none")).status_code == 404


async def test_an_empty_list_says_what_to_do(api):
    browser = await setup(api)

    assert "Nothing was asked of many stations yet" in (await see(browser, "/bulk")).text
