"""Batches: ask many stations for the same, and learn how each of them took it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Raw, Struct, json, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.orders import Batch, BatchState
from voltkeep.domain.stations import Registration, SecurityProfile
from voltkeep.services.batches import MOST_AT_ONCE, Progress
from voltkeep.services.lists import StationFilter
from voltkeep.web.access import ApiServices, Given, Paging, Who
from voltkeep.web.api.commands import asked, aware
from voltkeep.web.discretion import shown_json
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, NotThere, Unfit

BatchId = Annotated[str, PathParameter(description="The batch's id.")]

_MOST_NAMED = 1000
_Name = Annotated[str, Meta(max_length=48)]
_Words = Annotated[str, Meta(max_length=255)]


class Which(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stations: those that fit each field that is given. Nothing given is every station."""

    stations: Annotated[tuple[_Name, ...], Meta(max_length=_MOST_NAMED)] | None = None
    sites: Annotated[tuple[_Name, ...], Meta(max_length=_MOST_NAMED)] | None = None
    prefix: _Name = ""
    registration: Registration | None = None
    connected: bool | None = None
    security_profile: SecurityProfile | None = None
    passive: bool | None = None
    vendor: _Words | None = None
    model: _Words | None = None
    firmware: _Words | None = None
    subprotocol: _Name | None = None


def chosen(principal: Principal, which: Which) -> StationFilter:
    """The stations that are meant, as far as the principal may see them. Raises Unfit."""
    fields = structs.asdict(which)
    named, sites, seen = fields.pop("stations"), fields.pop("sites"), principal.sites
    if seen is not None:
        sites = tuple(site for site in seen if sites is None or site in sites)
    if sites == ():
        raise Unfit("there is no such site, or not for you", "which.sites")
    return StationFilter(names=named, sites=sites, **fields)


def which_of(filtered: str) -> Which:
    """What was chosen, in the words in which it is asked for."""
    found = json.decode(filtered or "{}", type=StationFilter)
    same = {
        name: getattr(found, name)
        for name in Which.__struct_fields__
        if name not in {"stations", "sites"}
    }
    return Which(stations=found.names, sites=found.sites, **same)


class NewBatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask (as `POST /stations/{id}/commands` takes it), and of which stations."""

    ask: Raw
    which: Which
    at_once: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 10
    queue_until: datetime | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=600)] | None = None


class BatchOut(Struct, frozen=True, kw_only=True):
    """A batch. Its commands, with a result for each station, are at `GET /commands?batch=`.

    It is done once every station was asked, or its command waits for it. ``states`` and
    ``results`` count its commands; they are null in lists.
    """

    id: str
    state: BatchState
    command: str
    ask: Raw
    which: Which
    at_once: int
    stations: int
    issued_by: str
    given_at: datetime
    at: datetime
    queue_until: datetime | None
    states: Mapping[str, int] | None
    results: Mapping[str, int] | None


def out(principal: Principal, batch: Batch, progress: Progress | None = None) -> BatchOut:
    """A batch as the API shows it to somebody."""
    return BatchOut(
        id=batch.id,
        state=batch.state,
        command=batch.command,
        ask=shown_json(principal, batch.ask),
        which=which_of(batch.which),
        at_once=batch.at_once,
        stations=batch.stations,
        issued_by=batch.issued_by,
        given_at=batch.given_at,
        at=batch.at,
        queue_until=batch.queue_until,
        states=None if progress is None else progress.states,
        results=None if progress is None else progress.results,
    )


@post("/commands/bulk", needs=Permission.SEND_COMMANDS, status_code=202)
async def give_batch(
    data: JSONBody[NewBatch], principal: Who, services: Given
) -> Response[BatchOut]:
    """Ask every station that fits for the same, so many at once.

    A station that is not there fails its command, or with ``queue_until`` is waited for.
    """
    ask = asked(bytes(data.ask), principal, within="ask")
    batch = await services.batches.give(
        principal.tenant,
        chosen(principal, data.which),
        ask,
        at_once=data.at_once,
        queue_until=aware(data.queue_until),
        timeout_s=data.timeout_s,
    )
    return Response(
        out(principal, batch), status_code=202, headers={"location": f"/api/v1/batches/{batch.id}"}
    )


@get("/batches", needs=Permission.SEND_COMMANDS, states=BatchState, dependencies=LOOK)
async def list_batches(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[BatchOut]:
    """Batches, the latest changed first; whoever is limited to sites sees none."""
    found = await services.batches.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, lambda batch: out(principal, batch))


@get("/batches/{batch:str}", needs=Permission.SEND_COMMANDS)
async def show_batch(batch: BatchId, principal: Who, services: Given) -> BatchOut:
    """One batch, and how many of its commands went how."""
    return await progress_of(services, principal, batch)


async def progress_of(services: ApiServices, principal: Principal, id: str) -> BatchOut:
    """A batch and its counts. Raises UnknownBatch, or NotThere for who may not see it."""
    progress = await services.batches.progress(principal.tenant, id)
    if not _may_see(principal, progress.batch):
        raise NotThere(f"there is no batch {id[:60]}")
    return out(principal, progress.batch, progress)


def _may_see(principal: Principal, batch: Batch) -> bool:
    """Whoever is limited to sites: a batch that reaches no station beyond them."""
    if principal.sites is None:
        return True
    reached = json.decode(batch.which, type=StationFilter).sites
    return bool(reached) and set(reached or ()) <= set(principal.sites)


@delete("/batches/{batch:str}", needs=Permission.SEND_COMMANDS, status_code=200)
async def cancel_batch(batch: BatchId, principal: Who, services: Given) -> BatchOut:
    """Ask no further station, and wait for none. What was sent stays sent."""
    await progress_of(services, principal, batch)
    await services.batches.cancel(principal.tenant, batch)
    return await progress_of(services, principal, batch)


ROUTES = [give_batch, list_batches, show_batch, cancel_batch]

_AT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
_ASK = b'{"command":"Reset","kind":"OnIdle"}'
EXAMPLES = [
    BatchOut(
        id="6f1e0c3a5b7d9e8f",
        state=BatchState.RUNNING,
        command="Reset",
        ask=Raw(_ASK),
        which=Which(vendor="Acme"),
        at_once=10,
        stations=1200,
        issued_by="hotline",
        given_at=_AT,
        at=_AT,
        queue_until=None,
        states={"done": 800, "pending": 390, "running": 10},
        results={"accepted": 790, "offline": 10},
    ),
    NewBatch(ask=Raw(_ASK), which=Which(vendor="Acme")),
]
