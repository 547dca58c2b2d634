"""Campaigns on pages: the list, the dry run before one starts, and how one goes."""

import pytest
from msgspec import structs

from tests.web.api.people import active, setup
from tests.web.api.test_campaigns import booted, fleet
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.campaigns import StepState
from voltkeep.domain.commands import Outcome
from voltkeep.web.pages.campaign_words import STATES, advice
from voltkeep.web.pages.campaigns import bar_of

__all__ = ["fleet"]

NEW = "/campaigns/new?look=true"


async def started(browser, **body):
    new = {"firmware": {"image": "new", "version": "2.1.0"}, "which": {"vendor": "Acme"}} | body
    answer = await browser.post("/campaigns", json=new)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_a_bar_is_as_wide_as_its_counts():
    bar = bar_of({"done": 1, "failed": 1, "waiting": 2})

    assert (bar.total, bar.over) == (4, 2)
    assert {each.state: each.width for each in bar.pieces if each.count} == {
        "done": 250.0,
        "failed": 250.0,
        "waiting": 500.0,
    }
    assert bar.pieces[-1].x + bar.pieces[-1].width == 1000
    assert sum(each.width for each in bar_of({}).pieces) == 0
    assert STATES.keys() == set(StepState)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("it said InvalidSignature", "signed with a key"),
        ("it said Rejected", "refuses"),
        ("it was not done in time: its last word is Downloading", "more time"),
        ("it was Acme One, and is Acme Two", "model"),
        ("offline", "once it is back"),
        ("nothing that stations can be told listens for security profile 2", "ocpp_tls"),
        ("what nobody has thought of", "Look at its messages"),
    ],
)
def test_for_each_failure_there_is_something_to_do(reason, words):
    assert words in advice(StepState.FAILED, reason)


def test_who_is_done_needs_no_advice():
    assert not advice(StepState.DONE, "")
    assert not advice(StepState.WAITING, "")


async def test_without_a_campaign_the_list_teaches(api):
    ada = await setup(api)
    viewer = await active(api, ada, "vera", Role.VIEWER)

    text = (await see(ada, "/campaigns")).text
    assert "No campaign is under way." in text
    assert 'href="/campaigns/new"' in text
    text = (await see(viewer, "/campaigns")).text
    assert 'href="/campaigns/new"' not in text
    assert "You may not start" in (await see(viewer, NEW)).text
    assert (
        await see(api.by(await api.key(Permission.READ_TOKENS)), "/campaigns")
    ).status_code == 403


async def test_a_dry_run_counts_who_fits_and_starts_nothing(fleet):
    ada = await setup(fleet)
    await fleet.add("AWAY-1", site="north")
    await fleet.add("QUIET-1", site="north", passive=True)

    text = (await see(ada, f"{NEW}&site=north")).text
    assert "<strong>5 stations</strong>" in text
    assert "3 connected" in text
    assert "2 away" in text
    assert "1 passive: left out" in text
    assert 'data-confirm="5"' in text
    assert check_forms(fleet, text) >= 1
    assert "POST /api/v1/campaigns" in forms(text)
    text = (await see(ada, f"{NEW}&firmware=1.0.0")).text
    assert "<strong>5 stations</strong>" in text
    assert "QUIET-1" not in text
    assert "No station fits" in (await see(ada, f"{NEW}&vendor=Nobody")).text
    assert (await see(ada, f"{NEW}&security_profile=9")).status_code == 400
    assert (await ada.get("/campaigns")).json()["items"] == []


async def test_what_is_asked_for_stands_in_the_form(fleet):
    ada = await setup(fleet)
    text = (await see(ada, f"{NEW}&site=north&vendor=Acme")).text
    which = text.partition("""name="which" data-type="json" value='""")[2].partition("'>")[0]

    assert '"sites": ["north"]' in which
    assert '"vendor": "Acme"' in which
    assert '<option value="new">' in text
    await ada.post(
        "/configuration/templates",
        json={"name": "depot", "values": [{"variable": "X", "value": "1"}]},
    )
    text = (await see(ada, f"{NEW}&kind=configuration&template=depot")).text
    assert "<option selected>depot</option>" in text
    assert "POST /api/v1/commands/bulk" in forms(text)
    assert check_forms(fleet, text) >= 1
    text = (await see(ada, f"{NEW}&kind=profile")).text
    assert 'name="security_profile"' in text


async def test_a_profile_that_nothing_listens_for_cannot_be_chosen(fleet):
    ada = await setup(fleet)
    addresses = fleet.services.addresses
    closed = {"ocpp": "127.0.0.1:9000", "ocpp_tls": "off", "ocpp_mtls": "off"}
    addresses.settings = structs.replace(addresses.settings, **closed)

    text = (await see(ada, f"{NEW}&kind=profile")).text
    assert '<option value="2" disabled>' in text
    assert '<option value="3" disabled>' in text
    assert '<option value="1">' in text
    assert "Nothing listens for security profile 2" in text
    assert "the setting ocpp_tls." in text
    assert "Nothing listens" not in (await see(ada, NEW)).text
    addresses.settings = structs.replace(addresses.settings, ocpp_tls="127.0.0.1:9001")
    text = (await see(ada, f"{NEW}&kind=profile")).text
    assert '<option value="2">' in text
    assert "Nothing listens for security profile 2" not in text


