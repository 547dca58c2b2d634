"""Webhooks: endpoints of others that are told of events, and what became of each delivery."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from litestar import Response, delete, get, patch, post
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.telling import KINDS, LIVE_ONLY, UnknownEventType, needs
from voltkeep.domain.webhooks import Attempt, Delivery, DeliveryState, Webhook, WebhookState
from voltkeep.services.outbound import OutboundRefused
from voltkeep.services.records import Look
from voltkeep.services.webhooks import WebhookWords
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_records
from voltkeep.web.problems import Asked, NotThere, Unfit

WebhookId = Annotated[str, PathParameter(description="The webhook's id.")]
DeliveryId = Annotated[str, PathParameter(description="The delivery's id.")]
_STATE = Annotated[WebhookState | None, QueryParameter(name="state")]
_DELIVERY_STATE = Annotated[DeliveryState | None, QueryParameter(name="state")]
_URL = Annotated[str, Meta(min_length=1, max_length=2048)]
_WORDS = Annotated[str, Meta(max_length=500)]
_TYPES = Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=100)]
_NAMES = Annotated[tuple[Annotated[str, Meta(max_length=48)], ...], Meta(max_length=1000)]


class WebhookOut(Struct, frozen=True, kw_only=True):
    """A webhook. No type or station named, or sites null: all of them.

    ``reason`` says why it was switched off; ``failing_since`` is null after a success.
    """

    id: str
    url: str
    description: str
    types: tuple[str, ...]
    stations: tuple[str, ...]
    sites: tuple[str, ...] | None
    full_tokens: bool
    state: WebhookState
    reason: str | None
    failing_since: datetime | None
    old_secret_until: datetime | None
    created_at: datetime
    created_by: str


class CreatedWebhook(Struct, frozen=True, kw_only=True):
    """A webhook with its secret (Standard Webhooks), which is told this once: keep it."""

    webhook: WebhookOut
    secret: str


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a webhook; what is left out stays."""

    url: _URL | UnsetType = UNSET
    description: _WORDS | UnsetType = UNSET
    types: _TYPES | UnsetType = UNSET
    stations: _NAMES | UnsetType = UNSET
    sites: _NAMES | UnsetType | None = UNSET
    full_tokens: bool | UnsetType = UNSET


class Enabling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``from_now``: what has happened since it was switched off is left out."""

    from_now: bool = False


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the old secret signs beside the new one."""

    overlap_hours: Annotated[float, Meta(ge=0, le=720)] = 24


class Redelivery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that was given up and queued since then."""

    since: Annotated[datetime, Meta(tz=True)]


class Redelivered(Struct, frozen=True, kw_only=True):
    """How many deliveries are sent again."""

    count: int


class AttemptOut(Struct, frozen=True, kw_only=True):
    """One try. ``status`` is null if nobody answered: then ``error`` says why."""

    at: datetime
    latency_ms: float
    status: int | None
    response: str
    error: str | None


class DeliveryOut(Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook.

    ``payload`` is what is sent; null for who may not read all of what the webhook gets.
    """

    id: str
    event_id: str
    type: str
    station: str | None
    state: DeliveryState
    queued_at: datetime
    attempts: int
    next_at: datetime | None
    last: AttemptOut | None
    payload: Raw


class EventType(Struct, frozen=True, kw_only=True):
    """A type of event. ``live_only``: streams get it, webhooks do not, and nothing replays it."""

    name: str
    permission: Permission | None
    live_only: bool


def out(webhook: Webhook) -> WebhookOut:
    """A webhook as the API shows it: without its secrets."""
    return WebhookOut(
        id=webhook.id,
        url=webhook.url,
        description=webhook.description,
        types=webhook.types,
        stations=webhook.stations,
        sites=webhook.sites,
        full_tokens=Permission.READ_TOKENS in webhook.permissions,
        state=webhook.state,
        reason=webhook.reason or None,
        failing_since=webhook.failing_since,
        old_secret_until=webhook.old_secret_until,
        created_at=webhook.created_at,
        created_by=webhook.created_by,
    )


def _attempt(attempt: Attempt) -> AttemptOut:
    return AttemptOut(
        at=attempt.at,
        latency_ms=round(attempt.latency_s * 1000, 3),
        status=attempt.status,
        response=attempt.response,
        error=attempt.error or None,
    )


def delivery_out(delivery: Delivery, *, shows: bool) -> DeliveryOut:
    """A delivery as the API shows it; ``shows`` says whether with its payload."""
    is_waiting = delivery.progress is DeliveryState.WAITING
    return DeliveryOut(
        id=delivery.id,
        event_id=delivery.event_id,
        type=delivery.type,
        station=delivery.station.name or None,
        state=delivery.progress,
        queued_at=delivery.at,
        attempts=delivery.attempts,
        next_at=delivery.next_at if is_waiting else None,
        last=None if delivery.last is None else _attempt(delivery.last),
        payload=Raw(delivery.payload.encode() if shows else b"null"),
    )


