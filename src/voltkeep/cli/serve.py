"""`voltkeep serve`: its flags, one for each setting."""

from typing import Annotated

import typer

from voltkeep.cli.command import LoopFactory, Run, command
from voltkeep.config import fields

_EVERYWHERE = {"data", "database"}  # every command has these
FLAGS = tuple(name for name, field in fields().items() if field.flag and name not in _EVERYWHERE)


def _event_loop(run: Run) -> LoopFactory | None:
    if run.settings.event_loop == "asyncio":
        return None
    import uvloop

    return uvloop.new_event_loop


def add_to(tree: typer.Typer) -> None:
    """Make it a command of the tree."""
    command(
        tree,
        "serve",
        examples=("serve --demo", "serve --ocpp 0.0.0.0:9000"),
        settings=FLAGS,
        event_loop=_event_loop,
    )(serve)


async def serve(
    run: Run,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Ten simulated stations charge, on a database of their own."),
    ] = False,
) -> None:
    """Run the server: stations connect, and what happens is told here. Ctrl-C ends it.

    Each setting has a flag; `voltkeep config show --origin` tells where it has its value from.
    """
    from voltkeep.cli.server import run_server

    await run_server(run, demo=demo)
