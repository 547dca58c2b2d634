"""Idempotency keys: a request that comes again gets the order that it has made."""

import hashlib
from datetime import timedelta

from msgspec import Struct, json

from voltkeep.domain.accounts import IdempotencyKey
from voltkeep.domain.identity import StationId
from voltkeep.domain.orders import Order
from voltkeep.services.ports import Work

KEYS_KEPT = timedelta(hours=24)


class KeyReused(ValueError):
    """The idempotency key came with another request before."""


class Once(Struct, frozen=True, kw_only=True):
    """A request that counts once, however often it comes: who gave which key, with what."""

    who: str
    key: str
    request: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(json.encode([self.who, self.key])).hexdigest()


async def repeated(work: Work, order: Order, once: Once) -> Order | None:
    """The order that the same request made before; else this one is kept as its answer.

    Raises KeyReused.
    """
    key = IdempotencyKey(
        station=StationId(order.station.tenant, ""),
        id=once.id,
        state="done",
        at=order.at,
        request_hash=hashlib.sha256(once.request).hexdigest(),
        status=202,
        body=order.id.encode(),
    )
    if await work.idempotency_keys.add(key):
        return None
    before = await work.idempotency_keys.lock(key.station, key.id)
    if before is None or before.at < order.at - KEYS_KEPT:
        await work.idempotency_keys.put(key)
        return None
    if before.request_hash != key.request_hash:
        raise KeyReused("this idempotency key came with another request before; use a new one")
    found = await work.orders.find(order.station.tenant, before.body.decode())
    if found is None:
        raise KeyReused("what this idempotency key asked for is not kept any more")
    return found
