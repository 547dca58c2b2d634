"""Who asks to connect, as their upgrade request says it."""

import base64
import binascii
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_subprotocol
from websockets.http11 import Request

from voltkeep.domain.identity import DEFAULT_TENANT, BadName, StationId, station_id

PREFIX = "ocpp"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_CREDENTIALS = 512  # characters of base64: a long id, a colon, and the longest key twice over


class Unaddressed(ValueError):
    """The path names no station."""


class Basic(Struct, frozen=True):
    """HTTP Basic credentials as octets: a 1.6 key may be any (whitepaper A00.FR.205)."""

    user: str
    password: bytes


def address(path: str) -> StationId:
    """The station of ``/ocpp/{station}`` or ``/ocpp/{tenant}/{station}``, percent-decoded.

    OCPP-J 1.6 3.1.1; 2.1 part 4 3.1.1. A trailing slash is forgiven. Raises Unaddressed.
    """
    segments = path.partition("?")[0].removesuffix("/").split("/")[1:]
    if not 2 <= len(segments) <= 3 or segments[0] != PREFIX or _BAD_ESCAPE.search(path):
        raise Unaddressed(f"the path is not /{PREFIX}/STATION or /{PREFIX}/TENANT/STATION")
    try:
        names = [unquote_to_bytes(segment).decode() for segment in segments[1:]]
        return station_id(names[-1], names[0] if len(names) == 2 else DEFAULT_TENANT)
    except (UnicodeDecodeError, BadName) as error:
        raise Unaddressed(str(error)) from None


def basic(headers: Headers, station: StationId) -> Basic | None:
    """The credentials of the request; None if there are none that can be read.

    A user name may hold no colon (RFC 7617), but a station's id may: what starts with the id
    and a colon is the id and its key.
    """
    values = headers.get_all("Authorization")
    if len(values) != 1:
        return None
    scheme, _, encoded = values[0].strip().partition(" ")
    encoded = encoded.strip()
    if scheme.lower() != "basic" or len(encoded) > _MAX_CREDENTIALS:
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    own = station.name.encode() + b":"
    if decoded.startswith(own):
        return Basic(station.name, decoded[len(own) :])
    user, colon, password = decoded.partition(b":")
    return Basic(user.decode("utf-8", "replace"), password) if colon else None


def offered(headers: Headers) -> list[str]:
    """The subprotocols a station offers, in its order of preference."""
    try:
        return [
            name
            for value in headers.get_all("Sec-WebSocket-Protocol")
            for name in parse_subprotocol(value)
        ]
    except InvalidHeader:
        return []


def choose(offers: Iterable[str], spoken: Iterable[str]) -> str | None:
    """The first that the station offers and we speak (OCPP-J 1.6 3.1.2; 2.1 part 4 3.3)."""
    known = set(spoken)
    return next((name for name in offers if name in known), None)


def is_browser(request: Request) -> bool:
    """Stations send no Origin; a page that does is somebody else's."""
    return bool(request.headers.get_all("Origin"))
