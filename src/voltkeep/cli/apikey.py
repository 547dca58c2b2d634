"""`voltkeep apikey`: what programs show."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.accounts import Everywhere, Sites, Tenant, sites_in_words, whoever
from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.accounts import ApiKey, Permission

group = typer.Typer(
    help="Make and revoke API keys: what programs show to the HTTP API.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@command(
    group,
    "add",
    examples=(
        "apikey add billing --scope transactions:read",
        "apikey add hotline --role operator --site north --expires 2027-01-01",
    ),
)
async def add(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="What it may; may be repeated."),
    ] = None,
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="What a user of this role may.")
    ] = None,
    tenant: Tenant = None,
    everywhere: Everywhere = False,
    site: Sites = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
            help="Until when it is good, UTC.",
        ),
    ] = None,
) -> None:
    """Make a key, and print its token: this once."""
    by = whoever(tenant)
    scopes = _scopes(scope or [], role)
    async with run.app() as app:
        key, token = await app.services.people.accounts.create_key(
            by,
            name,
            scopes,
            tenant=None if everywhere else by.tenant,
            sites=site or None,
            expires_at=None if expires is None else expires.replace(tzinfo=UTC),
        )
    if run.out.as_json:
        run.out.data(_plain(key) | {"token": token})
        return
    run.out.line(token)
    run.out.say("It is shown this once. Programs send it: `Authorization: Bearer …`.")


def _scopes(names: list[str], role: str | None) -> "list[Permission]":
    from voltkeep.domain.accounts import PERMISSIONS, Permission, Role

    try:
        found = {Permission(name) for name in names}
        if role is not None:
            found |= PERMISSIONS[Role(role)]
    except ValueError as error:
        raise Failure(
            f"{error}.",
            f"Scopes are {', '.join(Permission)}; roles are {', '.join(Role)}.",
            ExitCode.USAGE,
        ) from error
    if not found:
        raise Failure(
            "The key would be good for nothing.", "Say --scope or --role.", ExitCode.USAGE
        )
    return sorted(found)


def _plain(key: "ApiKey") -> dict[str, Any]:
    """A key for programs: without what it is checked by."""
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": key.scopes,
        "sites": key.sites,
        "state": key.state,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "last_used_from": key.last_used_from or None,
    }


@command(group, "list", examples=("apikey list --everywhere",))
async def list_(run: Run, tenant: Tenant = None, everywhere: Everywhere = False) -> None:
    """Keys of a tenant, or with --everywhere those that are of none."""
    from voltkeep.services.records import Look
    from voltkeep.wiring import now

    look = Look(station="" if everywhere else None, limit=10_000)
    async with run.app() as app:
        keys = await app.services.people.accounts.keys(whoever(tenant), look)
    if run.out.as_json:
        run.out.data([_plain(key) for key in keys])
        return
    if not keys:
        run.out.say("No key. Make one: `voltkeep apikey add NAME --scope stations:read`.")
        return
    run.out.table(
        ("ID", "NAME", "TENANT", "STATE", "SITES", "EXPIRES", "LAST USED", "SCOPES"),
        [
            (
                key.id,
                key.name,
                key.tenant or "everywhere",
                Cell(key.state, "green" if key.is_valid(now()) else "red"),
                sites_in_words(key.sites),
                instant(key.expires_at),
                instant(key.last_used_at),
                ", ".join(key.scopes),
            )
            for key in keys
        ],
    )


@command(group, "revoke", examples=("apikey revoke 5d2c1f0a9b8e7d6c0123456789abcdef",))
async def revoke(
    run: Run, id: Annotated[str, typer.Argument(metavar="ID", help="As `apikey list` shows it.")]
) -> None:
    """Let a key be good for nothing, for ever."""
    async with run.app() as app:
        key = await app.services.people.accounts.revoke_key(whoever(), id)
    if run.out.as_json:
        run.out.data(_plain(key))
    else:
        run.out.line(f"Key {key.name} is revoked.")
        run.out.say("A server that runs beside takes a few seconds to hear of it.")
