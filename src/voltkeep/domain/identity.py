"""Who and where: tenants, stations, EVSEs, tokens and transactions by name."""

import enum
import re
import shlex
from datetime import datetime
from typing import NamedTuple, NewType

from msgspec import Struct

TenantId = NewType("TenantId", str)
DEFAULT_TENANT = TenantId("default")

TransactionRef = NewType("TransactionRef", str)  # what a station and we call a transaction

# OCPP 2.x part 4, 3.1.1: identifierString of at most 48 characters; 1.6 shows a space in its
# own example. A slash would be a path, and anything unprintable would be a disguise.
_NAME = re.compile(
    r"[A-Za-z0-9*\-_=:+|@.~#()]([A-Za-z0-9 *\-_=:+|@.~#()]{0,46}[A-Za-z0-9*\-_=:+|@.~#()])?"
)
_DOTS = {".", ".."}


class BadName(ValueError):
    """A tenant or station id that no address can carry."""


class StationId(NamedTuple):
    """A charging station of a tenant; ``name`` is the last segment of its address."""

    tenant: TenantId
    name: str

    def __str__(self) -> str:
        return self.name if self.tenant == DEFAULT_TENANT else f"{self.tenant}/{self.name}"

    @property
    def quoted(self) -> str:
        """As one types it into a shell."""
        return shlex.quote(str(self))


def station_id(name: str, tenant: str = DEFAULT_TENANT) -> StationId:
    """Check both parts. Raises BadName, which says what is allowed."""
    for part, what in ((tenant, "tenant"), (name, "station id")):
        if not _NAME.fullmatch(part) or part in _DOTS:
            raise BadName(
                f"not a {what}: {part[:60]!r}. Use 1 to 48 letters, digits, spaces inside, "
                "or any of * - _ = : + | @ . ~ # ( )"
            )
    return StationId(TenantId(tenant), name)


def parse_station(text: str) -> StationId:
    """``NAME`` or ``TENANT/NAME``, as people write it. Raises BadName."""
    tenant, slash, name = text.rpartition("/")
    return station_id(name, tenant if slash else DEFAULT_TENANT)


class Sender(Struct, frozen=True, gc=False):
    """Who said something, over which connection, and when we heard it.

    ``epoch`` is the fencing number of the connection: what an older one says is discarded.
    """

    station: StationId
    epoch: int
    received_at: datetime


class IdTokenKind(enum.StrEnum):
    """OCPP 2.1 IdToken.type, the kinds treated specially; a station may send others."""

    CENTRAL = "Central"
    EMAID = "eMAID"
    ISO14443 = "ISO14443"
    NO_AUTHORIZATION = "NoAuthorization"


class IdToken(Struct, frozen=True, gc=False):
    """What identifies a driver: an RFID uid, an eMAID, a token of ours."""

    value: str
    kind: str = IdTokenKind.ISO14443

    @property
    def key(self) -> str:
        """Tokens compare without regard to case (1.6 errata 3.74; 2.x identifierString).

        Who needs no token bears nobody's: whatever value a station puts there.
        """
        if self.kind == IdTokenKind.NO_AUTHORIZATION:
            return f"({IdTokenKind.NO_AUTHORIZATION})"
        return self.value.casefold()

    @property
    def masked(self) -> str:
        """Enough of a token to recognise it by, too little to use it."""
        return "…" + self.value[-4:] if len(self.value) > 7 else "…"


class Evse(Struct, frozen=True, gc=False):
    """A place where one EV can charge; without ``connector_id`` any of its plugs."""

    id: int
    connector_id: int | None = None
