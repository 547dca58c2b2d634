"""An open grid in a real browser: how soon it shows a change, and how smoothly it moves.

Part of `bench.consoles`. Chromium draws in software here, on the processors that the server and its
fleet have too; frames of a page without anything stand beside those of the grid.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from typing import Any

from playwright.async_api import Page, ViewportSize, async_playwright

from bench.busy import CONNECTORS, Bench, Busy, row, status

ALLOWED_MS = 500.0  # from the wire to the page, at the 95th percentile
ALLOWED_FRAME_MS = 34.0  # at the 95th percentile: every second of 60 frames a second
_CHROMIUM = "/usr/bin/chromium"
_ARGS = ["--no-sandbox", "--disable-background-networking"]
_CHANGES_PER_S = 200.0
_WINDOW = ViewportSize(width=1600, height=1000)

# Every change of that tile, and when the frame that has it was begun.
_WATCH = """(href) => {
  window.seen = [];
  const tile = document.querySelector(`#tiles a[href="${href}"]`);
  new MutationObserver(() => requestAnimationFrame(() => {
    window.seen.push([Date.now(), tile.textContent]);
  })).observe(tile, { childList: true, characterData: true, subtree: true });
}"""
_FRAMES = """([ms, scrolls]) => new Promise((done) => {
  const [deltas, long] = [[], []];
  const tasks = new PerformanceObserver((list) => {
    for (const each of list.getEntries()) long.push(each.duration);
  });
  tasks.observe({ type: "longtask" });
  const began = performance.now();
  let [last, step] = [0, 60];
  const frame = (at) => {
    if (last) deltas.push(at - last);
    last = at;
    if (scrolls) {
      const most = document.documentElement.scrollHeight - innerHeight;
      if (scrollY + step > most || scrollY + step < 0) step = -step;
      scrollBy(0, step);
    }
    if (performance.now() - began < ms) requestAnimationFrame(frame);
    else {
      tasks.disconnect();
      done([deltas, long]);
    }
  };
  requestAnimationFrame(frame);
})"""


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


async def measure(made: Bench, options: argparse.Namespace) -> bool:
    """Rows for changes and for frames; whether both are as they must be."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=_CHROMIUM, args=_ARGS)
        context = await browser.new_context(viewport=_WINDOW)
        await context.add_cookies(
            [{"name": "voltkeep", "value": made.cookies[-1], "url": made.home}]
        )
        page = await context.new_page()
        try:
            blank = await _frames(page, options.seconds, scrolls=False)
            await _open(made, page)
            probed = made.fleet.stations[3]
            is_good = await _changes(made, page, probed, options)
            return await _smooth(made, page, blank, options) and is_good
        finally:
            await browser.close()


async def _open(made: Bench, page: Page) -> None:
    began = time.perf_counter()
    await page.goto(f"{made.home}/fleet")
    await page.wait_for_selector("#tiles a", timeout=120_000)
    first = time.perf_counter() - began
    whole = str(len(made.fleet.stations) * CONNECTORS)
    count = page.locator('[data-show-state=""] .count').get_by_text(whole, exact=True)
    await count.wait_for(timeout=120_000)
    row(f"a grid of {whole} connectors: first tiles, all", f"{first:.1f} s", _since(began), "")


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.1f} s"


async def _changes(made: Bench, page: Page, station: Busy, options: argparse.Namespace) -> bool:
    """From the octets sent to the frame that shows what they said; alone, then among all."""
    made.fleet.spared.add(station)
    await asyncio.sleep(1)
    href = f"/stations/{station.name}"
    await page.evaluate(_WATCH, href)
    alone = await _probe(page, station, options.probes // 2)
    async with made.consoles(options.consoles):
        await asyncio.sleep(options.settle)
        among = await _probe(page, station, options.probes)
    made.fleet.spared.discard(station)
    row("a change on the wire shown in the grid, ms", "p50", "p95", "allowed")
    for name, times in (("one page", alone), (f"and {options.consoles} consoles", among)):
        p95 = f"{_p95(times):.0f}"
        row(name, f"{statistics.median(times):.0f}", p95, f"{ALLOWED_MS:.0f}")
    return _p95(among) <= ALLOWED_MS


async def _probe(page: Page, station: Busy, count: int) -> list[float]:
    times = []
    for number in range(count + count % 2):  # it ends as it begins: the next one is a change again
        word = "Available" if number % 2 else "Faulted"
        await asyncio.sleep(random.uniform(0.05, 0.4))
        sent = time.time() * 1000
        asked = asyncio.create_task(station.call(status(int(sent * 1000), 1, word)))
        shown = await page.wait_for_function(
            "([since, word]) => seen.find(([at, text]) => at >= since && text.includes(word))?.[0]",
            arg=[int(sent), word],
            timeout=30_000,
        )
        times.append(float(await shown.json_value()) - sent)
        await asked
    return times


async def _frames(page: Page, seconds: float, *, scrolls: bool) -> Any:
    return await page.evaluate(_FRAMES, [seconds * 1000, scrolls])


async def _smooth(made: Bench, page: Page, blank: Any, options: argparse.Namespace) -> bool:
    """Times between frames of the grid, while changes come and while somebody scrolls."""
    usual, made.fleet.changes_per_s = made.fleet.changes_per_s, _CHANGES_PER_S
    runs = {"nothing: a page without anything": blank}
    try:
        for name, pace, scrolls in (
            ("scrolling", usual, True),
            ("200 changes a second", _CHANGES_PER_S, False),
            ("scrolling, and 200 changes a second", _CHANGES_PER_S, True),
        ):
            made.fleet.changes_per_s = pace
            await asyncio.sleep(options.settle)
            runs[name] = await _frames(page, options.seconds, scrolls=scrolls)
    finally:
        made.fleet.changes_per_s = usual
    row("between two frames, ms", "p50", "p95", "tasks > 50 ms")
    is_good = True
    for name, (deltas, long) in runs.items():
        p95 = _p95(deltas)
        is_good = is_good and p95 <= ALLOWED_FRAME_MS
        tasks = f"{len(long)}, {max(long, default=0):.0f} ms"
        row(name, f"{statistics.median(deltas):.1f}", f"{p95:.1f}", tasks)
    with contextlib.suppress(Exception):
        elements = await page.evaluate("document.querySelectorAll('#tiles .tile').length")
        row("tiles in the document", str(elements), "", "")
    return is_good
