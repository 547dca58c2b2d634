"""Port for what is sent to addresses that somebody entered: webhooks, questions about tokens."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class OutboundRefused(ValueError):
    """The address is none that we send to; nothing was sent."""


class OutboundFailed(Exception):
    """Nobody answered there, or not in time."""


class OutboundAnswer(Struct, frozen=True, kw_only=True):
    """What came back: ``content`` as far as we read it, and whether there was more."""

    status: int
    content: bytes = b""
    is_cut: bool = False
    retry_after: str = ""  # the header, as it came

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Outbound(Protocol):
    """Sends to addresses that are none of the inside: no server-side request forgery."""

    def check(self, url: str) -> None:
        """As far as can be told without asking for the name's address. Raises OutboundRefused."""
        ...

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        most_bytes: int,
    ) -> OutboundAnswer:
        """Send, and wait for the whole answer at most so long. No redirect is followed.

        Raises:
            OutboundRefused: the address is of the inside, or not to be sent to in clear.
            OutboundFailed: no answer.
        """
        ...
