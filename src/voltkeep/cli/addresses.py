"""What to enter into a station: our address as it would reach us."""

import socket
from typing import NamedTuple
from urllib.parse import quote

from voltkeep.cli.server_lock import find_server
from voltkeep.config import Address, Settings, address_or_off, parse_address
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.stations import SecurityProfile

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named here, not listened on
_HERE = {"127.0.0.1", "::1", "localhost"}
_SCHEMES = {"files": "http", "files_tls": "https", "ftp": "ftp"}


class Entry(NamedTuple):
    """``url`` is the whole address of a station, ``base`` what stations add their id to."""

    url: str
    base: str
    is_local: bool  # only this machine reaches it
    port: int
    setting: str


def listener(settings: Settings, profile: SecurityProfile) -> str:
    """The setting of the listener that serves a security profile."""
    if profile < SecurityProfile.TLS_BASIC:
        return "ocpp"
    is_shared = settings.ocpp_tls_client_certificates and settings.ocpp_mtls == "off"
    return "ocpp_tls" if profile is SecurityProfile.TLS_BASIC or is_shared else "ocpp_mtls"


def entry(
    settings: Settings, station: StationId, profile: SecurityProfile = SecurityProfile.BASIC
) -> Entry | None:
    """Where a station connects: to the running server, or as the settings say. None: nowhere."""
    setting = listener(settings, profile)
    address = _listening_on(settings, setting)
    if address is None:
        return None
    tenant = "" if station.tenant == DEFAULT_TENANT else f"{quote(station.tenant, safe='')}/"
    base = base_url(address, settings, tls=setting != "ocpp") + tenant
    url = base + quote(station.name, safe="")
    return Entry(url, base, address.host in _HERE, address.port, setting)


def base_url(address: Address, settings: Settings, *, tls: bool = False) -> str:
    """What every station's address begins with; over TLS with the name in our certificate."""
    return f"{'wss' if tls else 'ws'}://{_reached(address, settings, tls=tls)}/ocpp/"


def _reached(address: Address, settings: Settings, *, tls: bool) -> Address:
    name = settings.host if tls or settings.public_host else socket.gethostname()
    return Address(name if address.host in _EVERYWHERE else address.host, address.port)


def file_urls(settings: Settings) -> dict[str, str]:
    """What the addresses of files begin with, by the setting of each listener that is on."""
    urls = {}
    for setting, scheme in _SCHEMES.items():
        address = _listening_on(settings, setting)
        if address is not None and address.port:
            urls[setting] = f"{scheme}://{_reached(address, settings, tls=scheme == 'https')}"
    return urls


def our_base_url(
    settings: Settings, profile: SecurityProfile = SecurityProfile.BASIC
) -> str | None:
    """What the address of a station on this machine begins with. None: nothing listens."""
    setting = listener(settings, profile)
    address = _listening_on(settings, setting)
    if address is None:
        return None
    here = Address(_EVERYWHERE.get(address.host, address.host), address.port)
    return base_url(here, settings, tls=setting != "ocpp")


def _listening_on(settings: Settings, setting: str) -> Address | None:
    server = find_server(settings.data)
    if server is not None:
        text = str(getattr(server, setting))
        return parse_address(text) if text else None
    return address_or_off(str(getattr(settings, setting)))
