"""Who asks to connect, as their upgrade request says it."""

import base64
import binascii
import ipaddress
import re
import ssl
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_subprotocol
from websockets.http11 import Request

from voltkeep.domain.identity import DEFAULT_TENANT, BadName, StationId, station_id

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX = "ocpp"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_CREDENTIALS = 512  # characters of base64: a long id, a colon, and the longest key twice over


_MAX_CERTIFICATE = 16 * 1024  # characters of an URL-encoded PEM certificate


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


class Peer(Struct, frozen=True, kw_only=True):
    """Who is on the other side, as a proxy says it that we believe."""

    host: str
    is_tls: bool
    certificate: bytes | None


def behind_proxy(
    headers: Headers, proxy: str, trusted: Sequence[Network], *, is_tls: bool
) -> Peer | None:
    """The client behind a trusted proxy; None if ``proxy`` is none, whatever its headers say.

    Of a chain of proxies the last hop that is none of ours is the client: what stands before it
    in X-Forwarded-For it has written itself (ASVS 4.1.3).
    """
    if not _is_in(proxy, trusted):
        return None
    host = proxy
    for hop in reversed(_listed(headers, "X-Forwarded-For")):
        try:
            host = str(ipaddress.ip_address(hop))
        except ValueError:
            break
        if not _is_in(host, trusted):
            break
    said = _listed(headers, "X-Forwarded-Proto")
    is_tls = said[-1].lower() in ("https", "wss") if said else is_tls
    return Peer(
        host=host, is_tls=is_tls, certificate=_forwarded_certificate(headers) if is_tls else None
    )


def _listed(headers: Headers, name: str) -> list[str]:
    values = ",".join(headers.get_all(name))
    return [part.strip() for part in values.split(",") if part.strip()]


def _forwarded_certificate(headers: Headers) -> bytes | None:
    """X-SSL-Client-Cert: URL-encoded PEM, as nginx's $ssl_client_escaped_cert."""
    values = headers.get_all("X-SSL-Client-Cert")
    if len(values) != 1 or not 0 < len(values[0]) <= _MAX_CERTIFICATE:
        return None
    try:
        return ssl.PEM_cert_to_DER_cert(unquote_to_bytes(values[0]).decode("ascii").strip())
    except ValueError:
        return b""  # shown, and unreadable: it must not look as if there were none


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in network for network in networks)


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
