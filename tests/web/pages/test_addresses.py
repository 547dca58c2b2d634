"""Addresses of pages that hold names which others chose: each leads to what it names."""

import html
import re
from urllib.parse import quote, unquote

import pytest

from tests.web.api.people import browser_of, setup
from tests.web.pages.test_messages import say
from tests.web.pages.test_rendering import see
from tests.web.pages.test_transactions import begin
from voltkeep.domain.identity import IdToken
from voltkeep.web.pages.formats import in_address

STATIONS = ["Wall #7", "a+b=c", "~x|y@z*", "(1) a:b"]
REFS = [
    "2024/17",
    "what?",
    "100%",
    "50%2F50",
    "#1",
    "a b&c=d",
    "Zähler ✓",
    "q\"uote's",
    "a/b?c%d#e",
]

_LINK = re.compile(r'(?:href|data-chart|hx-get|action)="(/[^"]*)"')


def links(text, begins):
    return {link for link in map(html.unescape, _LINK.findall(text)) if link.startswith(begins)}


@pytest.mark.parametrize("ref", REFS)
async def test_a_transaction_has_its_page_whatever_its_name(api, ref):
    browser = await setup(api)
    name = STATIONS[len(ref) % len(STATIONS)]
    await api.add(name)
    await begin(api, ref, name)
    (link,) = links((await see(browser, "/transactions")).text, "/transactions/")
    answer = await see(browser, link)

    assert answer.status_code == 200
    assert html.escape(ref, quote=False).split('"')[0] in answer.text
    within = links(answer.text, "/transactions/") | links(answer.text, "/stations/")
    assert f"{link}/chart.json" in within
    for each in within:
        assert (await see(browser, each)).status_code == 200, each
    data = links(answer.text, "/api/v1/stations/")
    for each in data:
        assert (await browser.get(f"http://localhost:8080{each}")).status_code == 200, each
    of_station = await see(browser, f"/stations/{quote(name, safe='')}/transactions")
    assert link in links(of_station.text, "/transactions/")


@pytest.mark.parametrize("name", STATIONS)
async def test_a_station_has_its_pages_whatever_its_name(api, name):
    browser = await setup(api)
    await api.add(name)
    (link,) = links((await see(browser, "/stations")).text, "/stations/")
    text = (await see(browser, link)).text
    found = links(text, "/stations/")

    assert len({each for each in found if each.startswith(f"{link}/")}) > 8
    for each in found - {f"{link}/connection"}:
        answer = await see(browser, each)
        assert answer.status_code == 200, each
        assert html.escape(name) in answer.text or each.endswith(".json")
    part = await see(browser, f"{link}/connection", **{"hx-request": "true"})
    assert part.status_code == 200


@pytest.mark.parametrize("name", STATIONS)
async def test_what_a_message_leads_to_is_there(api, name):
    browser = await setup(api)
    await api.add(name)
    say(api, 'A/b?"c', station=name, message_id="m/1?%#")
    text = (await see(browser, "/messages")).text

    for each in links(text, "/messages") | links(text, "/stations/"):
        assert (await see(browser, each)).status_code == 200, each
    (story,) = {
        html.unescape(each) for each in re.findall(r'data-copy="(/messages.story\?s[^"]*)"', text)
    }
    assert name in (await see(browser, story)).text


async def test_a_page_loads_itself_again_under_its_own_address(api):
    browser = await setup(api)
    await api.add("CS-1")
    await begin(api, "a/b?c%d#e", "CS-1")
    asked = "/transactions/CS-1/a%2Fb%3Fc%25d%23e"
    text = (await see(browser, asked)).text

    assert links(text, "/transactions/") >= {asked, f"{asked}/chart.json"}
    assert f"return_to={quote(asked, safe='')}" in text
    led = (await see(browser_of(api), asked)).headers["location"]
    assert led == f"/sign-in?return_to={quote(asked, safe='')}"


async def test_tokens_of_any_name_are_found(api):
    browser = await setup(api)
    await api.add("CS-1")
    await begin(api, "tx", token=IdToken("a/b c&d#%"))
    text = (await see(browser, "/transactions/CS-1/tx")).text

    for each in links(text, "/t"):
        assert (await see(browser, each)).status_code in {200, 404}, each


@pytest.mark.parametrize("name", [*STATIONS, *REFS])
def test_a_part_of_a_path_is_read_as_it_was_written(name):
    assert unquote(in_address(name)) == name
    assert not set(in_address(name)) & set('/?#"<>& ')


def test_a_query_is_written_whole():
    assert in_address({"a": "b/c", "d": None, "e": 1}) == "a=b%2Fc&e=1"
