"""TLS as stations speak it, against `openssl s_client` and Python's own client."""

import asyncio
import base64
import re
import ssl
from datetime import timedelta

import pytest
import uvloop
from websockets.exceptions import InvalidStatus

from tests.gateway.csms import clock, until
from tests.gateway.trust import TlsCsms, material, s_client, trusting
from tests.pki.making import PASSPHRASE
from voltkeep.config import KeyFiles, Settings
from voltkeep.domain.security import TlsFault
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.tickets import can_resume
from voltkeep.gateway.tls import BadTlsFiles, ServerFiles, TlsKind, TlsMaterial, contexts
from voltkeep.gateway.tls_link import TlsLink, Turns
from voltkeep.pki.authority import CertificateAuthority

LEGACY = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
FORWARD_SECRET = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
WEAK = "ALL:COMPLEMENTOFALL@SECLEVEL=0"
# The client's own program refuses the old versions unless it is told not to.
REFUSED = {
    "TLS 1.0": (("-tls1", "-cipher", WEAK), TlsFault.UNSUPPORTED_PROTOCOL),
    "TLS 1.1": (("-tls1_1", "-cipher", WEAK), TlsFault.UNSUPPORTED_PROTOCOL),
    "CBC with SHA-1": (("-tls1_2", "-cipher", "AES128-SHA"), TlsFault.NO_SHARED_CIPHER),
    "CBC with SHA-2": (("-tls1_2", "-cipher", "AES128-SHA256"), TlsFault.NO_SHARED_CIPHER),
    "no encryption": (
        ("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"),
        TlsFault.NO_SHARED_CIPHER,
    ),
    "anonymous": (("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), TlsFault.NO_SHARED_CIPHER),
}


@pytest.fixture
async def csms(authority):
    async with TlsCsms(authority) as csms:
        csms.key = await csms.add("CS-1", profile=2)
        yield csms


@pytest.fixture
async def modern(authority):
    presents = material(authority, is_modern=True)
    async with TlsCsms(authority, presents=presents) as csms:
        yield csms


@pytest.fixture(params=["ocpp-legacy", "modern"])
async def either(authority, request):
    presents = material(authority, is_modern=request.param == "modern")
    async with TlsCsms(authority, presents=presents) as csms:
        yield csms


@pytest.mark.parametrize("suite", FORWARD_SECRET + LEGACY)
async def test_the_suites_of_the_whitepaper_and_more_are_spoken(csms, suite):
    """A00.FR.317, 421; TC_086: each with the certificate of its family."""
    said = await s_client(csms.port(), "-tls1_2", "-cipher", suite)

    assert f"Cipher is {suite}" in said
    bits = "256" if "ECDSA" in suite else "2048"
    assert f"Server public key is {bits} bit" in said
    assert "Verification error" in said  # it was not told of our root


@pytest.mark.parametrize(("algorithms", "bits"), [("ECDSA+SHA256", 256), ("RSA-PSS+SHA256", 2048)])
async def test_tls_13_is_spoken_with_either_certificate(csms, algorithms, bits):
    """A00.FR.312: TLS 1.2 or above."""
    said = await s_client(csms.port(), "-tls1_3", "-sigalgs", algorithms)

    assert "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384" in said
    assert f"Server public key is {bits} bit" in said


@pytest.mark.parametrize("suite", FORWARD_SECRET)
async def test_the_modern_policy_speaks_suites_with_forward_secrecy(modern, suite):
    assert f"Cipher is {suite}" in await s_client(modern.port(), "-tls1_2", "-cipher", suite)


@pytest.mark.parametrize("suite", LEGACY)
async def test_the_modern_policy_speaks_no_other(modern, suite):
    said = await s_client(modern.port(), "-tls1_2", "-cipher", suite)

    assert "Cipher is (NONE)" in said
    await until(lambda: modern.refusals() == [TlsFault.NO_SHARED_CIPHER])


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_old_or_weak_is_refused_and_told(either, what):
    """A00.FR.313, 314, 319; hostile row 4."""
    words, reason = REFUSED[what]

    assert "Cipher is (NONE)" in await s_client(either.port(), *words)
    await until(lambda: either.refusals() == [reason])


async def test_nothing_is_compressed(either):
    """A00.FR.320, 424; hostile row 4."""
    said = await s_client(either.port(), "-tls1_2", "-comp")

    assert "Compression: NONE" in said
    assert "Cipher is ECDHE-ECDSA-AES" in said


async def test_nothing_is_renegotiated(either):
    """Hostile row 4: each would cost us a handshake, and them a few bytes."""
    said = await s_client(either.port(), "-tls1_2", said=b"R\n")

    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


@pytest.mark.parametrize("algorithms", ["ECDSA+SHA256", "RSA-PSS+SHA256"])
async def test_who_has_our_root_can_check_us(csms, authority, algorithms, tmp_path):
    """A00.FR.307-310; TC_086: the chain ends at our root, and the name is ours."""
    root = tmp_path / "root.pem"
    root.write_text(authority.root.pem)
    words = ("-CAfile", root, "-verify_return_error", "-verify_hostname", "csms.example")
    said = await s_client(csms.port(), *words, "-sigalgs", algorithms)

    assert "Verify return code: 0 (ok)" in said


async def test_a_station_connects_over_tls_with_its_password(csms):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(csms.authority, maximum_version=version)
        async with csms.over_tls(context=context, password=csms.key) as station:
            assert await station.is_alive()
            assert (await station.ask("Nonsense", {"text": "x" * 40_000}))[0] == 4


async def test_new_certificates_are_presented_and_live_connections_stay(csms, other_authority):
    """A00.FR.701: a certificate of less than a day must come in without a word."""
    async with csms.over_tls(password=csms.key) as station:
        csms.gateway.use_tls(material(other_authority))
        assert await station.is_alive()
        with pytest.raises(ssl.SSLCertVerificationError):
            async with csms.over_tls(password=csms.key):
                pass
        context = trusting(other_authority)
        async with csms.over_tls(context=context, password=csms.key) as newer:
            assert await newer.is_alive()


async def test_certificates_that_cannot_be_used_change_nothing(csms, tmp_path):
    missing = tmp_path / "none.pem"
    with pytest.raises(BadTlsFiles, match=re.escape("none.pem")):
        csms.gateway.use_tls(
            TlsMaterial(server=(ServerFiles(chain=str(missing), key=str(missing)),))
        )

    async with csms.over_tls(password=csms.key) as station:
        assert await station.is_alive()


# Session resumption.


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_session_goes_on_with_another_process(authority, version, tmp_path):
    """Another process is another context with keys of its own: only the secret is shared."""
    session = tmp_path / "session"
    async with TlsCsms(authority) as first:
        await talk(first, version, "-sess_out", session)
    async with TlsCsms(authority) as second:
        assert f"Reused, TLSv1.{version[-1]}" in await talk(second, version, "-sess_in", session)


@pytest.mark.parametrize(
    "changes", [{"ticket_secret": b"another secret"}, {"ticket_secret": b""}, {"is_modern": True}]
)
async def test_a_session_does_not_go_on_without_the_secret(authority, changes, tmp_path):
    """With `modern`, keys that can be made again would undo forward secrecy (ADR 0008)."""
    session = tmp_path / "session"
    presents = material(authority, **changes)
    async with TlsCsms(authority, presents=presents) as first:
        await talk(first, "-tls1_2", "-sess_out", session)
    async with TlsCsms(authority) as second:
        assert "New, TLSv1.2" in await talk(second, "-tls1_2", "-sess_in", session)


async def test_a_session_does_not_go_on_at_another_kind_of_listener(csms, tmp_path):
    """Or a port that demands a certificate would take a session that was begun without one."""
    session = tmp_path / "session"
    await talk(csms, "-tls1_3", "-sess_out", session)

    said = await s_client(csms.port(TlsKind.OPTIONAL), "-tls1_3", "-sess_in", session)
    assert "New, TLSv1.3" in said
    said = await s_client(csms.port(TlsKind.MUTUAL), "-tls1_3", "-sess_in", session)
    assert "Reused" not in said


def test_tickets_are_of_one_day(authority):
    """What a stolen ticket key can open ends with its day."""
    today, given = clock().date(), material(authority)
    first, again = (contexts(given, today)[TlsKind.SERVER] for _ in range(2))
    tomorrow = contexts(given, today + timedelta(days=1))[TlsKind.SERVER]

    assert can_resume(first, again)
    assert not can_resume(first, tomorrow)


async def talk(csms, *words):
    """A handshake and a request: a ticket of TLS 1.3 comes after the handshake."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    return await s_client(csms.port(), "-ign_eof", *words, said=request)


# Those who do not speak as they should.


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_no_byte_is_lost_between_the_handshake_and_the_request(authority, loop):
    """A client says Finished and its request in one breath; on both event loops."""

    async def story():
        async with TlsCsms(authority) as csms:
            key = await csms.add("CS-1", profile=2)
            for _ in range(5):
                async with csms.over_tls(password=key) as station:
                    assert await station.is_alive()
            for size in (1, 7, 100):
                assert b" 101 " in await dribble(csms, key, size)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


async def dribble(csms, key, size):
    """Shake hands and ask for the upgrade, a few bytes at a time; what is answered."""
    context = trusting(csms.authority)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    reader, writer = await asyncio.open_connection("127.0.0.1", csms.port())

    async def flush():
        data = outgoing.read()
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await asyncio.sleep(0)
            await writer.drain()

    async def step(do):
        while True:
            try:
                done = do()
            except ssl.SSLWantReadError:
                await flush()
                data = await asyncio.wait_for(reader.read(65_536), 10)
                assert data
                incoming.write(data)
            else:
                await flush()
                return done

    basic = base64.b64encode(f"CS-1:{key}".encode()).decode()
    request = (
        "GET /ocpp/CS-1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {basic}\r\n\r\n"
    )
    try:
        await step(client.do_handshake)
        await step(lambda: client.write(request.encode()))
        return await step(lambda: client.read(4096))
    finally:
        writer.close()


async def test_http_on_the_tls_port_is_told_what_to_do(csms):
    reader, writer = await asyncio.open_connection("127.0.0.1", csms.port())
    writer.write(b"GET /ocpp/CS-1 HTTP/1.1\r\nHost: x\r\n\r\n")

    assert b"use wss://" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert csms.refusals() == [TlsFault.HTTP]


async def test_tls_on_the_plain_port_is_refused_and_told(csms):
    said = await s_client(csms.address.port)

    assert "Cipher is (NONE)" in said
    await until(lambda: csms.refusals() == [TlsFault.TLS_ON_PLAIN])


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_station_that_does_not_trust_us_is_told_of(csms, version):
    """By the alert it sends (A00.FR.311)."""
    await s_client(csms.port(), version, "-verify_return_error")

    await until(lambda: csms.refusals() == [TlsFault.OUR_AUTHORITY_UNKNOWN])


async def test_a_station_that_leaves_without_a_word_is_told_of(csms, other_authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        async with csms.over_tls(context=trusting(other_authority), password=csms.key):
            pass
    await until(lambda: csms.refusals() == [TlsFault.LEFT])


async def test_garbage_instead_of_a_hello_is_refused(csms):
    for garbage, reason in [
        (b"\x00" * 100, TlsFault.NO_TLS),
        (b"SSH-2.0-x\r\n", TlsFault.NO_TLS),
        (b"\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff", TlsFault.BROKEN),
        (b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000, TlsFault.BROKEN),
    ]:
        csms.announced.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", csms.port())
        writer.write(garbage)
        await until(lambda reason=reason: csms.refusals() == [reason])
        writer.close()


async def test_what_waits_for_its_turn_is_bounded(csms):
    """A client that sends faster than handshakes take turns fills no memory."""
    failures, upper = [], Upper()
    context = contexts(csms.presents, clock().date())[TlsKind.SERVER]
    link = TlsLink(lambda: context, upper, Turns(), lambda _, failure: failures.append(failure))
    link.connection_made(asyncio.Transport({"peername": ("192.0.2.1", 1)}))
    raw = link._raw = Raw()
    for _ in range(20):
        link.data_received(b"\x16\x03\x01\x40\x00" + bytes(16_384))
        if raw.closed:
            break
    assert [failure.reason for failure in failures] == ["TOO_LONG"]
    assert raw.closed


class Upper(asyncio.Protocol):
    reason = ""


class Raw(asyncio.Transport):
    closed = False

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True


@pytest.mark.parametrize("kind", [None, TlsKind.SERVER, TlsKind.MUTUAL])
@pytest.mark.parametrize("habit", ["silent", "slow"])
async def test_the_whole_handshake_has_one_deadline(authority, kind, habit):
    """Hostile rows 1, 2, 3: whatever drips in, and other stations are served meanwhile.

    The list has 10,000 silent ones, 2,000 slow ones and 15 seconds; here they are 100, and the
    deadline is 0.3 seconds instead of 10.
    """
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" if kind else b"GET /ocpp/CS-1 HTTP/1"
    async with TlsCsms(
        authority, Limits(handshake_timeout_s=0.3, drain_s=1, accepts_burst=200)
    ) as csms:
        key = await csms.add("CS-1", profile=2)
        port = csms.port(kind) if kind else csms.address.port
        async with csms.over_tls(password=key) as station:
            loop = asyncio.get_running_loop()
            started = loop.time()
            ends = await asyncio.gather(
                *(knock_slowly(port, hello if habit == "slow" else b"") for _ in range(100))
            )
            assert await station.is_alive()
            assert 0.2 < max(ends) - started < 3
    assert set(csms.refusals()) == ({TlsFault.TOO_SLOW} if kind and habit == "slow" else set())


async def knock_slowly(port, words):
    """When the server has had enough of one who says a byte now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    gone = asyncio.ensure_future(reader.read())
    for at in range(len(words)):
        writer.write(words[at : at + 1])
        done, _ = await asyncio.wait({gone}, timeout=0.02)
        if done:
            break
    async with asyncio.timeout(5):
        await asyncio.gather(gone, return_exceptions=True)
    writer.close()
    return asyncio.get_running_loop().time()


async def test_a_refusal_over_tls_tells_no_more_than_one_without(csms):
    for name, options in [
        ("NOBODY", {"password": csms.key}),
        ("CS-1", {"password": "wrong"}),
        ("CS-1", {}),
    ]:
        with pytest.raises(InvalidStatus) as caught:
            async with csms.over_tls(name, **options):
                pass
        assert caught.value.response.status_code == 401


async def test_at_the_end_who_shakes_hands_still_is_sent_away(authority):
    async with TlsCsms(authority, Limits(drain_s=0.1)) as csms:
        reader, writer = await asyncio.open_connection("127.0.0.1", csms.port())
        writer.write(b"\x16\x03\x01")
        await asyncio.sleep(0.05)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory):
    files = KeyFiles(tmp_path_factory.mktemp("other"))
    settings = Settings(data=files.directory, public_host="csms.example")
    return CertificateAuthority.open(files, PASSPHRASE, settings, clock())