async def test_one_under_way_is_told_and_can_be_halted_by_who_may(fleet):
    ada = await setup(fleet)
    viewer = await active(fleet, ada, "vera", Role.VIEWER)
    id = await started(ada, canaries=1, waits_for_word=True)
    await fleet.services.campaigns.move_on()

    text = (await see(ada, f"/campaigns/{id}")).text
    assert "0 of 5 stations" in text
    assert "1 asked" in text
    assert "4 waiting" in text
    assert "POST /api/v1/campaigns/{campaign}/halt" in forms(text)
    assert f'data-confirm="{id}"' in text
    assert check_forms(fleet, text) >= 5
    assert 'data-events="campaign.*"' in text
    assert f"/campaigns/{id}" in (await see(ada, "/campaigns")).text
    text = (await see(viewer, f"/campaigns/{id}")).text
    assert "/halt" not in text
    assert "1 asked" in text


async def test_what_is_not_counted_at_once_is_counted_after_the_page(fleet, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.campaigns._BARS", 0)
    ada = await setup(fleet)
    id = await started(ada)

    text = (await see(ada, "/campaigns")).text
    assert "0 of 5 stations" not in text
    assert f'hx-get="/campaigns/{id}/bar"' in text
    assert "0 of 5 stations" in (await see(ada, f"/campaigns/{id}/bar")).text


async def test_one_that_halted_says_why_and_what_to_do(fleet):
    ada = await setup(fleet)
    fleet.stations.outcome = Outcome(accepted=False, status="Rejected")
    id = await started(ada, canaries=1)
    await fleet.services.campaigns.move_on()

    text = (await see(ada, "/campaigns")).text
    halted, under_way = (text.index(f'id="{each}-title"') for each in ("halted", "under-way"))
    assert halted < text.index(f'href="/campaigns/{id}"') < under_way
    assert "No campaign is under way." in text
    text = (await see(ada, f"/campaigns/{id}")).text
    assert "Halted:" in text
    assert "1 station failed of the canaries" in text
    assert "It refuses." in text
    assert 'id="do-resume"' in text
    failed = (await see(ada, f"/campaigns/{id}?state=failed")).text
    waiting = (await see(ada, f"/campaigns/{id}?state=waiting")).text
    assert failed.count('<td class="id">') == 1
    assert waiting.count('<td class="id">') == 4
    assert (await see(ada, f"/campaigns/{id}?state=waiting&station=NONE")).text.count("fits.") == 1
    assert (await see(ada, f"/campaigns/{id}?state=odd")).status_code == 400


async def test_stations_come_in_pages(fleet, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.campaigns._ROWS", 2)
    ada = await setup(fleet)
    id = await started(ada)
    text = (await see(ada, f"/campaigns/{id}?state=waiting")).text
    assert text.count('<td class="id">') == 2
    cursor = text.partition("cursor=")[2].partition('"')[0]
    text = (await see(ada, f"/campaigns/{id}?state=waiting&cursor={cursor}")).text

    assert text.count('<td class="id">') == 2


async def test_one_that_is_over_stays_with_its_bar(fleet):
    ada = await setup(fleet)
    id = await started(ada)
    await ada.post(f"/campaigns/{id}/cancel")

    text = (await see(ada, "/campaigns")).text
    assert "ended early" in text
    assert f'hx-get="/campaigns/{id}/bar"' in text
    assert 'id="over-list" hx-disinherit="*"' in text  # or a bar would select a list in itself
    assert "No campaign is over" in (await see(ada, "/campaigns?state=finished")).text
    assert "5 of 5 stations" in (await see(ada, f"/campaigns/{id}/bar")).text
    text = (await see(ada, f"/campaigns/{id}")).text
    assert "data-events" not in text
    assert "/cancel" not in text


async def test_nobody_sees_the_campaigns_of_others(fleet):
    ada = await setup(fleet)
    nora = await active(fleet, ada, "nora", Role.ENGINEER, sites=["north"])
    everywhere = await started(ada)
    theirs = await started(nora)
    acme = fleet.by(await fleet.key(tenant=await _tenant(ada)))

    assert (await see(nora, f"/campaigns/{everywhere}")).status_code == 404
    assert (await see(nora, f"/campaigns/{everywhere}/bar")).status_code == 404
    text = (await see(nora, "/campaigns")).text
    assert theirs in text
    assert everywhere not in text
    assert (await see(acme, f"/campaigns/{everywhere}")).status_code == 404
    assert everywhere not in (await see(acme, "/campaigns")).text
    text = (await see(nora, NEW)).text
    assert "<strong>3 stations</strong>" in text
    assert "S1" not in text
    assert "No station fits" in (await see(nora, f"{NEW}&site=south")).text


async def _tenant(browser):
    await browser.post("/tenants", json={"id": "acme"})
    return "acme"


async def test_what_stations_say_is_text(fleet):
    ada = await setup(fleet)
    await booted(fleet, "N1", HOSTILE)
    fleet.stations.outcome = Outcome(accepted=False, status=HOSTILE)
    id = await started(ada)
    await fleet.services.campaigns.move_on()

    for path in (NEW, f"/campaigns/{id}", "/campaigns", "/firmware/versions", "/stations/N1"):
        answer = await see(ada, path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text


async def test_the_page_of_a_station_leads_to_its_campaign(fleet):
    ada = await setup(fleet)
    nora = await active(fleet, ada, "nora", Role.VIEWER, sites=["north"])
    id = await started(ada)

    assert f"/campaigns/{id}?station=N1" in (await see(ada, "/stations/N1")).text
    assert id not in (await see(nora, "/stations/N1")).text
    await ada.post(f"/campaigns/{id}/cancel")
    assert id not in (await see(ada, "/stations/N1")).text
