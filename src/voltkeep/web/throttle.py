"""How often somebody may ask: so many requests at once, and so many a second for long."""

import math
import time

from voltkeep.domain.accounts import Principal
from voltkeep.services.rates import Buckets, Rate, source
from voltkeep.web.problems import Problem

_AT_ONCE_S = 10  # a page of a user interface asks for much when it is opened


class Throttle:
    """Counts for each account; and for each address what comes without one, or with a wrong one."""

    def __init__(self, per_s: float) -> None:
        self._buckets: Buckets[str] = Buckets(Rate(burst=per_s * _AT_ONCE_S, per_s=per_s))

    def check(self, principal: Principal | None, address: str) -> None:
        """Count a request. Raises Problem 429, which says when to try again."""
        key = f"address {source(address)}" if principal is None else account_of(principal)
        now = time.monotonic()
        if not self._buckets.take(key, now):
            again = math.ceil(self._buckets.wait(key, now))
            raise Problem(
                429,
                f"too many requests; try again in {again} s",
                code="too-many-requests",
                headers={"retry-after": str(again)},
            )


def account_of(principal: Principal) -> str:
    """Who asks, told apart from everybody else: names of API keys may be alike."""
    actor = principal.actor
    who = actor.authenticated_by if actor.kind == "api" else actor.name
    return f"{actor.kind}:{who}"
