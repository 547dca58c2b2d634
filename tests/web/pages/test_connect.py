"""Connecting a station: its address and key, and why it is refused."""

from types import SimpleNamespace

from tests.web.api.people import active, browser_of, problem, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.domain.stations import SecurityProfile


async def refuse(api, name, reason, host="192.0.2.7", detail="", tenant=DEFAULT_TENANT):
    refusals = api.services.security.refusals
    refusals.note(StationId(tenant, name), f"{host}:5000", reason, detail)
    await refusals.flush()


def approvals(text):
    return [each for each in forms(text) if each == "POST /api/v1/stations"]


async def test_a_station_is_registered_first(api):
    browser = await setup(api)
    text = (await see(browser, "/connect")).text

    assert 'name="security_profile"' in text
    assert 'value="CS-' in text  # an id to take
    assert check_forms(api, text)


async def test_of_a_registered_one_it_says_what_to_enter(api):
    browser = await setup(api)
    await api.add("CS 1", security_profile=SecurityProfile.BASIC)
    text = (await see(browser, "/connect?station=CS%201")).text

    address = api.services.addresses.station(
        StationId(DEFAULT_TENANT, "CS 1"), SecurityProfile.BASIC
    )
    assert address in text
    assert "data-fresh" in text  # it has no key yet
    assert "POST /api/v1/stations/{station}/key" in forms(text)
    assert "root.pem" not in text  # without TLS it needs none
    assert check_forms(api, text)


async def test_a_new_key_is_told_with_its_address_and_leaves_the_page_without_it(api):
    browser = await setup(api)
    await api.add("CS-1", security_profile=SecurityProfile.BASIC)
    key = (await browser.post("/stations/CS-1/key")).json()["key"]
    text = (await see(browser, "/connect?station=CS-1")).text

    assert key not in text
    assert "data-fresh" not in text


async def test_over_tls_it_needs_our_root(api):
    browser = await setup(api)
    await api.add("CS-1", security_profile=SecurityProfile.TLS_BASIC)
    api.services.roots._authority = SimpleNamespace(root=SimpleNamespace(pem="-----BEGIN"))
    answer = await see(browser, "/connect/root.pem")

    assert answer.text == "-----BEGIN"
    assert "attachment" in answer.headers["content-disposition"]
    text = (await see(browser, "/connect?station=CS-1")).text
    assert "/connect/root.pem" in text or "Nothing listens" in text


async def test_attempts_are_told_in_words_and_an_unknown_id_is_approved_by_a_click(api):
    browser = await setup(api)
    await api.add("CS-1")
    await refuse(api, "NEW-9", Verdict.UNKNOWN_STATION)
    await refuse(api, "CS-1", Verdict.WRONG_PASSWORD, "192.0.2.8")
    text = (await see(browser, "/connect")).text

    assert "Nobody has registered this id." in text
    assert "The key that it sent is not the one we know." in text
    assert '<input type="hidden" name="id" value="NEW-9">' in text
    assert 'href="/connect?station=CS-1"' in text
    made = {"id": "NEW-9", "security_profile": 2}
    assert (await browser.post("/stations", json=made)).status_code == 201
    text = (await see(browser, "/connect")).text
    assert 'value="NEW-9"' not in text  # it is registered by now


async def test_of_one_station_only_its_attempts_are_shown_and_who_did_not_say(api):
    browser = await setup(api)
    await api.add("CS-1")
    await refuse(api, "CS-1", Verdict.WRONG_PASSWORD)
    await refuse(api, "OTHER", Verdict.UNKNOWN_STATION)
    await refuse(api, "", TlsFault.LEFT)
    text = (await see(browser, "/connect?station=CS-1")).text

    assert "CS-1 is refused" in text
    assert 'data-station="OTHER"' not in text
    assert f'data-reason="{TlsFault.LEFT}" data-host' in text
    assert 'data-station="OTHER"' in (await see(browser, "/connect?station=CS-1&watch=all")).text


async def test_every_reason_is_explained_on_the_page(api):
    browser = await setup(api)
    text = (await see(browser, "/connect")).text

    for reason in (Verdict.NO_KEY, Barrier.NO_ADDRESS, TlsFault.TLS_ON_PLAIN):
        assert f'data-reason="{reason}"' in text
    assert f'data-reason="{Verdict.ADMITTED}"' not in text


