"""A window of a browser, and all that must never happen in it."""

import re
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # has no types
from playwright.async_api import Page, expect

PASSWORD = "seven green trams"
CHROMIUM = "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

_COUNT_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifts += each.value;
}).observe({ type: "layout-shift", buffered: true });
"""
MOST_SHIFTED = 0.1  # what web.dev calls good
_AXE: str = AXE_SCRIPT
_WANTED = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async ([inside, options]) => {
  const found = await axe.run(inside ? document.querySelector(inside) : document, options);
  return found.violations.flatMap((each) =>
    each.nodes.map((node) => [each.id, node.html, node.failureSummary]));
}"""
_QUIET = "() => !document.querySelector('.htmx-request') && document.readyState === 'complete'"


class Window:
    """A page of the console. ``trouble`` is what it did that no page of ours may do."""

    def __init__(self, page: Page, home: str):
        self.page = page
        self.home = home
        self.trouble: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        page.on("console", self._printed)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("dialog", self._dialog)

    async def watch(self):
        """Let it load nothing from elsewhere, and count what moves."""
        await self.page.context.route("**/*", self._loads)
        await self.page.add_init_script(_COUNT_SHIFTS)

    def expects(self, pattern: str):
        """What the browser prints because a test asked for it, as a 401."""
        self._expected.append(re.compile(pattern))

    async def go(self, address: str):
        """Open a page of the console, until it is at rest."""
        answer = await self.page.goto(self.home + address)
        await self.rests()
        return answer

    async def rests(self):
        """Wait until nothing is being loaded into the page."""
        await self.page.wait_for_function(_QUIET)

    async def is_live(self):
        """Wait until its stream of events is open, if it has one."""
        if await self.page.locator("body[data-events]").count():
            await expect(self.page.locator("#connection")).to_have_attribute("data-state", "well")

    async def shifted(self):
        """How much what stood there has moved by itself."""
        return await self.page.evaluate("window.shifts")

    async def overflow(self):
        """How many pixels the page is wider than its window."""
        return await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    async def too_wide(self):
        """What stands out of the window, to be said in a failure."""
        return await self.page.evaluate(
            """() => [...document.querySelectorAll('main *, .top *')]
            .filter((each) => each.getBoundingClientRect().right
              > document.documentElement.clientWidth + 1 && !each.closest('.scroll, .tabs'))
            .map((each) => each.tagName + '.' + each.className + '#' + each.id).slice(0, 5)"""
        )

    async def barriers(self, *rules: str, inside: str = ""):
        """What axe finds, one line each; of these rules only, and in this part, if said."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(_AXE)
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _WANTED}
        options = {"resultTypes": ["violations"], "runOnly": only}
        found = await self.page.evaluate(_RUN, [inside, options])
        return [f"{id}: {html[:160]} … {why[:160]}" for id, html, why in found]

    def _note(self, what: str):
        if not any(each.search(what) for each in self._expected):
            self.trouble.append(what)

    def _printed(self, message):
        if message.type in {"error", "warning"}:
            self._note(f"console: {message.text} {message.location.get('url', '')}")

    async def _dialog(self, dialog):
        self.trouble.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def _loads(self, route):
        url = urlsplit(route.request.url)
        if url.scheme in {"http", "https", "ws", "wss"} and f"http://{url.netloc}" != self.home:
            self.trouble.append(f"elsewhere: {route.request.url}")
            await route.abort()
        else:
            await route.continue_()
