"""Every page of the console, with the worst that anybody could have filled it with.

Pages are found in the menu and by what they lead to: one that is added is tested. Each is opened
once on a desk, in English, and once on a phone, in German; all is looked at then.
"""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from websockets.exceptions import InvalidStatus

from tests.end_to_end.console.browsing import MOST_SHIFTED, PHONE
from tests.end_to_end.console.finding import KINDS, pages
from tests.end_to_end.console.saying import (
    IMAGE,
    LONG,
    NAME,
    NEWER,
    SHORT,
    everything_said,
)
from tests.end_to_end.console.wire import wire

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARTS = 4  # the walks are cut in so many: each ends in time on a machine that is busy
NO_PAGES = (".json", ".pem", ".story", "/bar", "/assets/", "/revoked/", "/health/", "/metrics")
"""Files, and parts that pages load."""
NOT_FOUND = {  # parts that pages load
    "/charts/power",
    "/charts/status",
    "/configuration-drift",
    "/firmware/versions",
    *(f"/security/{each}" for each in ("attention", "days", "events")),
}

_STRANGE = """() => [...document.querySelectorAll("*")].filter((each) =>
  [...each.attributes].some(({ name, value }) => name.startsWith("on")
    || name === "style" && !each.closest(".uplot, .leaflet-container, #tiles, [data-chart]")
    || ["href", "src", "action", "data", "srcset"].includes(name)
      && /^\\s*(javascript|vbscript|data:text|https?:|\\/\\/)/i.test(value)
      && !value.startsWith(location.origin))
).map((each) => each.outerHTML.slice(0, 200))"""
_DARKEN = """() => {
  document.documentElement.dataset.theme = "dark";
  for (const each of document.getAnimations()) {
    if (each.effect.getComputedTiming().endTime !== Infinity) each.finish();
  }
}"""
_OURS = ("help", "over")  # dialogs that every page has


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled(console):
    """The console of a fleet in which everything that can be said is hostile."""
    async with everything_said(console) as console.hostile:
        yield console


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def found(filled):
    """An address of each kind of page, by kind."""
    first = [f"/stations/{name}" for name in (NEWER, NAME)]
    cookies = {each["name"]: each["value"] for each in filled.state["cookies"]}
    async with httpx.AsyncClient(
        base_url=filled.home, cookies=cookies, timeout=30, trust_env=False
    ) as client:
        return await pages(client, *first)


async def test_each_kind_of_page_is_found(found):
    """So that each is walked."""
    wanted = {each for each in KINDS if not any(part in each for part in NO_PAGES)}

    assert wanted - found.keys() - NOT_FOUND == set()


class Findings(dict[str, str]):
    """What is wrong, each with the first page that has it."""

    def add(self, address, what):
        self.setdefault(str(what), address)  # many pages share a mistake

    def check(self):
        assert not self, "\n".join(f"{at}: {what}" for what, at in self.items())


async def look_at(window, address, wrong):
    """All that is to be seen of a page on a desk: what it holds, then what axe says of it."""
    page = window.page
    answer = await window.go(address)
    if answer.status != 200:
        wrong.add(address, f"status {answer.status}")
    await window.is_live()
    for each in await page.evaluate(_STRANGE):
        wrong.add(address, f"strange: {each}")
    if (shifted := await window.shifted()) > MOST_SHIFTED:
        wrong.add(address, f"moves by {shifted}")
    if (titles := await page.locator("h1").count()) != 1:
        wrong.add(address, f"{titles} h1")
    for barrier in await window.barriers():
        wrong.add(address, barrier)
    await page.evaluate(_DARKEN)
    for barrier in await window.barriers("color-contrast"):
        wrong.add(address, f"dark: {barrier}")


