"""The pages of a station: who sees which, what is shown as text, and where their forms lead."""

import re
from datetime import UTC, datetime

import pytest

from tests.web.api.people import setup
from tests.web.pages.forms import check_forms
from voltkeep.web.pages.station_frame import TABS

HTML = {"accept": "text/html,application/xhtml+xml"}
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'"
NOW = datetime.now(UTC)


async def see(browser, path, expect=200):
    answer = await browser.get(f"http://localhost:8080{path}", headers=HTML)
    assert answer.status_code == expect, answer.text
    return answer.text


def paths(name="CS-1"):
    return [f"/stations/{name}{tab.end}" for tab in TABS]


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.end or "overview")
async def test_each_page_of_a_station_that_said_nothing(api, tab):
    browser = await setup(api)
    await api.add("CS-1")

    text = await see(browser, f"/stations/CS-1{tab.end}")
    assert "<h1>CS-1</h1>" in text
    assert f'href="/stations/CS-1{tab.end}" aria-current="page"' in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    check_forms(api, text)
