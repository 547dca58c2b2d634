"""A day at the console, in a browser: what changes is seen, what is asked for is done."""

import time

import pytest
from playwright.async_api import expect

from tests.end_to_end.console.conftest import BUSY, FRESH, TOKEN
from tests.end_to_end.console.wire import wire

pytestmark = pytest.mark.asyncio(loop_scope="session")


_WATCH = """() => {
  window.seen = [];
  const note = () => {
    const states = [...document.querySelectorAll("#tiles .tile")].map((each) => each.className);
    window.seen.push([Date.now(), states.some((each) => each.includes("bad"))]);
  };
  new MutationObserver(note).observe(document.getElementById("tiles"), {
    attributes: true, childList: true, subtree: true, characterData: true,
  });
}"""


async def test_a_change_on_the_wire_is_seen_within_half_a_second(console):
    took = []
    async with wire(console.server.urls[1], BUSY) as station, console.window() as window:
        await station.say("BootNotification", chargePointVendor="V", chargePointModel="M")
        await station.status("Available")
        await window.go("/fleet")
        await window.is_live()
        await expect(window.page.locator("#tiles .tile", has_text=BUSY)).to_be_visible()
        await window.page.evaluate(_WATCH)
        for status in ("Faulted", "Available") * 5:
            began = time.time() * 1000
            await station.status(status)
            is_bad = status == "Faulted"
            seen = await window.page.wait_for_function(
                "is => seen.find(([at, bad]) => bad === is)?.[0]", arg=is_bad
            )
            took.append(await seen.json_value() - began)
            await window.page.evaluate("() => { seen.length = 0; }")
    assert sorted(took)[-2] < 500, took


async def test_what_is_asked_of_a_station_is_told(console):
    async with console.station() as station, console.window() as window:
        page = window.page
        await window.go(f"/stations/{BUSY}")
        await window.is_live()
        await page.get_by_role("button", name="Unlock").first.click()
        await expect(page.locator("#said, .outcome").first).to_contain_text("nlock")

        await station.plug()
        await page.get_by_role("button", name="Start", exact=True).first.click()
        await page.locator("#start").get_by_label("Token", exact=True).fill(TOKEN)
        await page.locator("#start").get_by_role("button", name="Start").click()
        await station.charging()
        await expect(page.get_by_text("Charging").first).to_be_visible()


async def test_a_weighty_command_is_confirmed_by_the_stations_id(console):
    async with console.station(), console.window() as window:
        page = window.page
        await window.go(f"/stations/{BUSY}/command")
        box = page.locator("#json")
        await page.locator("#ask").select_option("AnyMessage")
        await expect(box).to_have_value('{\n  "action": "",\n  "payload": {}\n}')
        await box.fill("{}")
        await expect(page.locator("[data-json-problem]")).to_contain_text("which command")
        await page.locator("#ask").select_option("Reset")
        await page.get_by_role("button", name="Ask the station").first.click()
        dialog = page.get_by_role("dialog", name="Restart")
        sure = dialog.get_by_role("button", name="Ask the station")
        await expect(sure).to_be_disabled()
        await expect(page.locator("[data-outcome]")).to_be_empty()
        await dialog.get_by_label("Type its id").fill(BUSY)
        await sure.click()
        await expect(page.locator("[data-outcome] .badge")).to_contain_text("● accepted")


async def test_a_station_that_comes_is_seen_on_the_list(console):
    async with console.window() as window:
        await window.go("/stations")
        await window.is_live()
        row = window.page.get_by_role("row", name=FRESH)
        await expect(row).to_contain_text("Away")
        async with console.station(FRESH, "2.0.1"):
            await expect(row).to_contain_text("Connected")


