"""What is in the way is said in words: what takes long, what is refused, what does not fit."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.end_to_end.console.browsing import PHONE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_takes_long_says_so(console):
    async with console.window() as window:
        page = window.page
        await window.go("/stations")
        shown = asyncio.Event()

        async def later(route):
            await shown.wait()
            await route.continue_()

        await page.route("**/api/v1/stations", later)
        await page.locator('[data-open="add"]').first.click()
        await page.locator("#new-id").fill("SLOW-1")
        await page.locator("#add button.primary").click()
        await expect(page.locator("#working")).to_have_text("Working …")
        shown.set()
        await page.wait_for_url("**/stations/SLOW-1")
        await expect(page.locator("#working")).to_be_empty()


async def test_a_permission_that_is_gone_is_said_under_an_open_page(console):
    async with console.window() as window:
        page = window.page
        window.expects("403|Forbidden")
        await window.go("/stations")
        await window.is_live()

        async def refuse(route):
            await route.fulfill(status=403, body="{}", content_type="application/problem+json")

        await page.route("**/stations", refuse)
        await page.locator("#list").dispatch_event("voltkeep:refresh")
        await expect(page.locator("#said")).to_contain_text("You may no longer see this")


async def test_a_refusal_is_in_the_language_of_the_page_and_its_details_are_marked(console):
    async with console.window(locale="de-DE") as window:
        page = window.page
        window.expects("409|422|400")
        await window.go("/stations")
        await page.locator('[data-open="add"]').first.click()
        await page.locator("#new-id").fill("CS-2")
        await page.locator("#add button.primary").click()
        refused = page.locator("#add .problem:not(:empty)")
        await expect(refused.locator('[lang="en"]').first).to_contain_text("CS-2")


async def test_a_phone_shows_the_head_in_one_line_and_nothing_moves(console):
    watch = """window.moved = 0;
        new PerformanceObserver((list) => {
          for (const each of list.getEntries()) window.moved += each.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    async with console.window(viewport=PHONE) as window:
        page = window.page
        await page.add_init_script(watch)
        await window.go("/messages")
        main = await page.locator("main").bounding_box()
        assert main is not None
        assert main["y"] < 64
        filters = page.locator(".filtering")
        await expect(filters.get_by_label("Action")).to_be_hidden()
        assert await page.evaluate("moved") < 0.01
        await filters.locator("summary").click()
        await expect(filters.get_by_label("Action")).to_be_visible()
        await page.locator("[data-menu]").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    async with console.window() as window:
        await window.page.add_init_script(watch)
        await window.go("/messages")
        await expect(window.page.get_by_label("Action")).to_be_visible()
        assert await window.page.evaluate("moved") < 0.01
