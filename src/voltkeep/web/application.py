"""The HTTP API as the settings ask for it: behind proxies, and beside an OpenID provider."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from litestar.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from voltkeep.config import Settings, parse_networks
from voltkeep.web.access import ApiServices
from voltkeep.web.http import hardened, make_api
from voltkeep.web.request_ids import identified
from voltkeep.web.throttle import Throttle


def make_application(
    services: ApiServices,
    settings: Settings,
    key: bytes,
    clock: Callable[[], datetime],
    state: Mapping[str, Any],
) -> ASGIApp:
    """``key`` is for whatever is signed or sealed; ``state`` is what some routes need besides."""
    oidc = None
    if settings.oidc_issuer:
        from voltkeep.web.oidc import OidcClient  # noqa: PLC0415  # slow, and few use it

        own = hmac.new(key, b"sign-ins at a provider", hashlib.sha256).digest()
        oidc = OidcClient(settings, own, clock)
    rate = settings.http_requests_per_s
    known = {
        "oidc": oidc,
        "public_url": settings.public_url,
        "map_tiles": settings.map_tiles,
        "map_attribution": settings.map_attribution,
        "throttle": Throttle(rate) if rate else None,
    }
    api = make_api(services, key, {**known, **state})
    proxies = [str(network) for network in parse_networks(settings.trusted_proxies)]
    # Its types and Litestar's say the same of ASGI in other words.
    behind = ProxyHeadersMiddleware(cast("Any", identified(hardened(api))), trusted_hosts=proxies)
    return cast("ASGIApp", behind)
