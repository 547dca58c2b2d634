"""What is sent to addresses that somebody entered reaches nothing of the inside."""

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.services.outbound import OutboundFailed, OutboundRefused

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NAME = "hooks.example"


class Heard:
    """Requests as they arrived, and what is answered to each."""

    def __init__(self, answer: bytes) -> None:
        self.requests: list[bytes] = []
        self.answer = answer
        self.port = 0

    async def __call__(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            self.requests.append(head + await reader.readexactly(length))
            writer.write(self.answer)
            await writer.drain()
            if self.answer:
                writer.close()
            else:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(answer, context=None):
    heard = Heard(answer)
    server = await asyncio.start_server(heard, "127.0.0.1", 0, ssl=context)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield heard
    finally:
        server.close()


def says(body=b"{}", status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def named(*addresses):
    """A name server: each time it is asked it says the next, the last one for ever."""
    left = list(addresses)

    async def resolve(host, port):
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata
        "100.100.100.200",  # metadata, in the shared space
        "168.63.129.16",  # metadata, at a public address
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",  # metadata
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "ff02::1",
    ],
)
async def test_no_address_of_the_inside_is_sent_to(address):
    """Whether it is written in the URL or a name means it."""
    host = f"[{address}]" if ":" in address else address
    outbound = CheckedOutbound(resolve=named([address]))

    with pytest.raises(OutboundRefused, match="inside"):
        outbound.check(f"https://{host}/hook")
    for url in (f"https://{host}/hook", f"https://{NAME}/hook"):
        with pytest.raises(OutboundRefused, match="inside"):
            await outbound.post(url, b"{}", {}, 5, 100)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_other_spellings_of_the_inside_are_known(host):
    with pytest.raises((OutboundRefused, OutboundFailed)):
        await CheckedOutbound().post(f"https://{host}:1/hook", b"{}", {}, 5, 100)


async def test_a_name_with_one_address_inside_is_refused():
    outbound = CheckedOutbound(resolve=named(["93.184.215.14", "10.0.0.1"]))

    with pytest.raises(OutboundRefused, match="inside"):
        await outbound.post(f"https://{NAME}/", b"{}", {}, 5, 100)


async def test_the_connection_goes_to_the_address_that_was_checked():
    """A name that means another address a moment later gains nothing."""
    async with listening(says()) as heard:
        resolve = named(["127.0.0.1"], ["10.255.255.1"])
        outbound = CheckedOutbound(LOOPBACK, resolve=resolve)

        answer = await outbound.post(
            f"http://{NAME}:{heard.port}/a?b=c", b"[1]", {"X-A": "b", "Host": "evil"}, 5, 100
        )

    assert (answer.status, answer.content, answer.is_cut) == (200, b"{}", False)
    [request] = heard.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert f"host: {NAME}:{heard.port}\r\n".encode() in head.lower() + b"\r\n"
    assert b"evil" not in head
    assert b"x-a: b" in head.lower()
    assert body == b"[1]"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "//hooks.example/",
        "https://",
        "https://me:secret@hooks.example/",
        "https://hooks.example/\r\nX: y",
        "https://hooks.example:99999/",
        "https://" + "a" * 3000,
        "https://hööks.example/",
        "",
    ],
)
async def test_what_is_no_address_to_send_to_is_refused(url):
    outbound = CheckedOutbound(LOOPBACK, resolve=named(["127.0.0.1"]))

    with pytest.raises(OutboundRefused):
        outbound.check(url)
    with pytest.raises(OutboundRefused):
        await outbound.post(url, b"{}", {}, 5, 100)


async def test_nothing_is_sent_in_clear_but_to_networks_that_are_allowed():
    outbound = CheckedOutbound(resolve=named(["93.184.215.14"]))

    with pytest.raises(OutboundRefused, match="https"):
        outbound.check(f"http://{NAME}/")
    with pytest.raises(OutboundRefused, match="https"):
        outbound.check("http://93.184.215.14/")
    with pytest.raises(OutboundRefused, match="https"):
        await outbound.post(f"http://{NAME}/", b"{}", {}, 5, 100)
    CheckedOutbound(LOOPBACK).check("http://127.0.0.1:9/")


async def test_no_redirect_is_followed():
    async with listening(says(b"", "302 Found", "Location: http://127.0.0.1:1/")) as heard:
        answer = await CheckedOutbound(LOOPBACK).post(
            f"http://127.0.0.1:{heard.port}/", b"{}", {}, 5, 100
        )

    assert (answer.status, answer.is_success, len(heard.requests)) == (302, False, 1)


async def test_no_more_is_read_than_was_asked_for():
    async with listening(says(b"x" * 1_000_000)) as heard:
        answer = await CheckedOutbound(LOOPBACK).post(
            f"http://127.0.0.1:{heard.port}/", b"{}", {}, 5, 100
        )

    assert (answer.content, answer.is_cut) == (b"x" * 100, True)


async def test_who_never_answers_is_waited_for_as_long_as_was_said():
    async with listening(b"") as heard:
        with pytest.raises(OutboundFailed, match=r"within 0\.2 s"):
            await CheckedOutbound(LOOPBACK).post(
                f"http://127.0.0.1:{heard.port}/", b"{}", {}, 0.2, 100
            )


async def test_what_is_no_http_is_a_failure():
    async with listening(b"220 mail.example ESMTP\r\n") as heard:
        with pytest.raises(OutboundFailed):
            await CheckedOutbound(LOOPBACK).post(
                f"http://127.0.0.1:{heard.port}/", b"{}", {}, 5, 100
            )


async def test_a_name_that_is_not_known_is_a_failure():
    async def resolve(host, port):
        raise OSError("Name or service not known")

    with pytest.raises(OutboundFailed, match="no address"):
        await CheckedOutbound(resolve=resolve).post(f"https://{NAME}/", b"{}", {}, 5, 100)


def certified(directory, name):
    """A certificate of its own for ``name``: the server's context, and a client's that trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file = directory / "both.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(("called", "is_trusted"), [(NAME, True), ("other.example", False)])
async def test_the_certificate_must_be_of_the_name_not_of_the_address(tmp_path, called, is_trusted):
    server, client = certified(tmp_path, NAME)
    async with listening(says(), server) as heard:
        outbound = CheckedOutbound(LOOPBACK, resolve=named(["127.0.0.1"]), context=lambda: client)
        sent = outbound.post(f"https://{called}:{heard.port}/", b"{}", {}, 5, 100)

        if is_trusted:
            assert (await sent).status == 200
        else:
            with pytest.raises(OutboundFailed, match="certificate"):
                await sent
