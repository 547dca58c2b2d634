"""Webhooks: who is told of events elsewhere, and what became of each delivery.

Signed as Standard Webhooks says. `bus.webhooks` sends; everything about it is in the database.
"""

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated

from cryptography.fernet import Fernet, InvalidToken
from msgspec import Meta, Struct, json, structs
from standardwebhooks import Webhook as Signer

from voltkeep.domain.accounts import Permission
from voltkeep.domain.audit import Deed
from voltkeep.domain.events import WebhookChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.telling import needs
from voltkeep.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookState,
    sendable,
    state_of,
)
from voltkeep.services.audit import acting, audit
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.outbound import Outbound, OutboundFailed, OutboundRefused
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.records import Look

ANSWER_BYTES = 1024
TIMEOUT_S = 20.0
_MOST = 50  # of a tenant
_PAGE = 500
_OVERLAP = timedelta(hours=24)
_LONGEST_WAIT = timedelta(days=1)
_DECIDING = (Permission.READ_SECURITY, Permission.READ_TRANSACTIONS, Permission.READ_WEBHOOKS)
TEST_TYPE = "webhook.test"


class UnknownWebhook(LookupError):
    """There is no webhook of that id."""


class UnknownDelivery(LookupError):
    """The webhook has no delivery of that id."""


class TooManyWebhooks(ValueError):
    """The tenant has as many webhooks as it may."""


class EventsNotAllowed(ValueError):
    """Whoever asks may not read events of that type, so no webhook of theirs gets them."""


