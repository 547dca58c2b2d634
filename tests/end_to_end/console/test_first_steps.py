"""The first minutes of somebody new, in a browser: in, a station refused, approved, and there."""

import re

import pytest
from playwright.async_api import expect

from tests.end_to_end.console.browsing import PASSWORD
from tests.end_to_end.console.conftest import BUSY
from voltkeep.sim import SimStation, StationSpec

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_first_person_comes_in_and_lets_a_station_in(bare):
    """By the link, to the door: what comes is shown as it comes, with why; one click lets it in."""
    url = bare.server.urls[1]
    link = (await bare.server.voltkeep("user", "setup-link"))["token"]
    async with bare.window(signed_in=False) as window:
        page = window.page
        await window.go(f"/setup#{link}")
        await page.get_by_label("Your name, as you will sign in").fill("ada")
        await page.get_by_label("A password of at least 12 characters").fill(PASSWORD)
        await page.get_by_label("The same again").fill(PASSWORD + "s")
        await page.get_by_role("button", name="Become the administrator").click()
        await expect(page.locator("#again:invalid")).to_be_visible()

        await page.get_by_label("The same again").fill(PASSWORD)
        await page.get_by_role("button", name="Become the administrator").click()
        await page.wait_for_url("**/connect")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await window.is_live()
        async with SimStation(
            StationSpec(id="NEW-1", version="1.6", url=url, password="x" * 20)
        ) as it:
            row = page.locator("#console li", has_text="NEW-1").first
            await expect(row).to_contain_text("Refused")
            await row.get_by_label("Security profile").select_option("1")
            await row.get_by_role("button", name="Approve this station").click()
            await page.wait_for_url("**/connect?station=NEW-1")
            await expect(page.locator("#its-key")).to_have_text(re.compile(r"^\S{16,40}$"))
            key = await page.locator("#its-key").inner_text()
            await expect(page.locator("#state")).to_contain_text("It has a key")
            await it.leave()
        await window.is_live()
        known = StationSpec(id="NEW-1", version="1.6", url=url, password=bytes.fromhex(key))
        async with SimStation(known) as it:
            await it.booted()
            arrived = page.locator("#console li.good", has_text="NEW-1")
            await expect(arrived.first).to_be_visible()
            await arrived.first.get_by_role("link", name="Open its page").click()
            await page.wait_for_url("**/stations/NEW-1")
            await expect(page.locator("#station-head, .head").first).to_contain_text("Connected")


async def test_a_session_begins_and_ends(console):
    async with console.window(signed_in=False) as window:
        page = window.page
        window.expects("401")
        await window.go("/stations?prefix=CS")
        await page.wait_for_url("**/sign-in?return_to=*")
        await page.get_by_label("Name").fill("ada")
        await page.get_by_label("Password").fill("not it at all")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("p.problem").filter(has_text=re.compile(r"\w"))).to_be_visible()

        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/stations?prefix=CS")
        await expect(page.get_by_role("link", name=BUSY)).to_be_visible()

        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
