"""Tokens, in memory."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from voltkeep.domain.authorization import GroupCount, Token
from voltkeep.domain.identity import IdToken, TenantId
from voltkeep.store.memory_rows import State

Groups = list[GroupCount]  # a method of that name hides it in the class below


class MemoryTokenRows:
    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        return self._state.tokens.get((tenant, id_token.key))

    async def hold(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        return await self.get(tenant, id_token)

    async def add(self, tenant: TenantId, token: Token) -> bool:
        if (tenant, token.id_token.key) in self._state.tokens:
            return False
        return await self.save(tenant, token)

    async def save(self, tenant: TenantId, token: Token) -> bool:
        self._state.writes()
        is_new = (tenant, token.id_token.key) not in self._state.tokens
        self._state.tokens[tenant, token.id_token.key] = token
        return is_new

    async def remove(self, tenant: TenantId, id_token: IdToken) -> bool:
        self._state.writes()
        return self._state.tokens.pop((tenant, id_token.key), None) is not None

    async def all(
        self,
        tenant: TenantId,
        *,
        after: str = "",
        groups: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[Token]:
        keys = sorted(key for key in self._keys(tenant, groups) if key > after)
        return [self._state.tokens[tenant, key] for key in keys[:limit]]

    async def count(self, tenant: TenantId, *, groups: Sequence[str] = ()) -> int:
        return len(self._keys(tenant, groups))

    async def groups(self, tenant: TenantId, *, after: str = "", limit: int = 1000) -> Groups:
        members: defaultdict[str, list[Token]] = defaultdict(list)
        for key in self._keys(tenant):
            token = self._state.tokens[tenant, key]
            if token.group is not None and token.group > after:
                members[token.group].append(token)
        return [
            GroupCount(
                name=name, tokens=len(found), blocked=any(each.group_blocked for each in found)
            )
            for name, found in sorted(members.items())[:limit]
        ]

    async def block_group(self, tenant: TenantId, group: str, *, blocked: bool) -> int:
        return self._change(tenant, group, group_blocked=blocked)

    async def rename_group(self, tenant: TenantId, group: str, new: str) -> int:
        return self._change(tenant, group, group=new)

    def _change(self, tenant: TenantId, of: str, **changes: Any) -> int:
        self._state.writes()
        keys = self._keys(tenant, (of,))
        for key in keys:
            token = self._state.tokens[tenant, key]
            self._state.tokens[tenant, key] = structs.replace(token, **changes)
        return len(keys)

    def _keys(self, tenant: TenantId, groups: Sequence[str] = ()) -> list[str]:
        return [
            key
            for (of, key), token in self._state.tokens.items()
            if of == tenant and (not groups or token.group in groups)
        ]
