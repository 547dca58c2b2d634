"""Templates of configuration on pages: made, changed, and compared with stations."""

from tests.web.api.people import active, setup
from tests.web.api.test_campaigns import booted
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.domain.configuration import DriftKind
from voltkeep.web.pages.configuration_templates import DIFFERENCES

VALUES = [{"variable": "HeartbeatInterval", "value": "60"}]
PAGE = "/configuration-templates"


async def made(browser, name="depot", **more):
    body = {"name": name, "values": VALUES} | more
    answer = await browser.post("/configuration/templates", json=body)
    assert answer.status_code == 201, answer.text
    return answer.headers["etag"]


def test_every_difference_has_words():
    assert DIFFERENCES.keys() == set(DriftKind)


async def test_without_a_template_the_list_teaches(api):
    ada = await setup(api)
    text = (await see(ada, PAGE)).text

    assert "No template yet." in text
    assert "POST /api/v1/configuration/templates" in forms(text)
    assert check_forms(api, text) >= 1
    assert "No template is for any station yet" in (await see(ada, "/configuration-drift")).text


async def test_a_change_carries_the_version_that_was_read(api):
    ada = await setup(api)
    await made(ada, sites=["gone"])
    text = (await see(ada, f"{PAGE}/depot")).text
    version = text.partition('data-if-match="')[2].partition('"')[0].replace("&#34;", '"')
    body = {"values": [{"variable": "HeartbeatInterval", "value": "90"}]}

    assert check_forms(api, text) >= 4
    assert "data-changed=" in text
    assert 'value="gone" checked' in text
    assert 'data-confirm="depot"' in text
    path, match = "/configuration/templates/depot", {"if-match": version}
    assert (await ada.put(path, json=body, headers=match)).status_code == 200
    assert (await ada.put(path, json=body, headers=match)).status_code == 412


async def test_who_may_not_change_them_only_reads(api):
    ada = await setup(api)
    await api.add("N1", site="north")
    await made(ada)
    await ada.put("/configuration/templates/depot/stations/N1")
    viewer = await active(api, ada, "vera", Role.VIEWER)
    nora = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])

    text = (await see(ada, f"{PAGE}/depot")).text
    assert 'data-station="N1"' in text
    for browser in (viewer, nora):
        text = (await see(browser, f"{PAGE}/depot")).text
        assert "HeartbeatInterval" in text
        assert "/api/v1/configuration" not in text
        assert "/api/v1/configuration" not in (await see(browser, PAGE)).text
    assert "Stations it is assigned to" not in (await see(nora, f"{PAGE}/depot")).text


async def test_stations_that_differ_are_shown_to_who_may_see_them(api):
    ada = await setup(api)
    nora = await active(api, ada, "nora", Role.ENGINEER)
    for name, site in (("N1", "north"), ("S1", "south")):
        await api.add(name, site=site)
        await booted(api, name, "1.0")
    await made(ada, makes=[{"vendor": "acme"}])
    await made(ada, "other")
    few = api.by(await api.key(sites=["north"]))

    text = (await see(ada, "/configuration-drift")).text
    assert "N1" in text
    assert "S1" in text
    assert "never told" in text
    assert check_forms(api, text) == 2
    text = (await see(few, "/configuration-drift")).text
    assert "N1" in text
    assert "S1" not in text
    text = (await see(nora, "/configuration-drift?template=other")).text
    assert "It is for no station here yet" in text
    assert (await see(ada, "/configuration-drift?template=none")).status_code == 404


async def test_only_so_many_stations_are_looked_at_at_once(api, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.configuration_templates._LOOKED_AT", 2)
    ada = await setup(api)
    await api.add("A1", "A2", "B1")
    await booted(api, "B1", "1.0")
    await made(ada, makes=[{"vendor": "Acme"}])

    text = (await see(ada, "/configuration-drift")).text
    assert "None of the stations looked at so far differs" in text
    cursor = text.partition("cursor=")[2].partition('"')[0]
    assert "B1" in (await see(ada, f"/configuration-drift?cursor={cursor}")).text


async def test_templates_of_others_are_not_there_and_names_are_text(api):
    ada = await setup(api)
    await made(ada, note=HOSTILE, values=[{"variable": "X", "value": HOSTILE}])
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    assert (await see(acme, f"{PAGE}/depot")).status_code == 404
    assert "depot" not in (await see(acme, PAGE)).text
    for path in (PAGE, f"{PAGE}/depot"):
        text = (await see(ada, path)).text
        assert "<script>alert" not in text
        assert "<img" not in text
