"""Logs that stations upload."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId


class LogKind(enum.StrEnum):
    DIAGNOSTICS = "DiagnosticsLog"
    SECURITY = "SecurityLog"


class LogState(enum.StrEnum):
    """How far a log upload has come; the station's own word is kept beside it."""

    REQUESTED = "requested"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"  # as the station says
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # the station did not begin
    UNKNOWN = "unknown"  # it answered nothing


OPEN_LOG_STATES = (LogState.REQUESTED, LogState.UPLOADING, LogState.UNKNOWN)
_STATES = {
    "AcceptedCanceled": LogState.CANCELLED,
    "BadMessage": LogState.FAILED,
    "NotSupportedOperation": LogState.FAILED,
    "PermissionDenied": LogState.FAILED,
    "Uploaded": LogState.UPLOADED,
    "UploadFailed": LogState.FAILED,
    "UploadFailure": LogState.FAILED,
    "Uploading": LogState.UPLOADING,
}
# A file that has arrived, or a request that was withdrawn, stays so whatever is said late.
_FINAL = (LogState.UPLOADED, LogState.CANCELLED)


def state_after(state: LogState | None, status: str) -> LogState | None:
    """What a station's word makes of an upload; None: it says nothing new (Idle)."""
    return None if state in _FINAL else _STATES.get(status)


class LogUpload(Struct, frozen=True, kw_only=True):
    """One request for a log, and what became of it (N01)."""

    station: StationId
    id: str  # the request id, a decimal number
    state: LogState
    at: datetime  # of the last news
    kind: LogKind
    location: str  # without the upload token
    requested_at: datetime
    token_hash: str = ""  # SHA-256 of the one-time upload token; "" for a foreign receiver
    expires_at: datetime | None = None
    status: str = ""  # the station's last word
    filename: str = ""  # as the station names it: hostile
    stored_as: str = ""  # as we named it; "" until something has arrived
    size: int = 0
    sha256: str = ""
