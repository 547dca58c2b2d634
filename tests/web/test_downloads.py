"""Firmware is fetched over HTTP(S), whole or in parts, by whoever has its token: L01."""

import os
from datetime import timedelta

import httpx
import pytest

from tests.web.conftest import STATION, place_in
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import Sender

CONTENT = os.urandom(700_001)
MARKUP = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


async def test_an_image_comes_as_it_was_put_there(place, client):
    url = await place.offered(CONTENT)

    answer = await client.get(url)

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    peek = await client.head(url)
    assert (peek.status_code, peek.content) == (200, b"")
    assert peek.headers["content-length"] == str(len(CONTENT))
    assert peek.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=262144-", 262_144, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        ("bytes=700000-999999999", 700_000, len(CONTENT)),
    ],
)
async def test_a_download_that_broke_off_goes_on_where_it_was(place, client, wanted, start, end):
    url = await place.offered(CONTENT)

    answer = await client.get(url, headers={"range": wanted})

    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("wanted", ["bytes=-", "lines=1-2", "bytes=5-2", "bytes=0-1,4-5", "x"])
async def test_a_range_that_is_none_gives_all(place, client, wanted):
    url = await place.offered(CONTENT)

    answer = await client.get(url, headers={"range": wanted})

    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


async def test_beyond_the_end_there_is_nothing(place, client):
    url = await place.offered(CONTENT)

    answer = await client.get(url, headers={"range": "bytes=700001-"})

    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


async def test_parts_are_of_the_file_that_was_begun(place, client):
    url = await place.offered(CONTENT)
    etag = (await client.head(url)).headers["etag"]

    same = await client.get(url, headers={"range": "bytes=1-2", "if-range": etag})
    other = await client.get(url, headers={"range": "bytes=1-2", "if-range": '"other"'})

    assert (same.status_code, other.status_code) == (206, 200)


async def test_row_63_markup_is_never_shown(place, client):
    """A browser that is led here runs nothing and guesses nothing."""
    url = await place.offered(MARKUP, filename="page.html")

    answer = await client.get(url)

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not {"server", "date"} & set(answer.headers)


async def gone(client, url):
    answer = await client.get(url)
    assert (answer.status_code, answer.text) == (404, "not found\n")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_token_opens_nothing_else_and_not_for_ever(place, client):
    url = await place.offered(CONTENT)
    path, _, filename = url.rpartition("/")

    await gone(client, f"{path[:-43]}{'A' * 43}/{filename}")
    await gone(client, path)
    await gone(client, url.replace("/firmware/", "/upload/"))
    assert (await client.get(f"{path}/..%2f..%2fsecret")).content == CONTENT
    place.later = timedelta(hours=25)
    await gone(client, url)


@pytest.mark.parametrize("end", ["Installed", "DownloadFailed", "InvalidSignature"])
async def test_a_token_ends_with_its_update(place, client, end):
    url = await place.offered(CONTENT)
    sender = Sender(STATION, 0, place.clock())

    await place.firmware.status(sender, "Downloading", None)
    assert (await client.get(url)).status_code == 200
    await place.firmware.status(sender, end, None)

    assert (await place.firmware.updates(STATION))[0].state is not UpdateState.RUNNING
    await gone(client, url)


async def test_an_image_that_was_removed_is_gone(place, client):
    url = await place.offered(CONTENT)

    await place.firmware.images.remove(STATION.tenant, "fw-1")

    await gone(client, url)
    assert await place.files.used() == 0


async def test_a_download_waits_for_the_hour_it_is_asked_for(place, client):
    """The token's time begins when the station shall come."""
    later = place.clock() + timedelta(days=3)
    url = await place.offered(CONTENT, retrieve_at=later)

    place.later = timedelta(days=3, hours=23)

    assert (await client.get(url)).status_code == 200


async def test_images_fill_the_quota_and_not_the_disk(tmp_path):
    async with place_in(tmp_path, upload_quota_bytes=5000, upload_limit_bytes=1024) as place:
        await place.offered(b"x" * 3000)  # larger than an upload may be

        with pytest.raises(ValueError, match=r"."):
            await place.offered(b"x" * 3000, name="fw-2")
        assert await place.files.used() == 3000


async def test_what_is_revoked_can_be_asked(place, client):
    base = httpx.URL(await place.wanted()).copy_with(path="/")

    listed = await client.get(f"{base}ca/rsa.crl")
    posted = await client.post(f"{base}ocsp", content=b"one")
    asked = await client.get(f"{base}ocsp/b25l")

    assert (listed.content, listed.headers["content-type"]) == (b"the list", "application/pkix-crl")
    assert "max-age" in listed.headers["cache-control"]
    for answer in (posted, asked):
        assert answer.content == b"about one"
        assert answer.headers["content-type"] == "application/ocsp-response"
    assert (await client.post(f"{base}ocsp", content=b"x" * 65_537)).status_code == 400
    for path in ("ca/other.crl", "ca/rsa", "ca/rsa.pem", "ocsp", "ocsp/%", "", "docs", "schema"):
        await gone(client, f"{base}{path}")
