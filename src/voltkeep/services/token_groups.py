"""Groups of tokens: members stop each other's transactions, and can be blocked at once."""

from datetime import datetime

from msgspec import UNSET, UnsetType, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.authorization import GroupCount, TokenGroup
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.edits import Check, as_it_is
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
        unless_changed: Check[GroupCount] = as_it_is,
    ) -> GroupCount:
        """Rename a group, block or unblock all of it, or note something.

        A token that is blocked by itself stays so. Raises UnknownGroup or GroupExists.
        """
        now, whole = self._clock(), StationId(tenant, "")
        async with self._begin() as work:
            record = await _locked(work, tenant, name, now)
            before = await _group(work, tenant, name)
            unless_changed(before)
            if isinstance(note, str):
                record = structs.replace(record, note=note)
            if isinstance(blocked, bool):
                record = structs.replace(record, state=_BLOCKED if blocked else _OPEN)
                await work.tokens.block_group(tenant, name, blocked=blocked)
            if isinstance(new_name, str) and new_name != name:
                record = structs.replace(record, id=new_name)
                is_free = await work.token_groups.add(record)
                if not is_free or await work.tokens.count(tenant, groups=(new_name,)):
                    raise GroupExists(f"there is a group {new_name} already")
                await work.tokens.rename_group(tenant, name, new_name)
                await work.token_groups.remove(whole, name)
            await work.token_groups.put(structs.replace(record, at=now))
            after = await _group(work, tenant, record.id)
            if (before.name, before.blocked) != (after.name, after.blocked):
                await all_changed(work, tenant, now)
            deed = Deed(
                action="token_group.changed", object=name, before=_said(before), after=_said(after)
            )
            await audit(work, tenant, now, deed)
        return after


async def joined(work: Work, tenant: TenantId, name: str | None, now: datetime) -> bool:
    """Whether the group is blocked; nobody changes that before this work has put tokens into it.

    Ask before the work touches a token: who blocks a group goes from it to its tokens, too.
    """
    while name:
        record = await work.token_groups.lock(StationId(tenant, ""), name)
        if record is not None:
            return record.state == _BLOCKED
        # Nothing is noted of it. Whoever wants to do that now waits until this work is over.
        if await work.token_groups.add(_blank(tenant, name, now)):
            await work.token_groups.remove(StationId(tenant, ""), name)
            return False
    return False


def _blank(tenant: TenantId, name: str, now: datetime) -> TokenGroup:
    return TokenGroup(station=StationId(tenant, ""), id=name, state=_OPEN, at=now)


async def _locked(work: Work, tenant: TenantId, name: str, now: datetime) -> TokenGroup:
    """What is noted of a group, if only for this work. Raises UnknownGroup."""
    while True:
        is_new = await work.token_groups.add(_blank(tenant, name, now))
        if is_new and not (name and await work.tokens.count(tenant, groups=(name,))):
            raise UnknownGroup(f"no token is in a group {name[:60]}")
        record = await work.token_groups.lock(StationId(tenant, ""), name)
        if record is not None:  # else it was renamed meanwhile
            return record


async def _group(work: Work, tenant: TenantId, name: str) -> GroupCount:
    tokens = await work.tokens.count(tenant, groups=(name,)) if name else 0
    record = await work.token_groups.get(StationId(tenant, ""), name)
    if not tokens and record is None:
        raise UnknownGroup(f"no token is in a group {name[:60]}")
    return await _described(work, tenant, GroupCount(name=name, tokens=tokens))


async def _described(work: Work, tenant: TenantId, group: GroupCount) -> GroupCount:
    record = await work.token_groups.get(StationId(tenant, ""), group.name)
    if record is None:
        return group
    return structs.replace(group, blocked=record.state == _BLOCKED, note=record.note)


def _said(group: GroupCount) -> str:
    return f"{group.name}, {group.tokens} tokens" + (", blocked" if group.blocked else "")