class WebhookWords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people say of a webhook. No type, station or site named means all.

    ``types`` are names of events, or a noun with ``.*``. ``full_tokens``: tokens are not masked.
    """

    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    description: Annotated[str, Meta(max_length=500)] = ""
    types: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=100)] = ()
    stations: Annotated[tuple[Annotated[str, Meta(max_length=48)], ...], Meta(max_length=1000)] = ()
    sites: (
        Annotated[tuple[Annotated[str, Meta(max_length=48)], ...], Meta(max_length=1000)] | None
    ) = None
    full_tokens: bool = False


class SealedSecrets:
    """Encrypts what must be known to sign, under the installation's secret."""

    def __init__(self, key: bytes) -> None:
        """``key`` has 32 bytes."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def closed(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def opened(self, sealed: str) -> str:
        """Raises InvalidToken if it was sealed under another secret."""
        return self._fernet.decrypt(sealed.encode()).decode()


class Courier:
    """Sends one delivery, signed."""

    def __init__(self, outbound: Outbound, seal: SealedSecrets, clock: Clock) -> None:
        self._outbound = outbound
        self._seal = seal
        self._clock = clock

    async def send(
        self, webhook: Webhook, event_id: str, payload: str
    ) -> tuple[Attempt, datetime | None]:
        """Try once: what came of it, and until when the endpoint wants to be left alone."""
        at, began = self._clock(), time.perf_counter()
        status, response, error, wait = None, "", "", ""
        try:
            headers = self._headers(webhook, event_id, payload, at)
            answer = await self._outbound.post(
                webhook.url, payload.encode(), headers, TIMEOUT_S, ANSWER_BYTES
            )
            status, wait = answer.status, answer.retry_after
            response = answer.content.decode(errors="replace")
        except (OutboundRefused, OutboundFailed) as failure:
            error = str(failure)
        except InvalidToken:
            error = "its secret was sealed under another `secret` of this installation: rotate it"
        attempt = Attempt(
            at=at,
            latency_s=round(time.perf_counter() - began, 6),
            status=status,
            response=response,
            error=error,
        )
        return attempt, _wait_until(wait, self._clock())

    def _headers(
        self, webhook: Webhook, event_id: str, payload: str, at: datetime
    ) -> dict[str, str]:
        sealed = [webhook.secret]
        if webhook.old_secret_until is not None and at < webhook.old_secret_until:
            sealed.append(webhook.old_secret)
        signatures = [
            Signer(self._seal.opened(each)).sign(event_id, at, payload) for each in sealed
        ]
        return {
            "content-type": "application/json",
            "user-agent": "Voltkeep",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


class WebhookService:
    """What people do with webhooks."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        clock: Clock,
        outbound: Outbound,
        seal: SealedSecrets,
        last_position: Callable[[], Awaitable[int]],
    ) -> None:
        """``last_position`` is that of the event that was published last."""
        self._begin = begin
        self._read = read
        self._clock = clock
        self._outbound = outbound
        self._seal = seal
        self._last_position = last_position
        self.courier = Courier(outbound, seal, clock)

    async def add(
        self, tenant: TenantId, words: WebhookWords, permissions: frozenset[Permission]
    ) -> tuple[Webhook, str]:
        """Tell an endpoint of events from now on; returns the secret that signs, once.

        Raises OutboundRefused, UnknownEventType, EventsNotAllowed or TooManyWebhooks.
        """
        self._outbound.check(words.url)
        granted = _granted(words, permissions)
        secret, at, position = new_secret(), self._clock(), await self._last_position()
        webhook = Webhook(
            station=StationId(tenant, ""),
            id=f"wh_{secrets.token_hex(8)}",
            at=at,
            url=words.url,
            description=words.description,
            types=words.types,
            stations=words.stations,
            sites=words.sites,
            permissions=granted,
            secret=self._seal.closed(secret),
            position=position,
            created_at=at,
            created_by=acting().name,
        )
        async with self._begin() as work:
            if await work.webhooks.count(webhook.station) >= _MOST:
                raise TooManyWebhooks(f"a tenant has at most {_MOST} webhooks: remove one")
            await work.webhooks.put(webhook)
            await _tell(work, webhook, "webhook.added", after=webhook.url)
        return webhook, secret

    async def all(self, tenant: TenantId, look: Look | None = None) -> list[Webhook]:
        """Those of a tenant, the latest changed first."""
        async with self._read() as work:
            return await work.webhooks.page(tenant, look or Look(limit=_MOST))

    async def get(self, tenant: TenantId, id: str) -> Webhook:
        """Raises UnknownWebhook."""
        async with self._read() as work:
            webhook = await work.webhooks.get(StationId(tenant, ""), id)
        if webhook is None:
            raise UnknownWebhook(f"there is no webhook {id[:60]}")
        return webhook

    async def change(
        self,
        tenant: TenantId,
        id: str,
        edit: Callable[[Webhook], WebhookWords],
        permissions: frozenset[Permission],
        *,
        unless_changed: Check[Webhook] = as_it_is,
    ) -> Webhook:
        """Make what is said of it something else. Raises what `add` raises, and UnknownWebhook."""
        async with self._begin() as work:
            before = await locked(work, tenant, id)
            unless_changed(before)
            words = edit(before)
            self._outbound.check(words.url)
            granted = _granted(words, permissions)
            webhook = structs.replace(
                before,
                at=self._clock(),
                url=words.url,
                description=words.description,
                types=words.types,
                stations=words.stations,
                sites=words.sites,
                permissions=granted,
            )
            await work.webhooks.put(webhook)
            await _tell(work, webhook, "webhook.changed", before=before.url, after=webhook.url)
        return webhook

    async def enable(self, tenant: TenantId, id: str, *, from_now: bool = False) -> Webhook:
        """Go on where it was stopped, as far as events are kept; or leave out what was missed."""
        position = await self._last_position() if from_now else None
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            if webhook.state is WebhookState.ENABLED and position is None:
                return webhook
            webhook = structs.replace(
                webhook,
                state=WebhookState.ENABLED,
                at=self._clock(),
                failing_since=None,
                reason="",
                position=webhook.position if position is None else position,
            )
            if from_now:
                await _drop_waiting(work, webhook)
            else:
                await self._hurry(work, webhook)
            await work.webhooks.put(webhook)
            await _tell(work, webhook, "webhook.enabled")
        return webhook

    async def disable(self, tenant: TenantId, id: str) -> Webhook:
        """Send nothing more, until it is enabled."""
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            return await switched_off(work, webhook, "by an operator", self._clock())

    async def remove(self, tenant: TenantId, id: str) -> None:
        """Forget it, and what it has not been told yet; what it was told stays for a while."""
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            await _drop_waiting(work, webhook)
            await work.webhooks.remove(webhook.station, webhook.id)
            await _tell(work, webhook, "webhook.removed", before=webhook.url)

    async def rotate(
        self, tenant: TenantId, id: str, *, overlap: timedelta = _OVERLAP
    ) -> tuple[Webhook, str]:
        """Give it a new secret, told once; the old one signs beside it for so long."""
        secret, at = new_secret(), self._clock()
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            webhook = structs.replace(
                webhook,
                at=at,
                secret=self._seal.closed(secret),
                old_secret=webhook.secret,
                old_secret_until=at + overlap,
            )
            await work.webhooks.put(webhook)
            await _tell(work, webhook, "webhook.secret_rotated")
        return webhook, secret

    # What was sent.

    async def deliveries(
        self,
        tenant: TenantId,
        id: str,
        look: Look,
        progress: Iterable[DeliveryState] = tuple(DeliveryState),
    ) -> list[Delivery]:
        """Of one webhook, in pages, in these states. Raises UnknownWebhook."""
        await self.get(tenant, id)
        states = tuple(state_of(id, each) for each in progress)
        async with self._read() as work:
            return await work.deliveries.page(tenant, structs.replace(look, states=states))

    async def delivery(self, tenant: TenantId, id: str, delivery: str) -> Delivery:
        """Raises UnknownDelivery."""
        async with self._read() as work:
            return await _delivery(work, tenant, id, delivery)

    async def redeliver(self, tenant: TenantId, id: str, delivery: str) -> Delivery:
        """Send it once more, soon. Raises UnknownWebhook or UnknownDelivery."""
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            found = await _delivery(work, tenant, id, delivery)
            again = await self._again(work, found)
            await _tell(work, webhook, "webhook.redelivered", after=found.id)
        return again

    async def redeliver_failed(self, tenant: TenantId, id: str, since: datetime) -> int:
        """Send all that was given up and queued since then; how many."""
        count = 0
        look = Look(states=(state_of(id, DeliveryState.FAILED),), since=since, limit=_PAGE)
        async with self._begin() as work:
            webhook = await locked(work, tenant, id)
            while page := await work.deliveries.page(tenant, look):
                for found in page:
                    await self._again(work, found)
                count += len(page)
            await _tell(work, webhook, "webhook.redelivered", after=f"{count} that had failed")
        return count

    async def test(self, tenant: TenantId, id: str) -> Attempt:
        """Send an event that tells nothing, now. Raises UnknownWebhook."""
        webhook = await self.get(tenant, id)
        event_id, at = f"test_{secrets.token_hex(8)}", self._clock()
        told = {"id": event_id, "type": TEST_TYPE, "timestamp": at, "tenant": tenant}
        payload = json.encode(told | {"station": None, "data": {"webhook": id}}).decode()
        attempt, _ = await self.courier.send(webhook, event_id, payload)
        async with self._begin() as work:
            result = str(attempt.status or attempt.error)
            deed = Deed(action="webhook.tested", object=webhook.id, result=result)
            await audit(work, tenant, at, deed)
        return attempt

    async def _hurry(self, work: Work, webhook: Webhook) -> None:
        """What waits to be tried again is tried now: somebody has mended the endpoint."""
        at, tenant = self._clock(), webhook.station.tenant
        look = Look(states=(state_of(webhook.id, DeliveryState.WAITING),), limit=_PAGE)
        while page := await work.deliveries.page(tenant, look):
            for each in page:
                await work.deliveries.put(structs.replace(each, next_at=at))
            last = page[-1]
            look = structs.replace(look, after=(last.at, last.station.name, last.id))

    async def _again(self, work: Work, found: Delivery) -> Delivery:
        again = structs.replace(
            found,
            state=state_of(found.webhook, DeliveryState.WAITING),
            attempts=0,
            next_at=self._clock(),
        )
        await work.deliveries.put(again)
        return again


