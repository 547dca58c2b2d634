"""Files of rows over the API: taken out, taken in, and what is wrong with them said by line."""

import asyncio
import csv
import io
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api.conftest import Api
from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, TransactionRef, station_id
from voltkeep.domain.imports import Format, RowKind
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Transaction
from voltkeep.services import exports, imports
from voltkeep.services.lists import StationFilter
from voltkeep.store.files import DirectoryFiles

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CSV = {"content-type": "text/csv"}


@asynccontextmanager
async def taking(api):
    """With the job that takes imports in."""
    job = asyncio.create_task(api.services.imports.run())
    try:
        yield
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


@pytest.fixture
async def api(tmp_path):
    class WithFiles(Api):
        files = DirectoryFiles(tmp_path)

    api = WithFiles()
    api.client = api.by(await api.key())
    async with api.client, taking(api):
        yield api


async def give(api, kind, content, *, expect=202, client=None, **params):
    answer = await (client or api.client).post(
        f"/imports/{kind}", content=content, params=params, headers=CSV
    )
    assert answer.status_code == expect, answer.text
    return answer.json()


async def taken(api, kind, content, **params):
    """What became of a file."""
    given = await give(api, kind, content, **params)
    return await api.request("GET", f"/imports/{given['id']}", params={"wait": 20})


async def exported(api, kind, **params):
    answer = await api.client.get(f"/exports/{kind}", params=params)
    assert answer.status_code == 200, answer.text
    return answer


def counts(found):
    return tuple(found[name] for name in ("added", "changed", "unchanged", "failed"))


async def test_what_is_exported_is_imported_as_it_was(api):
    await api.request("POST", "/sites", 201, json={"id": "north"})
    notes = ["=cmd|' /C calc'!A0", "'=quoted", "-1", "+49 40", "@SUM(A1)", "\tx", "plain", '"q", x']
    for number, note in enumerate(notes):
        body = {"id": f"CP-{number}", "note": note, "site": "north", "security_profile": 1}
        await api.request("POST", "/stations", 201, json=body)
    for form in ("csv", "jsonl"):
        content = (await exported(api, "stations", format=form)).content
        assert counts(await taken(api, "stations", content, format=form)) == (0, 0, 8, 0)
        for number in range(len(notes)):
            await api.request("DELETE", f"/stations/CP-{number}", 204)
        assert counts(await taken(api, "stations", content, format=form)) == (8, 0, 0, 0)
        for number, note in enumerate(notes):
            station = await api.request("GET", f"/stations/CP-{number}")
            assert (station["note"], station["site"], station["security_profile"]) == (
                note,
                "north",
                1,
            )


async def test_a_spreadsheet_finds_no_formula_in_an_export(api):
    for number, first in enumerate(("=", "+", "-", "@", "\t", "\r", "\n")):
        note = f"{first}1+1"
        await api.request("POST", "/stations", 201, json={"id": f"CP{number}", "note": note})
    answer = await exported(api, "stations")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 7
    assert all(row["note"].startswith("'") for row in rows)
    assert answer.headers["content-disposition"] == 'attachment; filename="stations.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def test_tokens_are_taken_in_and_out(api):
    content = "value,group,expires_at,max_active,blocked,note\r\n"
    content += "04AA,FLEET,2027-01-01T00:00:00Z,2,false,Ann\r\n04BB,,,,true,\r\n"
    found = await taken(api, "tokens", content)
    assert counts(found) == (2, 0, 0, 0)
    first = await api.request("GET", "/tokens/04AA")
    assert (first["group"], first["max_active"], first["note"]) == ("FLEET", 2, "Ann")
    assert (await api.request("GET", "/tokens/04BB"))["blocked"] is True
    found = await taken(api, "tokens", "value,group\r\n04aa,\r\n")
    assert counts(found) == (0, 1, 0, 0)
    first = await api.request("GET", "/tokens/04AA")
    assert (first["value"], first["group"], first["max_active"]) == ("04AA", None, 2)
    lines = (await exported(api, "tokens", format="jsonl")).text.splitlines()
    assert [json.loads(line)["value"] for line in lines] == ["04AA", "04BB"]


