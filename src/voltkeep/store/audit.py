"""The audit log: entries chained in the transaction that commits what they tell of."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import json
from sqlalchemy import bindparam, insert, select

from voltkeep.domain.audit import GENESIS, Actor, AuditEntry, Deed, chained
from voltkeep.domain.identity import TenantId
from voltkeep.store.columns import all_storable
from voltkeep.store.counting import COUNT_UP
from voltkeep.store.engine import EngineName, ReadsOnly, Statements, Steps
from voltkeep.store.tables import audit_log
from voltkeep.store.tenants import tenants_of

_c = audit_log.c
_COUNTER = "audit_log"
_HASH = select(_c.hash).where(_c.tenant == bindparam("in_tenant"), _c.seq == bindparam("of_seq"))
_OF_TENANT = select(*audit_log.columns).where(_c.tenant == bindparam("in_tenant"))
_SINCE = _OF_TENANT.where(_c.seq > bindparam("after")).order_by(_c.seq).limit(bindparam("most"))
_LAST = _OF_TENANT.order_by(_c.seq.desc()).limit(bindparam("most"))

_ADD = insert(audit_log)

_actor = json.Decoder(Actor)
_deed = json.Decoder(Deed)


class SqlAuditRows:
    """`services.records.AuditRows`.

    Entries are chained when the work ends: until then nobody else waits for it, and no work that
    waits for rows keeps others from the end of the chain.
    """

    def __init__(self, db: Statements, *, writes: bool) -> None:
        self._db = db
        self._writes = writes
        self._waiting: dict[TenantId, list[tuple[datetime, Actor, Deed]]] = {}

    async def append(self, tenant: TenantId, at: datetime, actor: Actor, deed: Deed) -> None:
        if not self._writes:
            raise ReadsOnly(ReadsOnly.__doc__)
        said = (at.astimezone(UTC), all_storable(actor), all_storable(deed))
        self._waiting.setdefault(tenant, []).append(said)

    async def since(
        self, tenant: TenantId, after: int = 0, *, limit: int = 1000
    ) -> list[AuditEntry]:
        await self.finish()
        values = {"in_tenant": tenant, "after": after, "most": limit}
        return [as_entry(row) for row in await self._db.rows(_SINCE, values)]

    async def last(self, tenant: TenantId, *, limit: int = 20) -> list[AuditEntry]:
        await self.finish()
        found = await self._db.rows(_LAST, {"in_tenant": tenant, "most": limit})
        return [as_entry(row) for row in reversed(found)]

    async def tenants(self) -> list[TenantId]:
        await self.finish()
        return await tenants_of(self._db, audit_log)

    async def finish(self) -> None:
        """Chain what was appended."""
        # In one order, or two works could wait for each other.
        for tenant, said in sorted(self._waiting.items()):
            await self._db.take_later(_chain(self._db.engine, tenant, said))
        self._waiting.clear()


def _chain(
    engine: EngineName, tenant: TenantId, said: Sequence[tuple[datetime, Actor, Deed]]
) -> Steps[None]:
    # The counter's row is locked until the commit: whoever is next waits for the end
    # of the chain, and a commit that fails takes its number back.
    counted = {"tenant": tenant, "name": _COUNTER, "value": len(said)}
    seq: int = (yield COUNT_UP[engine], counted)[0].value - len(said)
    before = yield _HASH, {"in_tenant": tenant, "of_seq": seq}
    # If the entry before is gone, the chain is broken, and shows it.
    hash_ = before[0].hash if before else GENESIS
    rows = []
    for at, actor, deed in said:
        seq += 1
        entry = chained(tenant, seq, at, actor, deed, hash_)
        rows.append(as_row(entry))
        hash_ = entry.hash
    yield _ADD, rows


def as_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "tenant": entry.tenant,
        "seq": entry.seq,
        "at": entry.at,
        "actor": json.encode(entry.actor).decode(),
        "deed": json.encode(entry.deed).decode(),
        "before_hash": entry.before_hash,
        "hash": entry.hash,
    }


def as_entry(row: Any) -> AuditEntry:
    return AuditEntry(
        tenant=TenantId(row.tenant),
        seq=row.seq,
        at=row.at,
        actor=_actor.decode(row.actor),
        deed=_deed.decode(row.deed),
        before_hash=row.before_hash,
        hash=row.hash,
    )
