"""Addresses, networks and ports, as settings write them."""

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple


class Address(NamedTuple):
    """Where to listen; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read HOST:PORT or [IPV6]:PORT. Raises ValueError, which says what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError("it needs a port from 0 to 65535 after a colon")
    if host.startswith("[") and host.endswith("]"):
        ipaddress.IPv6Address(host[1:-1])
        return Address(host[1:-1], int(port))
    if ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise ValueError("it needs a host name or an address before the colon")
    return Address(host, int(port))


def address_or_off(text: str) -> Address | None:
    """An address, or None for "off". Raises ValueError, which says what is wrong."""
    return None if text == "off" else parse_address(text)


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks separated by commas. Raises ValueError, which says what is wrong."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


def parse_ports(text: str) -> range | None:
    """FIRST-LAST; None for the empty text. Raises ValueError, which says what is wrong."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text, re.ASCII)
    if match is None or not 0 < int(match[1]) <= int(match[2]) <= 65_535:
        raise ValueError("it needs two ports, the lower first")
    return range(int(match[1]), int(match[2]) + 1)
