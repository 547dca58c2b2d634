"""Stations: the register, and what each of them is and was last heard to be."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import BadName
from voltkeep.domain.stations import (
    Make,
    Policy,
    Registration,
    SecurityProfile,
    Station,
    UnknownTokens,
)
from voltkeep.services import lists
from voltkeep.services.lists import Place, StationFilter, StationSort
from voltkeep.web.access import Given, Known, Paging, Who, may_see, named, seen_sites
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of
from voltkeep.web.problems import Asked, NotThere, Problem, Unfit

_NOTE = Annotated[str, Meta(max_length=2000)]
_NAME = Annotated[str, QueryParameter(max_length=48)]
_SITE = Annotated[str, Meta(max_length=48)]


class StationOut(Struct, frozen=True, kw_only=True):
    """A station. ``connected`` is what the server knows now; ``last_heard_at`` says how old."""

    id: str
    tenant: str
    site: str
    note: str
    security_profile: SecurityProfile
    has_key: bool
    registration: Registration
    passive: bool
    policy: Policy
    created_at: datetime
    make: Make | None
    subprotocol: str | None
    connected: bool
    connected_at: datetime | None
    disconnected_at: datetime | None
    booted_at: datetime | None
    last_heard_at: datetime | None
    remote_address: str | None


class NewStation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A station to be registered. It has no key yet: `POST /stations/{id}/key` makes one.

    ``security_profile`` 1 is a password without TLS; 2 is with TLS, 3 with a client certificate.
    """

    id: str
    security_profile: SecurityProfile = SecurityProfile.BASIC
    registration: Registration = Registration.ACCEPTED
    site: _SITE = ""
    note: _NOTE = ""


class StationChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a station; what is left out stays."""

    registration: Registration | UnsetType = UNSET
    passive: bool | UnsetType = UNSET
    site: _SITE | UnsetType = UNSET
    note: _NOTE | UnsetType = UNSET
    policy: Policy | UnsetType = UNSET


def out(station: Station) -> StationOut:
    """A station as the API shows it: without what its admission is decided by."""
    return StationOut(
        id=station.id.name,
        tenant=station.id.tenant,
        site=station.site,
        note=station.note,
        security_profile=station.security_profile,
        has_key=station.key_hash is not None,
        registration=station.registration,
        passive=station.passive,
        policy=station.policy,
        created_at=station.created_at,
        make=station.make,
        subprotocol=station.subprotocol,
        connected=station.is_connected,
        connected_at=station.connected_at,
        disconnected_at=station.disconnected_at,
        booted_at=station.booted_at,
        last_heard_at=station.last_heard_at,
        remote_address=station.remote_address,
    )


@get("/stations", needs=Permission.READ_STATIONS)
async def list_stations(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    site: FromQuery[str | None] = None,
    prefix: _NAME = "",
    registration: FromQuery[Registration | None] = None,
    connected: FromQuery[bool | None] = None,
    security_profile: FromQuery[SecurityProfile | None] = None,
    passive: FromQuery[bool | None] = None,
    vendor: FromQuery[str | None] = None,
    model: FromQuery[str | None] = None,
    firmware: FromQuery[str | None] = None,
    subprotocol: FromQuery[str | None] = None,
    last_heard_since: FromQuery[datetime | None] = None,
    last_heard_before: FromQuery[datetime | None] = None,
    sort: FromQuery[StationSort] = "name",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[StationOut]:
    """Stations that fit every filter. ``prefix`` is how the id begins."""
    which = StationFilter(
        sites=seen_sites(principal, site),
        prefix=prefix,
        registration=registration,
        connected=connected,
        security_profile=security_profile,
        passive=passive,
        vendor=vendor,
        model=model,
        firmware=firmware,
        subprotocol=subprotocol,
        last_seen_since=last_heard_since,
        last_seen_before=last_heard_before,
    )

    async def fetch(after: Place | None) -> lists.Page[Station]:
        async with services.read() as work:
            return await work.lists.stations(
                principal.tenant, which, sort, after=after, limit=limit
            )

    return await page_of(request, cursors, cursor, fetch, out)


def _no_site(site: str) -> Problem:
    """For who sees some sites only, and names another, or none."""
    if site:
        return NotThere(f"no site is called {site[:60]}")
    return Unfit("you see some sites only: name the one it stands at", "site")


@post("/stations", needs=Permission.WRITE_STATIONS)
async def add_station(
    data: JSONBody[NewStation], principal: Who, services: Given
) -> Response[StationOut]:
    """Register a station."""
    try:
        id = named(principal, data.id)
    except BadName as error:
        raise Problem(422, str(error), code="unfit", field="id") from error
    station = Station(
        id=id,
        security_profile=data.security_profile,
        registration=data.registration,
        site=data.site,
        note=data.note,
        created_at=datetime.now(UTC),
    )
    if not may_see(principal, station):
        raise _no_site(data.site)
    await services.provisioning.add(station)
    return tagged(out(await services.provisioning.get(station.id)), 201)


@get("/stations/{station:str}", needs=Permission.READ_STATIONS)
async def show_station(known: Known) -> Response[StationOut]:
    """One station."""
    return tagged(out(known))


@patch("/stations/{station:str}", needs=Permission.WRITE_STATIONS)
async def change_station(
    data: JSONBody[StationChange],
    known: Known,
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[StationOut]:
    """Change what is said of a station here. How it must connect is changed at its key."""
    provisioning, id = services.provisioning, known.id
    if data.site is not UNSET and principal.sites is not None and data.site not in principal.sites:
        raise _no_site(data.site)
    said = {name: value for name, value in structs.asdict(data).items() if value is not UNSET}
    await provisioning.describe(id, **said, unless_changed=unchanged(if_match, out))
    return tagged(out(await provisioning.get(id)))


@delete("/stations/{station:str}", needs=Permission.WRITE_STATIONS)
async def remove_station(known: Known, services: Given) -> None:
    """Forget a station. Its connection is closed; its transactions and its log stay."""
    await services.provisioning.remove(known.id)


ROUTES = [list_stations, add_station, show_station, change_station, remove_station]

EXAMPLES = [
    StationOut(
        id="CP-1001",
        tenant="default",
        site="north",
        note="behind the bakery",
        security_profile=SecurityProfile.TLS_BASIC,
        has_key=True,
        registration=Registration.ACCEPTED,
        passive=False,
        policy=Policy(unknown_tokens=UnknownTokens.REFUSE),
        created_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
        make=Make(vendor="Acme", model="Wallbox 22", serial_number="A-0815", firmware="1.4.2"),
        subprotocol="ocpp1.6",
        connected=True,
        connected_at=datetime(2026, 5, 2, 7, 59, tzinfo=UTC),
        disconnected_at=None,
        booted_at=datetime(2026, 5, 2, 7, 59, 1, tzinfo=UTC),
        last_heard_at=datetime(2026, 5, 2, 9, 30, tzinfo=UTC),
        remote_address="192.0.2.17:51234",
    ),
    NewStation(id="CP-1001", site="north", note="behind the bakery"),
    StationChange(site="south", passive=True),
]