async def test_transactions_that_are_over_are_taken_in_once(api):
    await api.add("CP1")
    content = (
        "station,ref,started_at,ended_at,evse_id,id_token,meter_start_wh,meter_last_wh\n"
        "CP1,7,2026-03-01T10:00:00Z,2026-03-01T11:00:00+00:00,1,04AA,1000,6500.5\n"
        "CP2,8,2026-03-01T10:00:00Z,2026-03-01T11:00:00Z,1,04AA,1000,6500\n"
        "CP1,9,2026-03-01T10:00:00Z,2026-03-01T09:00:00Z,1,04AA,1000,6500\n"
        "CP1,10,2026-03-01T10:00:00Z,,1,04AA,1000,6500\n"
    )
    found = await taken(api, "transactions", content)
    assert counts(found) == (1, 0, 0, 3)
    assert [(each["line"], each["field"]) for each in found["errors"]] == [
        (3, "station"),
        (4, "ended_at"),
        (5, "ended_at"),
    ]
    transaction = (await api.request("GET", "/transactions"))["items"][0]
    assert (transaction["ref"], transaction["energy_wh"]) == ("7", 5500.5)
    assert counts(await taken(api, "transactions", content)) == (0, 0, 1, 3)
    text = (await exported(api, "transactions")).text
    assert counts(await taken(api, "transactions", text)) == (0, 0, 1, 0)


async def test_transactions_that_are_taken_in_are_counted_on_their_days(api):
    await api.add("CS-1")
    await api.services.day_counter.count()
    assert (await api.request("GET", "/statistics/days"))["is_complete"]
    at = datetime.now(UTC) - timedelta(hours=30)
    over = at + timedelta(hours=1)
    content = (
        "station,ref,started_at,ended_at,meter_start_wh,meter_last_wh\n"
        f"CS-1,old-1,{at:%FT%TZ},{over:%FT%TZ},100,2100\n"
    )
    assert counts(await taken(api, "transactions", content)) == (1, 0, 0, 0)
    await api.services.day_counter.count()
    found = await api.request("GET", "/statistics/days")
    assert sum(day["energy_wh"] for day in found["days"]) == 2000
    assert sum(day["sessions"] for day in found["days"]) == 1


async def test_what_is_wrong_with_a_row_is_said_by_line_and_field(api):
    content = (
        "id,site,security_profile,passive\r\n"
        "CP1,,2,true\r\n"
        "CP2,nowhere,2,\r\n"
        "CP3,,9,\r\n"
        "CP4,,x,\r\n"
        "a/b,,2,\r\n"
        '"CP5\r\nCP6",,2,\r\n'
        "CP7,2\r\n"
        'CP9,"x"y,2,\r\n'
        ",,2,\r\n"
        "CP10,,2,perhaps\r\n"
    )
    found = await taken(api, "stations", content)
    assert (found["state"], *counts(found)) == ("done", 1, 0, 0, 9)
    assert [(each["line"], each["field"]) for each in found["errors"]][:4] == [
        (3, "site"),
        (4, "security_profile"),
        (5, "security_profile"),
        (6, "id"),
    ]
    assert [station.id.name for station in await api.services.provisioning.all()] == ["CP1"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"id,colour\r\nCP1,red\r\n", "no column colour"),
        (b"id,id\r\nCP1,CP2\r\n", "twice"),
        ("id,note\r\nCP1,x\r\n".encode("utf-16"), "UTF-16"),
        (b"id,note\r\nCP1,\xff\r\n", "not UTF-8"),
        (b"id,note\r\nCP1,\0\r\n", "NUL"),
        (b'id,note\r\nCP"1,x\r\nCP2,y\r\n', "quote is not closed"),
        (b'id,note\r\nCP1,"never closed\r\n', "quote is not closed"),
        (b'id,note\r\nCP1,"' + b"x\r\n" * 50_000, "quote is not closed"),
        (b"id,note\r\nCP1," + b"x" * 100_000 + b"\r\n", "longer than"),
        (b"x" * 1_000_000, "longer than"),
    ],
)
async def test_a_file_that_is_none_fails_and_says_why(api, content, problem):
    found = await taken(api, "stations", content)
    assert found["state"] == "failed"
    assert problem in found["problem"]


