"""A certificate on its way over a real socket: after the answer, and again after an outage."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from cryptography import x509

from tests.gateway.csms import STATION, VERSIONS, Csms, until
from tests.services.authority import SETTINGS, authority, key, request
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.stations import Trust


@asynccontextmanager
async def csms():
    """A CSMS that signs."""
    async with Csms(authority=authority(), settings=SETTINGS) as csms:
        await csms.add()
        async with csms.store.begin() as work:
            await work.stations.set_trust(STATION, Trust(serial_number="SN-1"))
        job = asyncio.create_task(csms.services.certificates.run())
        yield csms
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def states(csms):
    """How far the certificates of the station have come."""
    return [each.state for each in await csms.services.certificates.all(station=STATION)]


async def until_it_is(csms, *wanted):
    async with asyncio.timeout(5):
        while not set(await states(csms)) & set(wanted):  # noqa: ASYNC110  # it is no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_certificate_comes_after_the_answer(version):
    """A02, steps 5 and 9: a station that gets the certificate first cannot know what it is."""
    async with csms() as server, server.booted(version=version) as station:
        for number in range(1, 6):
            pem = request(signed_by=key(number=number))
            assert (await station.ask("SignCertificate", {"csr": pem}))[2] == {"status": "Accepted"}

            kind, id, action, payload = await station.hear()
            assert (kind, action) == (2, "CertificateSigned")
            leaf = x509.load_pem_x509_certificate(payload["certificateChain"].encode())
            assert leaf.public_key() == key(number=number).public_key()
            await station.say([3, id, {"status": "Accepted"}])
            assert await station.is_alive()


async def test_a_station_that_was_away_gets_it_when_it_is_back():
    async with csms() as server:
        async with server.booted() as station:
            await station.ask("SignCertificate", {"csr": request()})
        # Whether it left before the certificate was sent, or without answering.
        await until_it_is(server, CertificateState.ISSUED, CertificateState.SENT)
        await until(lambda: not len(server.stations))

        async with server.booted() as station:
            server.services.certificates._issuing.wake()
            _, id, action, _ = await station.hear(timeout=15)
            assert action == "CertificateSigned"
            await station.say([3, id, {"status": "Accepted"}])
            await until_it_is(server, CertificateState.ACCEPTED)
