"""What to enter into a station: our address as it would reach us."""

from typing import NamedTuple
from urllib.parse import urlsplit

from voltkeep.config import Address, Settings, address_or_off, parse_address
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.addresses import Addresses

_WSS = 443
_HERE = ("127.0.0.1", "::1", "localhost")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named here, not listened on


class Entry(NamedTuple):
    """``url`` is the whole address of a station, ``base`` what stations add their id to."""

    url: str
    base: str
    is_local: bool  # only this machine reaches it
    port: int
    setting: str


def entry(
    settings: Settings, station: StationId, profile: SecurityProfile = SecurityProfile.BASIC
) -> Entry | None:
    """Where a station connects. None: nowhere."""
    ours = Addresses(settings)
    base = ours.base(profile, station.tenant)
    if not base:
        return None
    setting = ours.listener(profile)
    port = parse_address(getattr(settings, setting)).port
    return Entry(ours.station(station, profile), f"{base}/", ours.is_local(setting), port, setting)


def our_base_url(
    settings: Settings, profile: SecurityProfile = SecurityProfile.BASIC
) -> str | None:
    """What the address of a station on this machine begins with. None: nothing listens."""
    setting = Addresses(settings).listener(profile)
    text = getattr(settings, setting)
    if text == "off":
        return None
    host, port = parse_address(text)
    here = Address(_EVERYWHERE.get(host, host), port)
    return f"{'ws' if setting == 'ocpp' else 'wss'}://{here}/ocpp/"


def is_our_tls(settings: Settings, url: str) -> bool:
    """Whether a URL of this machine leads to a TLS listener of ours."""
    try:
        parts = urlsplit(url)
        at = (parts.hostname or "", parts.port or _WSS)
    except ValueError:
        return False
    if parts.scheme != "wss":
        return False
    bound = [address_or_off(text) for text in (settings.ocpp_tls, settings.ocpp_mtls)]
    ours = {
        (host, address.port)
        for address in bound
        if address is not None
        for host in (settings.host, address.host, *(_HERE if _is_here(address.host) else ()))
    }
    return at in ours


def _is_here(host: str) -> bool:
    return host in _EVERYWHERE or host in _HERE
