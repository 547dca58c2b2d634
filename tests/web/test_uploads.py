"""Logs arrive over HTTP: N01, hostile row 63, ASVS V5."""

import asyncio
import contextlib
import os

import httpx
import pytest

from tests.gateway.csms import until
from tests.web.conftest import STATION, place_in, say
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.diagnostics import LogState
from voltkeep.domain.identity import station_id
from voltkeep.web import bodies

CONTENT = os.urandom(300_000)


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("name", ["", "/", "/log.tar.gz"])
async def test_a_log_is_kept_whichever_way_it_is_sent(place, client, method, name):
    url = await place.wanted()

    answer = await client.request(method, url + name, content=CONTENT)

    assert answer.status_code == 201
    log, content = await place.arrived()
    assert content == CONTENT
    assert (log.state, log.size) == (LogState.UPLOADED, len(CONTENT))


async def test_a_form_is_taken_apart(place, client):
    url = await place.wanted()

    answer = await client.post(
        url, data={"a": "field"}, files={"f": ("x.log", CONTENT), "g": ("other", b"other")}
    )

    assert answer.status_code == 201
    assert (await place.arrived())[1] == CONTENT


@pytest.mark.parametrize(
    "body",
    [
        b"no form at all",
        b"--b\r\n\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
    ],
)
async def test_a_form_that_is_none_is_refused_and_may_be_sent_again(place, client, body):
    url = await place.wanted()

    answer = await client.post(
        url, content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code == 400
    assert (await client.put(url, content=b"again")).status_code == 201


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/x",
        "..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "%00",
        "a" * 300,
        "%2e%2e/%2e%2e/x",
        "<svg onload=alert(1)>".replace("<", "%3c").replace(">", "%3e").replace(" ", "%20"),
        "C:%5cwindows%5cwin.ini",
    ],
)
async def test_row_63_a_name_is_words_and_never_a_path(place, tmp_path, name):
    url = await place.wanted()
    path = httpx.URL(url).path
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    answer = await say(
        url,
        f"PUT {path}/{name} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
        "Connection: close\r\n\r\nabc".encode(),
    )

    assert answer.startswith(b"HTTP/1.1 201 ")
    log, content = await place.arrived()
    assert content == b"abc"
    assert len(log.filename) <= 255
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.name for path in new] == [log.stored_as]
    assert [path.parent for path in new] == [tmp_path / "files"]


async def refused(client, place, url, **options):
    """The one answer to all that opens nothing; and nothing is written."""
    answer = await client.put(url, content=b"stolen", **options)
    assert (answer.status_code, answer.text) == (404, "not found\n")
    assert answer.headers["connection"] == "close"


async def test_row_63_only_the_right_token_opens_and_only_once(place, client):
    await place.add(station_id("CS-2"))
    url = await place.wanted()
    other = await place.wanted(station_id("CS-2"))
    path, _, token = url.rpartition("/")
    name, _, secret = token.partition(".")
    other_secret = other.rpartition(".")[2]

    await refused(client, place, f"{path}/{name}.{other_secret}")
    await refused(client, place, f"{path}/{name}.{'A' * 43}")
    await refused(client, place, f"{path}/{name}.")
    await refused(client, place, f"{path}/{name}")
    await refused(client, place, f"{path}/.{secret}")
    await refused(client, place, f"{path}/{'x' * 4000}")
    await refused(client, place, f"{path}/%ff%fe.{secret}")
    await refused(client, place, path)
    await refused(client, place, url.replace("/upload/", "/firmware/") + "/x")
    assert (await place.arrived())[1] is None
    assert (await client.put(url, content=b"mine")).status_code == 201
    await refused(client, place, url)
    assert (await place.arrived())[1] == b"mine"


async def test_row_63_an_old_token_opens_nothing_and_somebody_can_see_that(place, client):
    url = await place.wanted()
    place.later += place.diagnostics._patience

    await refused(client, place, url)

    [seen] = await place.refused()
    assert (seen.station, seen.count, seen.detail) == (STATION, 1, "the token has expired")
    assert (seen.host, seen.reason) == ("127.0.0.1", Barrier.TOKEN)
    assert [(event.station, event.reason) for event in place.told] == [(STATION, Barrier.TOKEN)]


async def test_row_63_a_used_token_is_seen_before_its_body_is(place, client):
    url = await place.wanted()
    await client.put(url, content=b"mine")

    await refused(client, place, url)

    assert [each.detail for each in await place.refused()] == ["the token was used"]


async def test_who_guesses_fills_no_table(place, client):
    url = await place.wanted()

    for number in range(30):
        await refused(client, place, f"{url[:-43]}{number:043}")

    assert [each.count for each in await place.refused()] == [30]
    assert len(place.told) == 20


