"""Names with a slash in a path: `/tokens/a%2Fb` is the token ``a/b``, and not a token below one."""

from typing import Any
from urllib.parse import unquote

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Scope

_STAND_IN = "\uffff"  # no character


def with_slashes_kept(scope: Scope) -> Scope:
    """The scope with a path in which an encoded slash parts nothing; `restored` undoes it."""
    if scope["type"] != ScopeType.HTTP:
        return scope
    raw = (scope.get("raw_path") or b"").partition(b"?")[0]
    if b"%2f" not in raw.lower():
        return scope
    parts = (unquote(part).replace("/", _STAND_IN) for part in raw.decode("latin-1").split("/"))
    scope["path"] = "/".join(parts)
    return scope


async def restored(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard for all routes, and the first: what handlers are given has its slashes again."""
    scope = connection.scope
    if _STAND_IN in scope["path"]:
        scope["path"] = scope["path"].replace(_STAND_IN, "/")
        for name, value in scope["path_params"].items():
            if isinstance(value, str):
                scope["path_params"][name] = value.replace(_STAND_IN, "/")
