"""`voltkeep webhook`: endpoints of others that are told of events."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.webhooks import Attempt, Delivery, Webhook

group = typer.Typer(
    help="Tell endpoints of others of events, signed (Standard Webhooks).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the webhook, as `list` shows it.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
_STYLES = {"enabled": "green", "disabled": "red"}
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@command(
    group,
    "add",
    examples=(
        "webhook add https://billing.example.com/voltkeep --type 'transaction.*'",
        "webhook add https://ops.example.com/hook --site north --type station.connected",
    ),
)
async def add(
    run: Run,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to.")],
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="A type of event; may be repeated."),
    ] = None,
    station: Annotated[
        list[str] | None, typer.Option("--station", help="Of this station; may be repeated.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Of this site; may be repeated.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    full_tokens: Annotated[
        bool, typer.Option("--full-tokens", help="Tell tokens in full, not masked.")
    ] = False,
    tenant: Tenant = "default",
) -> None:
    """Tell an endpoint of events from now on, and print the secret that signs: this once."""
    from voltkeep.domain.accounts import Permission
    from voltkeep.domain.identity import TenantId
    from voltkeep.services.webhooks import WebhookWords

    words = WebhookWords(
        url=url,
        description=description,
        types=tuple(type_ or ()),
        stations=tuple(station or ()),
        sites=tuple(site) if site else None,
        full_tokens=full_tokens,
    )
    async with run.app() as app:
        webhook, secret = await app.services.webhooks.add(
            TenantId(tenant), words, frozenset(Permission)
        )
    _tell_secret(run, webhook, secret)


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """The webhooks of a tenant, the latest changed first."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        webhooks = await app.services.webhooks.all(TenantId(tenant))
    if run.out.as_json:
        run.out.data([_plain(each) for each in webhooks])
        return
    if not webhooks:
        run.out.say("No webhook. Make one: `voltkeep webhook add URL --type 'transaction.*'`.")
        return
    run.out.table(
        ("ID", "STATE", "URL", "TYPES", "FAILING SINCE"),
        [
            (
                each.id,
                Cell(each.state, _STYLES[each.state]),
                each.url,
                ", ".join(each.types) or "all",
                instant(each.failing_since),
            )
            for each in webhooks
        ],
    )


