"""A CSMS of its own that may open few files; run by `test_descriptors`."""

import asyncio
import resource
import sys

import uvloop

from tests.gateway.csms import Csms
from voltkeep.gateway.limits import Limits

FILES = 60


async def serve():
    async with Csms(Limits(accepts_burst=1000, handshake_timeout_s=60)) as csms:
        await csms.add("CS-1")
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        sys.stdout.write(f"{csms.address.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    loop = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}[sys.argv[1]]
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(serve())
