"""What deflate bombs cost a process, in KiB; run by `test_websocket`.

Argument: "one" for one frame, "fragments" for a bomb in each fragment of a message. Prints the
close codes, by how much the first of them raised the highest point of the resident set, and by
how much ten more have raised the set itself.
"""

import asyncio
import contextlib
import re
import struct
import sys
import zlib
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.gateway.test_websocket import MASK, Door
from voltkeep.gateway.limits import Limits

BOMBS = 10
OCPP = [Subprotocol("ocpp1.6")]
STATUS = Path("/proc/self/status")


def resident(what):
    (found,) = re.findall(rf"{what}:\s+(\d+) kB", STATUS.read_text())
    return int(found)


def bomb(kind):
    """20 MB of zeros in 19 KB; or a million in each of twenty fragments, a thousandth of that."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12)
    sizes = [20_000_000] if kind == "one" else [1_000_000] * 20
    parts = [deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH) for size in sizes]
    frames = b""
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        head = (0x41 if number == 0 else 0) | (0x80 if is_last else 0)
        frames += bytes((head, 0xFE)) + struct.pack("!H", len(part)) + MASK + part
    return frames


async def main(kind):
    frames = bomb(kind)
    async with Door(Limits(), deflate=True) as door:

        async def one(data):
            async with connect(f"ws://127.0.0.1:{door.port}/", subprotocols=OCPP) as client:
                client.transport.write(data)
                with contextlib.suppress(ConnectionClosed):
                    await client.recv()
                    await client.close()
                door.recorders.clear()  # as the server keeps nobody who has left
                return client.close_code

        await one(b"\x81\x82" + MASK + b"{}")
        start = resident("VmRSS")
        codes = {await one(frames)}
        after_one = resident("VmRSS")
        codes |= {await one(frames) for _ in range(BOMBS)}
        sys.stdout.write(f"{codes} {resident('VmHWM') - start} {resident('VmRSS') - after_one}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
