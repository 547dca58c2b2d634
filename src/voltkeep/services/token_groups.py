"""Groups of tokens: members stop each other's transactions, and can be blocked at once."""

from msgspec import UNSET, UnsetType, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import GroupCount, TokenGroup
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.token_changes import all_changed

_BLOCKED, _OPEN = "blocked", "open"


class UnknownGroup(LookupError):
    """No token is in that group, and nothing is noted of it."""


class GroupExists(ValueError):
    """Another group has that name."""


class TokenGroups:
    """Groups are there by their members; what else is known of one is a record."""

    def __init__(self, begin: Begin, read: Read, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock

    async def page(
        self, tenant: TenantId, *, after: str = "", limit: int = 100
    ) -> list[GroupCount]:
        """Groups in order of their names, those without a member among them."""
        async with self._read() as work:
            counted = {
                g.name: g for g in await work.tokens.groups(tenant, after=after, limit=limit)
            }
            for record in await work.token_groups.of(StationId(tenant, "")):
                if record.id > after and record.id not in counted:
                    counted[record.id] = GroupCount(name=record.id, tokens=0)
            names = sorted(counted)[:limit]
            return [await _described(work, tenant, counted[name]) for name in names]

    async def get(self, tenant: TenantId, name: str) -> GroupCount:
        """Raises UnknownGroup."""
        async with self._read() as work:
            return await _group(work, tenant, name)

    async def change(
        self,
        tenant: TenantId,
        name: str,
        *,
        new_name: str | UnsetType = UNSET,
        blocked: bool | UnsetType = UNSET,
        note: str | UnsetType = UNSET,
    ) -> GroupCount:
        """Rename a group, block or unblock all of it, or note something.

        A token that is blocked by itself stays so. Raises UnknownGroup or GroupExists.
        """
        now, whole = self._clock(), StationId(tenant, "")
        async with self._begin() as work:
            before = await _group(work, tenant, name)
            record = await work.token_groups.lock(whole, name) or TokenGroup(
                station=whole, id=name, state=_OPEN, at=now
            )
            if isinstance(note, str):
                record = structs.replace(record, note=note)
            if isinstance(blocked, bool):
                record = structs.replace(record, state=_BLOCKED if blocked else _OPEN)
                await work.tokens.block_group(tenant, name, blocked=blocked)
            if isinstance(new_name, str) and new_name != name:
                if await _found(work, tenant, new_name) is not None:
                    raise GroupExists(f"there is a group {new_name} already")
                await work.tokens.rename_group(tenant, name, new_name)
                await work.token_groups.remove(whole, name)
                record = structs.replace(record, id=new_name)
            await work.token_groups.put(structs.replace(record, at=now))
            after = await _group(work, tenant, record.id)
            if (before.name, before.blocked) != (after.name, after.blocked):
                await all_changed(work, tenant, now)
            deed = Deed(
                action="token_group.changed", object=name, before=_said(before), after=_said(after)
            )
            await audit(work, tenant, now, deed)
        return after


async def is_blocked(work: Work, tenant: TenantId, name: str | None) -> bool:
    """Whether whoever is in the group is blocked."""
    if not name:
        return False
    record = await work.token_groups.get(StationId(tenant, ""), name)
    return record is not None and record.state == _BLOCKED


async def _group(work: Work, tenant: TenantId, name: str) -> GroupCount:
    found = await _found(work, tenant, name)
    if found is None:
        raise UnknownGroup(f"no token is in a group {name[:60]}")
    return found


async def _found(work: Work, tenant: TenantId, name: str) -> GroupCount | None:
    tokens = await work.tokens.count(tenant, groups=(name,)) if name else 0
    record = await work.token_groups.get(StationId(tenant, ""), name)
    if not tokens and record is None:
        return None
    return await _described(work, tenant, GroupCount(name=name, tokens=tokens))


async def _described(work: Work, tenant: TenantId, group: GroupCount) -> GroupCount:
    record = await work.token_groups.get(StationId(tenant, ""), group.name)
    if record is None:
        return group
    return structs.replace(group, blocked=record.state == _BLOCKED, note=record.note)


def _said(group: GroupCount) -> str:
    return f"{group.name}, {group.tokens} tokens" + (", blocked" if group.blocked else "")
