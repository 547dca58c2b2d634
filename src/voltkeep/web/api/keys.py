"""How stations are let in: their keys and security profiles."""

from typing import Annotated

from litestar import post, put
from litestar.params import JSONBody
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.stations import SecurityProfile
from voltkeep.web.access import Given, Known


class StationKey(Struct, frozen=True, kw_only=True):
    """A station's new key, 40 hex digits, told this once; and the address it connects to."""

    station: str
    key: str
    address: str


class StationPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password that a person chose: for stations that take no key of 40 hex digits."""

    password: Annotated[str, Meta(min_length=16, max_length=64)]


class WantedProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a station must connect from now on."""

    security_profile: SecurityProfile


@post("/stations/{station:str}/key", needs=Permission.WRITE_SECURITY, status_code=200)
async def make_station_key(known: Known, services: Given) -> StationKey:
    """Make a new key here, without telling the station: for one that is being set up.

    The key before is over at once. One that is connected is given a new key by the command
    `RotateKey`.
    """
    key = await services.security.rotate_key(known.id)
    address = services.addresses.station(known.id, known.security_profile)
    return StationKey(station=known.id.name, key=key, address=address)


@put("/stations/{station:str}/password", needs=Permission.WRITE_SECURITY, status_code=204)
async def set_station_password(
    known: Known, data: JSONBody[StationPassword], services: Given
) -> None:
    """Set a password here, without telling the station. A generated key is better."""
    await services.security.set_password(known.id, data.password)


@put("/stations/{station:str}/security-profile", needs=Permission.WRITE_SECURITY, status_code=204)
async def set_security_profile(
    known: Known, data: JSONBody[WantedProfile], services: Given
) -> None:
    """Decide how a station must connect, without telling it; a live connection is closed.

    The command `RaiseProfile` tells a connected one, and keeps both ways open until it is back.
    """
    await services.provisioning.set_profile(known.id, data.security_profile)


ROUTES = [make_station_key, set_station_password, set_security_profile]

EXAMPLES = [
    StationKey(
        station="CP-1001",
        key="0123456789abcdef0123456789abcdef01234567",
        address="wss://csms.example:9443/ocpp/CP-1001",
    ),
    StationPassword(password="correct horse battery"),  # noqa: S106  # an example
    WantedProfile(security_profile=SecurityProfile.TLS_CERTIFICATE),
]
