"""The audit log: who did what to what, each entry chained to the one before."""

import hashlib
from datetime import datetime

from msgspec import Struct, json

from voltkeep.domain.identity import TenantId

GENESIS = "0" * 64


# Defaults are left out of what is hashed: a field that is added later changes no older hash.


class Actor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts: a person at a shell, an API key, a station, or the system itself."""

    kind: str  # cli, api, station, system
    name: str
    address: str = ""
    authenticated_by: str = ""  # shell, password, key, certificate …


SYSTEM = Actor(kind="system", name="voltkeep")


class Deed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done, as a service says it. Nothing in it may be a secret."""

    action: str  # in the past tense, with dots: station.added, key.rotated
    object: str  # what it was done to, as people name it
    before: str = ""
    after: str = ""
    result: str = "done"


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A deed in the chain. ``hash`` covers everything else, and the hash before."""

    tenant: TenantId
    seq: int  # from 1, without gaps in a tenant
    at: datetime
    actor: Actor
    deed: Deed
    before_hash: str
    hash: str


def chained(
    tenant: TenantId, seq: int, at: datetime, actor: Actor, deed: Deed, before_hash: str
) -> AuditEntry:
    """The entry that follows ``before_hash`` (`GENESIS` for the first)."""
    content = json.encode([tenant, seq, at, actor, deed, before_hash], order="deterministic")
    return AuditEntry(
        tenant=tenant,
        seq=seq,
        at=at,
        actor=actor,
        deed=deed,
        before_hash=before_hash,
        hash=hashlib.sha256(content).hexdigest(),
    )


def broken_at(before: AuditEntry | None, entry: AuditEntry) -> str | None:
    """Why ``entry`` does not follow ``before`` (None: it is the first kept); None if it does."""
    expected = chained(
        entry.tenant, entry.seq, entry.at, entry.actor, entry.deed, entry.before_hash
    )
    if entry.hash != expected.hash:
        return "its content is not what its hash says"
    if before is not None and entry.seq != before.seq + 1:
        return f"entry {before.seq + 1} is missing"
    if before is not None and entry.before_hash != before.hash:
        return "it does not follow the entry before it"
    if before is None and (entry.seq, entry.before_hash) != (1, GENESIS):
        return "the beginning of the log is missing"
    return None
