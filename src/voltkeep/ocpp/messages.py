"""What the generated messages of every version share, and the fast way to read and write them."""

import functools
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, json

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


M = TypeVar("M", bound=Struct)
_LONGEST_VENDOR_ID = 255


def _hook(type_: type[Any], value: Any) -> Any:
    """Check by hand the one structure that msgspec cannot: required fields, and any others."""
    if not isinstance(value, dict):
        raise TypeError(f"Expected `object`, got `{type(value).__name__}`")
    if "vendorId" not in value:
        raise ValueError("Object missing required field `vendorId`")
    vendor = value["vendorId"]
    if not isinstance(vendor, str):
        raise TypeError(f"Expected `str`, got `{type(vendor).__name__}`")
    if len(vendor) > _LONGEST_VENDOR_ID:
        raise ValueError(f"Expected `str` of length <= {_LONGEST_VENDOR_ID}")
    return type_(value)


@functools.cache
def decoder(type_: type[M]) -> json.Decoder[M]:
    """The decoder of a message, built once: building costs a hundred times what decoding does."""
    return json.Decoder(type_, dec_hook=_hook)


encode = json.Encoder().encode
"""Write a message. Deterministic: fields in the order of the class, absent ones left out."""