async def locked(work: Work, tenant: TenantId, id: str) -> Webhook:
    """Raises UnknownWebhook."""
    webhook = await work.webhooks.lock(StationId(tenant, ""), id)
    if webhook is None:
        raise UnknownWebhook(f"there is no webhook {id[:60]}")
    return webhook


async def switched_off(work: Work, webhook: Webhook, reason: str, at: datetime) -> Webhook:
    """Send it nothing more."""
    webhook = structs.replace(webhook, state=WebhookState.DISABLED, at=at, reason=reason)
    await work.webhooks.put(webhook)
    await _tell(work, webhook, "webhook.disabled", after=reason)
    return webhook


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _granted(words: WebhookWords, permissions: frozenset[Permission]) -> tuple[Permission, ...]:
    """Which permissions the webhook has. Raises UnknownEventType or EventsNotAllowed."""
    if words.types:
        names = sendable(words.types)
        for name in sorted(names.intersection(words.types)):
            need = needs(name)
            if need is not None and need not in permissions:
                raise EventsNotAllowed(f"events of the type {name} need the permission {need}")
    granted = [each for each in _DECIDING if each in permissions]
    if words.full_tokens:
        if Permission.READ_TOKENS not in permissions:
            raise EventsNotAllowed(f"full_tokens needs the permission {Permission.READ_TOKENS}")
        granted.append(Permission.READ_TOKENS)
    return tuple(granted)


async def _delivery(work: Work, tenant: TenantId, webhook: str, id: str) -> Delivery:
    found = await work.deliveries.find(tenant, id)
    if found is None or found.webhook != webhook:
        raise UnknownDelivery(f"the webhook has no delivery {id[:60]}")
    return found


async def _drop_waiting(work: Work, webhook: Webhook) -> None:
    waiting = Look(states=(state_of(webhook.id, DeliveryState.WAITING),), limit=_PAGE)
    while page := await work.deliveries.page(webhook.station.tenant, waiting):
        for each in page:
            await work.deliveries.remove(each.station, each.id)


async def _tell(
    work: Work, webhook: Webhook, action: str, *, before: str = "", after: str = ""
) -> None:
    deed = Deed(action=action, object=webhook.id, before=before, after=after)
    await audit(work, webhook.station.tenant, webhook.at, deed)
    work.emit(
        WebhookChanged(
            station=webhook.station,
            at=webhook.at,
            webhook=webhook.id,
            what=action.partition(".")[2],
        )
    )


def _wait_until(retry_after: str, now: datetime) -> datetime | None:
    """RFC 9110, 10.2.3: seconds, or a date; of what it cannot be, nothing is made."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return now + min(timedelta(seconds=int(text)), _LONGEST_WAIT)
    try:
        wanted = parsedate_to_datetime(text)
    except ValueError:
        return None
    if wanted.tzinfo is None:
        return None
    return min(max(wanted, now), now + _LONGEST_WAIT)
