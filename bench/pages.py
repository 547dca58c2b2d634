"""How long the server takes for each page of the console, and how much a first one loads.

Run `python -m bench.pages --stations 100000`. Pages are those of the menu, those of one
station, and of each list the first that it leads to, each asked for as a browser does, over one
connection; times include reading the answer.
"""

import argparse
import gzip
import re
import statistics
import sys
import tempfile
import time
from html import unescape
from pathlib import Path

import httpx
import uvloop

from bench.api_data import arguments, fill
from bench.servers import NOTHING_ELSE, free_port, process
from voltkeep.app import App
from voltkeep.config import Settings
from voltkeep.domain.identity import DEFAULT_TENANT

ALLOWED_MS = 100.0  # at the 95th percentile, of each page
ALLOWED_KIB = 200.0  # of the first page with all that it loads, compressed
_TIMES = 40
_PASSWORD = "seven green trams"
_LINKS = re.compile(r'<nav id="nav".*?</nav>|<nav class="tabs".*?</nav>', re.DOTALL)
_LISTS = (
    *("/transactions", "/sites", "/tokens", "/groups", "/people", "/campaigns", "/certificates"),
    *("/imports", "/webhooks"),
)
_BESIDE = ("/fleet/map", "/fleet/grid.json", "/fleet/charges.json")  # what the grid is made of
_HREF = re.compile(r'href="(/[^"#]*)"')
_CHARTS = (
    *("/charts?days=90", "/charts?days=90&site=site-000"),
    *("/charts/power", "/charts/power?site=site-000"),
    *("/charts/status", "/charts/status?site=site-000"),
)
_LOADED = re.compile(r'(?:src|href)="(/[^"]+\.(?:js|css)[^"]*)"')


async def pages(client: httpx.AsyncClient, station: str) -> list[str]:
    """The pages in the menu, those of the station, what lists lead to, and what pages load."""
    found: dict[str, None] = {}
    for start in ("/stations", f"/stations/{station}"):
        text = (await client.get(start)).raise_for_status().text
        for part in _LINKS.findall(text):
            found |= dict.fromkeys(_HREF.findall(part))
    for each in _LISTS:
        if each not in found:
            continue
        text = (await client.get(each)).raise_for_status().text
        if first := re.search(rf'href="({each}/[^"#]+)"', text):
            found[unescape(first[1])] = None
    return [*found, *_BESIDE, *_CHARTS]


async def first_load(client: httpx.AsyncClient, address: str) -> float:
    """Kibibytes of a page with its scripts and styles, compressed."""
    page = (await client.get(address)).raise_for_status()
    size = len(gzip.compress(page.content))
    for loaded in set(_LOADED.findall(page.text)):
        size += len(gzip.compress((await client.get(loaded)).raise_for_status().content))
    return size / 1024


async def measure(client: httpx.AsyncClient, station: str) -> bool:
    """Print a row for each page; whether all were within what is allowed."""
    is_good = True
    print(f"| {'page':44} | p50 ms | p95 ms | first load KiB |\n|---|---|---|---|")
    for address in await pages(client, station):
        load = await first_load(client, address)
        times = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            (await client.get(address)).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
        p95 = statistics.quantiles(times, n=20)[18]
        missed = p95 > ALLOWED_MS or load > ALLOWED_KIB
        is_good = is_good and not missed
        shown = f"{statistics.median(times):6.1f} | {p95:6.1f} | {load:14.1f}"
        print(f"| {address:44} | {shown} |{' !' if missed else ''}")
    return is_good


async def run(options: argparse.Namespace) -> bool:
    """A server over a database that was filled, and somebody who is signed in."""
    with tempfile.TemporaryDirectory() as directory:
        ocpp, http = free_port(), free_port()
        settings = Settings(
            data=Path(directory), ocpp=f"127.0.0.1:{ocpp}", http=f"127.0.0.1:{http}"
        )
        await fill(settings.database_url, options)
        async with App(settings).running(serve=False) as app:
            token = await app.services.people.sign_in.new_setup_token()
            while not (await app.services.days.state(DEFAULT_TENANT)).is_complete:
                await app.services.day_counter.count()
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATA": directory,
            "VOLTKEEP_OCPP": settings.ocpp,
            "VOLTKEEP_HTTP": settings.http,
        }
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
        with process(command, http, environ):
            headers = {"accept": "text/html"}
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{http}", headers=headers, timeout=60, trust_env=False
            ) as client:
                body = {"token": token, "name": "ada", "password": _PASSWORD}
                (await client.post("/api/v1/setup", json=body)).raise_for_status()
                return await measure(client, f"S{options.stations // 2:06}")


def main() -> int:
    """1 if a page was slower or larger than it may be."""
    parser = arguments()
    parser.set_defaults(transactions=200_000)
    return int(not uvloop.run(run(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
