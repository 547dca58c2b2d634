"""Whether the server lives and may be used, and how it does: for machines that watch it."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network

from litestar import Response, get
from litestar.datastructures import State
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.web.auth import PUBLIC
from voltkeep.web.metrics import CONTENT_TYPE, Metrics
from voltkeep.web.problems import Asked, Problem

_FORWARDED = ("forwarded", "x-forwarded-for")


class Vitals(Struct, frozen=True, kw_only=True):
    """What the routes here need. ``metrics`` is None if nobody shall read any.

    ``troubles`` tells why the server may not be used now; ``allowed`` may see all of it unasked.
    """

    metrics: Metrics | None
    troubles: Callable[[], Awaitable[Sequence[str]]]
    allowed: Sequence[IPv4Network | IPv6Network]


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

EXAMPLES = [Health(status="ok")]