async def test_who_tries_garbage_hides_nobody_elses_refusal(place, client):
    url = await place.wanted()
    for number in range(30):
        await refused(client, place, f"{url.rpartition('/')[0]}/garbage-{number}")

    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2")) as (
        other
    ):
        await refused(other, place, f"{url[:-43]}{'A' * 43}")

    found = {each.host: (each.station.name, each.count) for each in await place.refused()}
    assert found == {"127.0.0.1": ("", 30), "127.0.0.2": (STATION.name, 1)}
    assert place.told[-1].remote_address == "127.0.0.2"


async def test_a_token_is_stored_as_a_hash(place):
    url = await place.wanted()

    log, _ = await place.arrived()

    assert url.rpartition(".")[2] not in repr(log)
    assert log.location == url.rpartition("/")[0] + "/***"


async def test_row_63_what_is_too_large_is_refused_before_it_comes_and_while_it_comes(
    tmp_path, client
):
    async with place_in(tmp_path, upload_limit_bytes=100_000) as place:
        url = await place.wanted()

        async def chunks():
            for _ in range(200):
                yield b"x" * 1000

        said = await say(
            url,
            f"PUT {httpx.URL(url).path} HTTP/1.1\r\nHost: h\r\n"
            "Content-Length: 53687091200\r\n\r\n".encode(),
        )
        assert b" 413 " in said.partition(b"\r\n")[0]
        with contextlib.suppress(
            httpx.WriteError, httpx.ReadError
        ):  # the server has left before all was sent
            assert (await client.put(url, content=chunks())).status_code == 413
        assert (await place.arrived())[1] is None
        assert await place.files.used() == 0
        assert (await client.put(url, content=b"x" * 100_000)).status_code == 201


async def test_all_uploads_together_stay_below_the_quota(tmp_path, client):
    async with place_in(tmp_path, upload_quota_bytes=5000) as place:
        first, second = await place.wanted(), await place.wanted()

        assert (await client.put(first, content=b"x" * 4000)).status_code == 201
        assert (await client.put(second, content=b"x" * 4000)).status_code == 507
        assert (await client.put(second, content=b"x" * 1000)).status_code == 201


async def test_an_upload_that_breaks_off_is_forgotten_and_may_be_tried_again(place, client):
    url = await place.wanted()
    parts = httpx.URL(url)
    _, writer = await asyncio.open_connection(parts.host, parts.port)
    writer.write(f"PUT {parts.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc".encode())
    await writer.drain()
    await until(lambda: place.diagnostics._under_way)
    writer.transport.abort()
    await until(lambda: not place.diagnostics._under_way)

    assert await place.files.used() == 0
    assert (await client.put(url, content=CONTENT)).status_code == 201
    assert (await place.arrived())[1] == CONTENT


async def test_who_sends_too_slowly_is_sent_away(place, client, monkeypatch):
    monkeypatch.setattr(bodies, "_PAUSE_S", 0.05)
    url = await place.wanted()

    answer = await say(
        url,
        f"PUT {httpx.URL(url).path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc".encode(),
    )

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert (await client.put(url, content=b"all")).status_code == 201


async def test_who_drips_keeps_no_slot(place, client, monkeypatch):
    monkeypatch.setattr(bodies, "_BEGIN_S", 0.2)
    url = await place.wanted()

    async def drops():
        for _ in range(500):
            yield b"x"
            await asyncio.sleep(0.01)

    with contextlib.suppress(
        httpx.WriteError, httpx.ReadError
    ):  # the server has left before all was sent
        assert (await client.put(url, content=drops())).status_code == 408
    assert (await place.arrived())[1] is None


async def test_when_all_slots_are_taken_who_may_comes_again_and_who_may_not_learns_nothing(
    place, client, monkeypatch
):
    monkeypatch.setattr(asyncio.Semaphore, "locked", lambda _: True)
    url = await place.wanted()

    assert (await client.put(url, content=b"x")).status_code == 503
    await refused(client, place, url[:-1] + ("A" if url[-1] != "A" else "B"))


async def test_one_token_does_not_take_every_slot(place, client):
    url = await place.wanted()
    parts = httpx.URL(url)
    writers = []
    for count in (1, 2):
        _, writer = await asyncio.open_connection(parts.host, parts.port)
        writer.write(f"PUT {parts.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n".encode())
        writers.append(writer)
        await until(lambda n=count: place.diagnostics._under_way.total() == n)

    answer = await client.put(url, content=b"third")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    writers[0].write(b"123456789")
    await until(lambda: place.diagnostics._under_way.total() < 2)
    writers[1].write(b"987654321")
    await until(lambda: not place.diagnostics._under_way)
    assert (await place.arrived())[1] == b"123456789"
    assert len(list(place.settings.files_path.iterdir())) == 1
    for writer in writers:
        writer.close()
