"""`voltkeep serve` with a watch on its event loop: how late are timers, in milliseconds?

Run by bench.storm. On SIGTERM it writes the 99th percentile and the worst to the file it was given.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
from pathlib import Path

import uvloop

from voltkeep.app import App
from voltkeep.cli.logs import server_logs
from voltkeep.config import load

_EVERY_S = 0.01


async def watch(late: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY_S
        await asyncio.sleep(_EVERY_S)
        late.append((loop.time() - due) * 1000)


async def main() -> dict[str, float]:
    settings = load({}, os.environ, None, "voltkeep").settings
    server_logs("warning", human=False, debug=False)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    late: list[float] = []
    async with App(settings).running(serve=True):
        watching = asyncio.create_task(watch(late))
        await stop.wait()
        watching.cancel()
    return {"p99_ms": statistics.quantiles(late, n=100)[98], "worst_ms": max(late)}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        Path(sys.argv[1]).write_text(json.dumps(runner.run(main())))
