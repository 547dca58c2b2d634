"""What a connection is given: its socket, and what all connections of a gateway share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from voltkeep.dialects.dialect import Services
from voltkeep.gateway.limits import Limits
from voltkeep.services.ports import Clock, Exchange

_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Link(Protocol):
    """The socket, as far as a connection needs it."""

    @property
    def is_open(self) -> bool: ...
    @property
    def heard_at(self) -> float: ...
    @property
    def remote_address(self) -> str: ...
    def ping(self) -> None: ...
    def send(self, message: bytes) -> bool: ...
    def close(self, code: int, reason: str) -> None: ...
    def fail_encoding(self) -> None: ...
    def pause(self, why: str) -> None: ...
    def resume(self, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every connection of a gateway shares."""

    services: Services
    log_exchange: Callable[[Exchange], None]
    clock: Clock
    limits: Limits
    on_gone: Callable[[Any, str], None]  # the connection, and why it ended


def patience(attempt: int) -> float:
    """Seconds before the next attempt, while the database is away."""
    return _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
