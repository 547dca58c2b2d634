"""Certificates made to hurt (rows 5 and 6 of the hostile list), and who is served meanwhile."""

import asyncio
import contextlib
import sys
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.exceptions import InvalidStatus

from tests.gateway.csms import LENIENT, STATION, beside, clock, until
from tests.gateway.trust import DAY, TlsCsms, client_of, maker, material, s_client, showing
from tests.pki import making
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.domain.stations import Trust
from voltkeep.gateway.tls import TlsKind
from voltkeep.services.refusals import NOBODY

HANDSHAKES = 300
LAG_S = 0.2


@pytest.fixture
async def csms(authority):
    async with TlsCsms(authority, replace(LENIENT, handshake_timeout_s=60.0)) as csms:
        await csms.add("CS-1", profile=3)
        await csms.add("OTHER", profile=0)
        yield csms


@contextlib.asynccontextmanager
async def lag():
    """How much later than it should the loop came back to a task, each time."""
    loop = asyncio.get_running_loop()
    late: list[float] = []

    async def watch():
        while True:
            due = loop.time() + 0.005
            await asyncio.sleep(0.005)
            late.append(loop.time() - due)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()
        await asyncio.wait({task})


def at_worst(times):
    """Of a hundred the longest but one: the machine has other work as well."""
    return sorted(times)[-1 - len(times) // 100]


def pem(path, party):
    key = party.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + party.pem.encode())
    return path


async def refusals(csms):
    await csms.security.refusals.flush()
    async with csms.store.read() as work:
        return {each.reason: each.count for each in await work.refusals.of(NOBODY)}


@pytest.mark.parametrize("kind", ["a stranger's", "with our root's name", "RSA 7640"])
async def test_a_flood_of_garbage_certificates_holds_nobody_up(csms, tmp_path, kind):
    """Row 5: the loop is not late by 200 ms, though no bucket holds the handshakes back.

    300 of them instead of 2,000 a second: the machine that runs the tests makes no more.
    """
    key = big_key(4423, 3217) if kind == "RSA 7640" else making.ec_key("garbage")
    ours = x509.load_pem_x509_certificate(csms.authority.root.pem.encode()).subject
    subject = ours if kind == "with our root's name" else making.name("Maker Root", "Maker")
    root = maker(subject=subject, key=making.ec_key("root of garbage"))
    shown = client_of(root, subject=making.name("SN-1", "Voltkeep"), key=key)
    times = HANDSHAKES // 10 if kind == "RSA 7640" else HANDSHAKES  # their client takes so long

    async with beside(csms) as waits, lag() as late:
        flood = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.gateway.garbage", "127.0.0.1", str(csms.port(TlsKind.MUTUAL))),
            *(str(times), str(pem(tmp_path / "garbage.pem", shown))),
        )
        assert await flood.wait() == 0
    assert await refusals(csms) == {TlsFault.UNTRUSTED: times}
    assert at_worst(late) < LAG_S, max(late)
    assert at_worst(waits) < LAG_S, max(waits)
    await until(lambda: not csms.gateway._sockets)


def big_key(*exponents):
    """An RSA key of Mersenne's primes: it would take minutes to find others of that size."""
    p, q = (2**exponent - 1 for exponent in exponents)
    d = pow(65_537, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(65_537, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("exponents", "expected"),
    [
        pytest.param((11_213, 4423), Verdict.CERTIFICATE_WEAK, id="15636 bits"),
        pytest.param((9941, 9689), TlsFault.BROKEN, id="19630 bits"),
    ],
)
async def test_a_key_of_sixteen_thousand_bits_is_refused(
    csms, tmp_path, version, exponents, expected
):
    """Row 6: it costs a millisecond, and nobody else waits. Its issuer is trusted."""
    root = maker()
    async with csms.store.begin() as work:
        await work.anchors.put(making.anchor(root))
    csms.gateway.use_tls(material(csms.authority, roots="\n" + await csms.security.client_roots()))
    giant = client_of(root, subject=making.name("SN-1", "Voltkeep"), key=big_key(*exponents))
    shown = pem(tmp_path / "giant.pem", giant)

    async with beside(csms) as waits, lag() as late:
        said = await s_client(
            csms.port(TlsKind.MUTUAL),
            *(version, "-quiet", "-cert", shown, "-key", shown, "-ign_eof"),
            said=b"GET /ocpp/CS-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n",
        )
        await until(csms.refusals)
    assert csms.refusals() == [expected]
    assert " 101 " not in said
    assert at_worst(late) < LAG_S
    assert at_worst(waits) < LAG_S


@pytest.mark.parametrize("name", ["SN-1\0", "SN-1\0.evil.example", "\0SN-1"])
async def test_a_name_does_not_end_at_a_nul(csms, tmp_path, name):
    """Row 6: what C takes for the end of a text is a part of it."""
    async with csms.store.begin() as work:
        await work.stations.set_trust(STATION, Trust(serial_number="SN-1"))
    root = maker()
    async with csms.store.begin() as work:
        await work.anchors.put(making.anchor(root))
    csms.gateway.use_tls(material(csms.authority, roots="\n" + await csms.security.client_roots()))
    shown = client_of(
        root, subject=making.name(name, "Voltkeep"), begins=clock() - DAY, ends=clock() + DAY
    )
    context = showing(csms.authority, tmp_path, shown.pem, shown.key)

    with pytest.raises(InvalidStatus) as caught:
        async with csms.over_tls(kind=TlsKind.MUTUAL, context=context):
            pass
    assert caught.value.response.status_code == 401
    assert csms.refusals() == [Verdict.WRONG_COMMON_NAME]
