"""One socket and its limits, against the real thing: a TCP connection, and a foreign client."""

import asyncio
import contextlib
import struct
import sys
import zlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.gateway.csms import until
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.websocket import Socket


class Recorder:
    """A listener that keeps what it hears, and echoes it."""

    def __init__(self, socket):
        self.socket = socket
        self.messages = []
        self.oversize = []
        self.lost = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()

    def on_message(self, data, *, is_text):
        self.messages.append((data, is_text))
        self.news.set()
        self.socket.send(b"%d" % len(data))

    def on_oversize(self, head, size):
        self.oversize.append((head, size))
        self.socket.send(b"too large")

    def on_lost(self, reason):
        self.lost.set_result(reason)


class Door:
    """Listens on a free port and lets everybody in, unless told otherwise."""

    def __init__(self, limits, *, deflate=False, answers=True):
        self.limits = limits
        self.deflate = deflate
        self.answers = answers
        self.recorders = []
        self.closed = []

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: Socket(self.limits, self.requested, self.closed.append), "127.0.0.1", 0
        )
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for recorder in self.recorders:
            recorder.socket.abort("the test is over")

    def requested(self, socket, request):
        if not self.answers:
            return
        if request.path == "/no":
            socket.reject(401, "No.", {"WWW-Authenticate": "Basic"})
            return
        response = socket.prepare(request, "ocpp1.6", deflate=self.deflate)
        recorder = Recorder(socket)
        if response is not None and socket.upgrade(response, recorder):
            self.recorders.append(recorder)

    def connect(self, path="/yes", **options):
        options.setdefault("compression", None)
        return connect(
            f"ws://127.0.0.1:{self.port}{path}", subprotocols=[Subprotocol("ocpp1.6")], **options
        )

    async def raw(self):
        """An upgraded connection of which we write every byte."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer


UPGRADE = (
    b"GET /yes HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)
MASK = bytes(4)


def frame(opcode, payload=b"", *, fin=True):
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes(((0x80 if fin else 0) | opcode,)) + length + MASK + payload


TEXT, BINARY, CONT, CLOSE, PING = 1, 2, 0, 8, 9


async def closed_with(reader):
    """The close code the server sends, whatever came before it."""
    data = await asyncio.wait_for(reader.read(), 5)
    at = data.rindex(b"\x88")
    return int.from_bytes(data[at + 2 : at + 4], "big")


async def test_a_message_arrives_and_an_answer_leaves():
    async with Door(Limits()) as door, door.connect() as client:
        await client.send("hello")

        assert await client.recv() == "5"
        assert client.subprotocol == "ocpp1.6"
        assert door.recorders[0].messages == [(b"hello", True)]


async def test_a_refusal_is_an_http_answer():
    async with Door(Limits()) as door:
        with pytest.raises(InvalidStatus) as caught:
            async with door.connect("/no"):
                pass

    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["WWW-Authenticate"] == "Basic"


async def test_fragments_make_one_message():
    async with Door(Limits()) as door, door.connect() as client:
        await client.send(["he", "l", "lo"])

        assert await client.recv() == "5"


async def test_a_message_over_the_limit_costs_the_message_and_not_the_connection():
    async with Door(Limits(message_bytes=1000)) as door, door.connect() as client:
        await client.send("x" * 1001)
        assert await client.recv() == "too large"

        await client.send("y" * 1000)
        assert await client.recv() == "1000"
    assert door.recorders[0].oversize == [(b"x" * 256, 1001)]


async def test_far_over_the_limit_the_connection_is_closed_at_the_announcement():
    async with Door(Limits(discard_bytes=2000)) as door:
        reader, writer = await door.raw()
        writer.write(b"\x81\xff" + struct.pack("!Q", 2**40) + MASK)

        assert await closed_with(reader) == 1009
        writer.close()


@pytest.mark.parametrize("piece", [b"", b"x"])
async def test_endless_fragments_are_cut_off(piece):
    async with Door(Limits(fragments_per_message=50, frames_burst=1000)) as door:
        reader, writer = await door.raw()
        writer.write(frame(TEXT, b"x", fin=False) + frame(CONT, piece, fin=False) * 60)

        assert await closed_with(reader) == 1009
        writer.close()


async def test_a_flood_of_pings_is_read_slowly():
    """The budget counts control frames; over it TCP pushes back, and nothing is lost."""
    async with Door(Limits(frames_burst=100, frames_per_s=5000)) as door:
        reader, writer = await door.raw()
        loop = asyncio.get_running_loop()
        started = loop.time()
        writer.write(frame(PING) * 2000 + frame(TEXT, b"after"))

        answer = b""
        while not answer.endswith(b"\x81\x015"):
            answer += await asyncio.wait_for(reader.read(65536), 5)

        assert answer.count(b"\x8a\x00") == 2000
        # Two of three slices of 4 KiB were over the budget, and waited for it.
        assert loop.time() - started > 0.2
        writer.close()


async def test_a_burst_is_not_slowed_down():
    async with Door(Limits(frames_burst=200, frames_per_s=0.001)) as door, door.connect() as client:
        for _ in range(150):
            await client.send("x")
            await asyncio.wait_for(client.recv(), 5)


async def test_a_flood_of_empty_messages_is_read_slowly():
    """Row 21, with 4,000 of them instead of 400,000."""
    async with Door(Limits(frames_burst=100, frames_per_s=8000)) as door:
        reader, writer = await door.raw()
        loop = asyncio.get_running_loop()
        started = loop.time()
        writer.write(frame(TEXT) * 4000)

        answer = b""
        while len(answer) < 4000 * 3:
            answer += await asyncio.wait_for(reader.read(65536), 5)

        assert answer == b"\x81\x010" * 4000
        assert loop.time() - started > 0.2
        writer.close()


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"\x81\x05hello", id="unmasked"),
        pytest.param(b"\xc1\x80" + MASK, id="reserved bit"),
        pytest.param(b"\x83\x80" + MASK, id="reserved opcode"),
        pytest.param(b"\x09\x80" + MASK, id="fragmented ping"),
        pytest.param(b"\x89\xfe\x00\x7e" + MASK + b"x" * 126, id="long ping"),
        pytest.param(frame(CONT, b"x"), id="continuation of nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"x"), id="message in a message"),
    ],
)
async def test_what_is_no_websocket_is_closed(bad):
    async with Door(Limits()) as door:
        reader, writer = await door.raw()
        writer.write(bad)

        assert await closed_with(reader) == 1002
        writer.close()


async def test_who_does_not_ask_for_an_upgrade_is_dropped():
    async with Door(Limits(handshake_timeout_s=0.1)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"GET /yes HTTP/1.1\r\nHost")

        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_the_time_to_answer_an_upgrade_is_bounded_too():
    async with Door(Limits(handshake_timeout_s=0.1), answers=False) as door:
        with pytest.raises((ConnectionClosed, EOFError, OSError, Exception)):
            async with door.connect():
                pass
        await until(lambda: door.closed)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /yes HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /yes HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /yes HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"GET /yes HTTP/1.1\r\nbad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_upgrade_is_answered_or_dropped_and_kept_nowhere(request_):
    async with Door(Limits(handshake_timeout_s=0.3)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(request_)

        with contextlib.suppress(ConnectionResetError):
            answer = await asyncio.wait_for(reader.read(), 5)
            assert b" 101 " not in answer
            assert b"Traceback" not in answer
        await until(lambda: door.closed)
        writer.close()
    assert not door.recorders


async def test_a_peer_that_does_not_read_is_dropped():
    async with Door(Limits(write_timeout_s=0.1)) as door:
        _, writer = await door.raw()
        await until(lambda: door.recorders)
        recorder = door.recorders[0]

        while not recorder.lost.done():
            recorder.socket.send(b"x" * 60_000)
            await asyncio.sleep(0)

        assert recorder.lost.result() == "the station does not read"
        writer.close()


async def test_without_a_reader_the_socket_is_not_read():
    async with Door(Limits()) as door, door.connect() as client:
        recorder = door.recorders[0]
        recorder.socket.pause("queue")
        await client.send("held back")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.05)

        recorder.socket.pause("other")
        recorder.socket.resume("queue")
        assert not recorder.messages
        recorder.socket.resume("other")

        assert await client.recv() == "9"


async def test_compression_is_agreed_to_only_when_asked_for_and_bounded():
    async with Door(Limits(message_bytes=10_000), deflate=True) as door:
        async with door.connect(compression="deflate") as client:
            await client.send("x" * 9000)
            assert await client.recv() == "9000"
            assert "deflate" in client.response.headers["Sec-WebSocket-Extensions"]
        async with door.connect() as client:
            assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_a_deflate_bomb_is_defused():
    async with Door(Limits(), deflate=True) as door:
        async with door.connect(compression="deflate") as client:
            bomb = zlib.compressobj(9, zlib.DEFLATED, -12)
            data = bomb.compress(bytes(20_000_000)) + bomb.flush(zlib.Z_SYNC_FLUSH)
            client.transport.write(b"\xc1\xfe" + struct.pack("!H", len(data[:60_000])) + MASK)
            client.transport.write(data[:60_000])

            with pytest.raises(ConnectionClosed):
                await client.recv()
        assert client.close_code == 1009
        assert not door.recorders[0].messages


@pytest.mark.parametrize("kind", ["one", "fragments"])
async def test_a_bomb_leaves_nothing_behind(kind):
    """Row 18: a process that met ten more of them has grown by less than 1 MiB.

    One costs what is inflated before it is known for what it is, `discard_bytes`, for a moment.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.bombs", kind), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    codes, highest, growth = out.decode().rsplit(maxsplit=2)

    assert codes == "{1009}"
    assert int(highest) < 5 * 1024
    assert int(growth) < 1024


async def test_who_leaves_without_a_word_is_noticed():
    async with Door(Limits()) as door:
        _, writer = await door.raw()
        await until(lambda: door.recorders)
        writer.transport.abort()

        reason = await asyncio.wait_for(door.recorders[0].lost, 5)
        assert reason == "connection lost"
        await until(lambda: door.closed)


async def test_a_close_says_why():
    async with Door(Limits()) as door, door.connect() as client:
        await until(lambda: door.recorders)
        door.recorders[0].socket.close(1012, "restart")
        with pytest.raises(ConnectionClosed):
            await client.recv()

        assert (client.close_code, client.close_reason) == (1012, "restart")
        assert await asyncio.wait_for(door.recorders[0].lost, 5) == "restart"


async def test_what_came_before_the_peers_close_is_heard_though_both_come_at_once():
    """Stations that take a new key answer, close and return: the answer is what counts (A01)."""
    async with Door(Limits()) as door:
        _, writer = await door.raw()

        writer.write(frame(TEXT, b"accepted") + frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"late"))
        with contextlib.closing(writer):
            await until(lambda: door.closed)

        assert door.recorders[0].messages == [(b"accepted", True)]
