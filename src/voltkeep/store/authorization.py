"""Functional block C: the tokens that operators registered."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Update, and_, bindparam, case, delete, func, select, update

from voltkeep.domain.authorization import GroupCount, Token
from voltkeep.domain.identity import IdToken, TenantId
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import tokens

_c = tokens.c
_IS = and_(_c.tenant == bindparam("in_tenant"), _c.key == bindparam("of_key"))
_VALUES = tuple(column.name for column in tokens.columns if column.name not in {"tenant", "key"})

_GET = select(*tokens.columns).where(_IS)
_HOLD = _GET.with_for_update()
_ADD = per_engine(lambda dialect: dialect.insert(tokens).on_conflict_do_nothing())
_REPLACE = update(tokens).where(_IS).values({name: bindparam(name) for name in _VALUES})
_REMOVE = delete(tokens).where(_IS)
_ALL = (
    select(*tokens.columns)
    .where(_c.tenant == bindparam("in_tenant"), _c.key > bindparam("after"))
    .order_by(_c.key)
    .limit(bindparam("most"))
)

_BLOCKED = case((_c.group_blocked, 1), else_=0)

Groups = list[GroupCount]  # a method of that name hides it in the class below


def _members(tenant: TenantId, group: str) -> Update:
    return update(tokens).where(_c.tenant == tenant, _c.group_token == group)


class SqlTokenRows:
    """`services.ports.TokenRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def get(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        found = await self._db.rows(_GET, _of(tenant, id_token))
        return as_token(found[0]) if found else None

    async def hold(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        found = await self._db.rows(_HOLD, _of(tenant, id_token))
        return as_token(found[0]) if found else None

    async def add(self, tenant: TenantId, token: Token) -> bool:
        row = {"tenant": tenant, "key": token.id_token.key, **_row(token)}
        return await self._db.run(_ADD[self._db.engine], row) == 1

    async def save(self, tenant: TenantId, token: Token) -> bool:
        is_new = await self.add(tenant, token)
        if not is_new:
            await self._db.run(_REPLACE, {**_of(tenant, token.id_token), **_row(token)})
        return is_new

    async def remove(self, tenant: TenantId, id_token: IdToken) -> bool:
        return await self._db.run(_REMOVE, _of(tenant, id_token)) == 1

    async def all(
        self,
        tenant: TenantId,
        *,
        after: str = "",
        groups: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[Token]:
        values = {"in_tenant": tenant, "after": after, "most": limit}
        found = _ALL.where(_c.group_token.in_(groups)) if groups else _ALL
        return [as_token(row) for row in await self._db.rows(found, values)]

    async def count(self, tenant: TenantId, *, groups: Sequence[str] = ()) -> int:
        counted = select(func.count()).where(_c.tenant == tenant)
        counted = counted.where(_c.group_token.in_(groups)) if groups else counted
        number: int = (await self._db.rows(counted))[0][0]
        return number

    async def groups(self, tenant: TenantId, *, after: str = "", limit: int = 1000) -> Groups:
        rows: Sequence[Any] = await self._db.rows(
            select(_c.group_token, func.count(), func.max(_BLOCKED))
            .where(_c.tenant == tenant, _c.group_token > after)
            .group_by(_c.group_token)
            .order_by(_c.group_token)
            .limit(limit)
        )
        return [GroupCount(name=row[0], tokens=row[1], blocked=bool(row[2])) for row in rows]

    async def block_group(self, tenant: TenantId, group: str, *, blocked: bool) -> int:
        return await self._db.run(_members(tenant, group).values(group_blocked=blocked))

    async def rename_group(self, tenant: TenantId, group: str, new: str) -> int:
        return await self._db.run(_members(tenant, group).values(group_token=new))


def _of(tenant: TenantId, id_token: IdToken) -> dict[str, Any]:
    return {"in_tenant": tenant, "of_key": id_token.key}


def _row(token: Token) -> dict[str, Any]:
    return {
        "value": token.id_token.value,
        "kind": token.id_token.kind,
        "group_token": token.group,
        "blocked": token.blocked,
        "group_blocked": token.group_blocked,
        "expires_at": token.expires_at,
        "max_active": token.max_active,
        "note": token.note,
        "created_at": token.created_at,
    }


def as_token(row: Any) -> Token:
    return Token(
        id_token=IdToken(row.value, row.kind),
        group=row.group_token,
        blocked=row.blocked,
        group_blocked=row.group_blocked,
        expires_at=row.expires_at,
        max_active=row.max_active,
        note=row.note,
        created_at=row.created_at,
    )
