"""Whether the server lives and may be used, and how it does: for machines and for people."""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network

from litestar import Response, get
from litestar.datastructures import State
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.web.access import Who
from voltkeep.web.auth import PUBLIC
from voltkeep.web.condition import (
    Condition,
    ConnectionsOut,
    DatabaseOut,
    DiskOut,
    EndOut,
    ListenerOut,
    LoopOut,
    QueuesOut,
    RetentionOut,
    SystemOut,
)
from voltkeep.web.metrics import CONTENT_TYPE, Metrics
from voltkeep.web.problems import Asked, Problem

_FORWARDED = ("forwarded", "x-forwarded-for")


class Vitals(Struct, frozen=True, kw_only=True):
    """What the routes here need. ``metrics`` is None if nobody shall read any.

    ``troubles`` tells why the server may not be used now; ``allowed`` may see all of it unasked.
    ``origins`` tells where each setting has its value from.
    """

    metrics: Metrics | None
    troubles: Callable[[], Awaitable[Sequence[str]]]
    allowed: Sequence[IPv4Network | IPv6Network]
    condition: Condition | None = None
    origins: Mapping[str, str] = {}


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``status`` is ok or unavailable; ``reasons`` are for who may know them."""

    status: str
    reasons: tuple[str, ...] = ()


@get("/health/live", needs=PUBLIC)
async def live() -> Health:
    """Whether the process answers at all."""
    return Health(status="ok")


@get("/health/ready", needs=PUBLIC)
async def ready(request: Asked, state: State) -> Response[Health]:
    """Whether it can be used: the database answers, and the listeners are open. Else 503."""
    vitals: Vitals = state.vitals
    troubles = tuple(await vitals.troubles())
    if not troubles:
        return Response(Health(status="ok"))
    shown = troubles if _may_know(request, vitals) else ()
    return Response(Health(status="unavailable", reasons=shown), status_code=503)


@get("/metrics", needs=PUBLIC, include_in_schema=False)
async def metrics(request: Asked, state: State) -> Response[bytes]:
    """Prometheus' text format."""
    vitals: Vitals = state.vitals
    if vitals.metrics is None:
        raise Problem(404, "metrics are switched off: the setting metrics", code="not-found")
    if not _may_know(request, vitals):
        raise Problem(
            401,
            "from this address send an API key of the installation with the permission "
            f"{Permission.READ_SETTINGS}, or set metrics_allowed",
            code="not-authenticated",
            headers={"www-authenticate": "Bearer"},
        )
    return Response(await vitals.metrics.text(), media_type=CONTENT_TYPE)


@get("/system", needs=Permission.READ_SETTINGS)
async def show_system(principal: Who, state: State) -> SystemOut:
    """How the server that answers does: versions, database, what waits, connections and disk."""
    return await looked_at(principal, state)


async def looked_at(principal: Principal, state: State) -> SystemOut:
    """The server, for who may read settings of the installation. Raises Problem."""
    if not principal.is_everywhere:
        raise Problem(403, "the server is the installation's, not a tenant's", code="not-allowed")
    vitals: Vitals | None = state.get("vitals")
    if vitals is None or vitals.condition is None:
        raise Problem(404, "nothing is known of this process", code="not-found")
    return await vitals.condition.look()


def origins_of(state: State) -> Mapping[str, str]:
    """Where each setting has its value from, as far as that is known."""
    vitals: Vitals | None = state.get("vitals")
    return {} if vitals is None else vitals.origins


def _may_know(request: Asked, vitals: Vitals) -> bool:
    principal: Principal | None = request.user
    if principal is not None:
        return principal.is_everywhere and principal.may(Permission.READ_SETTINGS)
    if any(name in request.headers for name in _FORWARDED):
        return False  # the address is a proxy's: whoever is behind it is not
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return any(address in network for network in vitals.allowed)


AT_THE_ROOT = [live, ready, metrics]
ROUTES = [show_system]

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
EXAMPLES = [
    Health(status="ok"),
    SystemOut(
        version="0.1.0",
        python="3.11.2",
        started_at=_AT,
        troubles=[],
        database=DatabaseOut(
            kind="SQLite",
            version="3.40.1",
            schema_revision="0003_post",
            size_bytes=48_000_000,
            latency_ms=0.4,
            in_use=1,
        ),
        queues=QueuesOut(
            events_untold=0, rows_unstored=3, rows_dropped=0, commands=1, webhook_deliveries=0
        ),
        connections=ConnectionsOut(
            connected=120,
            at_most=20_000,
            by_protocol={"ocpp1.6": 80, "ocpp2.0.1": 40},
            let_in=340,
            refused={"wrong password": 12},
            upgrades_per_s=300,
            event_streams=4,
        ),
        event_loop=LoopOut(lag_ms=0.3, worst_ms=12.5),
        listeners=[ListenerOut(setting="http", address="127.0.0.1:8080", is_open=True)],
        retention=[RetentionOut(setting="message_log_retention_days", days=30)],
        pruned_at=_AT,
        prunes_at=_AT,
        disk=DiskOut(path="/var/lib/voltkeep", total_bytes=500 * 10**9, free_bytes=400 * 10**9),
        certificates=[EndOut(kind="server", not_after=_AT)],
    ),
]
