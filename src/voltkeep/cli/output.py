"""What commands write: data to stdout, as tables for people or as JSON; messages to stderr."""

import functools
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from voltkeep.cli.errors import Failure
from voltkeep.cli.text import escape


class Cell(NamedTuple):
    """A cell of a table in a style of rich's, which only a terminal shows."""

    text: str
    style: str


class Output:
    """Where one command writes, and whether it writes for people or for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def data(self, value: object, *, indent: int | None = None) -> None:
        """One JSON document on a line of its own."""
        sys.stdout.write(encode(value, indent) + "\n")

    def line(self, text: str = "") -> None:
        """A line of the result, for people. The caller has escaped what is not ours."""
        sys.stdout.write(text + "\n")

    def say(self, text: str) -> None:
        """A message beside the result."""
        sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def fail(self, failure: Failure) -> None:
        message = escape(failure.message)
        if self.as_json:
            error = {
                "error": failure.code.name.lower().replace("_", "-"),
                "message": message,
                "next_step": failure.next_step,
            }
            self.say(encode(error))
            return
        self.say(f"Error: {message}")
        if failure.next_step:
            self.say(failure.next_step)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Cell | str]]) -> None:
        """Aligned columns; on a terminal fitted to its width."""
        if not sys.stdout.isatty():
            for line in _aligned([tuple(heads), *(tuple(map(_text, row)) for row in rows)]):
                self.line(line)
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(*heads, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*(Text(_text(cell), _style(cell)) for cell in row))
        _console().print(table)

    def pairs(self, pairs: Iterable[tuple[str, Cell | str]]) -> None:
        """Names and what they are, one a line; those without a value are left out."""
        shown = [(name, cell) for name, cell in pairs if _text(cell)]
        width = max((len(name) for name, _ in shown), default=0)
        for name, cell in shown:
            self.styled(f"{name:<{width}}  ", cell)

    def styled(self, before: str, cell: Cell | str, after: str = "") -> None:
        """A line with a part in a style, on a terminal."""
        if not sys.stdout.isatty() or not _style(cell):
            self.line(before + _text(cell) + after)
            return
        from rich.text import Text

        _console().print(Text.assemble(before, (_text(cell), _style(cell)), after), soft_wrap=True)


def encode(value: object, indent: int | None = None) -> str:
    """JSON in ASCII, so that nothing in it can act on a terminal either."""
    plain = msgspec.to_builtins(value, enc_hook=_builtin)
    return json.dumps(plain, indent=indent).replace("\x7f", "\\u007f")


def _builtin(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    return str(value)


def _text(cell: Cell | str) -> str:
    return escape(cell.text if isinstance(cell, Cell) else cell)


def _style(cell: Cell | str) -> str:
    return cell.style if isinstance(cell, Cell) else ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()


@functools.cache
def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
