"""Pages: who is let in, what is shown as what it is, and what a browser may load."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.web.api.people import browser_of, setup, user
from voltkeep.domain.accounts import Role

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "src" / "voltkeep" / "web" / "pages" / "static"
FRONTEND = ROOT / "frontend"
HTML = {"accept": "text/html,application/xhtml+xml"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


async def see(browser, path, **headers):
    return await browser.get(f"http://localhost:8080{path}", headers=HTML | headers)


async def test_who_has_not_signed_in_is_led_there_and_back_again(api):
    await setup(api)
    answer = await see(browser_of(api), "/stations?prefix=A%26B")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?return_to=%2Fstations%3Fprefix%3DA%2526B"
    page = await see(browser_of(api), answer.headers["location"])
    assert 'data-then="go:/stations?prefix=A%26B"' in page.text


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/%0D/evil.example",
        "/%0A/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_led_to_another_host_by_the_sign_in(api, address):
    await setup(api)
    answer = await see(browser_of(api), f"/sign-in?return_to={address}")

    assert "evil" not in answer.text
    assert "javascript:" not in answer.text


async def test_a_program_that_asks_for_a_page_is_told_as_programs_are(api):
    answer = await browser_of(api).get("http://localhost:8080/stations")

    assert answer.status_code == 401
    assert answer.json()["type"].endswith("not-authenticated")


async def test_what_a_station_says_is_text(api):
    browser = await setup(api)
    await api.add("CS-1", note=HOSTILE)

    for path in ("/stations", "/stations/CS-1"):
        answer = await see(browser, path)
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert "<script>" not in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/stations", "/stations/CS-1", "/stations/none"])
async def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(api, path):
    browser = await setup(api)
    await api.add("CS-1")
    answer = await see(browser, path)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", answer.text)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.text)


async def test_who_may_not_is_told_so_on_a_page(api):
    browser = await setup(api)
    await user(api, browser, "vera", Role.VIEWER)
    answer = await see(browser, "/stations/CS-404")
    assert answer.status_code == 404
    assert '<h1 lang="en">Not found</h1>' in answer.text


async def test_an_address_that_leads_nowhere_is_told_on_a_page(api):
    signed_in = await setup(api)
    for browser in (signed_in, browser_of(api)):
        answer = await see(browser, "/nonexistent")
        assert answer.status_code == 404
        assert '<h1 lang="en">Not found</h1>' in answer.text
    answer = await see(signed_in, "/transactions/99999")
    assert (answer.status_code, "<h1" in answer.text) == (404, True)
    answer = await signed_in.post("http://localhost:8080/fleet", headers=HTML)
    assert (answer.status_code, "<h1" in answer.text) == (405, True)


async def test_the_menu_shows_what_a_person_may_see(api):
    assert 'data-open="add"' in (await see(await setup(api), "/stations")).text


async def test_pages_speak_the_language_that_a_browser_asks_for(api):
    browser = await setup(api)
    answer = await see(browser, "/stations", **{"accept-language": "de-AT,de;q=0.9,en;q=0.5"})

    assert '<html lang="de">' in answer.text
    chosen = await browser.post("http://localhost:8080/language/en")
    assert chosen.status_code == 204
    answer = await see(browser, "/stations", **{"accept-language": "de"})
    assert '<html lang="en">' in answer.text


async def test_files_are_served_for_ever_and_packed(api):
    page = await see(browser_of(api), "/sign-in")
    script = re.findall(r'src="(/assets/[^"]+)"', page.text)[0]
    answer = await see(browser_of(api), script)

    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == (STATIC / "app.js").read_bytes()
    gone = await see(browser_of(api), "/assets/app.000000000000.js")
    assert gone.status_code == 404


def test_the_files_are_built_from_the_sources_that_are_here():
    """Without Node: the build notes what it was made from. `make assets` builds it again."""
    noted = json.loads((STATIC / "built-from.json").read_text())
    sources = {"package.json", "package-lock.json", "build.mjs"} | {
        f"src/{path.name}" for path in (FRONTEND / "src").iterdir()
    }

    assert noted.keys() == sources
    for name, digest in noted.items():
        assert hashlib.sha256((FRONTEND / name).read_bytes()).hexdigest() == digest, name


def test_what_every_page_loads_is_small():
    sizes = [len(gzip.compress((STATIC / name).read_bytes())) for name in ("app.js", "app.css")]

    assert sum(sizes) < 60_000


async def test_a_page_has_a_picture_of_its_own_and_says_where_one_is(api):
    browser = await setup(api)
    await api.add("CS-1")

    titles = {}
    for path in ("/sign-in", "/stations", "/stations/CS-1", "/stations/CS-1/command"):
        text = (await see(browser, path)).text
        titles[path] = re.findall("<title>(.*?)</title>", text)[0]
        icons = re.findall(r'<link rel="icon"[^>]* href="(/assets/[^"]+)"', text)
        assert len(icons) == 2
        for each in icons:
            picture = await see(browser, each)
            assert picture.headers["content-type"] == "image/svg+xml"
        assert text.count('name="theme-color"') == 2
    assert titles["/stations/CS-1"] == "CS-1 – Voltkeep"
    assert titles["/stations/CS-1/command"] == "Commands – CS-1 – Voltkeep"
    assert len(set(titles.values())) == len(titles)


async def test_filters_say_which_are_on_where_they_are_folded(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    text = (await see(browser, "/messages?station=CS-1&direction=in&site=north&action=")).text
    (summary,) = re.findall(r"<summary>Filters(.*?)</summary>", text)

    said = re.sub(r"<[^>]+>", "", summary)
    assert re.sub(r"\s+", " ", said).strip() == ": Station CS-1, Site north, Who asked The station"
    hostile = (await see(browser, f"/transactions?group={HOSTILE}")).text
    assert "<img" not in hostile
