"""What our validator says of a frame: of a message in the log, and of a frame that is pasted."""

import re

import pytest

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.test_messages import say
from tests.web.pages.test_rendering import HOSTILE, HTML, see
from voltkeep.domain.accounts import Role

WRONG = '[2,"1","Authorize",{"idTag":"A","colour":"red"}]'


async def paste(browser, frame, action=""):
    address = "http://localhost:8080/messages/check"
    return await browser.post(address, headers=HTML, data={"frame": frame, "action": action})


async def checked(browser, **query):
    text = (await see(browser, "/messages")).text
    (address,) = re.findall(r'href="(/messages/check\?[^"]*)"', text)
    return await see(browser, address.replace("&amp;", "&"))


def marked(text):
    found = re.findall(r"<mark>(.*?)</mark>", text, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each) for each in found]


async def test_a_message_of_the_log_is_checked_by_each_version(api):
    browser = await setup(api)
    await api.add("CS-1", subprotocol="ocpp2.1")
    say(api, "Authorize", {"idTag": "A", "colour": "red"})
    answer = await checked(browser)

    assert answer.status_code == 200
    order = [answer.text.index(f"<strong>OCPP {each}") for each in ("2.1", "1.6", "2.0.1")]
    assert order == sorted(order)
    assert answer.text.count("what the station speaks") == 2  # the call and the answer
    assert "$.colour" in answer.text
    assert "FormationViolation" in answer.text
    assert "The schema has no such field here." in answer.text
    assert any("&#34;colour&#34;: &#34;red&#34;" in each for each in marked(answer.text))
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", answer.text)


async def test_a_frame_is_pasted_and_shown_with_what_is_wrong(api):
    browser = await setup(api)
    text = (await paste(browser, WRONG)).text

    assert "1 thing is wrong" in text
    assert "$.colour" in text
    assert "OCPP 2.0.1" in text
    assert re.findall(r"<details class=.card.( open)?>", text) == [" open", "", ""]
    assert 'class="badge bad"' in text
    assert 'name="frame"' in (await see(browser, "/messages/check")).text
    fits = (await paste(browser, '[3,"1",{"idTagInfo":{"status":"Accepted"}}]', "Authorize")).text
    assert "fits" in fits
    assert "one of these words" in (await paste(browser, '[3,"1",{"status":"x"}]', "Reset")).text


@pytest.mark.parametrize(
    "frame",
    [
        HOSTILE,
        f'[2,"1","{HOSTILE.replace(chr(34), "")}",{{}}]',
        '[2,"1","Heartbeat",{"</pre><script>alert(1)</script>":1}]',
        "[" * 5000,
        "",
    ],
)
async def test_what_is_pasted_is_text(api, frame):
    browser = await setup(api)
    answer = await paste(browser, frame)

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text


async def test_a_frame_that_is_too_long_is_not_looked_at(api):
    browser = await setup(api)

    assert (await paste(browser, "[" + " " * 65_536 + "]x")).status_code == 400


async def test_only_who_may_read_messages_may_check_one(api):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    say(api, station="S-1", payload={"secret": "of-the-south"})
    vera = await active(api, ada, "vera", Role.VIEWER)
    nora = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])
    text = (await see(ada, "/messages")).text
    (address,) = re.findall(r'href="(/messages/check\?[^"]*)"', text)
    address = address.replace("&amp;", "&")

    assert "of-the-south" in (await see(ada, address)).text
    assert (await see(vera, address)).status_code == 403
    assert (await see(nora, address)).status_code == 404
    assert (await paste(vera, WRONG)).status_code == 403
    assert (await see(browser_of(api), "/messages/check")).status_code == 303
    await api.by(await api.key()).post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))
    assert (await see(acme, address)).status_code == 404


async def test_another_site_cannot_have_a_frame_checked_in_somebodys_name(api):
    browser = await setup(api)
    del browser.headers["x-voltkeep-csrf"]
    browser.headers["sec-fetch-site"] = "cross-site"

    assert (await paste(browser, WRONG)).status_code == 403
    browser.headers["sec-fetch-site"] = "same-origin"
    assert (await paste(browser, WRONG)).status_code == 200


async def test_tokens_are_masked_for_who_may_not_read_them(api):
    await setup(api)
    await api.add("CS-1")
    say(api, "Authorize", {"idTag": "04A1B2C3D4", "x": 1})
    reader = api.by(await api.key("messages:read"))

    text = (await checked(reader)).text
    assert "$.x" in text
    assert "04A1B2C3D4" not in text


@pytest.mark.parametrize("at", ["yesterday", "2026-05-02T09:30:00", "2026-05-02T09:30:00Z"])
async def test_an_address_that_names_no_message_is_answered(api, at):
    browser = await setup(api)
    answer = await see(browser, f"/messages/check?station=CS-1&at={at}&id=1")

    assert answer.status_code in {400, 404}
