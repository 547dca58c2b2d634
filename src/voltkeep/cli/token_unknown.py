"""`voltkeep token unknown` and `voltkeep token group`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant
from voltkeep.cli.token import Tenant, as_plain, tenant_of
from voltkeep.cli.token import group as tokens

if TYPE_CHECKING:
    from voltkeep.domain.authorization import GroupCount, SeenToken
    from voltkeep.domain.identity import IdToken

unknown = typer.Typer(
    help="Tokens that were shown and that nobody registered.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
groups = typer.Typer(
    help="Tokens whose owners may stop each other's transactions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
tokens.add_typer(unknown, name="unknown")
tokens.add_typer(groups, name="group")

Value = Annotated[str, typer.Argument(metavar="TOKEN", help="As `list` shows it.")]
GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="Its name.")]


@command(unknown, "list")
async def list_(
    run: Run,
    every: Annotated[bool, typer.Option("--all", help="Those dismissed, too.")] = False,
    tenant: Tenant = "default",
) -> None:
    """Unknown tokens, the last seen first. The thousand last seen are kept."""
    from voltkeep.domain.authorization import SeenState
    from voltkeep.services.records import Look

    look = Look(states=tuple(SeenState) if every else (SeenState.SEEN,), limit=1000)
    async with run.app() as app:
        found = await app.services.authorization.unknown.page(tenant_of(tenant), look)
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("No unknown token was shown.")
        return
    run.out.table(
        ("TOKEN", "KIND", "STATION", "TIMES", "FIRST SEEN", "LAST SEEN", "WAS TOLD", "STATE"),
        [
            (
                each.id_token.value,
                each.id_token.kind,
                each.seen_at,
                str(each.times),
                instant(each.first_at),
                instant(each.at),
                each.status.lower(),
                each.state,
            )
            for each in found
        ],
    )


@command(unknown, "adopt", examples=("token unknown adopt 04FFEEDDCCBBAA --note 'the new van'",))
async def adopt(
    run: Run,
    value: Value,
    group: Annotated[str | None, typer.Option(help="Into which group.")] = None,
    note: Annotated[str, typer.Option(help="Whose it is, or anything else.")] = "",
    tenant: Tenant = "default",
) -> None:
    """Register a token that was seen: it may charge from now on."""
    from voltkeep.domain.authorization import Token, token_digest
    from voltkeep.wiring import now

    of = tenant_of(tenant)
    async with run.app() as app:
        service = app.services.authorization
        seen = await service.unknown.get(of, token_digest(_token(value)))
        made = Token(id_token=seen.id_token, group=group, note=note, created_at=now())
        token = await service.add(of, made)
    if run.out.as_json:
        run.out.data(as_plain(token))
    else:
        run.out.line(f"Token {token.id_token.value} may charge.")


@command(unknown, "dismiss")
async def dismiss(run: Run, value: Value, tenant: Tenant = "default") -> None:
    """Take a token off the list, also when it is shown again."""
    from voltkeep.domain.authorization import token_digest

    async with run.app() as app:
        seen = await app.services.authorization.unknown.dismiss(
            tenant_of(tenant), token_digest(_token(value))
        )
    if run.out.as_json:
        run.out.data(_plain(seen))
    else:
        run.out.line(f"Token {seen.id_token.value} is off the list.")


def _token(value: str) -> "IdToken":
    from voltkeep.domain.identity import IdToken

    return IdToken(value)


def _plain(seen: "SeenToken") -> dict[str, Any]:
    return {
        "token": seen.id_token.value,
        "kind": seen.id_token.kind,
        "state": seen.state,
        "station": seen.seen_at,
        "times": seen.times,
        "first_seen_at": seen.first_at,
        "last_seen_at": seen.at,
        "status": seen.status,
    }


@command(groups, "list")
async def list_groups(run: Run, tenant: Tenant = "default") -> None:
    """Groups in order of their names."""
    found: list[GroupCount] = []
    async with run.app() as app:
        while page := await app.services.authorization.groups.page(
            tenant_of(tenant), after=found[-1].name if found else "", limit=1000
        ):
            found += page
    if run.out.as_json:
        run.out.data(found)
        return
    if not found:
        run.out.say("No group. `voltkeep token set TOKEN --group NAME` puts a token into one.")
        return
    run.out.table(
        ("GROUP", "TOKENS", "STATE", "NOTE"),
        [
            (
                each.name,
                str(each.tokens),
                Cell("blocked", "red") if each.blocked else Cell("open", "green"),
                each.note,
            )
            for each in found
        ],
    )


@command(
    groups,
    "set",
    examples=("token group set FLEET --blocked", "token group set FLEET --name VANS"),
)
async def set_group(
    run: Run,
    name: GroupName,
    new_name: Annotated[str | None, typer.Option("--name", help="Call it this.")] = None,
    blocked: Annotated[
        bool | None,
        typer.Option("--blocked/--open", help="Block all of it, or let it charge again."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Anything worth knowing.")] = None,
    tenant: Tenant = "default",
) -> None:
    """Rename a group, block or unblock all of it, or note something."""
    from msgspec import UNSET

    if (new_name, blocked, note) == (None, None, None):
        raise Failure("What is to be changed?", "Say --name, --blocked or --note.", ExitCode.USAGE)
    if new_name is not None and not new_name.strip():
        raise Failure("That is no name.", "Write what the group is called.", ExitCode.USAGE)
    async with run.app() as app:
        changed = await app.services.authorization.groups.change(
            tenant_of(tenant),
            name,
            new_name=UNSET if new_name is None else new_name,
            blocked=UNSET if blocked is None else blocked,
            note=UNSET if note is None else note,
        )
    if run.out.as_json:
        run.out.data(changed)
    else:
        state = "blocked" if changed.blocked else "open"
        run.out.line(f"Group {changed.name} has {changed.tokens} tokens, and is {state}.")
