"""A TLS server that chooses DEFLATE where it is offered.

OpenSSL is seldom built to do so: its ServerHello is changed. Nobody can go on from there; those who
do not offer it are served as before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_RECORD, _SUITE = 5, 2
_BEFORE_SESSION = _RECORD + 4 + 34  # the header of the handshake, the version and the random
_DEFLATE = 1


@contextlib.asynccontextmanager
async def compressing(port: int) -> AsyncIterator[int]:
    """Stand before a TLS server until the block ends; the port to connect to."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, beyond = await asyncio.open_connection("127.0.0.1", port)
        try:
            with contextlib.suppress(OSError, EOFError):
                offer = await _record(reader)
                beyond.write(offer)
                choice = await _record(behind)
                writer.write(_choosing_deflate(choice) if _offers_deflate(offer) else choice)
                await asyncio.gather(_pass_on(reader, beyond), _pass_on(behind, writer))
        finally:
            beyond.close()
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _record(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(_RECORD)
    return head + await reader.readexactly(int.from_bytes(head[3:], "big"))


def _offers_deflate(hello: bytes) -> bool:
    at = _BEFORE_SESSION
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    return _DEFLATE in hello[at + 1 : at + 1 + hello[at]]


def _choosing_deflate(hello: bytes) -> bytes:
    at = _BEFORE_SESSION
    at += 1 + hello[at] + _SUITE
    return hello[:at] + bytes([_DEFLATE]) + hello[at + 1 :]