async def test_the_rows_before_what_is_bad_are_taken(api):
    found = await taken(api, "stations", b"id\r\nCP1\r\nCP2\r\n\0\r\n")
    assert (found["state"], *counts(found)) == ("failed", 2, 0, 0, 0)


async def test_json_lines_that_are_none_are_told_one_by_one(api):
    lines = [
        '{"id": "CP1", "passive": true}',
        "[]",
        "{",
        '{"id": "CP2", "key_hash": "x"}',
        '{"id": 7}',
        "[" * 5000,
        '{"id": "CP3", "passive": "true"}',
    ]
    found = await taken(api, "stations", "\n".join(lines), format="jsonl")
    assert counts(found) == (1, 0, 0, 6)
    assert [each["line"] for each in found["errors"]] == [2, 3, 4, 5, 6, 7]
    assert found["errors"][2]["field"] == "key_hash"


async def test_what_a_spreadsheet_of_another_country_writes_is_read(api):
    found = await taken(api, "stations", "\ufeffid;note\r\nCP1;a, b\r\n".encode())
    assert counts(found) == (1, 0, 0, 0)
    assert (await api.request("GET", "/stations/CP1"))["note"] == "a, b"


async def test_a_dry_run_says_how_it_would_go_and_changes_nothing(api):
    await api.request("POST", "/stations", 201, json={"id": "CP1", "note": "old"})
    before = await api.services.audit.entries("default")
    content = "id,note\r\nCP1,new\r\nCP2,x\r\n/,y\r\n"
    found = await taken(api, "stations", content, dry_run="true")
    assert counts(found) == (1, 1, 0, 1)
    assert (await api.request("GET", "/stations/CP1"))["note"] == "old"
    await api.request("GET", "/stations/CP2", 404)
    assert await api.services.audit.entries("default") == before


async def test_an_import_is_audited_once_with_its_counts(api):
    await taken(api, "tokens", "value\r\n" + "".join(f"{n:08X}\r\n" for n in range(600)))
    deeds = [each.deed for each in await api.services.audit.entries("default")]
    told = [deed for deed in deeds if deed.action == "tokens.imported"]
    assert [deed.after for deed in told] == ["600 added, 0 changed, 0 unchanged, 0 failed"]
    assert "00000001" not in str(deeds)


async def test_an_import_is_cancelled_and_its_rest_is_not_taken(api, monkeypatch):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_, stored_as, start=0):
        lines = content.splitlines(keepends=True)
        yield "".join(lines[:301]).encode()
        reached.set()
        await go_on.wait()
        yield "".join(lines[301:]).encode()

    monkeypatch.setattr(DirectoryFiles, "read", slowly)
    content = "id\r\n" + "".join(f"CP{number}\r\n" for number in range(1000))
    given = await give(api, "stations", content)
    await asyncio.wait_for(reached.wait(), 10)
    cancelled = await api.request("POST", f"/imports/{given['id']}/cancel")
    go_on.set()
    assert cancelled["state"] == "cancelled"
    await asyncio.gather(*api.services.imports._carried._running.values())
    stations = await api.services.provisioning.all()
    assert len(stations) == cancelled["rows_done"] == 250
    await api.request("POST", f"/imports/{given['id']}/cancel", 409)


async def test_an_import_goes_on_where_it_was_when_the_server_ended(api, monkeypatch):
    """Its rows are counted in the work that takes them: none is lost, and none is taken twice."""
    given = api.services.imports
    other = imports.ImportService(given._begin, given._read, given._files, given._clock)
    content = "value,note\n" + "".join(f"T{number:05},{number}\n" for number in range(700))

    async def blocks():
        yield content.encode()

    begun = await other.give(DEFAULT_TENANT, RowKind.TOKENS, Format.CSV, blocks())

    class Killed(BaseException):
        pass

    def die(progress):
        raise Killed

    with pytest.raises(Killed):
        await other.carry_out(begun, die)
    half = await other.get(DEFAULT_TENANT, begun.id)
    assert 0 < half.rows_done < 700
    ended = await other.carry_out(half)
    assert (ended.state, ended.rows_done, ended.added, ended.unchanged) == ("done", 700, 700, 0)


