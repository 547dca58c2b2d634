"""A certification case: what it is called, whom it applies to, and the script that plays it."""

import ast
import enum
import inspect
import textwrap
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from voltkeep.lab.bench import Bench

Script = Callable[["Bench"], Awaitable[None]]

EVERY_PROFILE = (1, 2, 3)
WITH_PASSWORD = (1, 2)
OVER_TLS = (2, 3)
WITH_CERTIFICATE = (3,)


class Functionality(enum.StrEnum):
    """What a certificate lists: the feature profiles of OCPP 1.6, section 3.3, and security."""

    CORE = "Core"
    FIRMWARE_MANAGEMENT = "Firmware Management"
    LOCAL_AUTH_LIST = "Local Auth List Management"
    RESERVATION = "Reservation"
    SMART_CHARGING = "Smart Charging"
    REMOTE_TRIGGER = "Remote Trigger"
    SECURITY = "Security"


class Case(Struct, frozen=True, kw_only=True):
    """One case. ``profiles`` are the security profiles it applies to.

    ``official``: it is of OCA's list; else a case of our own beyond it.
    """

    id: str
    name: str
    functionality: Functionality
    source: str
    profiles: tuple[int, ...]
    script: Script
    official: bool = True

    @property
    def purpose(self) -> str:
        """What it is for: the script's docstring."""
        return inspect.getdoc(self.script) or ""

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done, in order: the texts that the script gives to `Bench.step`."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.script)))
        calls = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "step"
        ]
        calls.sort(key=lambda node: node.lineno)
        return tuple(_text(node.args[0]) for node in calls)


def case(
    id: str,
    name: str,
    functionality: Functionality,
    *,
    source: str,
    profiles: tuple[int, ...] = EVERY_PROFILE,
    official: bool = True,
) -> Callable[[Script], Case]:
    """Make a case of the script below."""

    def made(script: Script) -> Case:
        return Case(
            id=id,
            name=name,
            functionality=functionality,
            source=source,
            profiles=profiles,
            script=script,
            official=official,
        )

    return made


def _text(node: ast.expr) -> str:
    """A text as it stands in the script; what is filled in is shown in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return ast.unparse(node)
