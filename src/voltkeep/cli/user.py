"""`voltkeep user`: people who sign in."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.accounts import (
    Everywhere,
    Sites,
    Tenant,
    new_password,
    setup_link,
    sites_in_words,
    whoever,
)
from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import count, instant

if TYPE_CHECKING:
    from voltkeep.domain.accounts import Role as DomainRole
    from voltkeep.domain.accounts import User
    from voltkeep.services.users import UserChange

group = typer.Typer(
    help="Look after the people who sign in: who they are, and what they may.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, in any case.")]
_Role = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="viewer|operator|engineer|administrator",
        help="What they may; each may what the one before it may.",
    ),
]
_FromStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from stdin, instead of generating one."
    ),
]


@command(
    group,
    "add",
    examples=(
        "user add ada --role administrator --everywhere",
        "user add grace --role operator --site north --site south",
    ),
)
async def add(
    run: Run,
    name: Name,
    role: _Role = "viewer",
    *,
    tenant: Tenant = None,
    everywhere: Everywhere = False,
    site: Sites = None,
    password_stdin: _FromStdin = False,
) -> None:
    """Add a person. They have to change their password when they first sign in."""
    from voltkeep.services.users import NewUser

    by = whoever(tenant)
    password, is_generated = new_password(from_stdin=password_stdin)
    new = NewUser(
        name=name,
        role=_role(role),
        tenant=None if everywhere else by.tenant,
        sites=tuple(site) if site else None,
        password=password,
    )
    async with run.app() as app:
        user = await app.services.people.users.add(by, new)
    _tell_password(run, user, password if is_generated else None, "added")


def _role(name: str) -> "DomainRole":
    from voltkeep.cli.errors import ExitCode
    from voltkeep.domain.accounts import Role

    try:
        return Role(name)
    except ValueError:
        raise Failure(
            f"{name} is no role.", f"Say one of {', '.join(Role)}.", ExitCode.USAGE
        ) from None


def _tell_password(run: Run, user: "User", password: str | None, done: str) -> None:
    if run.out.as_json:
        run.out.data(_plain(user) | {"password": password})
        return
    run.out.line(f"User {user.name} is {done}.")
    if password is not None:
        run.out.line(f"Password: {password}")
        run.out.say("It is shown this once, and has to be changed at the first sign-in.")


def _plain(user: "User") -> dict[str, Any]:
    """A person for programs: without what they sign in with."""
    return {
        "id": user.id,
        "name": user.name,
        "tenant": user.tenant,
        "role": user.role,
        "sites": user.sites,
        "state": user.state,
        "must_change_password": user.must_change_password,
        "second_factor": user.totp_secret is not None,
        "signs_in_at": user.issuer or None,
        "created_at": user.created_at,
        "last_sign_in_at": user.last_sign_in_at,
    }


@command(group, "list", examples=("user list --everywhere",))
async def list_(run: Run, tenant: Tenant = None, everywhere: Everywhere = False) -> None:
    """People of a tenant, or with --everywhere those who are of none."""
    from voltkeep.services.records import Look

    look = Look(station="" if everywhere else None, limit=10_000)
    async with run.app() as app:
        users = await app.services.people.users.users(whoever(tenant), look)
    users.sort(key=lambda user: user.id)
    if run.out.as_json:
        run.out.data([_plain(user) for user in users])
        return
    if not users:
        run.out.say("Nobody. `voltkeep user setup-link` makes the first administrator.")
        return
    run.out.table(
        ("USER", "ROLE", "TENANT", "SITES", "STATE", "SECOND FACTOR", "LAST SIGN-IN"),
        [
            (
                user.name,
                user.role,
                user.tenant or "everywhere",
                sites_in_words(user.sites),
                Cell(user.state, "green" if user.is_active else "red"),
                "yes" if user.totp_secret else "no",
                instant(user.last_sign_in_at),
            )
            for user in users
        ],
    )


@command(group, "set-role", examples=("user set-role grace engineer",))
async def set_role(
    run: Run,
    name: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator, engineer, …")],
    *,
    site: Sites = None,
    all_sites: Annotated[bool, typer.Option("--all-sites", help="Limited to no site.")] = False,
) -> None:
    """Change what a person may."""
    from msgspec import UNSET

    from voltkeep.services.users import UserChange

    sites = None if all_sites else tuple(site) if site else UNSET
    await _change(run, name, UserChange(role=_role(role), sites=sites))


@command(group, "disable")
async def disable(run: Run, name: Name) -> None:
    """Let a person in no more, and sign them out everywhere."""
    from voltkeep.services.users import UserChange

    await _change(run, name, UserChange(is_disabled=True))


@command(group, "enable")
async def enable(run: Run, name: Name) -> None:
    """Let a person in again."""
    from voltkeep.services.users import UserChange

    await _change(run, name, UserChange(is_disabled=False))


async def _change(run: Run, name: str, change: "UserChange") -> None:
    async with run.app() as app:
        user = await app.services.people.users.change(whoever(), name, change)
    if run.out.as_json:
        run.out.data(_plain(user))
        return
    sites = sites_in_words(user.sites)
    run.out.line(f"{user.name} is {user.state}, {user.role}, sites: {sites}.")


@command(group, "remove", examples=("user remove grace --yes",))
async def remove(
    run: Run, name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove a person. What they did stays in the audit log."""
    async with run.app() as app:
        user = await app.services.people.users.user(whoever(), name)
        run.confirm(user.name, yes=yes)
        await app.services.people.users.remove(whoever(), name)
    if run.out.as_json:
        run.out.data({"user": user.id, "done": True})
    else:
        run.out.line(f"User {user.name} is removed.")


