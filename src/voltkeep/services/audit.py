"""The audit log: every deed that matters for security is chained in the work that does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from voltkeep.domain.audit import SYSTEM, Actor, Deed
from voltkeep.domain.identity import TenantId
from voltkeep.services.ports import Work

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Whatever is audited inside is this actor's deed."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def acting() -> Actor:
    """Who acts now."""
    return _actor.get()


async def audit(work: Work, tenant: TenantId, at: datetime, deed: Deed) -> None:
    """Chain a deed of whoever acts now; it counts if the work commits."""
    await work.audit.append(tenant, at, acting(), deed)
