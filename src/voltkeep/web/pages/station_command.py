"""Every command that a station can be given, as a form that is made from its schema."""

from typing import Any, Literal, get_args

from litestar import Response, get
from litestar.params import FromQuery
from msgspec import Struct

from voltkeep.domain import asks
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.asks import Ask
from voltkeep.domain.stations import Station
from voltkeep.services.asking import needed
from voltkeep.services.lists import TokenFilter, TransactionFilter
from voltkeep.web.access import ApiServices, Given, Known, Paging, Who
from voltkeep.web.api.commands import AnyMessage, out
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.station_frame import framed, look_at
from voltkeep.web.paging import Cursor, page_of_records
from voltkeep.web.problems import Asked

_REFERENCE = "#/components/schemas/"


class Choice(Struct, frozen=True):
    """A command that somebody may give; ``name`` is its schema.

    One that is ``weighty`` is confirmed first, ``busy`` is one that is so where somebody charges.
    """

    name: str
    title: str
    weight: Literal["", "busy", "weighty"] = ""


class Offers(Struct, frozen=True, kw_only=True):
    """What a command can be about at a station: its EVSEs, what runs, and who may charge."""

    evses: list[int]
    running: list[tuple[str, int | None]]
    tokens: list[tuple[str, str]]


_MOST_OFFERED = 100
_WEIGHTY = (
    asks.Reset,
    asks.ClearChargingProfiles,
    asks.UpdateFirmware,
    asks.RotateKey,
    asks.RaiseProfile,
    asks.DeleteCertificate,
    asks.RawMessage,
)


_GROUPS: tuple[tuple[str, tuple[tuple[type[Any], str], ...]], ...] = (
    (
        _("Charging"),
        (
            (asks.RemoteStart, _("Start charging")),
            (asks.RemoteStop, _("Stop a transaction")),
            (asks.UnlockConnector, _("Unlock a connector")),
            (asks.Reserve, _("Reserve")),
            (asks.CancelReservation, _("Give a reservation up")),
        ),
    ),
    (
        _("Operation"),
        (
            (asks.Reset, _("Restart")),
            (asks.ChangeAvailability, _("Change the availability")),
            (asks.Trigger, _("Have a message sent")),
            (asks.ClearCache, _("Clear the cache of tokens")),
            (asks.GetLocalListVersion, _("Ask for the version of its list of tokens")),
            (asks.SendLocalList, _("Send the list of tokens")),
        ),
    ),
    (
        _("Limits"),
        (
            (asks.SetChargingProfile, _("Set a charging profile")),
            (asks.ClearChargingProfiles, _("Clear charging profiles")),
            (asks.GetCompositeSchedule, _("Ask what the profiles come to")),
            (asks.GetChargingProfiles, _("Ask which profiles it has")),
        ),
    ),
    (
        _("Upkeep"),
        (
            (asks.ReadConfiguration, _("Read the configuration")),
            (asks.WriteConfiguration, _("Write the configuration")),
            (asks.ApplyTemplate, _("Apply a template")),
            (asks.RequestLog, _("Ask for a log")),
            (asks.UpdateFirmware, _("Update the firmware")),
        ),
    ),
    (
        _("Security"),
        (
            (asks.RotateKey, _("Give it a new key")),
            (asks.RaiseProfile, _("Raise the security profile")),
            (asks.RenewCertificate, _("Have its certificate renewed")),
            (asks.InstallCertificate, _("Install a root certificate")),
            (asks.GetInstalledCertificates, _("Ask which roots it has")),
            (asks.DeleteCertificate, _("Delete a root certificate")),
        ),
    ),
    (
        _("Others"),
        (
            (asks.TransferData, _("Send a vendor's message")),
            (asks.RawMessage, _("Send exactly this message")),
        ),
    ),
)


def _name(kind: type[Any]) -> str:
    """The name of its schema: the exact message has a form of its own in the API."""
    return (AnyMessage if kind is asks.RawMessage else kind).__name__


