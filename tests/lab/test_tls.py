"""The laboratory's look at TLS: one handshake for each question, against servers good and bad."""

import asyncio
import datetime as dt
import ssl
import warnings
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from tests.lab import bad
from tests.lab.csms.certificates import Authority, Wish, load, new_key
from voltkeep.lab import tls
from voltkeep.lab.log import WireLog
from voltkeep.lab.verdicts import Unclear
from voltkeep.lab.wire import NotOpened, Way
from voltkeep.sim.tls import Terms, shared_context

HOST = "csms.test"
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TLS_11, TLS_12, TLS_13 = (
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)
ANY = tls.only("ALL")
RSA_FAMILY = Wish(HOST, kind="rsa", bits=2048)


@asynccontextmanager
async def serving(folder, *wishes, authority=None, suites="", minimum=TLS_12, maximum=TLS_13):
    """A TLS server with these certificates; the port."""
    authority = authority or Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if suites:
        context.set_ciphers(tls.only(suites))
    with warnings.catch_warnings():  # of old versions, which is what it is for
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = minimum
    context.maximum_version = maximum
    for number, wish in enumerate(wishes or (Wish(HOST), RSA_FAMILY)):
        own = folder / str(number)
        own.mkdir(exist_ok=True)
        certificate, key = authority.server(wish)
        load(context, certificate, key, own)

    async def served(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def way(port, **terms):
    terms = {"verify": False, "ciphers": ANY, "maximum": TLS_12} | terms
    return Way(f"wss://{HOST}:{port}/CP-1", tls=shared_context(Terms(**terms)), at="127.0.0.1")


async def seen(port, **terms):
    return await tls.shake_hands(way(port, **terms), WireLog(), 20)


async def refused(port, **terms):
    with pytest.raises(NotOpened) as caught:
        await seen(port, **terms)
    return caught.value


@pytest.mark.parametrize("suite", tls.SUITES.values(), ids=tls.SUITES)
async def test_a_suite_alone_is_spoken_with_the_certificate_of_its_family(tmp_path, suite):
    async with serving(tmp_path, suites=":".join(tls.SUITES.values())) as port:
        shaken = await seen(port, ciphers=tls.only(suite))

    assert (shaken.version, shaken.suite) == ("TLSv1.2", suite)
    family, _ = tls.key_of(tls.read(shaken.certificate))
    assert family == ("EC" if "ECDSA" in suite else "RSA")


@pytest.mark.parametrize("missing", tls.SUITES.values(), ids=tls.SUITES)
async def test_a_suite_that_is_missing_is_a_refusal(tmp_path, missing):
    others = ":".join(suite for suite in tls.SUITES.values() if suite != missing)
    async with serving(tmp_path, suites=others) as port:
        assert (await refused(port, ciphers=tls.only(missing))).is_refusal


async def test_of_all_versions_the_highest_common_one_is_seen(tmp_path):
    async with serving(tmp_path) as port:
        assert (await seen(port, maximum=TLS_13)).version == "TLSv1.3"
    async with serving(tmp_path, maximum=TLS_12) as port:
        assert (await seen(port, maximum=TLS_13)).version == "TLSv1.2"


async def test_an_old_version_that_is_spoken_is_seen_and_one_that_is_not_is_refused(tmp_path):
    async with serving(tmp_path, suites="ALL", minimum=ssl.TLSVersion.TLSv1) as port:
        assert (await seen(port, maximum=TLS_11)).version == "TLSv1.1"
    async with serving(tmp_path, suites="ALL") as port:
        assert (await refused(port, maximum=TLS_11)).is_refusal


@pytest.mark.parametrize(
    ("weak", "suite"), [(tls.broken_suites, "NULL-SHA256"), (tls.sha1_suites, "AES128-SHA")]
)
async def test_weak_suites_are_seen_where_they_are_spoken_and_refused_elsewhere(
    tmp_path, weak, suite
):
    weak = tls.only(weak())
    async with serving(tmp_path, suites=suite) as port:
        assert (await seen(port, ciphers=weak)).suite == suite
    async with serving(tmp_path, suites=":".join(tls.SUITES.values())) as port:
        assert (await refused(port, ciphers=weak)).is_refusal


def test_a_suite_is_broken_or_of_sha1_or_neither():
    broken, with_sha1 = tls.broken_suites().split(":"), tls.sha1_suites().split(":")

    assert "NULL-SHA256" in broken
    assert "AES128-SHA" in with_sha1
    assert not {*broken} & {*with_sha1}
    assert not {*broken, *with_sha1} & {*tls.SUITES.values()}
    assert not [name for name in with_sha1 if not name.endswith("-SHA")]


async def test_what_this_machine_cannot_offer_is_no_refusal_of_the_csms(tmp_path):
    cannot = way(0, ciphers=tls.only("AES128-GCM-SHA256"), maximum=TLS_11)

    with pytest.raises(Unclear):
        await tls.shake_hands(cannot, WireLog(), 20)


async def test_a_key_that_is_too_short_is_shown_all_the_same(tmp_path):
    async with serving(tmp_path, Wish(HOST, kind="rsa", bits=1024), suites="ALL") as port:
        shaken = await seen(port)

    assert tls.key_of(tls.read(shaken.certificate)) == ("RSA", 1024)


@pytest.mark.parametrize(
    "wish", [Wish("another.test"), Wish(HOST, days=-1), Wish(HOST, is_ca_known=False)]
)
async def test_a_certificate_that_no_station_believes_is_no_refusal_but_told(tmp_path, wish):
    authority = Authority()
    async with serving(tmp_path, wish, authority=authority) as port:
        failure = await refused(port, verify=True, roots=authority.root, ciphers="")

    assert not failure.is_refusal
    assert "not believed" in failure.words


async def test_a_certificate_that_stations_believe_is_believed(tmp_path):
    authority = Authority()
    async with serving(tmp_path, authority=authority) as port:
        shaken = await seen(port, verify=True, roots=authority.root, ciphers="")

    assert tls.common_names(tls.read(shaken.certificate)) == [HOST]


async def test_nobody_listening_is_no_refusal():
    async with bad.answering(bad.hangs_up) as url:
        port = int(url.rpartition(":")[2])

    assert not (await refused(port)).is_refusal


async def test_silence_has_an_end_and_is_no_refusal():
    async with bad.answering(bad.says_nothing) as url:
        silent = way(int(url.rpartition(":")[2]))
        with pytest.raises(NotOpened) as caught:
            await tls.shake_hands(silent, WireLog(), 0.05)
        with pytest.raises(NotOpened) as offered:
            await tls.compresses(silent, WireLog(), 0.05)

    assert not caught.value.is_refusal
    assert not offered.value.is_refusal


# Compression


def server_hello(method):
    body = b"\x03\x03" + bytes(32) + b"\x02id" + b"\x00\x9c" + bytes([method])
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


async def chosen(answer):
    """What comes of offering compression to a server that says this; and what was offered."""
    hello = asyncio.get_running_loop().create_future()

    async def served(reader, writer):
        hello.set_result(await reader.read(4096))
        writer.write(answer)

    async with bad.answering(served) as url:
        port = int(url.rpartition(":")[2])
        try:
            return await tls.compresses(way(port), WireLog(), 20), await hello
        except NotOpened as failure:
            return failure, await hello


async def test_compression_is_offered_in_a_hello_that_is_whole():
    _, hello = await chosen(server_hello(0))

    assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
    at = 43 + 1 + hello[43]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    assert hello[at : at + 3] == b"\x02\x01\x00"  # two methods: DEFLATE, none
    assert int.from_bytes(hello[at + 3 : at + 5], "big") == len(hello) - at - 5  # extensions


@pytest.mark.parametrize(("method", "is_chosen"), [(0, False), (1, True), (64, True)])
async def test_the_compression_that_a_server_chooses_is_read(method, is_chosen):
    came, _ = await chosen(server_hello(method))

    assert came is is_chosen


async def test_a_server_as_it_should_be_takes_the_offer_and_does_not_compress(tmp_path):
    async with serving(tmp_path) as port:
        assert await tls.compresses(way(port), WireLog(), 20) is False


@pytest.mark.parametrize(
    "answer",
    [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(70_000),
        b"\x16\x03\x03\x00\x00",
        b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
        server_hello(0)[:40],
        server_hello(0)[:43] + b"\xff" + server_hello(0)[44:],
    ],
    ids=["an alert", "HTTP", "nothing", "no body", "half of it", "a session without an end"],
)
async def test_an_answer_that_is_no_server_hello_is_told(answer):
    async def served(reader, writer):
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async with bad.answering(served) as url:
        with pytest.raises(NotOpened):
            await tls.compresses(way(int(url.rpartition(":")[2])), WireLog(), 20)


# What a certificate must be


def certificate(key=None, *, begins=-DAY, ends=DAY, signer=None):
    key = key or new_key("ec", 256)
    name = x509.Name([])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW + begins)
        .not_valid_after(NOW + ends)
        .sign(signer or new_key("ec", 256), hashes.SHA256())
    )


