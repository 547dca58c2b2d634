"""What happens, as log lines with fields, for whoever collects them."""

import re
from typing import Any

import msgspec
import structlog

from voltkeep.domain import events
from voltkeep.domain.identity import IdToken

log = structlog.get_logger(__name__)

# The gateway logs these itself, with what it alone knows; what meters say would flood a log, and
# costs time for each message of each station.
_NOT_LOGGED = {
    events.StationConnected,
    events.StationDisconnected,
    events.ConnectionRefused,
    events.EnergyMetered,
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def log_event(event: events.Event) -> None:
    """One line for one event; tokens are masked, since a card's UID can be copied."""
    if type(event) in _NOT_LOGGED:
        return
    name = _CAMEL.sub(" ", type(event).__name__).lower()
    told = {key: _shown(value) for key, value in msgspec.structs.asdict(event).items()}
    told = {key: value for key, value in told.items() if value is not None}
    told.pop("at")  # the line has its own time
    if "event" in told:  # and that is the line's name
        told["type"] = told.pop("event")
    log.info(name, **told)


def _shown(value: Any) -> Any:
    if isinstance(value, IdToken):
        return value.masked
    return str(value) if isinstance(value, tuple) else value
