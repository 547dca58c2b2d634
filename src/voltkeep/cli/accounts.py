"""What the commands of accounts have in common: whoever is at a shell may do everything."""

import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.errors import ExitCode, Failure

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.accounts import Principal

Tenant = Annotated[
    str | None, typer.Option(metavar="TENANT", help="Of which tenant; without it, the default one.")
]
Everywhere = Annotated[
    bool, typer.Option("--everywhere", help="Of the whole installation, and so of every tenant.")
]
Sites = Annotated[
    list[str] | None,
    typer.Option("--site", metavar="SITE", help="Only this site; may be repeated."),
]


def whoever(tenant: str | None = None) -> "Principal":
    """The person at the shell, acting in a tenant. Raises BadName."""
    from voltkeep.domain.accounts import Permission, Principal
    from voltkeep.domain.identity import DEFAULT_TENANT, station_id
    from voltkeep.services.audit import acting

    return Principal(
        actor=acting(),
        tenant=station_id("any", tenant or DEFAULT_TENANT).tenant,
        permissions=frozenset(Permission),
        is_everywhere=True,
    )


def new_password(*, from_stdin: bool) -> tuple[str, bool]:
    """A password, and whether it was generated here. Raises Failure."""
    if not from_stdin:
        return secrets.token_urlsafe(15), True
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Failure("Nothing came on stdin.", "Write the password there.", ExitCode.USAGE)
    return password, False


def sites_in_words(sites: tuple[str, ...] | None) -> str:
    return "all" if sites is None else ", ".join(sites) or "none"


def setup_link(app: "App", token: str) -> str:
    """Where a browser makes the first administrator; "" if the API is off."""
    addresses = app.services.addresses
    base = app.settings.public_url or addresses.api("https") or addresses.api("http")
    return base and f"{base.removesuffix('/api/v1').rstrip('/')}/setup#{token}"
