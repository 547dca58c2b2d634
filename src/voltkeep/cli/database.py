"""`voltkeep db`: the schema of the database."""

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.text import count
from voltkeep.config import make_data_directory, public_value

group = typer.Typer(help="Look after the database.", no_args_is_help=True, rich_markup_mode=None)


@command(group, "status")
async def status(run: Run) -> None:
    """Whether the database has the schema that this release needs."""
    from voltkeep.cli.logs import quiet_logs
    from voltkeep.store import schema_status

    quiet_logs(debug=run.debug)
    make_data_directory(run.settings)
    schema = await schema_status(run.settings.database_url)
    database = public_value("database", run.settings.database_url)
    if run.out.as_json:
        run.out.data(
            {
                "database": database,
                "current": schema.current,
                "head": schema.head,
                "pending": schema.pending,
            }
        )
        return
    run.out.pairs(
        [
            ("Database", database),
            ("Schema", schema.current or "none yet"),
            ("Needed", schema.head),
            ("Pending", ", ".join(schema.pending)),
        ]
    )
    if schema.pending:
        run.out.say(f"`voltkeep db upgrade` runs {count(len(schema.pending), 'migration')}.")
    else:
        run.out.say("Up to date.")


@command(group, "upgrade")
async def upgrade(run: Run) -> None:
    """Give the database the schema that this release needs. Safe to repeat."""
    from voltkeep.cli.logs import quiet_logs
    from voltkeep.store import migrate, schema_status

    quiet_logs(debug=run.debug)
    make_data_directory(run.settings)
    url = run.settings.database_url
    before = await schema_status(url)
    await migrate(url)
    after = await schema_status(url)
    if run.out.as_json:
        run.out.data({"before": before.current, "after": after.current, "ran": before.pending})
    elif before.pending:
        run.out.line(f"Ran {', '.join(before.pending)}.")
    else:
        run.out.line("Up to date already.")