async def look_at_dialogs(window, address, wrong, but=_OURS):
    """What axe says of each dialog, dark as the page is by then."""
    page = window.page
    ids = await page.locator("dialog[id]").evaluate_all("all => all.map(each => each.id)")
    for id in ids:
        if id in but:
            continue
        await page.evaluate("id => document.getElementById(id).showModal()", id)
        for barrier in await window.barriers(inside=f"#{id}"):
            wrong.add(f"{address}#{id}", barrier)
        await page.evaluate("id => document.getElementById(id).close()", id)


@asynccontextmanager
async def walk(filled, found, part, **options):
    """A window, the addresses of a part of the pages, and where to say what is wrong."""
    wrong = Findings()
    mine = [*found.values(), f"/stations/{LONG}"][part::PARTS]
    async with filled.window(**options) as window:
        yield window, mine, wrong
    wrong.check()


@pytest.mark.parametrize("part", range(PARTS))
async def test_pages_are_open_to_all_and_show_what_anybody_said_as_text(filled, found, part):
    """Part G, 67: no dialog, nothing from elsewhere, no script; the window says if there was.

    Every rule of WCAG 2.2 AA where it is light; once more the contrasts, where it is dark.
    """
    async with walk(filled, found, part) as (window, addresses, wrong):
        for address in addresses:
            await look_at(window, address, wrong)
            is_last = address == addresses[-1]
            await look_at_dialogs(window, address, wrong, () if is_last else _OURS)
            for each in window.trouble:
                wrong.add(address, each)


@pytest.mark.parametrize("part", range(PARTS))
async def test_nothing_stands_out_of_a_phone_and_nothing_moves(filled, found, part):
    """In German, whose words are longer."""
    phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "locale": "de-DE"}
    async with walk(filled, found, part, **phone) as (window, addresses, wrong):
        for address in addresses:
            await window.go(address)
            await window.is_live()
            if (over := await window.overflow()) > 0:
                wrong.add(address, f"{over} pixels too wide: {await window.too_wide()}")
            if (shifted := await window.shifted()) > MOST_SHIFTED:
                wrong.add(address, f"moves by {shifted}")


async def test_hostile_words_are_seen_where_they_belong(filled, found):
    """Not left out: each of them stands on a page, as it was said."""
    async with filled.window() as window:
        for address, text in (
            (f"/stations/{NAME}", IMAGE),
            (f"/stations/{NEWER}", IMAGE),
            (f"/messages?station={NEWER}", IMAGE),
            ("/stations?prefix=HOSTILE", IMAGE),
            ("/sites", IMAGE),
            ("/tokens", IMAGE),
            ("/keys", IMAGE),
            ("/tenants", IMAGE),
            ("/security", IMAGE),
            ("/reservations?state=past", SHORT),
            ("/certificates/roots", IMAGE),
            ("/configuration-templates", IMAGE),
            ("/groups", "<b>G</b>"),
            ("/transactions", SHORT),
            (found["/webhooks/{webhook:str}"], "<script>alert(1)</script>"),
            (found["/campaigns/{campaign:str}"], IMAGE),
            (found["/imports/{import_id:str}"], IMAGE),
        ):
            await window.go(address)
            words = window.page.locator("main").get_by_text(text)
            assert await words.count(), address


async def test_what_a_station_says_under_an_open_page_is_only_text(filled):
    async with filled.window() as window:
        page = window.page
        await window.go("/fleet")
        await window.is_live()
        await expect(page.locator("#tiles .tile", has_text=NAME).first).to_be_visible()
        await filled.hostile.status("Faulted", 3, errorCode="OtherError", info=IMAGE)
        await expect(page.locator("#tiles .tile", has_text=f"{NAME} · 3")).to_be_visible()
        await window.go("/connect")
        await window.is_live()
        with pytest.raises(InvalidStatus):
            async with asyncio.timeout(10), wire(filled.server.urls[1], SHORT.replace("/", " ")):
                pass
        await expect(page.locator("#console li").first).to_contain_text("Refused")
        assert await page.evaluate(_STRANGE) == []
