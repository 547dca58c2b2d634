"""Sites: who sees which, and what they can do there."""

import re

from tests.web.api.people import active, browser_of, setup, user
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role


def rows(text):
    return re.findall(r'<td class="id"><a href="/sites/([^"]+)"', text)


async def test_sites_are_listed_as_far_as_one_sees_them(api):
    ada = await setup(api)
    assert "No site yet" in (await see(ada, "/sites")).text
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await api.add("CS-3", site="south")
    await user(api, ada, "nobody")
    text = (await see(ada, "/sites")).text
    counts = re.findall(r'<td class="number">(\d+)</td>', text)
    assert dict(zip(rows(text), counts, strict=True)) == {"north": "1", "south": "2"}
    assert sorted(rows(text)) == ["north", "south"]
    assert check_forms(api, text)
    assert "POST /api/v1/sites" in forms(text)

    limited = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])
    text = (await see(limited, "/sites")).text
    assert rows(text) == ["north"]
    assert "POST /api/v1/sites" not in forms(text)
    assert (await see(limited, "/sites/south")).status_code == 404
    text = (await see(limited, "/sites/north")).text
    assert "PATCH /api/v1/sites/{site}" in forms(text)
    assert "DELETE /api/v1/sites/{site}" not in forms(text)
    assert "People limited to it" not in text
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))
    assert rows((await see(acme, "/sites")).text) == []
    assert (await see(acme, "/sites/north")).status_code == 404
    assert (await see(browser_of(api), "/sites")).status_code == 303


async def test_a_site_has_a_page_with_its_stations_and_its_people(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await user(api, ada, "vera", Role.VIEWER, sites=["north"])
    await user(api, ada, "otto", Role.VIEWER, sites=["south"])
    text = (await see(ada, "/sites/north")).text

    assert 'href="/stations/CS-1"' in text
    assert "CS-2" not in text
    assert 'href="/people/vera"' in text
    assert "otto" not in text
    assert 'href="/fleet?site=north"' in text
    assert 'data-confirm="north"' in text
    assert "cannot be removed" in text
    check_forms(api, text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)

    version = text.partition('data-if-match="')[2].partition('">')[0].replace("&#34;", '"')
    whole = {"name": "North", "address": ["Hafenstrasse 1"], "country": "DE", "note": ""}
    place = {"latitude": 53.5, "longitude": 9.9, "time_zone": "Europe/Berlin"}
    headers = {"if-match": version}
    answer = await ada.patch("/sites/north", json=whole | place, headers=headers)
    assert answer.status_code == 200
    text = (await see(ada, "/sites/north")).text
    assert "<h1>North</h1>" in text
    assert 'value="53.5"' in text
    assert 'data-zone="Europe/Berlin"' in text
    answer = await ada.patch("/sites/north", json={"latitude": None, "longitude": None})
    assert answer.status_code == 200
    assert (await see(ada, "/sites/none")).status_code == 404


async def test_more_than_a_page_goes_on(api):
    browser = await setup(api)
    for number in range(52):
        await browser.post("/sites", json={"id": f"S{number}"})
    await api.add(*(f"CS-{number:02}" for number in range(52)), site="north")
    for path, link in (("/sites", r'<td class="id"><a '), ("/sites/north", r'"/stations/CS-')):
        text = (await see(browser, path)).text
        assert len(re.findall(link, text)) == 50
        (following,) = re.findall(r'class="button" href="(\?cursor=[^"]*)"', text)
        assert len(re.findall(link, (await see(browser, path + following)).text)) in {2, 3}


async def test_what_people_wrote_is_text(api):
    browser = await setup(api)
    body = {"id": "evil", "name": HOSTILE, "note": HOSTILE, "address": [HOSTILE]}
    assert (await browser.post("/sites", json=body)).status_code == 201
    for path in ("/sites", "/sites/evil"):
        text = (await see(browser, path)).text
        assert "&lt;script&gt;" in text
        assert "<script>" not in text
        assert "<img" not in text