@get("/event-types", needs=Permission.READ_EVENTS)
async def list_event_types() -> list[EventType]:
    """Every type of event, and what one must be permitted to get it."""
    return [
        EventType(name=name, permission=needs(name), live_only=name in LIVE_ONLY)
        for name in sorted(KINDS)
    ]


@get("/webhooks", needs=Permission.READ_WEBHOOKS)
async def list_webhooks(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _STATE = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[WebhookOut]:
    """Webhooks of the tenant, the latest changed first; of one's own sites, for who has some."""
    look = Look(
        states=(in_state,) if in_state is not None else (),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=limit + 1,
    )
    found = await services.webhooks.all(principal.tenant, look)
    page = page_of_records(request, cursors, look, found, lambda each: each)
    items = [out(each) for each in page.items if may_see(principal, each)]
    return Page(items=items, next=page.next)


@post("/webhooks", needs=Permission.WRITE_WEBHOOKS)
async def add_webhook(
    data: JSONBody[WebhookWords], principal: Who, services: Given
) -> CreatedWebhook:
    """Tell an endpoint of events from now on. It gets what its maker may read, and no more."""
    words = _within_sites(principal, data)
    with _by_field():
        webhook, secret = await services.webhooks.add(
            principal.tenant, words, principal.permissions
        )
    return CreatedWebhook(webhook=out(webhook), secret=secret)


@get("/webhooks/{webhook:str}", needs=Permission.READ_WEBHOOKS)
async def show_webhook(webhook: WebhookId, principal: Who, services: Given) -> Response[WebhookOut]:
    """One webhook."""
    return tagged(out(await seen(services, principal, webhook)))


@patch("/webhooks/{webhook:str}", needs=Permission.WRITE_WEBHOOKS)
async def change_webhook(
    webhook: WebhookId,
    data: JSONBody[WebhookChange],
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[WebhookOut]:
    """Change a webhook. From then on it gets what whoever changed it may read."""
    await seen(services, principal, webhook)

    def edit(current: Webhook) -> WebhookWords:
        shown = out(current)
        said: dict[str, Any] = {
            name: getattr(shown, name) if getattr(data, name) is UNSET else getattr(data, name)
            for name in WebhookChange.__struct_fields__
        }
        return _within_sites(principal, WebhookWords(**said))

    with _by_field():
        changed = await services.webhooks.change(
            principal.tenant,
            webhook,
            edit,
            principal.permissions,
            unless_changed=unchanged(if_match, out),
        )
    return tagged(out(changed))


@delete("/webhooks/{webhook:str}", needs=Permission.WRITE_WEBHOOKS)
async def remove_webhook(webhook: WebhookId, principal: Who, services: Given) -> None:
    """Forget a webhook, and what it has not been told yet."""
    await seen(services, principal, webhook)
    await services.webhooks.remove(principal.tenant, webhook)


@post("/webhooks/{webhook:str}/enable", needs=Permission.WRITE_WEBHOOKS, status_code=200)
async def enable_webhook(
    webhook: WebhookId, data: JSONBody[Enabling], principal: Who, services: Given
) -> WebhookOut:
    """Go on where it was stopped, as far as events are kept."""
    await seen(services, principal, webhook)
    service = services.webhooks
    return out(await service.enable(principal.tenant, webhook, from_now=data.from_now))


@post("/webhooks/{webhook:str}/disable", needs=Permission.WRITE_WEBHOOKS, status_code=200)
async def disable_webhook(webhook: WebhookId, principal: Who, services: Given) -> WebhookOut:
    """Send nothing more, until it is enabled."""
    await seen(services, principal, webhook)
    return out(await services.webhooks.disable(principal.tenant, webhook))


@post("/webhooks/{webhook:str}/rotate", needs=Permission.WRITE_WEBHOOKS, status_code=200)
async def rotate_webhook_secret(
    webhook: WebhookId, data: JSONBody[Rotation], principal: Who, services: Given
) -> CreatedWebhook:
    """Make a new secret. For a while every delivery is signed with both."""
    await seen(services, principal, webhook)
    changed, secret = await services.webhooks.rotate(
        principal.tenant, webhook, overlap=timedelta(hours=data.overlap_hours)
    )
    return CreatedWebhook(webhook=out(changed), secret=secret)


@post("/webhooks/{webhook:str}/test", needs=Permission.WRITE_WEBHOOKS, status_code=200)
async def test_webhook(webhook: WebhookId, principal: Who, services: Given) -> AttemptOut:
    """Send an event of the type `webhook.test`, now, and tell what the endpoint answers."""
    await seen(services, principal, webhook)
    return _attempt(await services.webhooks.test(principal.tenant, webhook))


@get("/webhooks/{webhook:str}/deliveries", needs=Permission.READ_WEBHOOKS)
async def list_deliveries(
    webhook: WebhookId,
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _DELIVERY_STATE = None,
    station: FromQuery[str | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeliveryOut]:
    """What was sent, is sent or was given up, the latest queued first."""
    known = await seen(services, principal, webhook)
    look = Look(
        station=station,
        since=since,
        until=until,
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=limit + 1,
    )
    wanted = tuple(DeliveryState) if in_state is None else (in_state,)
    found = await services.webhooks.deliveries(principal.tenant, webhook, look, wanted)
    shows = shows_payload(principal, known)
    return page_of_records(
        request, cursors, look, found, lambda each: delivery_out(each, shows=shows)
    )


@get("/webhooks/{webhook:str}/deliveries/{delivery:str}", needs=Permission.READ_WEBHOOKS)
async def show_delivery(
    webhook: WebhookId, delivery: DeliveryId, principal: Who, services: Given
) -> DeliveryOut:
    """One delivery."""
    known = await seen(services, principal, webhook)
    found = await services.webhooks.delivery(principal.tenant, webhook, delivery)
    return delivery_out(found, shows=shows_payload(principal, known))


@post(
    "/webhooks/{webhook:str}/deliveries/{delivery:str}/redeliver",
    needs=Permission.WRITE_WEBHOOKS,
    status_code=200,
)
async def redeliver(
    webhook: WebhookId, delivery: DeliveryId, principal: Who, services: Given
) -> DeliveryOut:
    """Send an event once more, soon, with the same id."""
    known = await seen(services, principal, webhook)
    again = await services.webhooks.redeliver(principal.tenant, webhook, delivery)
    return delivery_out(again, shows=shows_payload(principal, known))


@post("/webhooks/{webhook:str}/redeliver", needs=Permission.WRITE_WEBHOOKS, status_code=200)
async def redeliver_failed(
    webhook: WebhookId, data: JSONBody[Redelivery], principal: Who, services: Given
) -> Redelivered:
    """Send everything once more that was given up."""
    await seen(services, principal, webhook)
    count = await services.webhooks.redeliver_failed(principal.tenant, webhook, data.since)
    return Redelivered(count=count)


async def seen(services: Given, principal: Principal, id: str) -> Webhook:
    """Raises UnknownWebhook, or NotThere for one that tells of sites they may not see."""
    webhook = await services.webhooks.get(principal.tenant, id)
    if not may_see(principal, webhook):
        raise NotThere(f"there is no webhook {id[:60]}")
    return webhook


@contextmanager
def _by_field() -> Iterator[None]:
    """What cannot be is told with the field that says it. Raises Unfit."""
    try:
        yield
    except OutboundRefused as error:
        raise Unfit(str(error), "url") from error
    except UnknownEventType as error:
        raise Unfit(str(error), "types") from error


def may_see(principal: Principal, webhook: Webhook) -> bool:
    """Whether it tells of no sites but theirs."""
    return principal.sites is None or (
        webhook.sites is not None and set(webhook.sites) <= set(principal.sites)
    )


def _within_sites(principal: Principal, words: WebhookWords) -> WebhookWords:
    """Who sees some sites only, tells of no others. Raises NotThere."""
    if principal.sites is None:
        return words
    if words.sites is None:
        return structs.replace(words, sites=tuple(principal.sites))
    for site in words.sites:
        if site not in principal.sites:
            raise NotThere(f"no site is called {site}")
    return words


def shows_payload(principal: Principal, webhook: Webhook) -> bool:
    """Whether they may read all that it gets."""
    return set(webhook.permissions) <= principal.permissions


ROUTES = [
    list_event_types,
    list_webhooks,
    add_webhook,
    show_webhook,
    change_webhook,
    remove_webhook,
    enable_webhook,
    disable_webhook,
    rotate_webhook_secret,
    test_webhook,
    list_deliveries,
    show_delivery,
    redeliver,
    redeliver_failed,
]

_AT = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
_EXAMPLE = WebhookOut(
    id="wh_5d2c1f0a9b8e7d6c",
    url="https://billing.example.com/voltkeep",
    description="invoices",
    types=("transaction.*",),
    stations=(),
    sites=("north",),
    full_tokens=False,
    state=WebhookState.ENABLED,
    reason=None,
    failing_since=None,
    old_secret_until=None,
    created_at=_AT,
    created_by="Ada@example.com",
)
_ATTEMPT = AttemptOut(at=_AT, latency_ms=48.2, status=204, response="", error=None)
EXAMPLES = [
    EventType(name="transaction.ended", permission=Permission.READ_TRANSACTIONS, live_only=False),
    _EXAMPLE,
    CreatedWebhook(webhook=_EXAMPLE, secret="whsec_…"),  # noqa: S106  # an example without one
    WebhookWords(url=_EXAMPLE.url, types=("transaction.*",), sites=("north",)),
    WebhookChange(description="invoices and refunds"),
    Enabling(),
    Rotation(),
    Redelivery(since=_AT),
    Redelivered(count=17),
    _ATTEMPT,
    DeliveryOut(
        id="4711.wh_5d2c1f0a9b8e7d6c",
        event_id="4711",
        type="transaction.ended",
        station="CP-1001",
        state=DeliveryState.DELIVERED,
        queued_at=_AT,
        attempts=1,
        next_at=None,
        last=_ATTEMPT,
        payload=Raw(b'{"id":"4711","type":"transaction.ended"}'),
    ),
]
