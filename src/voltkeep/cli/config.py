"""`voltkeep config`: what is set, and where."""

from typing import Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.output import encode
from voltkeep.cli.text import escape
from voltkeep.config import fields, public_value

group = typer.Typer(help="See what is set, and where.", no_args_is_help=True, rich_markup_mode=None)


@command(group, "show", examples=("config show --origin",))
async def show(
    run: Run,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say for each setting what decided it.")
    ] = False,
) -> None:
    """Every setting as it counts here, in the form of a settings file; passwords are hidden."""
    settings, origins = run.loaded
    rows = [(name, _shown(name, getattr(settings, name)), origins[name]) for name in fields()]
    if run.out.as_json:
        run.out.data({name: {"value": value, "origin": of} for name, value, of in rows})
        return
    texts = [f"{name} = {encode(value)}" for name, value, _ in rows]
    width = max(map(len, texts))
    for text, (_, _, of) in zip(texts, rows, strict=True):
        run.out.line(escape(f"{text:<{width}}  # {of}") if origin else escape(text))


def _shown(name: str, value: Any) -> Any:
    match value:
        case bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case _:
            return public_value(name, value)