def signed_with_sha1():
    """By another name for the algorithm: no library of ours signs so any more."""
    sha256, sha1 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
    made = certificate(signer=new_key("rsa", 2048)).public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(made.replace(sha256, sha1))


def broken(made):
    return [rule.expected for rule in tls.rules(made, NOW) if not rule.holds]


def test_a_right_certificate_breaks_no_rule():
    for key in (new_key("ec", 256), new_key("ec", 224), new_key("rsa", 2048)):
        assert broken(certificate(key)) == []
    assert broken(certificate(ed25519.Ed25519PrivateKey.generate())) == []


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: certificate(new_key("rsa", 1024)), "a key of 2048 bits or more"),
        (lambda: certificate(new_key("ec", 192)), "a key of 224 bits or more"),
        (lambda: certificate(begins=-3 * DAY, ends=-DAY), "a certificate that is valid now"),
        (lambda: certificate(begins=DAY, ends=3 * DAY), "a certificate that is valid now"),
        (signed_with_sha1, "a signature with SHA-256 or better"),
    ],
)
def test_each_rule_is_held(made, expected):
    assert broken(made()) == [expected]


def test_what_is_no_certificate_is_read_as_none():
    whole = certificate().public_bytes(Encoding.DER)

    assert tls.read(whole) == x509.load_der_x509_certificate(whole)
    assert tls.read(b"") is tls.read(b"garbage") is tls.read(whole[:-20]) is None
