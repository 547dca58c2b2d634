"""What open consoles cost the server, and how soon and how smoothly one shows what happens.

Run `python -m bench.consoles`. A busy fleet: each station charges, says what its meter reads every
10 s, has a change of status every 30 s and a Heartbeat every 60 s. A console is what an open page
of the fleet is: a session and its stream of events; what it loads when it is opened stands apart.
Periods with consoles and without alternate in one run; the cost is that of a message, all told.
With a browser (not with --no-browser): from a StatusNotification sent to its tile changed, and the
times between frames with every tile there. `--short` is a look whether all of it runs.
"""

import argparse
import asyncio
import resource
import statistics
import sys

import uvloop

from bench import window
from bench.busy import Bench, Heard, row, running

ALLOWED_MORE = 0.30  # CPU of the server, with all consoles open


async def cost(made: Bench, options: argparse.Namespace) -> bool:
    """What consoles cost, in turns; whether that is as little as is allowed."""
    more = []
    await asyncio.sleep(4 * options.settle)  # until what begins with a fleet is over
    row(f"{options.stations} stations, {options.consoles} consoles", "none", "open", "more")
    for number in range(options.rounds):
        await asyncio.sleep(options.settle)
        without = await made.period(options.seconds, Heard())
        async with made.consoles(options.consoles) as heard:
            await asyncio.sleep(options.settle)
            with_all = await made.period(options.seconds, heard)
        more.append(with_all.of_message_us / without.of_message_us - 1)
        row(
            f"round {number + 1}: CPU of the server for a message",
            f"{without.of_message_us:.0f} µs",
            f"{with_all.of_message_us:.0f} µs",
            f"{more[-1]:+.0%}",
        )
        row("of one processor", f"{without.share:.1%}", f"{with_all.share:.1%}", "")
        each = [with_all.heard.events, with_all.heard.pieces, with_all.heard.octets / 1024]
        told = [value / with_all.seconds / options.consoles for value in each]
        row(
            "messages a second", *(f"{p.messages / p.seconds:.0f}" for p in (without, with_all)), ""
        )
        row("events, pieces, KiB a second of a console", *(f"{value:.1f}" for value in told))
    found = statistics.median(more)
    row(
        "more with the consoles open (median; allowed)", f"{found:+.0%}", f"{ALLOWED_MORE:+.0%}", ""
    )
    return found <= ALLOWED_MORE


async def run(options: argparse.Namespace) -> bool:
    """Every measurement that is asked for; whether all is as it must be."""
    async with running(options) as made:
        is_good = await cost(made, options)
        if options.pages:
            seconds, spent = await made.load(options.pages)
            each = f"{spent / options.pages * 1000:.0f} ms"
            row(
                f"opening {options.pages} pages of the fleet",
                f"{seconds:.1f} s",
                "CPU of each",
                each,
            )
        if options.browser:
            is_good = await window.measure(made, options) and is_good
    return is_good


def main() -> int:
    """1 if something costs more, or takes longer, than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=2000)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15.0, help="of a period")
    parser.add_argument("--settle", type=float, default=3.0, help="seconds between periods")
    parser.add_argument("--pages", type=int, default=50, help="to load the fleet into")
    parser.add_argument("--probes", type=int, default=100, help="changes to wait for in a browser")
    parser.add_argument("--no-browser", dest="browser", action="store_false")
    parser.add_argument("--short", action="store_true", help="too few to say anything")
    options = parser.parse_args()
    if options.short:
        options.stations, options.consoles, options.rounds = 50, 10, 1
        options.seconds, options.settle, options.pages, options.probes = 2.0, 1.0, 2, 10
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    is_good = uvloop.run(run(options))
    return int(not is_good and not options.short)


if __name__ == "__main__":
    sys.exit(main())
