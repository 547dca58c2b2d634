"""A server with simulated stations, and a browser that is signed in to its console."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.end_to_end.console.browsing import ARGS, CHROMIUM, DESKTOP, PASSWORD, Window
from tests.end_to_end.server import Server
from voltkeep.sim import SimStation, StationSpec

BUSY = "CS-1"  # charges
FRESH = "CS-2"  # never came
TOKEN = "DEADBEEF"


class Console:
    """A server, its first administrator, and a browser."""

    def __init__(self, server, browser):
        self.server = server
        self.browser = browser
        self.home = f"http://127.0.0.1:{server.ports['http']}"
        self.state: Any = None

    async def start(self):
        """Run the server, until pages can be had."""
        await self.server.start()
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(20):
            while True:
                try:
                    await client.get(f"{self.home}/sign-in")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    return

    async def set_up(self):
        """Make the administrator, and remember them as browsers do."""
        token = (await self.server.voltkeep("user", "setup-link"))["token"]
        body = {"token": token, "name": "ada", "password": PASSWORD}
        context = await self.browser.new_context()
        answer = await context.request.post(f"{self.home}/api/v1/setup", data=body)
        assert answer.status == 201, await answer.text()
        self.state = await context.storage_state()
        await context.close()

    @asynccontextmanager
    async def window(self, *, signed_in=True, viewport=DESKTOP, locale="en-GB", **options):
        """A window; nothing may have gone wrong in it when it is closed."""
        state = self.state if signed_in else None
        context = await self.browser.new_context(
            storage_state=state, viewport=viewport, locale=locale, **options
        )
        context.set_default_timeout(15_000)
        window = Window(await context.new_page(), self.home)
        await window.watch()
        try:
            yield window
        finally:
            await context.close()
        assert window.trouble == []

    @asynccontextmanager
    async def api(self):
        """The API, as the administrator."""
        cookies = {each["name"]: each["value"] for each in self.state["cookies"]}
        async with httpx.AsyncClient(
            base_url=f"{self.home}/api/v1", cookies=cookies, timeout=30, trust_env=False
        ) as client:
            csrf = (await client.get("/me")).json()["csrf"]
            client.headers["x-voltkeep-csrf"] = csrf
            yield client

    @asynccontextmanager
    async def station(self, name=BUSY, version="1.6", **spec):
        """A simulated station that was let in."""
        url = self.server.urls[1]
        async with SimStation(StationSpec(id=name, version=version, url=url, **spec)) as station:
            await station.booted()
            yield station


@asynccontextmanager
async def running(folder):
    """A server that nobody has signed in to, and a browser."""
    inside = {"public_host": "127.0.0.1", "outbound_allowed": "127.0.0.0/8"}
    server = Server(folder / "data", listen=("http",), **inside)
    await server.prepare([BUSY, FRESH], [TOKEN])
    async with AsyncExitStack() as stack:
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        stack.push_async_callback(browser.close)
        console = Console(server, browser)
        await console.start()
        try:
            yield console
        finally:
            status = server.stop()
    assert status == 0
    assert "Traceback" not in server.output()


@pytest_asyncio.fixture(loop_scope="session")
async def bare(tmp_path):
    """A console that nobody has signed in to."""
    async with running(tmp_path) as console:
        yield console


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def console(tmp_path_factory):
    """A console with an administrator."""
    async with running(tmp_path_factory.mktemp("console")) as console:
        await console.set_up()
        yield console
