"""Webhooks: whom events are sent to, what was sent, and when it is tried again."""

import enum
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import StationId
from voltkeep.domain.telling import LIVE_ONLY, Choice, UnknownEventType, named

# Standard Webhooks, "Deliverability and reliability": the first at once, and all within a few days.
RETRY_AFTER_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
GIVE_UP_AFTER = timedelta(days=5)  # of failures and no success: the webhook is switched off
JITTER = 0.1  # of each wait, so that what failed together is not tried again together


class WebhookState(enum.StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryState(enum.StrEnum):
    WAITING = "waiting"  # to be sent, or to be sent again
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


class Webhook(Struct, frozen=True, kw_only=True):
    """An endpoint of others that is told of events. Its station's name is "".

    ``permissions`` are those of whoever made it, as far as they decide which events it gets:
    nobody learns by a webhook what they may not read. ``sites``: None is all of the tenant.
    Secrets are sealed.
    """

    station: StationId
    id: str
    state: WebhookState = WebhookState.ENABLED
    at: datetime
    url: str
    description: str = ""
    types: tuple[str, ...] = ()  # none: all that are kept
    stations: tuple[str, ...] = ()  # none: all
    sites: tuple[str, ...] | None = None
    permissions: tuple[Permission, ...] = ()
    secret: str
    old_secret: str = ""  # signs as well, until …
    old_secret_until: datetime | None = None
    position: int  # events up to there are deliveries now, or none of its own
    created_at: datetime
    created_by: str = ""
    failing_since: datetime | None = None
    reason: str = ""  # why it was switched off

    @property
    def choice(self) -> Choice:
        """Which events it gets."""
        return Choice(
            tenant=self.station.tenant,
            permissions=frozenset(self.permissions),
            types=sendable(self.types or ("*",)),
            stations=frozenset(self.stations) or None,
            sites=None if self.sites is None else frozenset(self.sites),
        )


def sendable(types: Iterable[str]) -> frozenset[str]:
    """The names that types mean, of events that are kept. Raises UnknownEventType."""
    types = tuple(types)
    if live := LIVE_ONLY.intersection(types):
        raise UnknownEventType(
            f"{', '.join(sorted(live))} is told live only: no webhook gets it; read the stream"
        )
    return named(types) - LIVE_ONLY


class Attempt(Struct, frozen=True, kw_only=True):
    """One try to deliver. ``status`` is None if nobody answered; then ``error`` says why."""

    at: datetime
    latency_s: float
    status: int | None = None
    response: str = ""  # the first KiB
    error: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Delivery(Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook.

    ``state`` is the webhook's id, a slash and a `DeliveryState`: records are found by their
    state, and these are looked for by both. ``at`` is when it was queued, and stays.
    """

    station: StationId
    id: str  # of the event, a dot, and the webhook's
    state: str
    at: datetime
    event_id: str
    type: str
    payload: str
    attempts: int = 0
    next_at: datetime
    last: Attempt | None = None

    @property
    def webhook(self) -> str:
        return self.state.partition("/")[0]

    @property
    def progress(self) -> DeliveryState:
        return DeliveryState(self.state.partition("/")[2])

    @property
    def position(self) -> int:
        return int(self.event_id)


def state_of(webhook: str, progress: DeliveryState) -> str:
    """What `Delivery.state` is."""
    return f"{webhook}/{progress}"


def next_try(attempts: int, now: datetime, chance: float) -> datetime | None:
    """When to try again after so many failures; None: give up. ``chance`` is from 0 to 1."""
    if attempts >= len(RETRY_AFTER_S):
        return None
    return now + timedelta(seconds=RETRY_AFTER_S[attempts] * (1 + JITTER * chance))
