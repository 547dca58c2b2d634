"""A process that may open no more files says so, and goes on when it may again."""

import asyncio
import contextlib
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.gateway.csms import Talker
from tests.gateway.few_files import FILES


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_a_server_out_of_files_says_so_and_survives(loop):
    """Who is connected is served on, and who comes later is let in."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.gateway.few_files",
        loop,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            assert process.stdout is not None
            port = int(await process.stdout.readline())
            async with station(port) as early:
                crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(FILES)]
                await said(process.stdout, b"too many open files")
                assert await early.is_alive()
                for _, writer in crowd:
                    writer.close()
                await said(process.stdout, b"accepted again")
                assert await early.is_alive()
            async with station(port) as late:
                assert await late.is_alive()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def station(port):
    async with connect(
        f"ws://127.0.0.1:{port}/ocpp/CS-1", subprotocols=[Subprotocol("ocpp1.6")], compression=None
    ) as socket:
        yield Talker(socket, "ocpp1.6")


async def said(output, words):
    async for line in output:
        if words in line:
            return
    pytest.fail(f"it never said {words.decode()}")
