"""The cookies of people who have signed in, and whether a request is of a page of ours."""

import hmac
from typing import Any
from urllib.parse import unquote

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from voltkeep.config import is_this_machine
from voltkeep.web.problems import Problem

CSRF_HEADER = "x-voltkeep-csrf"
TENANT_COOKIE = "voltkeep-tenant"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1

Connection = ASGIConnection[Any, Any, Any, Any]


def cookie_name(connection: Connection, what: str = "voltkeep") -> str:
    """`__Host-` binds a cookie to this host and to HTTPS; a browser takes it nowhere else."""
    return f"__Host-{what}" if _is_secure(connection) else what


def session_token(connection: Connection) -> str | None:
    return connection.cookies.get(cookie_name(connection))


def chosen_tenant(connection: Connection) -> str | None:
    """The tenant that somebody of all tenants looks after in this browser, if they chose one."""
    return unquote(connection.cookies.get(cookie_name(connection, TENANT_COOKIE), "")) or None


def set_cookie(
    connection: Connection, value: str, *, what: str = "voltkeep", max_age: int | None = None
) -> Cookie:
    """A cookie that no script reads. Lax: people come back from a provider's page with it.

    Without ``max_age`` it is gone with the browser.
    """
    return Cookie(
        key=cookie_name(connection, what),
        value=value,
        path="/",
        max_age=max_age,
        secure=_is_secure(connection),
        httponly=True,
        samesite="lax",
    )


def _is_secure(connection: Connection) -> bool:
    return bool(connection.scope.get("scheme") == "https")


def check_private(connection: Connection) -> None:
    """Nobody types a password for others to read. Raises Problem 403.

    Without TLS only a browser that calls this server its own machine may sign in: what it sends
    stays there, or is in a tunnel.
    """
    if not _is_secure(connection) and not is_this_machine(connection.base_url.hostname or ""):
        raise Problem(
            403, "sign in over https: here everybody between could read along", code="not-private"
        )


def check_page(connection: Connection, csrf: str | None) -> None:
    """Whether no other site makes a browser ask this. Raises Problem 403.

    ``csrf`` is what only pages of this session know; None before there is one.
    """
    if connection.scope.get("method") in _SAFE:
        return
    headers = connection.headers
    shown, site = headers.get(CSRF_HEADER), headers.get("sec-fetch-site")
    if csrf is not None and shown is not None:
        is_ours = hmac.compare_digest(shown.encode(), csrf.encode())
    elif site is not None:
        is_ours = site == "same-origin"
    elif (origin := headers.get("origin")) is not None:
        is_ours = origin == str(connection.base_url).rstrip("/")
    else:
        is_ours = csrf is None  # no browser sends neither, and there is no session to misuse
    if not is_ours:
        raise Problem(
            403,
            f"this came from another page: send the header {CSRF_HEADER} with the `csrf` of "
            "`GET /api/v1/me`",
            code="cross-site",
        )
