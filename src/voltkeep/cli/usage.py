"""A command that was typed wrong fails as every command fails: in our words, as JSON if asked."""

import contextlib
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Output

_NUMBERS = {
    "int_parsing": "it is no whole number",
    "int_from_float": "it is no whole number",
    "float_parsing": "it is no number",
    "finite_number": "it is no number",
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than_equal": "it can be at most {le:g}",
}
_PREFIX = "Value error, "  # of the library that looks at values for Typer


class Tree(TyperGroup):
    """The root of the commands."""

    _as_json = False

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        self._as_json = "--json" in args
        with self._told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        with self._told():
            return super().invoke(ctx)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except typer.TyperException as error:
            if isinstance(error, typer.BadParameter):
                error.message = _reworded(error)
            if not self._as_json:
                raise
            ctx = getattr(error, "ctx", None)
            next_step = f"`{ctx.command_path} --help` tells what there is." if ctx else ""
            message = error.format_message()
            if message.startswith("Usage: "):  # all of the help
                message = "A command is missing."
            Output(as_json=True).fail(Failure(message, next_step, ExitCode.USAGE))
            raise typer.Exit(ExitCode.USAGE) from error


def _reworded(error: typer.BadParameter) -> str:
    """What is wrong with a value, without the words of who has looked at it."""
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    first = found[0] if found else {}
    words = _NUMBERS.get(first.get("type", ""))
    if words is None:
        return error.message.removeprefix(_PREFIX)
    return words.format(**first.get("ctx", {})) + "."
