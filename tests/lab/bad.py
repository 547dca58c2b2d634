"""CSMSs that are away, slow, silent or mad, on loopback: one coroutine each."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Talk = Callable[[ServerConnection], Awaitable[None]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def speaking(talk: Talk) -> AsyncIterator[str]:
    """Let everyone in, and then do this; the URL."""

    async def talked(socket):
        with contextlib.suppress(ConnectionClosed):
            await talk(socket)

    async with serve(
        talked,
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol("ocpp1.6")],
        compression=None,
        close_timeout=0.5,
    ) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def answering(raw: Raw) -> AsyncIterator[str]:
    """Do this with each TCP connection; the URL."""
    open_ = set()

    async def served(reader, writer):
        open_.add(writer)
        with contextlib.suppress(OSError):
            await raw(reader, writer)

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in open_:
            writer.transport.abort()
        await server.wait_closed()


# What is not even a WebSocket


async def says_nothing(reader, writer):
    """TCP, and no answer."""
    await reader.read()


async def hangs_up(reader, writer):
    """TCP, and its end."""
    writer.close()


async def is_no_http(reader, writer):
    """Words that are none of HTTP, with what a terminal would act on."""
    writer.write(b"\x1b[2J<script>alert(1)</script> SSH-2.0\r\n\r\n")
    await writer.drain()
    writer.close()


def refuses(status, *headers, body=""):
    """HTTP with this status."""

    async def refused(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status} No", f"Content-Length: {len(body)}", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await writer.drain()
        writer.close()

    return refused


# What is a WebSocket, and no OCPP


async def is_mute(socket):
    """Lets one in, and answers nothing."""
    async for _ in socket:
        pass


async def closes(socket):
    """Lets one in, and out again."""
    await socket.close(1011, "\x1b[31mno <b>way</b>")


async def closes_in_the_middle(socket):
    """Hears a CALL, and closes."""
    await socket.recv()
    await socket.close(1000, "enough")


async def breaks(socket):
    """Hears a CALL, and is gone."""
    await socket.recv()
    socket.transport.abort()


def answers(make):
    """Answer each CALL with what `make` makes of its id and action: a frame, or several."""

    async def answered(socket):
        async for data in socket:
            _, id_, action, _ = json.loads(data)
            made = make(id_, action)
            for frame in made if isinstance(made, list) else [made]:
                await socket.send(frame)

    return answered


def right(id_, action):
    """An answer as it should be."""
    now = datetime.now(UTC).isoformat()
    said = {
        "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 1},
        "Heartbeat": {"currentTime": now},
    }
    return json.dumps([3, id_, said.get(action, {})])


def slow(seconds):
    """Answers rightly, and too late."""

    async def answered(socket):
        async for data in socket:
            _, id_, action, _ = json.loads(data)
            await asyncio.sleep(seconds)
            await socket.send(right(id_, action))

    return answered


def floods(frame):
    """Sends frames, as fast as they are taken, and answers nothing."""

    async def flooded(socket):
        for number in itertools.count():
            await socket.send(frame(number))

    return flooded
