"""Reservations of all stations: who sees which, and how they are made and given up."""

import re

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.reservations import ReservationState
from voltkeep.web.pages.reservations import STATES_IN_WORDS

ASK = {"command": "Reserve", "evse": {"id": 1}, "expires_at": "2099-01-01T00:00:00Z"}


async def reserve(browser, station="CS-1", token="04A2B3C4D5E680"):
    ask = ASK | {"id_token": {"value": token}}
    answer = await browser.post(f"/stations/{station}/commands?wait=5", json=ask)
    assert answer.status_code == 202, answer.text


async def give_up(browser, id, station="CS-1"):
    ask = {"command": "CancelReservation", "id": id}
    answer = await browser.post(f"/stations/{station}/commands?wait=5", json=ask)
    assert answer.status_code == 202, answer.text


def ids(text):
    return [int(each) for each in re.findall(r'<td class="number keep">(\d+)</td>', text)]


def rows(text):
    return re.findall(r'<td class="id"><a href="/stations/([^"]+)"', text)


def test_every_state_has_words():
    assert STATES_IN_WORDS.keys() == set(ReservationState)


async def test_open_and_past_ones_of_all_stations_are_listed(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    assert "Nothing is reserved now" in (await see(browser, "/reservations")).text
    await reserve(browser)
    (id,) = ids((await see(browser, "/reservations")).text)
    await reserve(browser, "CS-2")
    await give_up(browser, id)

    async def found(query):
        answer = await see(browser, f"/reservations?{query}")
        assert answer.status_code == 200, answer.text
        return rows(answer.text)

    assert await found("") == ["CS-2"]
    assert await found("state=past&station=&site=") == ["CS-1"]
    assert sorted(await found("state=all")) == ["CS-1", "CS-2"]
    assert await found("state=cancelled") == ["CS-1"]
    assert await found("state=all&station=CS-2") == ["CS-2"]
    assert await found("state=all&site=north") == ["CS-1"]
    assert 'class="fault"' in (await see(browser, "/reservations?state=odd")).text
    text = (await see(browser, "/reservations?station=none")).text
    assert "No reservation fits." in text


async def test_forms_ask_the_station_and_cancelling_is_confirmed(api):
    browser = await setup(api)
    await api.add("CS-1")
    await reserve(browser)
    text = (await see(browser, "/reservations")).text

    assert check_forms(api, text) >= 2
    assert forms(text).count("POST /api/v1/stations/{station}/commands") == 2
    assert 'data-confirm-as="CS-1"' in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    assert "data-confirm-as" not in (await see(browser, "/reservations?state=past")).text


async def test_who_may_only_look_asks_nothing_and_sees_no_whole_token(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await reserve(ada)
    await reserve(ada, "CS-2")
    text = (await see(api.by(await api.key(Permission.READ_STATIONS)), "/reservations")).text
    assert "…E680" in text
    assert "04A2" not in text
    assert "/commands" not in "".join(forms(text))

    limited = await active(api, ada, "nora", Role.OPERATOR, sites=["north"])
    assert rows((await see(limited, "/reservations")).text) == ["CS-1"]
    assert rows((await see(limited, "/reservations?site=south")).text) == []
    assert rows((await see(limited, "/reservations?station=CS-2")).text) == []
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))
    assert rows((await see(acme, "/reservations")).text) == []
    assert (await see(browser_of(api), "/reservations")).status_code == 303
    few = api.by(await api.key(Permission.READ_TOKENS))
    assert (await see(few, "/reservations")).status_code == 403


async def test_more_than_a_page_goes_on(api):
    browser = await setup(api)
    await api.add("CS-1")
    for _ in range(51):
        await reserve(browser)
    text = (await see(browser, "/reservations?state=open")).text
    (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)

    assert len(rows(text)) == 50
    text = (await see(browser, "/reservations" + following.replace("&amp;", "&"))).text
    assert len(rows(text)) == 1


async def test_what_anybody_said_is_text(api):
    browser = await setup(api)
    await api.add("CS-1")
    await reserve(browser, token=HOSTILE)
    text = (await see(browser, "/reservations")).text

    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<img" not in text
