"""How long the server takes for each page of the console, and how much a first one loads.

Run `python -m bench.pages --stations 100000`. Pages are those of the menu, those of one
station, and of each list the first that it leads to, each asked for as a browser does, over one
connection; times include reading the answer.
"""

import argparse
import contextlib
import gzip
import re
import statistics
import sys
import tempfile
import time
from html import unescape
from pathlib import Path

import httpx
import psutil
import uvloop
from tests.postgres import Cluster

from bench import certificate_data
from bench.api_data import SITES, arguments, fill
from bench.console_data import RARE, console
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
_PARTS = (
    *("/firmware/versions", "/firmware/updates", "/firmware/updates?state=failed"),
    *("/campaigns/new?look=true", "/campaigns/c0000000?state=failed", "/campaigns/c0000002/bar"),
    *("/campaigns/new?look=true&vendor=Vendor+1", "/campaigns?state=cancelled"),
    *("/configuration-drift", "/configuration-drift?template=template-19"),
    *(
        "/unknown-tokens",
        "/messages/check",
        "/webhooks/w0000001",
        "/webhooks/w0000001?state=failed",
    ),
    *(f"/security?type={RARE}", "/security?type=MemoryExhaustion", "/security?state=critical"),
    *("/security?type=NeverHeardOf", "/security?site=site-000", "/reservations?state=active"),
    *("/audit?actor=ada", "/tokens?group=group-1"),
)
_LIMITED = (
    *("/fleet", "/stations", "/sites", "/transactions", "/reservations", "/messages"),
    *("/charts?days=90", "/charts?days=30", "/charts/power", "/charts/status"),
    *("/campaigns", "/firmware", "/firmware/versions", "/campaigns/new?look=true"),
    *("/configuration-drift", "/certificates", "/security", "/security?type=MemoryExhaustion"),
    *(f"/security?type={RARE}", "/refusals", "/webhooks", "/imports"),
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
    of_certificates = (*certificate_data.PAGES, certificate_data.page(station))
    return list(dict.fromkeys([*found, *_BESIDE, *_CHARTS, *_PARTS, *of_certificates]))


async def first_load(client: httpx.AsyncClient, address: str) -> float:
    """Kibibytes of a page with its scripts and styles, compressed."""
    page = (await client.get(address)).raise_for_status()
    size = len(gzip.compress(page.content))
    for loaded in set(_LOADED.findall(page.text)):
        size += len(gzip.compress((await client.get(loaded)).raise_for_status().content))
    return size / 1024


def _cpu(server: psutil.Process) -> float:
    """Seconds that the server has computed."""
    times = server.cpu_times()
    return float(times.user + times.system)


async def measure(
    client: httpx.AsyncClient, addresses: list[str], server: psutil.Process, who: str = ""
) -> bool:
    """Print a row for each page; whether all were within what is allowed."""
    is_good = True
    for address in addresses:
        load = await first_load(client, address)
        times = []
        before = _cpu(server)
        for _ in range(_TIMES):
            began = time.perf_counter()
            (await client.get(address)).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
        cpu = (_cpu(server) - before) * 1000 / _TIMES
        p95 = statistics.quantiles(times, n=20)[18]
        missed = p95 > ALLOWED_MS or load > ALLOWED_KIB
        is_good = is_good and not missed
        shown = f"{statistics.median(times):6.1f} | {p95:6.1f} | {cpu:6.1f} | {load:14.1f}"
        print(f"| {who + address:52} | {shown} |{' !' if missed else ''}", flush=True)
    return is_good


def _client(http: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{http}",
        headers={"accept": "text/html"},
        timeout=60,
        follow_redirects=True,
        trust_env=False,
    )


async def _csrf(client: httpx.AsyncClient) -> dict[str, str]:
    """What tells our pages' requests from those of others."""
    return {"x-voltkeep-csrf": (await client.get("/api/v1/me")).raise_for_status().json()["csrf"]}


async def _sign_in_as_somebody(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    """Who sees half of the sites only, and changes their first password as they must."""
    first = "three red ferries"
    new = {
        "name": "bob",
        "role": "administrator",
        "password": first,
        "sites": [f"site-{number:03}" for number in range(0, SITES, 2)],
    }
    csrf = await _csrf(admin)
    (await admin.post("/api/v1/users", json=new, headers=csrf)).raise_for_status()
    said = {"name": "bob", "password": first}
    (await client.post("/api/v1/sign-in", json=said)).raise_for_status()
    change = {"old_password": first, "new_password": _PASSWORD}
    csrf = await _csrf(client)
    (await client.post("/api/v1/me/password", json=change, headers=csrf)).raise_for_status()


async def _asked(token: str, http: int, server: psutil.Process, station: str) -> bool:
    """All pages, by the administrator and by somebody who sees half of the sites."""
    columns = "| p50 ms | p95 ms | CPU ms | first load KiB |"
    async with _client(http) as client, _client(http) as limited:
        body = {"token": token, "name": "ada", "password": _PASSWORD}
        (await client.post("/api/v1/setup", json=body)).raise_for_status()
        print(f"| {'page':52} {columns}\n|---|---|---|---|---|")
        is_good = await measure(client, await pages(client, station), server)
        await _sign_in_as_somebody(limited, client)
        return await measure(limited, list(_LIMITED), server, "half of ") and is_good


async def run(options: argparse.Namespace) -> bool:
    """A server over a database that was filled, and somebody who is signed in."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        ocpp, http = free_port(), free_port()
        database = stack.enter_context(Cluster()).url if options.postgres else ""
        settings = Settings(
            data=Path(directory),
            ocpp=f"127.0.0.1:{ocpp}",
            http=f"127.0.0.1:{http}",
            database=database.replace("+asyncpg", ""),
        )
        await fill(settings.database_url, options, console)
        async with App(settings).running(serve=False) as app:
            token = await app.services.people.sign_in.new_setup_token()
            while not (await app.services.days.state(DEFAULT_TENANT)).is_complete:
                await app.services.day_counter.count()
        environ = NOTHING_ELSE | {
            "VOLTKEEP_DATA": directory,
            "VOLTKEEP_OCPP": settings.ocpp,
            "VOLTKEEP_HTTP": settings.http,
            "VOLTKEEP_DATABASE": settings.database_url,
        }
        command = [sys.executable, "-m", "voltkeep.cli", "serve", "--log-format", "json"]
        server = stack.enter_context(process(command, http, environ))
        return await _asked(token, http, server, f"S{options.stations // 2:06}")


def main() -> int:
    """1 if a page was slower or larger than it may be."""
    parser = arguments()
    parser.set_defaults(transactions=200_000)
    parser.add_argument("--postgres", action="store_true", help="over PostgreSQL, not SQLite")
    return int(not uvloop.run(run(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
