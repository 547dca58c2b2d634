"""Stations that know only FTP or FTPS reach the same services: issue 3, row 63."""

import asyncio
import contextlib
import ftplib
import io
import os
import ssl

import pytest

from tests.web.certificates import server_files, trusting
from tests.web.conftest import place_in
from voltkeep.config import Address
from voltkeep.services.transfers import Via
from voltkeep.web import ftp

CONTENT = os.urandom(400_000)
SUITES = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"


@pytest.fixture(params=["rsa", "ec"])
async def place(request, tmp_path, monkeypatch):
    monkeypatch.setattr(ftp._Session, "auth_failed_timeout", 0.01)
    async with place_in(tmp_path, upload_limit_bytes=1_000_000) as place:
        place.certificates = server_files(tmp_path, request.param)
        server = ftp.FtpServer(place.diagnostics, place.firmware)
        tls = ftp.tls_context(place.certificates, SUITES)
        address = await server.listen(Address("127.0.0.1", 0), tls)
        place.addresses.listens("ftp", address)
        yield place
        await server.close()


class Client:
    """A station's FTP client, as its URL tells it."""

    def __init__(self, place, url):
        self.scheme, _, rest = url.partition("://")
        login, _, rest = rest.rpartition("@")
        self.user, _, self.password = login.partition(":")
        host, _, self.path = rest.partition("/")
        self.host, _, port = host.partition(":")
        self.port = int(port)
        self.place = place

    @contextlib.contextmanager
    def entered(self):
        secure = ftplib.FTP_TLS(context=trusting(*self.place.certificates), timeout=10)
        is_secure = self.scheme == "ftps"
        client = secure if is_secure else ftplib.FTP(timeout=10)
        try:
            client.connect(self.host, self.port)
            if is_secure:
                secure.auth()
            client.login(self.user, self.password)
            if is_secure:
                secure.prot_p()
            yield client
        finally:
            client.close()

    async def put(self, name="log.zip", content=CONTENT, command="STOR"):
        def run():
            with self.entered() as client:
                return client.storbinary(f"{command} {name}", io.BytesIO(content))

        return await asyncio.to_thread(run)

    async def get(self, name=None, start=None):
        def run():
            found = io.BytesIO()
            with self.entered() as client:
                client.retrbinary(f"RETR {name or self.path}", found.write, rest=start)
            return found.getvalue()

        return await asyncio.to_thread(run)

    async def do(self, work):
        def run():
            with self.entered() as client:
                return work(client)

        return await asyncio.to_thread(run)


@pytest.mark.parametrize("via", [Via.FTP, Via.FTPS])
async def test_a_log_is_kept(place, via):
    client = Client(place, await place.wanted(via=via))

    said = await client.put("var/log/x.zip")

    assert said.startswith("226")
    log, content = await place.arrived()
    assert (content, log.filename) == (CONTENT, "var/log/x.zip")
    assert client.password not in repr(log)
    with pytest.raises(ftplib.error_perm):  # its token is used
        await client.put()


@pytest.mark.parametrize("via", [Via.FTP, Via.FTPS])
async def test_firmware_is_fetched_whole_and_in_parts(place, via):
    client = Client(place, await place.offered(CONTENT, via=via))

    assert client.path == "fw%201.bin"
    assert await client.get() == CONTENT
    assert await client.get(start=300_000) == CONTENT[300_000:]
    assert await client.do(lambda it: (it.voidcmd("TYPE I"), it.size("any"))[1]) == len(CONTENT)


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "a" * 300, "<svg onload=alert(1)>", "..", "/"]
)
async def test_row_63_a_name_is_words_and_never_a_path(place, tmp_path, name):
    client = Client(place, await place.wanted(via=Via.FTP))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    await client.put(name)

    log, content = await place.arrived()
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert new == {tmp_path / "files" / log.stored_as}
    assert content == CONTENT


async def test_row_63_a_session_can_do_one_thing_only(place, tmp_path):
    upload = Client(place, await place.wanted(via=Via.FTP))
    download = Client(place, await place.offered(CONTENT, via=Via.FTP))
    before = sorted(tmp_path.rglob("*"))

    for client, forbidden in (
        (upload, ("RETR /etc/passwd", "LIST", "NLST", "APPE x", "SIZE x", "MDTM x")),
        (download, ("STOR x", "APPE x", "STOU", "MDTM x")),
    ):
        for line in (*forbidden, "DELE x", "MKD x", "RMD x", "RNFR x", "SITE CHMOD 777 x"):
            with pytest.raises(ftplib.Error, match=r"^[45]"):
                await client.do(lambda it, line=line: it.voidcmd(line))

    assert await download.do(lambda it: it.nlst()) == []
    assert sorted(tmp_path.rglob("*")) == before


async def test_row_63_only_the_right_token_opens(place):
    client = Client(place, await place.wanted(via=Via.FTP))

    for user, password in (
        (client.user, "A" * 43),
        (client.user, ""),
        ("anonymous", "a@b"),
        ("..", client.password),
    ):
        stranger = Client(place, f"ftp://{user}:{password}@{client.host}:{client.port}/")
        with pytest.raises(ftplib.Error):
            await stranger.put()
    assert (await place.arrived())[1] is None
    place.later += place.diagnostics._patience
    with pytest.raises(ftplib.error_perm):
        await client.put()


async def test_what_is_too_large_is_broken_off_and_forgotten(place):
    client = Client(place, await place.wanted(via=Via.FTP))

    with pytest.raises((ftplib.Error, OSError), match=r"426 The file is too large|reset|pipe"):
        await client.put(content=b"x" * 1_000_001)

    assert (await place.arrived())[1] is None
    assert (await client.put()).startswith("226")


async def test_an_upload_whose_session_ends_is_forgotten(place):
    """FTP itself cannot tell the end of a file from the end of its connection."""
    client = Client(place, await place.wanted(via=Via.FTPS))

    def run():
        with client.entered() as entered:
            data = entered.transfercmd("STOR x")
            data.sendall(b"half")
        with data:
            assert data.recv(1) == b""  # the server has let go of it

    await asyncio.to_thread(run)
    assert (await client.put()).startswith("226")
    assert (await place.arrived())[1] == CONTENT


async def test_ftps_is_of_tls_1_2_at_least(place):
    client = Client(place, await place.wanted(via=Via.FTPS))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    def run():
        with contextlib.closing(ftplib.FTP_TLS(context=old, timeout=10)) as entered:
            entered.connect(client.host, client.port)
            entered.auth()

    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.to_thread(run)
