"""Firmware images, and updates of stations with them."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId


class FirmwareImage(Struct, frozen=True, kw_only=True):
    """A file to update stations with; ours to serve, or elsewhere."""

    station: StationId  # name "": images are the tenant's
    id: str  # as the operator names it
    state: str = "ready"
    at: datetime
    filename: str
    stored_as: str = ""  # in our file store; "" if ``url`` says where it is
    url: str = ""
    size: int = 0
    sha256: str = ""
    signature: str = ""  # base64, over the whole file (L01.FR.04); "" for an unsigned update
    signing_certificate: str = ""  # PEM


class UpdateState(enum.StrEnum):
    """How far an update has come; the station's own word is kept beside it."""

    REQUESTED = "requested"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the station answered nothing
    RUNNING = "running"
    INSTALLED = "installed"
    FAILED = "failed"
    CANCELLED = "cancelled"  # a newer request took its place


OPEN_UPDATE_STATES = (UpdateState.REQUESTED, UpdateState.RUNNING, UpdateState.UNKNOWN)
# Whitepaper 1.11, L01: the rest are steps on the way, which may be left out (L01.FR.22).
_ENDS = {
    "DownloadFailed": UpdateState.FAILED,
    "InstallVerificationFailed": UpdateState.FAILED,
    "InstallationFailed": UpdateState.FAILED,
    "Installed": UpdateState.INSTALLED,
    "InvalidSignature": UpdateState.FAILED,
}
# Whatever is said late. A failure is not: a station may try again.
_FINAL = (UpdateState.INSTALLED, UpdateState.CANCELLED)


def state_after(state: UpdateState | None, status: str) -> UpdateState | None:
    """What a station's word makes of an update; None: it says nothing new (L01.FR.28)."""
    if status == "Idle" or state in _FINAL:
        return None
    return _ENDS.get(status, UpdateState.RUNNING)


class StatusSaid(Struct, frozen=True):
    """One word of a station about its update, and when."""

    status: str
    at: datetime


class FirmwareUpdate(Struct, frozen=True, kw_only=True):
    """One request to update a station, through downloads, verification and reboots (L01)."""

    station: StationId
    id: str  # the request id, a decimal number
    state: UpdateState
    at: datetime  # of the last news
    image: str
    location: str  # without its token
    is_signed: bool
    requested_at: datetime
    token_hash: str = ""
    expires_at: datetime | None = None
    status: str = ""  # the station's last word
    said: tuple[StatusSaid, ...] = ()  # in the order heard, at most 50