@command(group, "set-password")
async def set_password(run: Run, name: Name, password_stdin: _FromStdin = False) -> None:
    """Give a person a new password, to be changed at once. They are signed out everywhere."""
    password, is_generated = new_password(from_stdin=password_stdin)
    async with run.app() as app:
        user = await app.services.people.users.set_password(whoever(), name, password)
    _tell_password(run, user, password if is_generated else None, "given a new password")


@command(group, "reset-totp")
async def reset_totp(run: Run, name: Name) -> None:
    """Let a person in without a code: their phone is gone."""
    async with run.app() as app:
        user = await app.services.people.users.reset_second_factor(whoever(), name)
    if run.out.as_json:
        run.out.data(_plain(user))
    else:
        run.out.line(f"{user.name} signs in without a second factor.")


@command(group, "sessions")
async def sessions(run: Run, name: Name) -> None:
    """Where a person is signed in."""
    async with run.app() as app:
        found = await app.services.people.sessions.sessions(whoever(), name.casefold())
    if run.out.as_json:
        run.out.data(
            [
                {
                    "id": each.id,
                    "created_at": each.created_at,
                    "last_seen_at": each.at,
                    "expires_at": each.expires_at,
                    "signed_in_by": each.signed_in_by,
                    "address": each.address,
                    "agent": each.agent,
                }
                for each in found
            ]
        )
        return
    if not found:
        run.out.say("Nowhere.")
        return
    run.out.table(
        ("SESSION", "SIGNED IN", "LAST SEEN", "BY", "FROM", "BROWSER"),
        [
            (
                each.id[:16],
                instant(each.created_at),
                instant(each.at),
                each.signed_in_by,
                each.address,
                each.agent,
            )
            for each in found
        ],
    )


@command(group, "revoke", examples=("user revoke grace",))
async def revoke(run: Run, name: Name) -> None:
    """Sign a person out everywhere."""
    async with run.app() as app:
        ended = await app.services.people.sessions.revoke_all(whoever(), name.casefold())
    if run.out.as_json:
        run.out.data({"sessions": ended})
    else:
        run.out.line(f"{count(ended, 'session')} ended.")


@command(group, "setup-link")
async def make_setup_link(run: Run) -> None:
    """Make a link with which somebody becomes an administrator, once, within a day.

    An older link is over.
    """
    async with run.app() as app:
        token = await app.services.people.sign_in.new_setup_token()
        link = setup_link(app, token)
    if run.out.as_json:
        run.out.data({"link": link, "token": token})
        return
    run.out.line(link or token)
    run.out.say("Whoever opens it within a day becomes an administrator of everything; once.")
