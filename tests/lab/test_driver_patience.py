"""The driver for any HTTP API neither waits nor reads for ever."""

import asyncio
import socket
from typing import Any

import pytest

from voltkeep.lab.driver import Refused
from voltkeep.lab.drivers.load import load_driver


async def test_an_api_that_is_silent_is_a_refusal(tmp_path, silent_port):
    path = tmp_path / "driver.toml"
    url = f"http://127.0.0.1:{silent_port}"
    path.write_text(f'base_url = "{url}"\ntimeout_s = 0.1\n[operations.clear_cache]\npath = "/"')
    driver = load_driver(path, {})

    with pytest.raises(Refused, match="no answer of the API"):
        await driver.clear_cache("CS-1")
    await driver.close()


@pytest.fixture
def silent_port():
    """Of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
async def endless():
    """An API whose answers never end; each byte of them comes after so many seconds."""
    writing: set[asyncio.Task[Any]] = set()
    pauses: list[float] = []

    async def answer(reader, writer):
        task = asyncio.current_task()
        assert task is not None
        writing.add(task)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"1\r\nx\r\n" if pauses else b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            while True:
                writer.write(block)
                await writer.drain()
                await asyncio.sleep(pauses[0] if pauses else 0)
        except ConnectionError:
            pass  # it was enough
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pauses
    server.close()
    for task in writing:
        task.cancel()
    await asyncio.wait(writing)


async def refusal(tmp_path, url, timeout_s):
    path = tmp_path / "driver.toml"
    path.write_text(
        f'base_url = "{url}"\ntimeout_s = {timeout_s}\n[operations.clear_cache]\npath = "/"'
    )
    driver = load_driver(path, {})
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(driver.clear_cache("CS-1"), 30)
    await driver.close()
    return str(refused.value)


async def test_an_answer_without_end_is_read_no_further_than_needed(endless, tmp_path):
    told = await refusal(tmp_path, endless[0], 60)

    assert told.startswith("the API answered 500: xxx")
    assert len(told) < 500


async def test_an_answer_that_trickles_has_the_time_of_an_operation(endless, tmp_path):
    endless[1].append(0.02)

    assert await refusal(tmp_path, endless[0], 0.2) == "no answer of the API in 0.2 s"
