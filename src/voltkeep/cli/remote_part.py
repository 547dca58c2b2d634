"""What the services of a server elsewhere have in common."""

from collections.abc import AsyncIterable
from typing import Any, Protocol, TypeVar

import msgspec

from voltkeep.cli.errors import LOCAL_ONLY
from voltkeep.client import AsyncClient
from voltkeep.domain.identity import DEFAULT_TENANT

T = TypeVar("T")
PAGE = 500  # the most that the API tells at once


class Server(Protocol):
    """What a service needs of `RemoteApp`."""

    @property
    def services(self) -> Any: ...
    def client(self, tenant: str = DEFAULT_TENANT) -> AsyncClient: ...


class Part:
    """A service. What it has not is done where the server is."""

    def __init__(self, app: Server) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        raise LOCAL_ONLY


async def first(found: AsyncIterable[T], limit: int) -> list[T]:
    """So many of a list at most."""
    some: list[T] = []
    async for each in found:
        some.append(each)
        if len(some) >= limit:
            break
    return some


def fields_of(ours: msgspec.Struct, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """What a struct of ours says of what one of the API knows."""
    return {name: getattr(ours, name) for name in kind.__struct_fields__}
