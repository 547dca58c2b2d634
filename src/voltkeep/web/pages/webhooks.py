"""Webhooks as people see them: who is told of events, and what became of each delivery."""

from datetime import datetime

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct, json

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.telling import KINDS, LIVE_ONLY, needs
from voltkeep.domain.webhooks import DeliveryState, Webhook, WebhookState
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api.webhooks import DeliveryOut, delivery_out, may_see, out, seen, shows_payload
from voltkeep.web.editing import etag
from voltkeep.web.pages.choosing import Instant, Text, filters_of, in_words, sites_of
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Page, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50


TYPES_IN_WORDS = {
    "alert.raised": _("Somebody should look: an alert was raised"),
    "availability.changed": _("A connector or station is to be in or out of service"),
    "campaign.changed": _("A campaign began, went on, was halted or ended"),
    "certificate.changed": _("A certificate was issued, sent, taken, revoked or replaced"),
    "certificate.pinned": _("A foreign certificate was the first that a station showed"),
    "certificate.requested": _("A station asked for a certificate"),
    "charging_limit.changed": _("Somebody else limits a station, or does so no longer"),
    "charging_needs.reported": _("A vehicle said what it needs"),
    "charging_profile.changed": _("A charging profile at a station changed"),
    "command.completed": _("A command was answered, or nobody answered"),
    "command.queued": _("A command waits until its station is there"),
    "configuration.reported": _("A station has told all of its variables"),
    "configuration.written": _("A station took a new value of a variable"),
    "connector.status_changed": _("A connector became available, occupied, faulted"),
    "data.received": _("A station sent a message of its vendor's own"),
    "ev_schedule.reported": _("A vehicle chose how it will charge"),
    "firmware.changed": _("An update of firmware went on"),
    "key.rotated": _("A station's key was changed, or is to be"),
    "local_list.changed": _("A station's list of tokens is in step, or is not"),
    "log.changed": _("A log that was asked for is coming, is there or failed"),
    "remote_start.requested": _("A station was asked to start charging"),
    "reservation.changed": _("A reservation was made, used, cancelled or ran out"),
    "roots.changed": _("Which root certificates are trusted changed"),
    "security.event": _("A station reported a security event"),
    "security_profile.raised": _("A station is to have a higher security profile"),
    "station.added": _("A station was registered"),
    "station.booted": _("A station started"),
    "station.changed": _("An operator changed what a station may"),
    "station.connected": _("A station connected"),
    "station.disconnected": _("The connection of a station ended"),
    "station.duplicate_connection": _("A second connection came under the id of a station"),
    "station.quarantined": _("Two stations contend for one id"),
    "station.removed": _("A station was removed"),
    "station.renamed": _("A station got another id"),
    "transaction.closed": _("A person closed a transaction in the record"),
    "transaction.ended": _("A transaction ended"),
    "transaction.started": _("A transaction started"),
    "transaction.updated": _("A transaction went on"),
    "webhook.changed": _("A webhook was added, changed, switched or removed"),
}
"""What each type of event that a webhook gets means; one that is new goes by its name."""


class _Which(Struct, frozen=True, kw_only=True):
    """The filters of webhooks, as they stand in an address."""

    state: WebhookState | None = None


class _Deliveries(Struct, frozen=True, kw_only=True):
    """The filters of deliveries, as they stand in an address."""

    state: DeliveryState | None = None
    station: Text | None = None
    since: Instant | None = None
    until: Instant | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """A delivery as a page shows it; ``request`` is what is sent, None if they may not read it."""

    delivery: DeliveryOut
    request: str | None


def _choices(principal: Principal, chosen: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Nouns with the names of events that they may choose, and those chosen already."""
    kept = [name for name in sorted(KINDS) if name not in LIVE_ONLY]
    offered = [
        name for name in kept if (need := needs(name)) is None or principal.may(need)
    ] + sorted(name for name in chosen if name in KINDS)
    nouns = {name.partition(".")[0] for name in (*offered, *chosen) if not name.startswith("*")}
    return [
        (noun, sorted({name for name in offered if name.partition(".")[0] == noun}))
        for noun in sorted(nouns)
    ]


@get("/webhooks", needs=Permission.READ_WEBHOOKS, include_in_schema=False)
async def webhooks_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """Webhooks, the latest changed first."""
    which = filters_of(request, _Which)
    look = Look(
        states=() if which.state is None else (which.state,),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    found = await services.webhooks.all(principal.tenant, look)
    shown: Page[Webhook] = page_of_records(request, cursors, look, found, lambda each: each)
    items = [out(each) for each in shown.items if may_see(principal, each)]
    return page(
        request,
        "webhooks.html",
        webhooks=Page(items=items, next=shown.next),
        types=_choices(principal, ()),
        chosen=(),
        words=TYPES_IN_WORDS,
        sites=in_words(await sites_of(services, principal)),
    )


@get("/webhooks/{webhook:str}", needs=Permission.READ_WEBHOOKS, include_in_schema=False)
async def webhook_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    webhook: FromPath[str],
    cursor: Cursor = None,
) -> Response[str]:
    """One webhook, and what was sent to it, the latest queued first."""
    known = await seen(services, principal, webhook)
    which = filters_of(request, _Deliveries)
    look = Look(
        station=which.station,
        since=which.since,
        until=which.until,
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    states = tuple(DeliveryState) if which.state is None else (which.state,)
    found = await services.webhooks.deliveries(principal.tenant, webhook, look, states)
    shows = shows_payload(principal, known)
    described = out(known)
    return page(
        request,
        "webhook.html",
        webhook=described,
        version=etag(described),
        deliveries=page_of_records(
            request, cursors, look, found, lambda each: _sent(delivery_out(each, shows=shows))
        ),
        is_narrowed=any(request.query_params.get(name) for name in _Deliveries.__struct_fields__),
        types=_choices(principal, known.types),
        chosen=known.types,
        words=TYPES_IN_WORDS,
        sites=in_words(await sites_of(services, principal)),
    )


def _sent(delivery: DeliveryOut) -> Sent:
    raw = bytes(delivery.payload)
    text = None if raw == b"null" else json.format(raw, indent=2).decode()
    return Sent(delivery=delivery, request=text)


AT_THE_ROOT = [webhooks_page, webhook_page]
EXAMPLES: list[object] = []