async def test_what_a_peer_says_is_text(api):
    browser = await setup(api)
    await refuse(api, HOSTILE[:40], Verdict.UNKNOWN_STATION, HOSTILE, HOSTILE)

    for path in ("/connect", "/refusals"):
        text = (await see(browser, path)).text
        assert "&lt;script&gt;" in text
        assert "<script>alert" not in text
        assert "<img" not in text


async def test_who_may_only_look_registers_nothing(api):
    ada = await setup(api)
    operator = await active(api, ada, "otto", Role.OPERATOR)
    await refuse(api, "NEW-9", Verdict.UNKNOWN_STATION)
    text = (await see(operator, "/connect?station=NEW-9")).text

    assert "NEW-9" in text
    assert not approvals(text)
    viewer = await active(api, ada, "vera", Role.VIEWER)
    for path in ("/connect", "/refusals"):
        assert (await see(viewer, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303


async def test_who_sees_some_sites_sees_no_attempts_of_others(api):
    ada = await setup(api)
    await api.add("N-1", site="north", note="at the north")
    await api.add("SOUTH-1", site="south", note="at the south")
    for name in ("N-1", "SOUTH-1"):
        await refuse(api, name, Verdict.WRONG_PASSWORD)
    await refuse(api, "NEW-9", Verdict.UNKNOWN_STATION)
    await refuse(api, "", TlsFault.LEFT)
    nora = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])

    for path in ("/connect", "/refusals", "/refusals?site=south", "/connect?watch=all"):
        text = (await see(nora, path)).text
        assert "SOUTH-1" not in text
        assert "NEW-9" not in text
        assert f'data-reason="{TlsFault.LEFT}" data-host' not in text
    assert "N-1" in (await see(nora, "/refusals")).text
    text = (await see(nora, "/connect?station=S-1")).text
    assert "What to enter" not in text
    assert "S-1 is refused" not in text


async def test_another_tenant_sees_nothing(api):
    await setup(api)
    await refuse(api, "CS-1", Verdict.UNKNOWN_STATION)
    key = await api.key(tenant=DEFAULT_TENANT)
    await api.by(await api.key()).post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    assert "192.0.2.7" in (await see(api.by(key), "/refusals")).text
    for path in ("/refusals", "/connect", "/connect?station=CS-1"):
        assert "192.0.2.7" not in (await see(acme, path)).text


async def test_past_attempts_are_filtered_and_come_in_pages(api):
    browser = await setup(api)
    for number in range(60):
        await refuse(api, f"CS-{number:02}", Verdict.UNKNOWN_STATION, f"192.0.2.{number}")
    first = (await see(browser, "/refusals")).text
    assert first.count("data-host=") == 50
    address = first.partition('class="button" href="?')[2].partition('"')[0]
    second = (await see(browser, f"/refusals?{address.replace('&amp;', '&')}")).text
    assert second.count("data-host=") == 10

    assert (await see(browser, "/refusals?station=CS-07")).text.count("data-host=") == 1
    assert (await see(browser, "/refusals?within=hour&unnamed=true")).text.count("data-host=") == 0
    assert "Nobody was refused that fits" in (await see(browser, "/refusals?station=none")).text
    assert (await see(browser, "/refusals?within=year")).status_code == 400


async def test_a_name_that_no_station_can_have_is_a_problem_and_no_failure(api):
    browser = await setup(api)
    answer = await see(browser, "/connect?station=a%2Fb")

    assert answer.status_code == 422
    assert "<h1" in answer.text


async def test_a_code_is_drawn_for_who_has_signed_in(api):
    browser = await setup(api)
    answer = await browser.post("http://localhost:8080/qr", json={"text": "wss://here/ocpp/CS-1"})

    assert answer.status_code == 200
    said = answer.json()
    assert said["size"] > 25
    assert said["path"].startswith("M4 4h7v1h-7z")  # the first corner, within the quiet zone
    assert (
        problem(await browser_of(api).post("http://localhost:8080/qr", json={"text": "a"}))[0]
        == 401
    )
    too_long = await browser.post("http://localhost:8080/qr", json={"text": "a" * 401})
    assert too_long.status_code == 400
