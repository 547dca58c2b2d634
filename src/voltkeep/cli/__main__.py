"""The command tree of `voltkeep`."""

import io
import sys
from typing import Annotated, Any

import typer

from voltkeep.cli import (  # noqa: F401  # some only add commands to a neighbour's group
    apikey,
    audit,
    availability,
    ca,
    ca_calendar,
    ca_roots,
    campaign,
    certificate,
    charging_profile,
    config,
    configuration,
    configuration_template,
    data_transfer,
    database,
    doctor,
    event,
    export,
    firmware,
    lab,
    local_list,
    log,
    order,
    order_bulk,
    reservation,
    security,
    serve,
    sim,
    site,
    station,
    station_command,
    station_explain,
    station_key,
    station_list,
    station_switch,
    station_tail,
    tenant,
    token,
    token_unknown,
    transaction,
    transaction_close,
    transaction_export,
    user,
    webhook,
)
from voltkeep.cli.command import Run, accepts, command, parameter, remember
from voltkeep.cli.usage import Tree

tree = typer.Typer(
    name="voltkeep",
    cls=Tree,
    help="Voltkeep, a charging station management system: OCPP 1.6, 2.0.1 and 2.1.",
    epilog="Start with: voltkeep serve --demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"voltkeep {version('voltkeep')}")
        raise typer.Exit


def _everywhere(ctx: typer.Context, **given: Any) -> None:
    ctx.obj = remember(ctx, given)


_VERSION = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
]
tree.callback()(accepts(_everywhere, [parameter("version", _VERSION, False)]))

serve.add_to(tree)
tree.add_typer(station.group, name="station")
station.group.add_typer(station_command.group, name="command")
tree.add_typer(order.group, name="order")
tree.add_typer(site.group, name="site")
tree.add_typer(token.group, name="token")
tree.add_typer(local_list.group, name="local-list")
tree.add_typer(reservation.group, name="reservation")
tree.add_typer(transaction.group, name="transaction")
tree.add_typer(availability.group, name="availability")
tree.add_typer(user.group, name="user")
tree.add_typer(apikey.group, name="apikey")
tree.add_typer(tenant.group, name="tenant")
tree.add_typer(security.group, name="security")
tree.add_typer(audit.group, name="audit")
tree.add_typer(certificate.group, name="certificate")
tree.add_typer(ca.group, name="ca")
ca.group.add_typer(ca_roots.group, name="roots")
tree.add_typer(campaign.group, name="campaign")
tree.add_typer(configuration.group, name="configuration")
tree.add_typer(charging_profile.group, name="charging-profile")
tree.add_typer(log.group, name="log")
tree.add_typer(firmware.group, name="firmware")
tree.add_typer(webhook.group, name="webhook")
tree.add_typer(event.group, name="event")
tree.add_typer(export.exports, name="export")
tree.add_typer(export.imports, name="import")
tree.add_typer(database.group, name="db")
tree.add_typer(sim.group, name="sim")
tree.add_typer(lab.group, name="lab")
doctor.add_to(tree)
tree.add_typer(config.group, name="config")


@command(tree, "version")
async def version(run: Run) -> None:
    """Show the version of Voltkeep, and of what it runs on."""
    import platform
    from importlib import metadata

    parts = {"voltkeep": metadata.version("voltkeep"), "python": platform.python_version()}
    if run.out.as_json:
        run.out.data(parts)
    else:
        run.out.line(f"voltkeep {parts['voltkeep']} (Python {parts['python']})")


def main() -> None:
    """The entry point: runs one command and exits with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    tree()


if __name__ == "__main__":
    main()
