"""A client for addresses that somebody entered, which reaches nothing of the inside.

The name is looked up once, every address it has is checked, and the connection goes to one that
was: a name that means another address a moment later (DNS rebinding) gains nothing.
"""

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx

from voltkeep.services.outbound import OutboundAnswer, OutboundFailed, OutboundRefused

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name. Raises OSError."""

_PORTS = {"http": 80, "https": 443}
_LONGEST_URL = 2048
_LAST_PORT = 65_535
_LONGEST_HEADER = 64
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_METADATA = ipaddress.ip_address("168.63.129.16")  # Azure's, at a public address
# Name servers may take long; whoever waits for them must not hold up other work in threads.
_RESOLVERS = 8


class CheckedOutbound:
    """`services.outbound.Outbound` over httpx.

    ``allowed`` are networks of the inside that may be sent to, also without TLS.
    """

    def __init__(
        self,
        allowed: Sequence[IPv4Network | IPv6Network] = (),
        *,
        resolve: Resolve | None = None,
        context: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve or _Resolver()
        self._context = functools.cache(context)

    def check(self, url: str) -> None:
        """See `services.outbound.Outbound`."""
        place = _parsed(url)
        try:
            address = ipaddress.ip_address(place.host)
        except ValueError:
            if place.scheme != "https" and not self._allowed:
                raise OutboundRefused(_IN_CLEAR) from None
            return
        self._check_address(place, address)

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        most_bytes: int,
    ) -> OutboundAnswer:
        """See `services.outbound.Outbound`."""
        place = _parsed(url)
        try:
            async with asyncio.timeout(timeout_s):
                address = await self._address(place)
                return await self._send(place, address, content, headers, most_bytes)
        except TimeoutError as error:
            raise OutboundFailed(f"no answer within {timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ValueError) as error:
            if isinstance(error, OutboundRefused):
                raise
            raise OutboundFailed(str(error)[:200] or type(error).__name__) from error

    async def _address(self, place: httpx.URL) -> str:
        port = place.port or _PORTS[place.scheme]
        host = place.raw_host.decode("ascii")
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundFailed(f"the name {host} has no address: {error}") from error
        for each in found:
            self._check_address(place, ipaddress.ip_address(each))
        if not found:
            raise OutboundFailed(f"the name {host} has no address")
        return found[0]

    def _check_address(self, place: httpx.URL, address: Address) -> None:
        meant = _meant(address)
        if any(one in network for one in {address, meant} for network in self._allowed):
            return
        if _is_inside(meant) or _is_inside(address):
            raise OutboundRefused(
                f"{place.host} is an address of the inside; if it is meant, the setting "
                "outbound_allowed lists the networks that may be sent to"
            )
        if place.scheme != "https":
            raise OutboundRefused(_IN_CLEAR)

    async def _send(
        self,
        place: httpx.URL,
        address: str,
        content: bytes,
        headers: Mapping[str, str],
        most_bytes: int,
    ) -> OutboundAnswer:
        own = {"Host": place.netloc.decode("ascii"), "Accept-Encoding": "identity"}
        transport = httpx.AsyncHTTPTransport(verify=await asyncio.to_thread(self._context))
        async with (
            # A client of its own: nothing a server says, no cookie, is told to the next.
            httpx.AsyncClient(transport=transport, timeout=None, trust_env=False) as client,  # noqa: S113  # `post` bounds all of it
            client.stream(
                "POST",
                place.copy_with(host=address),
                content=content,
                headers={**headers, **own},
                extensions={"sni_hostname": place.raw_host.decode("ascii")},
                follow_redirects=False,
            ) as response,
        ):
            read = bytearray()
            async for block in response.aiter_raw():
                read += block
                if len(read) > most_bytes:
                    break
        return OutboundAnswer(
            status=response.status_code,
            content=bytes(read[:most_bytes]),
            is_cut=len(read) > most_bytes,
            retry_after=response.headers.get("retry-after", "")[:_LONGEST_HEADER],
        )


_IN_CLEAR = (
    "only https:// is sent to; without TLS only what the setting outbound_allowed lists, "
    "such as 127.0.0.0/8"
)


class _Resolver:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="outbound-names")

    async def __call__(self, host: str, port: int) -> list[str]:
        ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(where[0]) for *_, where in found]


def _parsed(url: str) -> httpx.URL:
    """Raises OutboundRefused."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        raise OutboundRefused(f"a URL has at most {_LONGEST_URL} printable ASCII characters")
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise OutboundRefused(f"that is no URL: {error}") from error
    if place.scheme not in _PORTS or not place.host:
        raise OutboundRefused("write https:// and a name")
    if place.port is not None and not 0 < place.port <= _LAST_PORT:
        raise OutboundRefused("a port is from 1 to 65535")
    if place.userinfo:
        raise OutboundRefused("a URL that is logged must have no password in it")
    return place


def _meant(address: Address) -> Address:
    """Where packets to it end up, if an IPv6 address stands for one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_inside(address: Address) -> bool:
    """Loopback, private, link-local (most metadata services), shared, multicast and the like."""
    return (
        address == _METADATA
        or not address.is_global
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or (isinstance(address, IPv6Address) and address.teredo is not None)
    )