@command(group, "show")
async def show(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """One webhook."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        webhook = await app.services.webhooks.get(TenantId(tenant), id)
    _tell(run, webhook)


@command(group, "remove")
async def remove(
    run: Run,
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tenant: Tenant = "default",
) -> None:
    """Forget a webhook, and what it has not been told yet."""
    from voltkeep.domain.identity import TenantId

    run.confirm(id, yes=yes)
    async with run.app() as app:
        await app.services.webhooks.remove(TenantId(tenant), id)
    run.out.say(f"Removed {id}.")


@command(group, "enable")
async def enable(
    run: Run,
    id: Id,
    from_now: Annotated[
        bool, typer.Option("--from-now", help="Leave out what happened while it was off.")
    ] = False,
    tenant: Tenant = "default",
) -> None:
    """Go on where it was stopped, as far as events are kept."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        webhook = await app.services.webhooks.enable(TenantId(tenant), id, from_now=from_now)
    _tell(run, webhook)


@command(group, "disable")
async def disable(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Send nothing more, until it is enabled."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        webhook = await app.services.webhooks.disable(TenantId(tenant), id)
    _tell(run, webhook)


@command(group, "rotate")
async def rotate(
    run: Run,
    id: Id,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the old secret signs as well.")
    ] = 24,
    tenant: Tenant = "default",
) -> None:
    """Make a new secret, and print it: this once. For a while both sign."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        webhook, secret = await app.services.webhooks.rotate(
            TenantId(tenant), id, overlap=timedelta(hours=overlap_hours)
        )
    _tell_secret(run, webhook, secret)


@command(group, "deliveries", examples=("webhook deliveries wh_5d2c1f0a9b8e7d6c --state failed",))
async def deliveries(
    run: Run,
    id: Id,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="waiting, delivered or failed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    tenant: Tenant = "default",
) -> None:
    """What was sent, is sent or was given up, the latest first."""
    from voltkeep.domain.identity import TenantId
    from voltkeep.domain.webhooks import DeliveryState
    from voltkeep.services.records import Look

    try:
        wanted = tuple(DeliveryState) if state is None else (DeliveryState(state),)
    except ValueError:
        words = f"A state is one of {', '.join(DeliveryState)}."
        raise Failure(f"There is no state {state}.", words, ExitCode.USAGE) from None
    async with run.app() as app:
        found = await app.services.webhooks.deliveries(
            TenantId(tenant), id, Look(limit=limit), wanted
        )
    if run.out.as_json:
        run.out.data([_delivery(each) for each in found])
        return
    run.out.table(
        ("ID", "TYPE", "STATION", "STATE", "QUEUED", "TRIES", "LAST"),
        [
            (
                each.id,
                each.type,
                each.station.name,
                each.progress,
                instant(each.at),
                str(each.attempts),
                _in_short(each.last),
            )
            for each in found
        ],
    )


@command(
    group,
    "redeliver",
    examples=(
        "webhook redeliver wh_5d2c1f0a9b8e7d6c 4711.wh_5d2c1f0a9b8e7d6c",
        "webhook redeliver wh_5d2c1f0a9b8e7d6c --failed-since 2026-05-01",
    ),
)
async def redeliver(
    run: Run,
    id: Id,
    delivery: Annotated[
        str | None, typer.Argument(metavar="[DELIVERY]", help="As `deliveries` shows it.")
    ] = None,
    failed_since: Annotated[
        datetime | None,
        typer.Option(formats=_TIMES, help="Instead: all given up and queued since then, UTC."),
    ] = None,
    tenant: Tenant = "default",
) -> None:
    """Send one event once more, or all that were given up. The server does it, soon."""
    from voltkeep.domain.identity import TenantId

    if (delivery is None) == (failed_since is None):
        raise Failure(
            "Which ones?", "Name a delivery, or say --failed-since: one of both.", ExitCode.USAGE
        )
    count = 1
    async with run.app() as app:
        service = app.services.webhooks
        if delivery is not None:
            await service.redeliver(TenantId(tenant), id, delivery)
        elif failed_since is not None:
            since = failed_since.replace(tzinfo=UTC)
            count = await service.redeliver_failed(TenantId(tenant), id, since)
    if run.out.as_json:
        run.out.data({"count": count})
    else:
        run.out.line(f"{count} to be sent again.")


@command(group, "test")
async def send_test(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Send an event that tells nothing, now and from here, and show what the endpoint says."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        attempt = await app.services.webhooks.test(TenantId(tenant), id)
    if run.out.as_json:
        run.out.data(_attempt(attempt))
    else:
        run.out.pairs(
            [
                ("Answer", _in_short(attempt)),
                ("After", f"{attempt.latency_s * 1000:.0f} ms"),
                ("It said", attempt.response),
            ]
        )
    if not attempt.is_success:
        raise Failure("The endpoint did not take it.", "Any status from 200 to 299 is a success.")


def _tell_secret(run: Run, webhook: "Webhook", secret: str) -> None:
    if run.out.as_json:
        run.out.data(_plain(webhook) | {"secret": secret})
        return
    run.out.line(secret)
    run.out.say(f"The secret of {webhook.id} is shown this once: whoever receives checks by it.")


def _tell(run: Run, webhook: "Webhook") -> None:
    if run.out.as_json:
        run.out.data(_plain(webhook))
        return
    run.out.pairs(
        [
            ("Webhook", webhook.id),
            ("State", Cell(webhook.state, _STYLES[webhook.state])),
            ("Why", webhook.reason),
            ("URL", webhook.url),
            ("For", webhook.description),
            ("Types", ", ".join(webhook.types) or "all"),
            ("Stations", ", ".join(webhook.stations) or "all"),
            ("Sites", "all" if webhook.sites is None else ", ".join(webhook.sites)),
            ("Failing since", instant(webhook.failing_since)),
            ("Made", f"{instant(webhook.created_at)} by {webhook.created_by}"),
        ]
    )


def _plain(webhook: "Webhook") -> dict[str, Any]:
    """A webhook for programs: without its secrets."""
    from voltkeep.domain.accounts import Permission

    return {
        "id": webhook.id,
        "tenant": webhook.station.tenant,
        "url": webhook.url,
        "description": webhook.description,
        "types": webhook.types,
        "stations": webhook.stations,
        "sites": webhook.sites,
        "full_tokens": Permission.READ_TOKENS in webhook.permissions,
        "state": webhook.state,
        "reason": webhook.reason or None,
        "failing_since": webhook.failing_since,
        "old_secret_until": webhook.old_secret_until,
        "created_at": webhook.created_at,
        "created_by": webhook.created_by,
    }


def _delivery(delivery: "Delivery") -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "station": delivery.station.name or None,
        "state": delivery.progress,
        "queued_at": delivery.at,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "last": None if delivery.last is None else _attempt(delivery.last),
    }


def _attempt(attempt: "Attempt") -> dict[str, Any]:
    return {
        "at": attempt.at,
        "latency_ms": round(attempt.latency_s * 1000, 3),
        "status": attempt.status,
        "response": attempt.response,
        "error": attempt.error or None,
    }


def _in_short(attempt: "Attempt | None") -> str:
    if attempt is None:
        return ""
    return attempt.error if attempt.status is None else str(attempt.status)