async def test_who_is_limited_to_sites_takes_in_stations_of_those_only(api):
    for site in ("north", "south"):
        await api.request("POST", "/sites", 201, json={"id": site})
    await api.request("POST", "/stations", 201, json={"id": "CP-S", "site": "south"})
    async with api.by(await api.key(sites=("north",))) as client:
        content = "id,site\nCP1,north\nCP2,south\nCP3,\nCP-S,north\n"
        given = await give(api, "stations", content, client=client)
        answer = await client.get(f"/imports/{given['id']}", params={"wait": 20})
        found = answer.json()
        assert counts(found) == (1, 0, 0, 3)
        await give(api, "tokens", "value\nX\n", client=client, expect=403)
        assert (await client.get("/exports/tokens")).status_code == 403
        text = (await client.get("/exports/stations?format=jsonl")).text
        assert [json.loads(line)["id"] for line in text.splitlines()] == ["CP1"]


async def test_tokens_in_transactions_are_masked_for_those_who_may_not_read_tokens(api):
    await api.add("CP1")
    async with api.store.begin() as work:
        await work.transactions.add(
            Transaction(
                station=station_id("CP1"),
                ref=TransactionRef("1"),
                id_token=IdToken("04A1B2C3D4E5F6"),
                started_at=NOON,
                first_heard_at=NOON,
                last_heard_at=NOON,
            )
        )
    assert "04A1B2C3D4E5F6" in (await exported(api, "transactions")).text
    async with api.by(await api.key(Permission.READ_TRANSACTIONS)) as client:
        text = (await client.get("/exports/transactions")).text
        assert "04A1B2C3D4E5F6" not in text
        assert "E5F6" in text


async def test_an_export_is_read_a_page_at_a_time_and_holds_no_transaction(api, monkeypatch):
    async with api.store.begin() as work:
        for number in range(1200):
            station = Station(id=station_id(f"CP-{number:04}"), created_at=NOON)
            await work.stations.add(station)
    open_works, most = 0, 0
    read = api.services.read

    @asynccontextmanager
    async def counted():
        nonlocal open_works, most
        async with read() as work:
            open_works += 1
            most = max(most, open_works)
            try:
                yield work
            finally:
                open_works -= 1

    blocks = exports.stations(counted, DEFAULT_TENANT, StationFilter(), Format.JSONL)
    lines = 0
    async for block in blocks:
        assert open_works == 0
        lines += block.count(b"\n")
    assert (lines, most) == (1200, 1)


async def test_too_many_imports_at_once_are_told_to_wait(api, monkeypatch):
    monkeypatch.setattr(imports, "_MOST_AT_ONCE", 0)
    problem = await give(api, "stations", "id\nCP1\n", expect=503)
    assert "wait" in problem["detail"]


async def test_an_import_of_another_tenant_is_not_there(api):
    found = await taken(api, "tokens", "value\nX\n")
    async with api.store.begin() as work:
        await work.stations.add(Station(id=station_id("CP9", "other"), created_at=NOON))
    token = await api.key(tenant="other")
    async with api.by(token) as client:
        assert (await client.get(f"/imports/{found['id']}")).status_code == 404


async def test_each_sees_the_imports_of_what_they_may_read_or_write(api):
    stations = await give(api, "stations", "id\r\nCP-1\r\n")
    client = api.by(await api.key(Permission.WRITE_TOKENS))
    tokens = [await give(api, "tokens", f"value\r\nT{n}\r\n", client=client) for n in range(3)]

    seen: list[str] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        answer = await client.get("/imports", params={"limit": 1, **cursor})
        page = answer.json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"] and {"cursor": page["next"]}
    assert sorted(seen) == sorted(each["id"] for each in tokens)
    assert (await client.get(f"/imports/{seen[0]}", params={"wait": 20})).status_code == 200
    assert (await client.get(f"/imports/{stations['id']}")).status_code == 404
    reader = api.by(await api.key(Permission.READ_STATIONS))
    items = (await reader.get("/imports")).json()["items"]
    assert [each["kind"] for each in items] == ["stations"]
    nobody = api.by(await api.key(Permission.SEND_COMMANDS))
    assert (await nobody.get("/imports")).status_code == 403
