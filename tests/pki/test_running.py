"""A running server takes up new certificates, and drops nobody for it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from voltkeep import app as composition
from voltkeep.app import App
from voltkeep.config import Settings, parse_address
from voltkeep.domain.events import RootsChanged
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.gateway import tls_source


@pytest.fixture
def settings(tmp_path):
    off = dict.fromkeys(("ocpp", "ocpp_mtls", "files", "files_tls", "ftp", "http"), "off")
    return Settings(data=tmp_path, public_host="csms.example", ocpp_tls="127.0.0.1:0", **off)


async def shown(address, root):
    """A connection, and the serial number of what the server shows on it."""
    context = ssl.create_default_context(cadata=root)
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname="csms.example"
    )
    return reader, writer, writer.get_extra_info("peercert")["serialNumber"]


async def test_a_certificate_that_another_process_has_renewed_is_shown(settings, monkeypatch):
    monkeypatch.setattr(composition, "_LOOK_FOR_CERTIFICATES_EVERY_S", 0.02)
    monkeypatch.setattr(tls_source, "_LOOK_EVERY_S", 0.02)
    served, shell = App(settings), App(settings)
    async with served.running(serve=True):
        address = parse_address(served.services.addresses.settings.ocpp_tls)
        root = served.authority.root.pem
        reader, writer, before = await shown(address, root)
        async with shell.running(serve=False):
            for family in ("rsa", "ec"):
                shell.authority.vault.renew_server(family, datetime.now(UTC))

        async with asyncio.timeout(10):
            while True:
                _, other, after = await shown(address, root)
                other.close()
                if after != before:
                    break
                await asyncio.sleep(0.02)

        writer.write(b"GET / HTTP/1.1\r\nHost: csms.example\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 4")  # the old connection serves
        writer.close()


async def test_a_renewal_by_the_clock_is_told_and_audited(settings, monkeypatch):
    """A00.FR.701."""
    monkeypatch.setattr(composition, "_LOOK_FOR_CERTIFICATES_EVERY_S", 0.02)
    served = App(settings)
    told: asyncio.Queue[RootsChanged] = asyncio.Queue()
    async with served.running(serve=True):
        before = {each.id for each in served.authority.certificates()}
        served.bus.handle(told.put_nowait, RootsChanged)
        in_time = datetime.now(UTC) + timedelta(days=settings.server_certificate_days * 0.7)
        monkeypatch.setattr(composition, "now", lambda: in_time)
        async with asyncio.timeout(20):
            events = [await told.get(), await told.get()]
        monkeypatch.undo()
        new = {each.id for each in served.authority.certificates()} - before
        deeds = [entry.deed for entry in await served.services.audit.entries(DEFAULT_TENANT)]

    assert len(new) == 2
    renewed = [deed.after for deed in deeds if deed.action == "certificate.renewed"]
    for each in new:
        assert sum(each in event.what for event in events) == 1
        assert sum(each in after for after in renewed) == 1
    assert told.empty()
