"""Filters in addresses: what is none is left out, and said."""

import pytest

from tests.web.api.people import setup
from tests.web.pages.test_rendering import HOSTILE, see

FILTERED = {
    "/messages": ("since", "notadate"),
    "/transactions": ("started_since", "notadate"),
    "/tokens": ("blocked", "perhaps"),
    "/audit": ("before", "yesterday"),
    "/reservations": ("state", "never"),
    "/stations": ("connected", "perhaps"),
    "/certificates": ("within", "soon"),
    "/certificates/requests": ("state", "x"),
    "/security": ("since", "x"),
    "/webhooks": ("state", "x"),
}


@pytest.mark.parametrize("path", FILTERED)
async def test_a_filter_that_cannot_be_read_is_left_out_and_said(api, path):
    browser = await setup(api)
    name, value = FILTERED[path]
    answer = await see(browser, f"{path}?{name}={value}&thing=1")

    assert answer.status_code == 200
    assert f"The filter “{name}” in the address was left out" in answer.text
    assert "This page knows no “thing”" in answer.text
    assert 'class="fault"' not in (await see(browser, path)).text


async def test_what_can_be_read_counts_still(api):
    browser = await setup(api)
    await api.add("CS-1")
    await api.add("CS-2")
    text = (await see(browser, "/stations?prefix=CS-2&connected=perhaps&sort=name")).text
    assert "/stations/CS-2" in text
    assert "/stations/CS-1" not in text
    assert text.count('class="fault"') == 1


async def test_what_an_address_calls_its_filters_is_text(api):
    browser = await setup(api)
    for path in ("/messages", "/stations"):
        answer = await browser.get(
            f"http://localhost:8080{path}", headers={"accept": "text/html"}, params={HOSTILE: "1"}
        )
        assert "<img" not in answer.text
        assert 'class="fault"' in answer.text


async def test_a_file_of_what_fits_is_refused_with_a_filter_that_cannot_be_read(api):
    browser = await setup(api)
    assert (await see(browser, "/messages.jsonl?since=notadate")).status_code == 400
