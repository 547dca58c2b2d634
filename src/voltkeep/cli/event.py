"""`voltkeep event tail`: what happens, as a server elsewhere tells it."""

import sys
from typing import Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import encode
from voltkeep.cli.token import tenant_of

group = typer.Typer(
    help="Follow what happens, over the API of a server.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@command(
    group,
    "tail",
    examples=("--server http://127.0.0.1:8080 event tail --type transaction.*",),
)
async def tail(
    run: Run,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only these: station.booted, transaction.* …"),
    ] = None,
    stations: Annotated[
        list[str] | None, typer.Option("--station", metavar="STATION", help="Only of these.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after this event; 0 is all that is kept.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on with what happens.")
    ] = True,
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")] = "default",
) -> None:
    """One event a line, as JSON. After a break it goes on where it was."""
    if not run.server:
        raise Failure(
            "Events are told by a server.",
            "Say which: --server http://127.0.0.1:8080, or VOLTKEEP_SERVER.",
            ExitCode.USAGE,
        )
    async with run.remote() as elsewhere:
        events = elsewhere.client(tenant_of(tenant)).stream_events(
            types=",".join(types) if types else None,
            stations=",".join(stations) if stations else None,
            after=after,
            follow=follow,
            resume=follow,
        )
        async for event in events:
            run.out.line(encode(event.data))
            sys.stdout.flush()
