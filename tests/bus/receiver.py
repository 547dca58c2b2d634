"""An endpoint of others, on loopback: it records what it is told, and answers as it likes."""

import asyncio
from contextlib import asynccontextmanager

from msgspec import json

_SOON_S = 8.0  # less than after what a line looks by itself


class Got:
    """One request."""

    def __init__(self, headers, body):
        self.headers = headers
        self.body = body

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def event(self):
        return json.decode(self.body)


class Receiver:
    """``answer`` says what a request is answered: a status, and header lines."""

    def __init__(self):
        self.got = []
        self.answer = lambda _: (204, "")
        self.hold = None  # an event: nothing is answered before it is set
        self.url = ""
        self._news = asyncio.Condition()

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, value in lines.items()}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            got = Got(headers, body)
            async with self._news:
                self.got.append(got)
                self._news.notify_all()
            if self.hold is not None:
                await self.hold.wait()
            status, more = self.answer(got)
            text = more if "\r\n\r\n" in more else more + "content-length: 0\r\n\r\n"
            writer.write(f"HTTP/1.1 {status} Said\r\n{text}".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def have(self, count):
        """What came, once it is so many."""
        async with asyncio.timeout(_SOON_S), self._news:
            await self._news.wait_for(lambda: len(self.got) >= count)
        return self.got

    def told_what(self):
        return [each.event["data"].get("what") for each in self.got]


@asynccontextmanager
async def receiving():
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    receiver.url = f"http://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.close()
