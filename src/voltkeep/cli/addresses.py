"""What to enter into a station: our address as it would reach us."""

import socket
from typing import NamedTuple
from urllib.parse import quote

from voltkeep.cli.server_lock import find_server
from voltkeep.config import Address, Settings, parse_address
from voltkeep.domain.identity import DEFAULT_TENANT, StationId

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named here, not listened on
_HERE = {"127.0.0.1", "::1", "localhost"}


class Entry(NamedTuple):
    """``url`` is the whole address of a station, ``base`` what stations add their id to."""

    url: str
    base: str
    is_local: bool  # only this machine reaches it
    port: int


def entry(settings: Settings, station: StationId) -> Entry | None:
    """Where a station connects: to the running server, or as the settings say. None: nowhere."""
    address = _listening_on(settings)
    if address is None:
        return None
    tenant = "" if station.tenant == DEFAULT_TENANT else f"{quote(station.tenant, safe='')}/"
    base = base_url(address) + tenant
    url = base + quote(station.name, safe="")
    return Entry(url, base, address.host in _HERE, address.port)


def base_url(address: Address) -> str:
    """What every station's address begins with."""
    host = socket.gethostname() if address.host in _EVERYWHERE else address.host
    return f"ws://{Address(host, address.port)}/ocpp/"


def our_base_url(settings: Settings) -> str | None:
    """What the address of a station on this machine begins with. None: nothing listens."""
    address = _listening_on(settings)
    if address is None:
        return None
    return base_url(Address(_EVERYWHERE.get(address.host, address.host), address.port))


def _listening_on(settings: Settings) -> Address | None:
    server = find_server(settings.data)
    if server is not None:
        return parse_address(server.ocpp) if server.ocpp else None
    return settings.ocpp_address
