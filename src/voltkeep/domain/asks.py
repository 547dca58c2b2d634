"""What a person or another system may ask for at a station, in words of the domain.

An ask is carried out by a service, with as many commands as it takes; a `Command` is one message.
Each is told apart by the field ``command``. Nothing here is checked against what the station has:
whoever asks for a connector or a transaction that there is not may have a reason.
"""

from msgspec import Raw, Struct

from voltkeep.domain.commands import ResetKind, Triggered
from voltkeep.domain.identity import Evse, IdToken, TransactionRef


class _Ask(
    Struct, frozen=True, kw_only=True, tag_field="command", tag=True, forbid_unknown_fields=True
):
    pass


class RemoteStart(_Ask, frozen=True, kw_only=True):
    """Start charging for a token (F01, F02)."""

    id_token: IdToken
    evse: Evse | None = None


class RemoteStop(_Ask, frozen=True, kw_only=True):
    """Stop a transaction (F03)."""

    transaction: TransactionRef


class Reset(_Ask, frozen=True, kw_only=True):
    """Restart the station, or one EVSE of it (B11, B12)."""

    kind: ResetKind = ResetKind.ON_IDLE
    evse: Evse | None = None


class Trigger(_Ask, frozen=True, kw_only=True):
    """Have a message sent now (F06)."""

    message: Triggered
    evse: Evse | None = None


class RawMessage(_Ask, frozen=True, kw_only=True):
    """Exactly this message, in the version that the station speaks; ``force``: also if unfit."""

    action: str
    payload: Raw = Raw(b"{}")
    force: bool = False


Ask = RemoteStart | RemoteStop | Reset | Trigger | RawMessage
