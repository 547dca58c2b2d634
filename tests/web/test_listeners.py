"""HTTPS and FTPS present the server's certificates, of both families, and take up new ones."""

import asyncio
import contextlib
import ftplib
import socket
import ssl
from datetime import date
from functools import partial

import httpx
import pytest

from tests.web.certificates import server_files, trusting
from tests.web.conftest import Place, Revoked
from voltkeep.config import Settings
from voltkeep.gateway.tls import ServerFiles, TlsKind, TlsMaterial, contexts
from voltkeep.services.transfers import Via
from voltkeep.web import listeners as module
from voltkeep.web.listeners import FileListeners


class Certified:
    """Certificates in files, which change."""

    generation = 0

    def __init__(self, directory):
        self._directory = directory
        self.renew()

    def server_files(self):
        return self.files

    def renew(self):
        self.files = server_files(self._directory, "rsa", "ec")
        self.generation += 1

    def tls(self, *, is_modern=False):
        server = tuple(
            ServerFiles(chain=each.chain, key=each.key, passphrase=each.passphrase)
            for each in self.files
        )
        material = TlsMaterial(server=server, is_modern=is_modern)
        return contexts(material, date(2026, 1, 1))[TlsKind.SERVER]


@pytest.fixture
async def certified(tmp_path):
    return Certified(tmp_path)


@pytest.fixture
async def place(tmp_path, certified, monkeypatch):
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.02)
    place = Place(tmp_path, files="127.0.0.1:0", files_tls="127.0.0.1:0", ftp="127.0.0.1:0")
    await place.add()
    place.opened = FileListeners(
        place.diagnostics, place.firmware, Revoked(), certified, certified.tls
    )
    await place.opened.open(place.settings, place.addresses)
    keeping = asyncio.create_task(place.opened.keep())
    yield place
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await place.opened.close()


async def test_a_log_comes_over_https(place, certified):
    url = await place.wanted(via=Via.HTTPS)

    async with httpx.AsyncClient(verify=trusting(*certified.files)) as client:
        answer = await client.put(url, content=b"x" * 200_000)

    assert answer.status_code == 201
    assert (await place.arrived())[1] == b"x" * 200_000


async def handshake(address, context):
    _, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname="127.0.0.1"
    )
    connection = writer.get_extra_info("ssl_object")
    found = (connection.version(), connection.cipher()[0], connection.getpeercert(True))
    writer.close()
    return found


@pytest.mark.parametrize("family", ["RSA", "ECDSA"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_families_and_versions_are_served(place, certified, family, version):
    context = trusting(*certified.files)
    context.maximum_version = version
    if version is ssl.TLSVersion.TLSv1_2:
        context.set_ciphers(f"ECDHE-{family}-AES128-GCM-SHA256")

    said, suite, _ = await handshake(place.opened.addresses[Via.HTTPS], context)

    assert said == version.name.replace("_", ".")
    assert family in suite or version is ssl.TLSVersion.TLSv1_3


async def test_new_certificates_are_taken_up(place, certified):
    old = trusting(*certified.files)
    await handshake(place.opened.addresses[Via.HTTPS], old)

    certified.renew()

    new = trusting(*certified.files)
    async with asyncio.timeout(5):
        while True:
            try:
                await handshake(place.opened.addresses[Via.HTTPS], new)
                await asyncio.to_thread(partial(ftps_handshake, place, new))
                break
            except ssl.SSLError:
                await asyncio.sleep(0.02)
    with pytest.raises(ssl.SSLError):
        await handshake(place.opened.addresses[Via.HTTPS], old)


def ftps_handshake(place, context):
    address = place.opened.addresses[Via.FTP]
    client = ftplib.FTP_TLS(context=context, timeout=5)
    try:
        client.connect(address.host, address.port)
        client.auth()
    finally:
        client.close()


async def test_a_taken_address_is_named(tmp_path, place, certified):
    taken = place.opened.addresses[Via.HTTP]
    settings = Settings(data=tmp_path, files="off", files_tls=str(taken), ftp="off")
    other = FileListeners(place.diagnostics, place.firmware, Revoked(), certified, certified.tls)

    with pytest.raises(OSError, match=r"files_tls = 127\.0\.0\.1"):
        await other.open(settings, place.addresses)


async def test_who_sends_half_a_request_is_sent_away(place, monkeypatch):
    """Row 3: a head that drips."""
    monkeypatch.setattr("voltkeep.web.server._HEAD_TIMEOUT_S", 0.1)
    address = place.opened.addresses[Via.HTTP]
    for words in (b"", b"GET / HTTP/1.1\r\nHost:"):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(words)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_what_is_no_http_is_sent_away(place):
    address = place.opened.addresses[Via.HTTP]

    def say(octets):
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(octets)
            return connection.recv(1000)

    assert b" 400 " in await asyncio.to_thread(say, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    assert b" 400 " in await asyncio.to_thread(say, b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
