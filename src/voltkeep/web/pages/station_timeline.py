"""All that happened at a station as people see it: its events, and its statuses as strips."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from litestar import Response, get
from litestar.params import FromQuery
from msgspec import Struct, to_builtins

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.events import Event, StationConnected, StationDisconnected
from voltkeep.domain.identity import Evse
from voltkeep.domain.stations import Station
from voltkeep.domain.telling import KINDS, LIVE_ONLY, name_of, needs
from voltkeep.services import lists
from voltkeep.services.lists import EventFilter, Place, StoredEvent
from voltkeep.web.access import ApiServices, Given, Known, Paging, Who
from voltkeep.web.discretion import shown
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.station_frame import ROWS, framed
from voltkeep.web.pages.station_pictures import AWAY, CONNECTED, Picture, states_of, strip
from voltkeep.web.paging import Cursor, page_of
from voltkeep.web.problems import Asked

_SPAN = timedelta(hours=24)
_MOST_CHANGES = 4000
_BEFORE = 100
_LONGEST = 300


About = Literal[
    "connection", "connectors", "transactions", "commands", "configuration", "charging", "security"
]
_NOUNS: dict[str, tuple[str, ...]] = {
    "connection": ("station",),
    "connectors": ("connector", "availability"),
    "transactions": ("transaction", "reservation", "remote_start", "local_list"),
    "commands": ("command",),
    "configuration": ("configuration", "firmware", "log", "campaign", "data"),
    "charging": ("charging_profile", "charging_limit", "charging_needs", "ev_schedule"),
    "security": ("security", "security_profile", "key", "certificate", "roots", "alert"),
}
ABOUT = {
    "connection": _("Connection and register"),
    "connectors": _("Connectors"),
    "transactions": _("Transactions and reservations"),
    "commands": _("Commands"),
    "configuration": _("Configuration, firmware and logs"),
    "charging": _("Charging profiles"),
    "security": _("Security"),
}
TITLES = {
    "station.added": _("Registered"),
    "station.changed": _("Changed by an operator"),
    "station.renamed": _("Renamed"),
    "station.removed": _("Removed"),
    "station.connected": _("Connected"),
    "station.disconnected": _("Connection ended"),
    "station.booted": _("Started"),
    "station.quarantined": _("Two stations contend for this id"),
    "station.duplicate_connection": _("A second connection under this id"),
    "connector.status_changed": _("Connector status"),
    "remote_start.requested": _("Asked to start charging"),
    "transaction.started": _("Transaction started"),
    "transaction.updated": _("Transaction went on"),
    "transaction.ended": _("Transaction ended"),
    "transaction.closed": _("Transaction closed in the record"),
    "availability.changed": _("Availability wanted"),
    "command.queued": _("Command waits"),
    "command.completed": _("Command"),
    "key.rotated": _("Key"),
    "security_profile.raised": _("Security profile"),
    "security.event": _("Security event"),
    "alert.raised": _("Alert"),
    "certificate.requested": _("Certificate asked for"),
    "certificate.changed": _("Certificate"),
    "certificate.pinned": _("Certificate pinned"),
    "roots.changed": _("Root certificates"),
    "log.changed": _("Log"),
    "firmware.changed": _("Firmware update"),
    "campaign.changed": _("Campaign"),
    "configuration.reported": _("Configuration reported"),
    "configuration.written": _("Configuration written"),
    "data.received": _("Vendor's message"),
    "reservation.changed": _("Reservation"),
    "local_list.changed": _("List of tokens"),
    "charging_profile.changed": _("Charging profile"),
    "charging_limit.changed": _("Limit from elsewhere"),
    "charging_needs.reported": _("What an EV needs"),
    "ev_schedule.reported": _("An EV's schedule"),
}
"""What events are called here; others by their public names."""


class Happened(Struct, frozen=True, kw_only=True):
    """One event; ``said`` are its fields, as texts or times."""

    at: datetime
    name: str
    title: str
    said: list[tuple[str, str | datetime]]


class Row(Struct, frozen=True, kw_only=True):
    """The statuses of one place; the connection has none."""

    evse: Evse | None
    is_connection: bool
    last: str
    picture: Picture


@get("/stations/{station:str}/timeline", needs=Permission.READ_EVENTS, include_in_schema=False)
async def timeline_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    cursors: Paging,
    about: FromQuery[About | None] = None,
    cursor: Cursor = None,
) -> Response[str]:
    """What happened at a station, the latest first, and how its connectors were for a day."""
    which = EventFilter(
        sites=principal.sites, station=known.id.name, types=_types(principal, about)
    )

    async def fetch(after: Place | None) -> lists.Page[StoredEvent]:
        async with services.read() as work:
            return await work.lists.events(principal.tenant, which, "-at", after=after, limit=ROWS)

    found = await page_of(
        request, cursors, cursor, fetch, lambda row: _happened(principal, row.event)
    )
    strips = await _strips(services, known, datetime.now(UTC)) if cursor is None else []
    return await framed(
        request,
        services,
        known,
        "station_timeline.html",
        happened=found,
        strips=strips,
        about=about or "",
        abouts=ABOUT,
    )


def _types(principal: Principal, about: str | None) -> tuple[str, ...]:
    """The kinds of events that they may see, by the names that the store knows."""
    nouns = None if about is None else _NOUNS[about]
    return tuple(
        kind.__name__
        for name, kind in KINDS.items()
        if name not in LIVE_ONLY
        and (nouns is None or name.partition(".")[0] in nouns)
        and ((need := needs(name)) is None or principal.may(need))
    )


def _happened(principal: Principal, event: Event) -> Happened:
    name = name_of(type(event))
    fields: dict[str, Any] = {
        each: to_builtins(getattr(event, each))
        for each in event.__struct_fields__
        if each not in {"station", "at", "epoch"}
    }
    said = shown(principal, fields)
    return Happened(
        at=event.at,
        name=name,
        title=TITLES.get(name, name),
        said=[
            (field.replace("_", " "), text)
            for field, value in said.items()
            if (text := _shown(event, field, value)) != ""
        ],
    )


def _shown(event: Event, field: str, value: Any) -> str | datetime:
    """A field as it is written: a time as such."""
    own = getattr(event, field)
    return own if isinstance(own, datetime) else _text(value)


def _text(value: Any) -> str:
    """A field's value in a line; "" for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, dict):
        parts = (f"{key} {text}" for key, each in value.items() if (text := _text(each)))
        return ", ".join(parts)[:_LONGEST]
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value)[:_LONGEST]
    return str(value)[:_LONGEST]