def _weight(kind: type[Any]) -> Literal["", "busy", "weighty"]:
    if kind in _WEIGHTY:
        return "weighty"
    return "busy" if kind is asks.UnlockConnector else ""


def choices(principal: Principal) -> list[tuple[str, list[Choice]]]:
    """What somebody may ask for, in groups; none is empty."""
    titled = {kind for _, kinds in _GROUPS for kind, _ in kinds}
    rest = tuple((kind, kind.__name__) for kind in get_args(Ask) if kind not in titled)
    groups = (*_GROUPS[:-1], (_GROUPS[-1][0], _GROUPS[-1][1] + rest))
    shown = (
        (
            name,
            [
                Choice(_name(kind), title, _weight(kind))
                for kind, title in kinds
                if principal.may(needed(kind))
            ],
        )
        for name, kinds in groups
    )
    return [(name, kinds) for name, kinds in shown if kinds]


async def offers(services: ApiServices, principal: Principal, known: Station) -> Offers:
    """What somebody may see of that, as many as one chooses from."""
    evses: set[int] = set()
    running: list[tuple[str, int | None]] = []
    tokens: list[tuple[str, str]] = []
    if principal.may(Permission.READ_STATIONS):
        shown = await services.availability.show(known.id)
        places = [each.row.update.evse for each in shown.connectors]
        evses = {each.id for each in places if each is not None}
    async with services.read() as work:
        if principal.may(Permission.READ_TRANSACTIONS):
            which = TransactionFilter(sites=principal.sites, station=known.id.name, active=True)
            found = await work.lists.transactions(principal.tenant, which, limit=_MOST_OFFERED)
            running = [(row.ref, row.evse.id if row.evse else None) for row in found.rows]
        if principal.may(Permission.READ_TOKENS) and principal.sites is None:
            listed = await work.lists.tokens(
                principal.tenant, TokenFilter(blocked=False), limit=_MOST_OFFERED
            )
            tokens = [(row.id_token.value, row.note) for row in listed.rows]
    return Offers(evses=sorted(evses), running=running, tokens=tokens)


@get("/stations/{station:str}/command", needs=Permission.SEND_COMMANDS, include_in_schema=False)
async def command_page(
    request: Asked,
    known: Known,
    principal: Who,
    services: Given,
    cursors: Paging,
    ask: FromQuery[str] = "",
    cursor: Cursor = None,
) -> Response[str]:
    """Give a command, and see what became of it and of those before.

    ``ask`` is what the form is filled in with: JSON, as the API takes it.
    """
    look = look_at(request, principal, cursors, known, cursor)
    rows = await services.orders.page(principal.tenant, look)
    return await framed(
        request,
        services,
        known,
        "station_command.html",
        groups=choices(principal),
        preset=ask,
        offers=await offers(services, principal, known),
        given=page_of_records(request, cursors, look, rows, lambda order: out(principal, order)),
    )


@get("/command-forms.json", needs=Permission.SEND_COMMANDS, include_in_schema=False)
async def command_forms(request: Asked, principal: Who) -> dict[str, Any]:
    """The schemas of the commands that somebody may give, and of what they consist of."""
    schemas: dict[str, Any] = request.app.state.schema.document["components"]["schemas"]
    waiting = [each.name for _, kinds in choices(principal) for each in kinds]
    found: dict[str, Any] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas[name]
            waiting += _named(schemas[name])
    return found


def _named(schema: Any) -> list[str]:
    """The schemas that one refers to."""
    if isinstance(schema, dict):
        of = [schema["$ref"].removeprefix(_REFERENCE)] if "$ref" in schema else []
        return of + [name for each in schema.values() for name in _named(each)]
    if isinstance(schema, list):
        return [name for each in schema for name in _named(each)]
    return []


AT_THE_ROOT = [command_page, command_forms]
EXAMPLES: list[object] = []
