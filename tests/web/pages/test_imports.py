"""Files in and out: who may, what became of them, and what each address of a download means."""

import re

import pytest

from tests.web.api.conftest import Api
from tests.web.api.people import browser_of, setup
from tests.web.api.test_imports import taken, taking
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import see
from voltkeep.domain.accounts import Permission
from voltkeep.domain.imports import RowKind
from voltkeep.store.files import DirectoryFiles
from voltkeep.web.pages.imports import KINDS_IN_WORDS, advice


@pytest.fixture
async def api(tmp_path):
    class WithFiles(Api):
        files = DirectoryFiles(tmp_path)

    api = WithFiles()
    api.client = api.by(await api.key())
    async with api.client, taking(api):
        yield api


def kinds(text):
    return re.findall(r'name="kind" value="(\w+)"', text)


def downloads(text):
    return re.findall(r'action="(/api/v1/exports/\w+)"', text)


def ran(text):
    return re.findall(r'<td><a href="/imports/(\w+)"', text)


def test_every_kind_has_words():
    assert KINDS_IN_WORDS.keys() == set(RowKind)


async def test_a_trial_is_shown_with_its_rows_and_changes_nothing(api):
    browser = await setup(api)
    assert "No file was taken in yet." in (await see(browser, "/imports")).text
    content = b"id,site\r\nCS-1,\r\nCS-3,<img src=x onerror=alert(1)>\r\nCS-2,south\r\n"
    trial = await taken(api, "stations", content, dry_run=True)
    text = (await see(browser, f"/imports/{trial['id']}")).text

    assert trial["state"] == "done", trial
    assert "data-rehearsed" in text
    assert "data-running" not in text
    assert "1 would be added" in text
    assert "there is no site south" in text
    assert '<td class="number">4</td><td class="mono">site</td>' in text
    assert "&lt;img" in text
    assert "<img" not in text
    assert (await see(browser, "/stations/CS-1")).status_code == 404

    await taken(api, "stations", b"id\r\nCS-1\r\n")
    text = (await see(browser, "/imports")).text
    assert len(ran(text)) == 2
    assert "1 added" in text
    check_forms(api, text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)


async def test_a_row_that_cannot_be_read_says_what_to_write(api):
    browser = await setup(api)
    rows = ("many,true,", "1,perhaps,", "1,true,tomorrow")
    content = "max_active,blocked,expires_at,value\r\n" + "".join(
        f"{row},T{number}\r\n" for number, row in enumerate(rows)
    )
    given = await taken(api, "tokens", content.encode() + b"1,true,,\r\n")
    told = [advice(each["problem"]) for each in given["errors"]]
    text = (await see(browser, f"/imports/{given['id']}")).text

    assert len(told) == 4
    assert all(told)
    assert "Write a whole number" in text
    assert "Write true or false." in text
    assert "Write a time as" in text
    assert "every row needs it" in text
    assert advice("there is no site south: add it first") == ""


async def test_one_that_broke_off_says_why(api):
    browser = await setup(api)
    broken = await taken(api, "tokens", b"value\r\nCARD\r\n\xff\xfe\xff\r\n")
    text = (await see(browser, f"/imports/{broken['id']}")).text

    assert broken["state"] == "failed"
    assert "The file could not be read further" in text
    assert not re.search(r"<section[^>]*data-well", text)
    assert (await see(browser, "/imports/none")).status_code == 404


async def test_one_under_way_can_be_stopped(api):
    browser = await setup(api)
    over = await taken(api, "tokens", b"value\r\nCARD\r\n")
    text = (await see(browser, f"/imports/{over['id']}")).text
    assert not [each for each in forms(text) if "cancel" in each]

    async with api.store.begin() as work:
        known = await work.imports.find("default", over["id"])
        running = type(known.state).RUNNING
        await work.imports.put(type(known)(**{**_fields(known), "state": running}))
    text = (await see(browser, f"/imports/{over['id']}")).text
    assert "data-running" in text
    assert "POST /api/v1/imports/{import_id}/cancel" in forms(text)
    assert f'data-import_id="{over["id"]}"' in text
    check_forms(api, text)


def _fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


async def test_everybody_is_offered_what_they_may(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    stations = await taken(api, "stations", b"id\r\nCS-2\r\n")
    tokens = await taken(api, "tokens", b"value\r\nCARD\r\n")
    text = (await see(ada, "/imports?kind=tokens")).text
    assert kinds(text) == ["stations", "tokens", "transactions"]
    assert 'value="tokens" checked' in text
    assert len(downloads(text)) == 3

    reader = api.by(await api.key(Permission.READ_STATIONS))
    text = (await see(reader, "/imports")).text
    assert kinds(text) == []
    assert downloads(text) == ["/api/v1/exports/stations"]
    assert (await see(reader, f"/imports/{tokens['id']}")).status_code == 404

    limited = api.by(await api.key(sites=["north"]))
    text = (await see(limited, "/imports")).text
    assert kinds(text) == ["stations", "transactions"]
    assert "/api/v1/exports/tokens" not in downloads(text)
    assert ran(text) == []
    assert (await see(limited, f"/imports/{stations['id']}")).status_code == 404

    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))
    assert ran((await see(acme, "/imports")).text) == []
    assert (await see(acme, f"/imports/{stations['id']}")).status_code == 404
    assert (await see(browser_of(api), "/imports")).status_code == 303
    few = api.by(await api.key(Permission.READ_EVENTS))
    assert (await see(few, "/imports")).status_code == 403


async def test_each_filter_of_a_download_is_one_of_the_api(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    text = (await see(browser, "/imports")).text
    paths = api.app.state.schema.document["paths"]

    for form in re.findall(
        r'<form method="get" action="/api/v1/exports/.*?</form>', text, re.DOTALL
    ):
        (address,) = downloads(form)
        there = {each.get("name") for each in paths[address]["get"]["parameters"]} - {None}
        offered = set(re.findall(r'name="(\w+)"', form))
        assert offered == there, address
