"""What the generated messages of every version share, and the fast way to read and write them."""

import enum
import functools
import re
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Raw, Struct, json

from voltkeep.ocpp.errors import ErrorCode, Refusal, refusal
from voltkeep.ocpp.frames import UNREADABLE

MAX_INTEGER = 2**63 - 1
"""OCPP says 32 bits. We read what a database column holds, so that no number breaks a query."""

Integer = Annotated[int, Meta(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)]
Natural = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


# A message is a tree, so the garbage collector need not look at it.
class Message(
    Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, frozen=True, gc=False
):
    """Base of every OCPP structure."""


class CustomData(dict[str, Any]):
    """The one object of OCPP 2.x that is open to a vendor's fields (OCPP-J 2.0.1, section 9)."""

    @property
    def vendor_id(self) -> str:
        """Whose fields these are."""
        return str(self["vendorId"])


class Word(enum.StrEnum):
    """Base of every OCPP enumeration.

    `enum` hashes the name of a member, in Python; a string knows its own hash already, and tables
    are asked for six samples in every message of a car that charges.
    """

    __hash__ = str.__hash__


M = TypeVar("M", bound=Struct)
_LONGEST_VENDOR_ID = 255


def _hook(type_: type[Any], value: Any) -> Any:
    """Check by hand the one structure that msgspec cannot: required fields, and any others."""
    if not isinstance(value, dict):
        raise TypeError("Expected `object`")
    if "vendorId" not in value:
        raise ValueError("Object missing required field `vendorId`")
    vendor = value["vendorId"]
    if not isinstance(vendor, str):
        raise TypeError("Expected `str`")
    if len(vendor) > _LONGEST_VENDOR_ID:
        raise ValueError(f"Expected `str` of length <= {_LONGEST_VENDOR_ID}")
    return type_(value)


@functools.cache
def decoder(type_: type[M]) -> json.Decoder[M]:
    """The decoder of a message, built once: building costs a hundred times what decoding does."""
    return json.Decoder(type_, dec_hook=_hook)


def read(type_: type[M], payload: Raw | bytes) -> M:
    """Read the payload of a CALL or a CALLRESULT.

    Raises:
        Refusal: it is not what the schema says.
    """
    try:
        message: M = decoder(type_).decode(payload)
    except UNREADABLE as error:
        raise refusal(error) from error
    text = bytes(payload)
    # JSON allows it, PostgreSQL does not, and no station means it. Most payloads escape nothing.
    if b"\\" in text and _NUL.search(text):
        raise Refusal(ErrorCode.FORMAT_VIOLATION, "A string contains the character NUL")
    return message


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

encode = json.Encoder().encode
"""Write a message. Deterministic: fields in the order of the class, absent ones left out."""