async def _strips(services: ApiServices, known: Station, now: datetime) -> list[Row]:
    """The connection and each connector in the last day."""
    since = now - _SPAN
    kinds = (StationConnected.__name__, StationDisconnected.__name__)
    which = EventFilter(station=known.id.name, types=kinds)
    async with services.read() as work:
        there = await work.connectors.of(known.id)
        places = await states_of(work, known.id, since, there, most=_MOST_CHANGES, before=_BEFORE)
        events = await work.lists.events(known.id.tenant, which, "-at", limit=_MOST_CHANGES)
    rows = [_connection(known, [each.event for each in events.rows], since, now)]
    for evse in sorted(places, key=lambda each: (each.id, each.connector_id or 0) if each else ()):
        changes = places[evse]
        rows.append(
            Row(
                evse=evse,
                is_connection=False,
                last=changes[-1][1],
                picture=strip(changes, since, now),
            )
        )
    return rows


def _connection(known: Station, events: list[Event], since: datetime, now: datetime) -> Row:
    changes = []
    for event in reversed(events):
        state = CONNECTED if isinstance(event, StationConnected) else AWAY
        changes.append((max(event.at, since), state))
    state = CONNECTED if known.is_connected else AWAY
    if not changes:
        since_then = known.connected_at if known.is_connected else known.disconnected_at
        changes.append((max(since_then or now, since), state))
    return Row(evse=None, is_connection=True, last=state, picture=strip(changes, since, now))


AT_THE_ROOT = [timeline_page]
EXAMPLES: list[object] = []
