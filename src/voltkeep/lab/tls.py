"""TLS as a test engineer looks at it: one question for each handshake, and no WebSocket after it.

The questions are those of OCTT, TC_086 and TC_087: which versions and suites a CSMS speaks, what
it shows, and whether it compresses.
"""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import NameOID

from voltkeep.lab.log import WireLog
from voltkeep.lab.verdicts import Kind, Unclear
from voltkeep.lab.wire import NotOpened, Way, not_opened

SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
"""Those that a CSMS must speak (whitepaper, A00.FR.317 and 421), and OpenSSL's names for them."""

_BROKEN = "3DES:DES:RC4:RC2:EXPORT:aNULL:eNULL:MD5:!PSK:!SRP"
_WITH_SHA1 = "SHA1:!3DES:!DES:!RC4:!RC2:!EXPORT:!aNULL:!eNULL:!PSK:!SRP"
_ANY_KEY = "@SECLEVEL=0"  # also keys too short: what is shown is judged, not refused
_SMALLEST = {"RSA": 2048, "DSA": 2048, "EC": 224}  # whitepaper, A00.FR.502 and 503
_NONE = dt.timedelta()
_BROKEN_HASHES = {"md5", "sha1"}

_HANDSHAKE, _SERVER_HELLO = 22, 2
_RECORD, _HEADER, _VERSION_AND_RANDOM = 5, 4, 34
_DEFLATE = 1


class Seen(NamedTuple):
    """What came of a handshake. `certificate` is the server's own, as DER."""

    version: str
    suite: str
    certificate: bytes


class Rule(NamedTuple):
    """Something that must be so, whether it is, and what is."""

    expected: str
    holds: bool
    came: str


def only(suites: str) -> str:
    """A list of OpenSSL's that has these suites, with a key of any size."""
    return suites + _ANY_KEY


def broken_suites() -> str:
    """Suites that ENISA takes nowhere, as many as this machine's OpenSSL still speaks.

    Without encryption, without authentication, or with RC4, DES, 3DES or MD5. Empty if it speaks
    none.
    """
    return _spoken(_BROKEN)


def sha1_suites() -> str:
    """Suites with CBC and an HMAC of SHA-1, as many as this machine's OpenSSL still speaks."""
    return _spoken(_WITH_SHA1)


def _spoken(suites: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers(only(suites))
        spoken = [each["name"] for each in context.get_ciphers()]
        return ":".join(name for name in spoken if not name.startswith("TLS_"))
    return ""


async def shake_hands(way: Way, log: WireLog, deadline_s: float) -> Seen:
    """Make a TLS connection, and end it.

    Raises:
        NotOpened: there is none, and why.
        Unclear: this machine cannot offer what the way's context is to offer.
    """
    _offered(way)
    host = urlsplit(way.url).hostname or ""
    try:
        async with _connected(way, deadline_s, way.tls, host) as (_, writer):
            shaken: ssl.SSLObject = writer.get_extra_info("ssl_object")
            suite, version, _ = shaken.cipher() or ("none", "none", 0)
            seen = Seen(
                shaken.version() or version, suite, shaken.getpeercert(binary_form=True) or b""
            )
    except (OSError, EOFError) as error:
        refusal = not_opened(error, deadline_s)
        log.add(Kind.CONNECTION, f"TLS with {host}: {refusal.words}")
        raise refusal from None
    words = f"{seen.version}, {seen.suite}, with {ssl.DER_cert_to_PEM_cert(seen.certificate)}"
    log.add(Kind.CONNECTION, f"TLS with {host}: {words.rstrip()}")
    return seen


async def compresses(way: Way, log: WireLog, deadline_s: float) -> bool:
    """Whether the server takes TLS compression if it is offered (A00.FR.320 and 424).

    Raises:
        NotOpened: it does not answer to a ClientHello with a ServerHello.
        Unclear: this machine cannot offer what the way's context is to offer.
    """
    hello = _offering_compression(_offered(way))
    host = urlsplit(way.url).hostname or ""
    try:
        async with _connected(way, deadline_s) as (reader, writer):
            writer.write(hello)
            async with asyncio.timeout(deadline_s):
                chosen = await _chosen_compression(reader)
    except (OSError, EOFError) as error:
        refusal = not_opened(error, deadline_s)
        log.add(Kind.CONNECTION, f"TLS with compression offered to {host}: {refusal.words}")
        raise refusal from None
    words = "none" if not chosen else f"method {chosen}"
    log.add(Kind.CONNECTION, f"TLS with compression offered to {host}: {words} was chosen")
    return bool(chosen)


def read(der: bytes) -> x509.Certificate | None:
    """A certificate that came; None if it cannot be read."""
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm):
        return None


