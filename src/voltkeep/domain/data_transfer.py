"""A vendor's own messages: how we answer them."""

import enum
from typing import Any

from msgspec import Struct


class TransferStatus(enum.StrEnum):
    """OCPP 2.1 DataTransferStatusEnumType."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE = "UnknownMessageId"
    UNKNOWN_VENDOR = "UnknownVendorId"


class Reply(Struct, frozen=True):
    """What a station is answered; ``data`` is any JSON, None for none."""

    status: TransferStatus = TransferStatus.ACCEPTED
    data: Any = None
