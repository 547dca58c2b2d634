"""`voltkeep tenant`: companies of their own in one installation."""

from typing import Annotated

import typer

from voltkeep.cli.accounts import whoever
from voltkeep.cli.command import Run, command

group = typer.Typer(
    help="Add and remove tenants: companies that see nothing of each other.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="As it stands in addresses.")]


@command(group, "add", examples=("tenant add acme --title 'Acme Ltd'",))
async def add(
    run: Run, name: Name, title: Annotated[str, typer.Option(help="What people call it.")] = ""
) -> None:
    """Add a tenant."""
    async with run.app() as app:
        tenant = await app.services.people.tenants.add(whoever(), name, title)
    if run.out.as_json:
        run.out.data({"tenant": tenant.id, "title": tenant.title})
    else:
        run.out.line(f"Tenant {tenant.id} is added.")


@command(group, "list")
async def list_(run: Run) -> None:
    """Every tenant."""
    async with run.app() as app:
        tenants = await app.services.people.tenants.tenants(whoever())
    if run.out.as_json:
        run.out.data([{"tenant": each.id, "title": each.title} for each in tenants])
    else:
        run.out.table(("TENANT", "TITLE"), [(each.id, each.title) for each in tenants])


@command(group, "remove", examples=("tenant remove acme --yes",))
async def remove(
    run: Run, name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove a tenant that has nothing left. Its audit log stays."""
    run.confirm(name, yes=yes)
    async with run.app() as app:
        await app.services.people.tenants.remove(whoever(), name)
    if run.out.as_json:
        run.out.data({"tenant": name, "done": True})
    else:
        run.out.line(f"Tenant {name} is removed.")
