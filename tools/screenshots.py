"""Pictures of the console for the documentation: `make screenshots` writes docs/images/*.png.

A server with the ten simulated stations of the demo is started in a directory of its own, and left
alone until cars charge. Each page is taken light and dark, on a desk and on a phone.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.servers import free_port
from tests.end_to_end.console.browsing import ARGS, CHROMIUM, PASSWORD

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
CHARGING = 6  # of the ten stations, before the pictures are taken
METERED_S = 45  # then the charts have something to show
PAGES = {
    "fleet": "/fleet",
    "map": "/fleet/map",
    "station": "/stations/DEMO-05",
    "command": "/stations/DEMO-05/command",
    "connect": "/connect",
    "messages": "/messages",
    "transactions": "/transactions",
    "charts": "/charts?days=7",
    "campaign": "/campaigns",
    "certificates": "/certificates/authority",
    "security": "/security",
}
"""Main pages by the names of their pictures."""

SITES = (
    ("harbour", "Harbour", 53.54, 9.99, ("DEMO-01", "DEMO-02", "DEMO-05")),
    ("station-square", "Station square", 52.52, 13.37, ("DEMO-03", "DEMO-04", "DEMO-09")),
    ("market", "Market hall", 48.14, 11.58, ("DEMO-06", "DEMO-07", "DEMO-08", "DEMO-10")),
)


async def started(home: str) -> None:
    """Wait until pages can be had."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
        while True:
            try:
                await client.get(f"{home}/sign-in")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def fill(client: httpx.AsyncClient) -> None:
    """Sites for the stations; then wait until cars charge."""
    for id, name, latitude, longitude, stations in SITES:
        place = {"latitude": latitude, "longitude": longitude, "time_zone": "Europe/Berlin"}
        (await client.post("/sites", json={"id": id, "name": name, **place})).raise_for_status()
        for station in stations:
            await client.patch(f"/stations/{station}", json={"site": id})
    body = {"name": "grace", "role": "operator", "password": PASSWORD}
    (await client.post("/users", json=body)).raise_for_status()
    async with asyncio.timeout(180):
        while True:
            answer = await client.get("/transactions", params={"active": "true"})
            if len(answer.json()["items"]) >= CHARGING:
                break
            await asyncio.sleep(1)
    await update_some(client)
    await asyncio.sleep(METERED_S)


async def update_some(client: httpx.AsyncClient) -> None:
    """New firmware for three stations, one after the other."""
    where, named = "/firmware-images/2.1.0/content", {"filename": "demo-2.1.0.bin"}
    answer = await client.put(where, params=named, content=b"firmware " * 10_000)
    answer.raise_for_status()
    campaign = {
        "firmware": {"image": "2.1.0", "version": "2.1.0", "unsigned": True},
        "which": {"stations": ["DEMO-06", "DEMO-07", "DEMO-08"]},
        "at_once": 1,
        "canaries": 1,
    }
    (await client.post("/campaigns", json=campaign)).raise_for_status()


async def take(page: Page, home: str, name: str, address: str, suffix: str) -> None:
    """One picture, once the page is at rest."""
    await page.goto(home + address)
    await page.wait_for_function(
        "() => !document.querySelector('.htmx-request') && document.readyState === 'complete'"
    )
    if await page.locator("body[data-events]").count():
        await page.locator("#connection[data-state=well]").wait_for(state="attached")
    await page.wait_for_timeout(700)  # what scripts draw
    await page.screenshot(path=IMAGES / f"{name}{suffix}.png")


async def take_all(browser: Browser, home: str, cookies: list[Any]) -> None:
    for device, (width, height) in SIZES.items():
        for look in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=look,
                locale="en-GB",
                timezone_id="Europe/Berlin",
            )
            page = await context.new_page()
            await context.add_cookies(cookies)
            for name, address in PAGES.items():
                await take(page, home, name, address, f"-{device}-{look}")
            await context.close()


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "voltkeep.cli", "--data", folder]
        serve = [
            *command,
            "serve",
            "--demo",
            "--http",
            f"127.0.0.1:{port}",
            "--ocpp",
            "127.0.0.1:0",
            "--files",
            "127.0.0.1:0",
        ]
        quiet = asyncio.subprocess.DEVNULL
        server = await asyncio.create_subprocess_exec(*serve, stdout=quiet, stderr=quiet)
        try:
            await started(home)
            link = await asyncio.create_subprocess_exec(
                *command, "user", "setup-link", stdout=asyncio.subprocess.PIPE, stderr=quiet
            )
            token = (await link.communicate())[0].decode().strip().rpartition("#")[2]
            async with httpx.AsyncClient(
                base_url=f"{home}/api/v1", timeout=30, trust_env=False
            ) as client:
                body = {"token": token, "name": "ada", "password": PASSWORD}
                answer = (await client.post("/setup", json=body)).raise_for_status()
                client.headers["x-voltkeep-csrf"] = answer.json()["csrf"]
                await fill(client)
                cookies: list[Any] = [
                    {"name": each.name, "value": each.value or "", "url": home}
                    for each in client.cookies.jar
                ]
            async with async_playwright() as driver:
                browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
                await take_all(browser, home, cookies)
                await browser.close()
        finally:
            server.terminate()
            await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
