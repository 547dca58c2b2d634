"""A driver that is a person: told at the terminal what to have the CSMS do."""

import asyncio
import json
import os
import termios
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.drivers.http import templates
from voltkeep.lab.drivers.words import WORDS
from voltkeep.lab.plan import Plan
from voltkeep.ocpp.errors import plain

_ORDER_S = 600.0  # that a person has for an order
_CASE_S = 3600.0
_RESERVATION_S = 300  # that a reservation lasts, which ends within its case
_LONGEST_LINE = 4096  # bytes of what was typed
_BELOW = ("profile", "signature", "signing_certificate", "certificate")
_HOW = "Press Enter when it is ordered; s and Enter if the CSMS cannot do it."
_WAITING = (
    "  Waiting for it. f and Enter if nothing comes: the case has failed;"
    " s and Enter if something else was ordered: it is inconclusive."
)

Show = Callable[[str], None]


class ManualDriver(Driver):
    """Asks a person, one order at a time, and goes on as soon as the station has heard of it.

    ``show`` writes lines for the person; ``source`` is where the answers are typed.
    """

    at_once = False
    ends_on_arrival = True

    def __init__(self, show: Show, source: int = 0) -> None:
        self._show = show
        self._source = source
        self._templates = templates()
        self._turn = asyncio.Lock()
        self._typed = b""
        self._heading = ""  # until it was shown

    def announce(self, heading: str) -> None:
        self._heading = heading

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        """Until it has come, or the person knows better."""
        message = WORDS[operation].message
        async with self._turn:
            lines = self._instruction(operation, station, arguments)
            if self._heading:
                lines = ["", f"== {plain(self._heading)} ==", *lines]
                self._heading = ""
            self._show("\n".join(lines))
            self._forget_typed()
            try:
                if await self._answer() == "s":
                    raise NotMapped(f"the CSMS cannot be told: {message}")
                self._show(_WAITING)
                while (answer := await self._answer()) not in {"f", "s"}:
                    self._show(_WAITING)
            except asyncio.CancelledError:
                self._show("  That is settled.")
                raise
        if answer == "s":
            raise NotMapped(f"something else was ordered in place of {message}")
        raise Refused("a person ordered it, and waited for it no longer")

    async def close(self) -> None:
        """Nothing is held."""

    def _instruction(self, operation: str, station: str, arguments: Mapping[str, Any]) -> list[str]:
        words = WORDS[operation]
        order = self._templates.from_string(words.order).render(arguments)
        lines = [
            f"> Have the CSMS send {words.message} to {plain(station)}: {plain(order)}.",
            *(line for name in _BELOW for line in _below(name, arguments.get(name))),
        ]
        return [*lines, f"  {_HOW}"]

    def _forget_typed(self) -> None:
        """What was typed before the question is no answer to it."""
        if os.isatty(self._source):
            termios.tcflush(self._source, termios.TCIFLUSH)
            self._typed = b""

    async def _answer(self) -> str:
        """The first letter of the next line."""
        return (await self._line()).strip().lower()[:1]

    async def _line(self) -> str:
        """The next line that is typed. Raises NotMapped: nobody is there to type."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._typed:
            readable = loop.create_future()
            try:
                loop.add_reader(self._source, _note, readable)
            except (OSError, ValueError):
                raise NotMapped("nobody can be asked: there is no terminal") from None
            try:
                await readable
            finally:
                loop.remove_reader(self._source)
            try:
                read = os.read(self._source, _LONGEST_LINE)
            except OSError:  # a terminal that is gone
                read = b""
            if not read:
                raise NotMapped("nobody can be asked: the terminal was closed")
            self._typed = (self._typed + read)[-_LONGEST_LINE:]
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace")


def patient(plan: Plan) -> Plan:
    """A plan with the time that a person needs."""
    given = plan.deadlines
    deadlines = replace(
        given, order_s=max(given.order_s, _ORDER_S), case_s=max(given.case_s, _CASE_S)
    )
    lasts_s = max(plan.reservation_s, _RESERVATION_S)
    return replace(plan, deadlines=deadlines, reservation_s=lasts_s)


def _note(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)


def _below(name: str, value: Any) -> list[str]:
    """What is too long for a sentence."""
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=2, default=str)
    return [f"  {name}:", *(f"    {plain(line)}" for line in text.splitlines())]
