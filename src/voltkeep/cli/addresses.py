"""What to enter into a station: our address as it would reach us."""

from typing import NamedTuple

from voltkeep.config import Address, Settings, parse_address
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.addresses import Addresses

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
