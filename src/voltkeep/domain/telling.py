"""Events as they are told outside: their public names, their shape, and who may see which."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, get_args

from msgspec import Struct, json, structs, to_builtins

from voltkeep.domain import events
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import Event
from voltkeep.domain.identity import IdToken, StationId, TenantId

# Where the name of the class, split before its last word, is not what one would say.
_SAID = {
    "ConnectorStatusChanged": "connector.status_changed",
    "DuplicateConnection": "station.duplicate_connection",
    "FirmwareUpdateChanged": "firmware.changed",
    "LogUploadChanged": "log.changed",
    "SecurityEventReported": "security.event",
}
_SECURITY = (
    *("connection", "key", "security_profile", "security", "alert", "certificate", "roots"),
    *("account", "session", "api_key"),
)
# By what comes before the dot; whoever may read events at all sees the rest.
_NEEDS: Mapping[str, Permission] = {
    **dict.fromkeys(_SECURITY, Permission.READ_SECURITY),
    **dict.fromkeys(("transaction", "energy", "token"), Permission.READ_TRANSACTIONS),
    "webhook": Permission.READ_WEBHOOKS,
}
_NEEDS_OF = {
    "station.quarantined": Permission.READ_SECURITY,
    "station.duplicate_connection": Permission.READ_SECURITY,
}
_WORDS = re.compile(r"[A-Z][a-z0-9]*")


@cache
def name_of(kind: type[Event]) -> str:
    """The public name of a kind of event: a noun, a dot, and what happened to it."""
    if kind.__name__ in _SAID:
        return _SAID[kind.__name__]
    *noun, happened = (word.lower() for word in _WORDS.findall(kind.__name__))
    return f"{'_'.join(noun)}.{happened}"


KINDS: Mapping[str, type[Event]] = {name_of(kind): kind for kind in get_args(events.Anything)}
"""Every kind of event by its public name."""

LIVE_ONLY = frozenset(
    name_of(kind)
    for kind in (events.EnergyMetered, events.TokenPresented, events.ConnectionRefused)
)
"""Told to who listens, and kept nowhere: no webhook gets them, and nothing replays them."""


class UnknownEventType(ValueError):
    """No event is called like that."""


def needs(name: str) -> Permission | None:
    """What one needs to see events of that name, besides `Permission.READ_EVENTS`."""
    return _NEEDS_OF.get(name) or _NEEDS.get(name.partition(".")[0])


def named(types: Iterable[str]) -> frozenset[str]:
    """The names of events that these types mean; ``transaction.*`` is all of that noun.

    Raises UnknownEventType.
    """
    found: set[str] = set()
    for each in types:
        noun = each.removesuffix("*")
        meant = {name for name in KINDS if name == each or (noun != each and name.startswith(noun))}
        if not meant or (noun not in {each, ""} and not noun.endswith(".")):
            raise UnknownEventType(
                f"no event is called {each[:60]!r}; docs/reference/events.md lists the names"
            )
        found |= meant
    return frozenset(found)


class Choice(Struct, frozen=True, kw_only=True):
    """Which events somebody gets: of one tenant, and what fits each field that is set.

    ``permissions`` are those of whoever chose; ``sites``: only of stations that stand there now.
    """

    tenant: TenantId
    permissions: frozenset[Permission]
    types: frozenset[str] | None = None
    stations: frozenset[str] | None = None
    sites: frozenset[str] | None = None

    @property
    def shows_tokens(self) -> bool:
        return Permission.READ_TOKENS in self.permissions

    def names(self) -> frozenset[str]:
        """The names of events that can be told at all."""
        chosen = self.types if self.types is not None else KINDS.keys()
        return frozenset(
            name for name in chosen if (need := needs(name)) is None or need in self.permissions
        )


class Told(Struct, frozen=True, kw_only=True):
    """An event as it is told outside.

    ``id`` is null for what is told live only. ``timestamp`` is when we learnt of it, UTC.
    ``station`` is null for what concerns the tenant as a whole.
    """

    id: str | None
    type: str
    timestamp: datetime
    tenant: str
    station: str | None
    data: dict[str, Any]


def told(event: Event, position: int | None, *, shows_tokens: bool) -> Told:
    """An event in public words; a token's value is masked, unless it may be shown."""
    fields = {
        name: _plain(getattr(event, name), shows_tokens=shows_tokens)
        for name in event.__struct_fields__
        if name not in {"station", "at"}
    }
    return Told(
        id=None if position is None else str(position),
        type=name_of(type(event)),
        timestamp=event.at,
        tenant=event.station.tenant,
        station=event.station.name or None,
        data=fields,
    )


def encoded(event: Event, position: int | None, *, shows_tokens: bool) -> bytes:
    """`told`, as JSON on one line."""
    return json.encode(told(event, position, shows_tokens=shows_tokens))


_AS_THEY_ARE = frozenset({str, float, int, bool, type(None)})  # most of what events say


def _plain(value: Any, *, shows_tokens: bool) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    match value:
        case IdToken():
            shown = value.value if shows_tokens else value.masked
            return {"value": shown, "kind": value.kind}
        case StationId():
            return value.name
        case Struct():
            each = structs.asdict(value)
            return {key: _plain(one, shows_tokens=shows_tokens) for key, one in each.items()}
        case tuple() | list():
            return [_plain(one, shows_tokens=shows_tokens) for one in value]
        case _:
            return to_builtins(value)