async def test_keys_lead_anywhere(console):
    async with console.window() as window:
        page = window.page
        await window.go("/fleet")
        await page.keyboard.press("g")
        await page.keyboard.press("s")
        await page.wait_for_url("**/stations")
        await page.keyboard.press("/")
        await expect(page.locator("[data-search]").first).to_be_focused()
        await page.keyboard.type("CS-2")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/stations?prefix=CS-2")
        await expect(page.locator("#list tbody tr")).to_have_count(1)
        await page.locator("main").focus()
        await page.keyboard.press("?")
        await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
        await page.reload()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="To the content")).to_be_focused()


async def test_the_language_and_the_look_stay(console):
    async with console.window() as window:
        page = window.page
        await window.go("/stations")
        await page.get_by_role("button", name="Dark").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await window.go("/sign-in")
        await page.get_by_label("Language", exact=True).select_option("de")
        await page.get_by_role("button", name="Change the language").click()
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await window.go("/stations")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_a_session_that_ended_is_said_and_gone_on_with(console):
    async with console.window() as window:
        page = window.page
        window.expects("401")
        await window.go("/stations")
        await window.is_live()
        cookies = await page.context.cookies()
        await page.get_by_role("button", name="Add a station").click()
        await page.locator("#new-id").fill("TYPED")
        await page.context.clear_cookies()
        await page.locator("#add").get_by_role("button", name="Add").click()
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        async with console.api() as client:
            assert (await client.get("/stations/TYPED")).status_code == 404
        await page.context.add_cookies(cookies)
        await page.get_by_role("button", name="I have signed in: go on").click()
        await expect(page.locator("#over")).to_be_hidden()
        await expect(page.locator("#new-id")).to_have_value("TYPED")
        await page.locator("#add").get_by_role("button", name="Add").click()
        await page.wait_for_url("**/stations/TYPED")


async def test_a_page_is_of_the_tenant_that_it_shows_whatever_is_chosen_elsewhere(console):
    asked = []
    async with console.window() as window:
        page = window.page
        page.on("request", lambda request: asked.append(request))  # noqa: PLW0108  # it takes no built-in

        async def choose(tenant):
            address = f"{console.home}/tenant/{tenant}"
            headers = {"sec-fetch-site": "same-origin"}
            answer = await page.context.request.post(address, headers=headers)
            assert answer.status == 204, await answer.text()

        async with console.api() as client:
            await client.post("/tenants", json={"id": "acme"})
        await window.go("/imports")
        await choose("acme")
        file = {"name": "tokens.csv", "mimeType": "text/csv", "buffer": b"token\n"}
        await page.locator("#give [name=file]").set_input_files(file)
        async with page.expect_response("**/imports/*"):
            await page.locator("#give button").first.click()
        await choose("default")
        await window.go("/messages")
        await choose("acme")
        async with page.expect_request("**/messages*"):
            await page.locator("[data-follow]").click()
        await choose("default")
        sent = [
            await each.all_headers() for each in asked if each.resource_type in {"fetch", "xhr"}
        ]
        assert sent
        assert {each.get("voltkeep-tenant") for each in sent} == {"default"}


async def test_what_happens_in_another_tenant_is_not_of_the_page(console):
    event = '{"type": "station.connected", "tenant": "acme", "station": "CS-1", "data": {}}'
    async with console.window() as window:
        await window.page.route(
            "**/api/v1/events*",
            lambda route: route.fulfill(
                content_type="text/event-stream",
                body=f"event: station.connected\ndata: {event}\n\n",
            ),
        )
        await window.go("/stations")
        line = window.page.locator("#connection")
        await expect(line).to_contain_text("another tenant was chosen")


async def test_a_server_that_restarts_under_an_open_page_is_found_again(console):
    async with console.window() as window:
        page = window.page
        window.expects("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY|ERR_CONNECTION_RESET")
        await window.go("/stations")
        await window.is_live()
        console.server.kill()
        await expect(page.locator("#connection")).to_have_text("The server is away; trying again")
        await console.start()
        await expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)
        row = page.get_by_role("row", name=FRESH)
        async with console.station(FRESH, "2.0.1"):
            await expect(row).to_contain_text("Connected")
