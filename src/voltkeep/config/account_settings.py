"""The settings of how people sign in."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Struct

from voltkeep.config.described import of

_ROLES = ("viewer", "operator", "engineer", "administrator")


def parse_role_map(text: str) -> dict[str, str]:
    """THEIRS=OURS, separated by commas. Raises ValueError, which says what is wrong."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        theirs, equals, ours = part.rpartition("=")
        if not equals or not theirs.strip() or ours.strip() not in _ROLES:
            raise ValueError(f"it needs THEIRS=OURS, and ours is one of {', '.join(_ROLES)}")
        found[theirs.strip()] = ours.strip()
    return found


def check_url(text: str) -> None:
    """Raises ValueError unless it is empty, or HTTPS, or HTTP that stays in this machine."""
    if not text:
        return
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.query or parts.fragment or parts.username is not None or not host:
        raise ValueError("it needs a scheme and a host, and nothing after the path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise ValueError("it needs https; http is only for this machine itself")


def is_this_machine(host: str) -> bool:
    """Whether a name or an address is one of the loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AccountSettings(Struct, frozen=True, kw_only=True):
    """A part of `Settings`."""

    session_idle_hours: Annotated[
        float,
        of(
            "Who has signed in and does nothing for so long has to sign in again, in hours.",
            gt=0,
            le=8760,
        ),
    ] = 12
    session_hours: Annotated[
        float,
        of("How long a session may last, whatever is done in it, in hours.", gt=0, le=8760),
    ] = 168
    http_requests_per_s: Annotated[
        float,
        of(
            "Requests to the HTTP API that each account may make for long, and each address "
            "without one; ten seconds' worth at once. Others are answered with 429. 0: any number.",
            ge=0,
            le=100_000,
        ),
    ] = 200
    public_url: Annotated[
        str,
        of(
            "How people's browsers reach the HTTP API: in the link for the first administrator, "
            "and where an OpenID provider sends people back to. Empty: where the API listens.",
            "empty, or https://HOST[:PORT]",
        ),
    ] = ""
    oidc_issuer: Annotated[
        str,
        of(
            "The OpenID provider where people may sign in, as it names itself. Empty: people sign "
            "in with passwords only.",
            "empty, or https://HOST/PATH",
        ),
    ] = ""
    oidc_name: Annotated[
        str, of("What people call the provider, on the page where they sign in.", "any words")
    ] = "Single sign-on"
    oidc_client_id: Annotated[
        str, of("What the provider calls this installation.", "as the provider says")
    ] = ""
    oidc_client_secret: Annotated[
        str,
        of(
            "The secret that the provider has given this installation. Not a flag: other users of "
            "the machine could read it there.",
            "as the provider says",
        ),
    ] = ""
    oidc_scopes: Annotated[
        str, of("What the provider is asked for.", "words separated by spaces")
    ] = "openid profile email"
    oidc_role_claim: Annotated[
        str,
        of(
            "The claim of a person that says their roles: a text or a list. Dots go inside: "
            "`realm_access.roles`. Who has none of the roles below is not let in.",
            "a name",
        ),
    ] = "roles"
    oidc_roles: Annotated[
        str,
        of(
            "Which of the provider's roles is which of ours. Of several the greatest counts.",
            "empty, or THEIRS=viewer|operator|engineer|administrator, separated by commas",
        ),
    ] = ""
    oidc_tenant: Annotated[
        str,
        of(
            "The tenant in which people are at home who sign in at the provider. Empty: "
            "everywhere.",
            "empty, or a tenant's name",
        ),
    ] = ""
