"""Stations in software on our own server: registered, and for the demo let loose."""

from collections.abc import Sequence

import msgspec
import structlog

from voltkeep.app import App
from voltkeep.cli.addresses import our_base_url
from voltkeep.cli.errors import Failure
from voltkeep.config import Loaded, Settings
from voltkeep.config.loading import DEFAULT
from voltkeep.domain.authorization import Token
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, StationId, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.provisioning import StationExists
from voltkeep.sim import DEMO_STATIONS, DEMO_TOKENS, demo_fleet
from voltkeep.sim.spec import VENDOR
from voltkeep.wiring import now

log = structlog.get_logger(__name__)

_NOTE = "simulated"
_NOT_NEEDED = ("ocpp_tls", "ocpp_mtls", "files", "files_tls")


def demo_settings(loaded: Loaded) -> Settings:
    """As they are, without listeners that nobody chose: a port that is taken spoils no demo."""
    off = {name: "off" for name in _NOT_NEEDED if loaded.origin[name] == DEFAULT}
    free = {"http": "127.0.0.1:0"} if loaded.origin["http"] == DEFAULT else {}
    return msgspec.structs.replace(loaded.settings, **off, **free)


def origins(loaded: Loaded, settings: Settings) -> dict[str, str]:
    """Where each setting has its value from, also those that the demo has changed."""
    return {
        name: origin if getattr(settings, name) == getattr(loaded.settings, name) else "the demo"
        for name, origin in loaded.origin.items()
    }


async def register(
    app: App,
    stations: Sequence[str],
    tokens: Sequence[str],
    profile: SecurityProfile = SecurityProfile.BASIC,
) -> dict[str, str]:
    """Register what is not registered yet. Gives each station a new key, and returns the keys.

    Raises Failure rather than change a station that is not simulated.
    """
    keys = {name: await _registered(app, name, profile) for name in stations}
    await _register_tokens(app, tokens)
    return keys


async def _registered(app: App, name: str, profile: SecurityProfile) -> str:
    """The new key of one."""
    station = Station(id=station_id(name), created_at=now(), note=_NOTE, security_profile=profile)
    try:
        await app.services.provisioning.add(station)
    except StationExists:
        await _check_simulated(app, station.id)
        await app.services.provisioning.set_profile(station.id, profile)
    return await app.services.security.rotate_key(station.id)


async def _register_tokens(app: App, tokens: Sequence[str]) -> None:
    for value in tokens:
        token = Token(id_token=IdToken(value), max_active=0, created_at=now(), note=_NOTE)
        await app.services.authorization.save(DEFAULT_TENANT, token)


async def _check_simulated(app: App, id: StationId) -> None:
    """By what it said of itself when it booted, or by our note, which people may change."""
    known = await app.services.provisioning.get(id)
    is_ours = known.make is not None and known.make.vendor == VENDOR
    if not is_ours and known.note != _NOTE:
        raise Failure(
            f"{id} is a station that you registered: it keeps its key.",
            "Let the simulated ones have other names: --id-prefix PREFIX.",
        )


async def run_demo(app: App) -> None:
    """Until cancelled. A station that is not simulated keeps its name, and the others charge."""
    url = our_base_url(app.services.addresses.settings)
    if url is not None:
        await demo_fleet(url, await demo_keys(app))


async def demo_keys(app: App) -> dict[str, str]:
    """New keys of the demo's stations, which are registered, but for those that are not ours."""
    keys = {}
    for each in DEMO_STATIONS:
        try:
            keys[each.id] = await _registered(app, each.id, SecurityProfile.BASIC)
        except Failure as failure:
            log.warning("the demo leaves a station out", station=each.id, reason=str(failure))
    await _register_tokens(app, DEMO_TOKENS)
    return keys