def rules(
    certificate: x509.Certificate, now: dt.datetime, grace: dt.timedelta = _NONE
) -> Iterator[Rule]:
    """What holds for every certificate (whitepaper, A00.FR.501 to 509): key, serial, validity.

    It may begin to be valid so much later as ``grace`` says. That it names an organization is left
    to `organizations`.
    """
    family, bits = key_of(certificate)
    if family in _SMALLEST:
        smallest = _SMALLEST[family]
        yield Rule(f"a key of {smallest} bits or more", bits >= smallest, f"{family} of {bits}")
    serial = certificate.serial_number
    yield Rule("a serial number above 0", serial > 0, str(serial))
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    expected = "a certificate that is valid now"
    is_valid = begins <= now + grace and now <= ends
    yield Rule(expected, is_valid, f"one that is valid from {begins} until {ends}")
    algorithm = _signed_by_hash(certificate)
    is_sound = algorithm not in _BROKEN_HASHES
    yield Rule("a signature with SHA-256 or better", is_sound, f"one with {algorithm}")


def common_names(certificate: x509.Certificate) -> list[str]:
    """The CNs of its subject."""
    return _named(certificate, NameOID.COMMON_NAME)


def organizations(certificate: x509.Certificate) -> list[str]:
    """The Os of its subject."""
    return _named(certificate, NameOID.ORGANIZATION_NAME)


def key_of(certificate: x509.Certificate) -> tuple[str, int]:
    """The family of its key, and its size in bits."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "a key that cannot be read", 0
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return "EC", key.key_size
        case dsa.DSAPublicKey():
            return "DSA", key.key_size
        case _:
            return type(key).__name__, 0


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    try:
        return [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]
    except ValueError:
        return []


def _signed_by_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "an unknown hash"
    return algorithm.name if algorithm is not None else "a hash of its own"


@contextlib.asynccontextmanager
async def _connected(
    way: Way, deadline_s: float, tls: ssl.SSLContext | None = None, name: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to where the way leads, with TLS or without; broken at the end."""
    parts = urlsplit(way.url)
    async with asyncio.timeout(deadline_s):
        reader, writer = await asyncio.open_connection(
            way.at or parts.hostname, way.port or parts.port or 443, ssl=tls, server_hostname=name
        )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def _offered(way: Way) -> bytes:
    """The record that begins a handshake. Raises Unclear if there is none to send."""
    assert way.tls is not None, "a way over TLS"
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = way.tls.wrap_bio(incoming, outgoing, server_hostname=urlsplit(way.url).hostname)
    with contextlib.suppress(ssl.SSLError):  # it wants an answer, or it has nothing to offer
        tls.do_handshake()
    record = outgoing.read()
    if record[:1] != bytes([_HANDSHAKE]):  # an alert
        raise Unclear("the OpenSSL of this machine cannot offer this version, or these suites")
    return record


def _offering_compression(record: bytes) -> bytes:
    """A ClientHello that offers DEFLATE as well (RFC 5246, section 7.4.1.2; RFC 3749).

    OpenSSL is seldom built to offer it, so it is written into what OpenSSL has made.
    """
    at = _RECORD + _HEADER + _VERSION_AND_RANDOM
    at += 1 + record[at]  # the session id
    at += 2 + int.from_bytes(record[at : at + 2], "big")  # the suites
    methods = bytes([_DEFLATE]) + record[at + 1 : at + 1 + record[at]]
    body = (
        record[_RECORD + _HEADER : at]
        + bytes([len(methods)])
        + methods
        + record[at + 1 + record[at] :]
    )
    message = record[_RECORD : _RECORD + 1] + len(body).to_bytes(3, "big") + body
    return record[:3] + len(message).to_bytes(2, "big") + message


async def _chosen_compression(reader: asyncio.StreamReader) -> int:
    """Of a ServerHello. Raises NotOpened and EOFError."""
    head = await reader.readexactly(_RECORD)
    record = await reader.readexactly(int.from_bytes(head[3:], "big"))
    at = _HEADER + _VERSION_AND_RANDOM
    is_hello = head[0] == _HANDSHAKE and record[:1] == bytes([_SERVER_HELLO])
    if not is_hello or len(record) <= at or len(record) <= at + 3 + record[at]:
        raise NotOpened("no ServerHello came", ended=True)
    return record[at + 1 + record[at] + 2]
