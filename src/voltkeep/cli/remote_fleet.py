"""Campaigns and webhooks, over the API of a server elsewhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import json, structs

from voltkeep.cli.remote_part import PAGE, Part, fields_of, first
from voltkeep.cli.remote_words import plain, taken
from voltkeep.client import models
from voltkeep.domain.accounts import Permission
from voltkeep.domain.campaigns import Campaign, CampaignStep, FirmwareGoal, Terms
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.domain.webhooks import Attempt, Delivery, DeliveryState, Webhook, state_of
from voltkeep.services.campaigns import Progress
from voltkeep.services.lists import StationFilter
from voltkeep.services.records import Look
from voltkeep.services.webhooks import WebhookWords

_FAILED_SHOWN = 100


class Campaigns(Part):
    """As `CampaignService`."""

    async def start(
        self,
        tenant: TenantId,
        goal: SecurityProfile | FirmwareGoal,
        which: StationFilter,
        terms: Terms,
    ) -> Campaign:
        changed: dict[str, Any] = {}
        if isinstance(goal, FirmwareGoal):
            wish = structs.asdict(goal) | {"via": goal.via or None}
            changed["firmware"] = models.FirmwareWish(**wish)
        else:
            changed["security_profile"] = int(goal)
        window = terms.window
        new = models.NewCampaign(
            **{name: each for name, each in structs.asdict(terms).items() if name in _TERMS},
            **changed,
            station_timeout_s=terms.come_back_s,
            window=None
            if window is None
            else models.Hours(begin=f"{window.begin:%H:%M}", end=f"{window.end:%H:%M}"),
            which=_which(which),
        )
        return _campaign_of(tenant, await self._app.client(tenant).start_campaign(new))

    async def all(self, tenant: TenantId) -> list[Campaign]:
        listed = self._app.client(tenant).list_campaigns(limit=PAGE)
        return [_campaign_of(tenant, each) async for each in listed]

    async def progress(self, tenant: TenantId, id: str) -> Progress:
        client = self._app.client(tenant)
        shown = await client.show_campaign(id)
        listed = client.list_campaign_stations(id, state="failed", limit=_FAILED_SHOWN)
        return Progress(
            campaign=_campaign_of(tenant, shown),
            counts=shown.stations or {},
            canaries=shown.canary_stations or {},
            failed=tuple(_step_of(tenant, id, each) for each in await first(listed, _FAILED_SHOWN)),
        )

    async def halt(self, tenant: TenantId, id: str) -> Campaign:
        return _campaign_of(tenant, await self._app.client(tenant).halt_campaign(id))

    async def resume(self, tenant: TenantId, id: str, *, retry: bool = False) -> Campaign:
        client = self._app.client(tenant)
        return _campaign_of(tenant, await client.resume_campaign(id, retry=retry))

    async def go_on(self, tenant: TenantId, id: str) -> Campaign:
        return _campaign_of(tenant, await self._app.client(tenant).go_on_with_campaign(id))

    async def cancel(self, tenant: TenantId, id: str) -> Campaign:
        return _campaign_of(tenant, await self._app.client(tenant).cancel_campaign(id))


def _which(stations: StationFilter) -> models.Which:
    wanted: dict[str, Any] = {
        "stations": stations.names,
        "sites": stations.sites,
        "vendor": stations.vendor,
        "model": stations.model,
        "firmware": stations.firmware,
        "prefix": stations.prefix or None,
    }
    return models.Which(**{name: each for name, each in wanted.items() if each is not None})


_TERMS = {
    *("at_once", "halt_after", "halt_percent", "canaries", "canary_percent", "canary_failures"),
    *("waits_for_word", "attempts", "retry_after_s", "until"),
}


def _campaign_of(tenant: TenantId, said: models.CampaignOut) -> Campaign:
    values = plain(said) | {
        "station": (tenant, ""),
        "target": said.security_profile or 0,
        "come_back_s": said.station_timeout_s,
        "which": json.encode(_filter_of(said.which)).decode(),
    }
    campaign: Campaign = taken(Campaign, values)
    return campaign


def _filter_of(said: models.Which) -> StationFilter:
    which: StationFilter = taken(StationFilter, plain(said) | {"names": said.stations or None})
    return which


def _step_of(tenant: TenantId, id: str, said: models.CampaignStationOut) -> CampaignStep:
    values = plain(said) | {
        "station": (tenant, said.station),
        "id": id,
        "failures": said.failed_attempts,
        "update": said.update or "",
    }
    step: CampaignStep = taken(CampaignStep, values)
    return step


class Webhooks(Part):
    """As `WebhookService`."""

    async def add(
        self, tenant: TenantId, words: WebhookWords, _permissions: frozenset[Permission]
    ) -> tuple[Webhook, str]:
        """Events that the key may not read are not sent."""
        new = models.WebhookWords(**fields_of(words, models.WebhookWords))
        made = await self._app.client(tenant).add_webhook(new)
        return _webhook_of(tenant, made.webhook), made.secret

    async def all(self, tenant: TenantId) -> list[Webhook]:
        listed = self._app.client(tenant).list_webhooks(limit=PAGE)
        return [_webhook_of(tenant, each) async for each in listed]

    async def get(self, tenant: TenantId, id: str) -> Webhook:
        return _webhook_of(tenant, await self._app.client(tenant).show_webhook(id))

    async def remove(self, tenant: TenantId, id: str) -> None:
        await self._app.client(tenant).remove_webhook(id)

    async def enable(self, tenant: TenantId, id: str, *, from_now: bool = False) -> Webhook:
        body = models.Enabling(from_now=from_now)
        return _webhook_of(tenant, await self._app.client(tenant).enable_webhook(id, body))

    async def disable(self, tenant: TenantId, id: str) -> Webhook:
        return _webhook_of(tenant, await self._app.client(tenant).disable_webhook(id))

    async def rotate(self, tenant: TenantId, id: str, *, overlap: timedelta) -> tuple[Webhook, str]:
        body = models.Rotation(overlap_hours=overlap / timedelta(hours=1))
        made = await self._app.client(tenant).rotate_webhook_secret(id, body)
        return _webhook_of(tenant, made.webhook), made.secret

    async def deliveries(
        self, tenant: TenantId, id: str, look: Look, states: Sequence[DeliveryState]
    ) -> list[Delivery]:
        listed = self._app.client(tenant).list_deliveries(
            id,
            state=states[0].value if len(states) == 1 else None,
            limit=min(look.limit, PAGE),
        )
        return [_delivery_of(tenant, id, each) for each in await first(listed, look.limit)]

    async def redeliver(self, tenant: TenantId, id: str, delivery: str) -> Delivery:
        return _delivery_of(tenant, id, await self._app.client(tenant).redeliver(id, delivery))

    async def redeliver_failed(self, tenant: TenantId, id: str, since: datetime) -> int:
        body = models.Redelivery(since=since)
        return (await self._app.client(tenant).redeliver_failed(id, body)).count

    async def test(self, tenant: TenantId, id: str) -> Attempt:
        return _attempt_of(await self._app.client(tenant).test_webhook(id))


def _webhook_of(tenant: TenantId, said: models.WebhookOut) -> Webhook:
    values = plain(said) | {
        "station": (tenant, ""),
        "at": said.created_at,
        "permissions": (Permission.READ_TOKENS,) if said.full_tokens else (),
        "secret": "",
        "position": 0,
        "reason": said.reason or "",
    }
    webhook: Webhook = taken(Webhook, values)
    return webhook


def _delivery_of(tenant: TenantId, webhook: str, said: models.DeliveryOut) -> Delivery:
    return Delivery(
        station=StationId(tenant, said.station or ""),
        id=said.id,
        state=state_of(webhook, DeliveryState(said.state)),
        at=said.queued_at,
        event_id=said.event_id,
        type=said.type,
        payload="",
        attempts=said.attempts,
        next_at=said.next_at or said.queued_at,
        last=None if said.last is None else _attempt_of(said.last),
    )


def _attempt_of(said: models.AttemptOut) -> Attempt:
    return Attempt(
        at=said.at,
        latency_s=said.latency_ms / 1000,
        status=said.status,
        response=said.response,
        error=said.error or "",
    )
