"""API keys: what programs show."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from voltkeep.domain.accounts import AccountState, ApiKey, Permission
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_records
from voltkeep.web.problems import Asked

KeyId = Annotated[str, PathParameter(description="The key's id: the middle of its token.")]
_STATE = Annotated[
    AccountState | None, QueryParameter(name="state", description="Only those in this state.")
]
_SITES = Annotated[tuple[Annotated[str, Meta(max_length=48)], ...], Meta(max_length=1000)]


class KeyOut(Struct, frozen=True, kw_only=True):
    """An API key. ``last_used_at`` is true to a minute or two."""

    id: str
    name: str
    tenant: str | None
    scopes: tuple[Permission, ...]
    sites: tuple[str, ...] | None
    state: AccountState
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None


class CreatedKey(Struct, frozen=True, kw_only=True):
    """A new API key. ``token`` is told this once: keep it."""

    key: KeyOut
    token: str


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be. It may no more than who makes it."""

    name: Annotated[str, Meta(max_length=200)]
    scopes: Annotated[tuple[Permission, ...], Meta(min_length=1, max_length=100)]
    sites: _SITES | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    everywhere: bool = False


def out(key: ApiKey) -> KeyOut:
    """A key as the API shows it: never what it is checked by."""
    return KeyOut(
        id=key.id,
        name=key.name,
        tenant=key.tenant,
        scopes=key.scopes,
        sites=key.sites,
        state=key.state,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        last_used_from=key.last_used_from or None,
    )


@get("/api-keys", needs=Permission.READ_ACCOUNTS)
async def list_api_keys(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _STATE = None,
    everywhere: FromQuery[bool] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[KeyOut]:
    """Keys of the tenant, the latest changed first; or those that are good everywhere."""
    look = Look(
        station="" if everywhere else None,
        states=(in_state,) if in_state is not None else (),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=limit + 1,
    )
    found = await services.people.accounts.keys(principal, look)
    return page_of_records(request, cursors, look, found, out)


@post("/api-keys", needs=Permission.WRITE_ACCOUNTS)
async def create_api_key(data: JSONBody[NewKey], principal: Who, services: Given) -> CreatedKey:
    """Make a key of the tenant; or of every tenant, by who is of every tenant."""
    key, token = await services.people.accounts.create_key(
        principal,
        data.name,
        data.scopes,
        tenant=None if data.everywhere else principal.tenant,
        sites=data.sites,
        expires_at=data.expires_at,
    )
    return CreatedKey(key=out(key), token=token)


@get("/api-keys/{key:str}", needs=Permission.READ_ACCOUNTS)
async def show_api_key(key: KeyId, principal: Who, services: Given) -> KeyOut:
    """One key."""
    return out(await services.people.accounts.key(principal, key))


@delete("/api-keys/{key:str}", needs=Permission.WRITE_ACCOUNTS, status_code=200)
async def revoke_api_key(key: KeyId, principal: Who, services: Given) -> KeyOut:
    """Revoke a key, for ever. It stays in the list."""
    return out(await services.people.accounts.revoke_key(principal, key))


ROUTES = [list_api_keys, create_api_key, show_api_key, revoke_api_key]

_EXAMPLE = KeyOut(
    id="5d2c1f0a9b8e7d6c0123456789abcdef",
    name="billing",
    tenant="default",
    scopes=(Permission.READ_TRANSACTIONS,),
    sites=None,
    state=AccountState.ACTIVE,
    created_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
    created_by="Ada@example.com",
    expires_at=datetime(2027, 5, 1, tzinfo=UTC),
    last_used_at=datetime(2026, 5, 4, 7, 58, tzinfo=UTC),
    last_used_from="192.0.2.17",
)
EXAMPLES = [
    _EXAMPLE,
    CreatedKey(key=_EXAMPLE, token=f"vk_{_EXAMPLE.id}_…"),
    NewKey(name="billing", scopes=(Permission.READ_TRANSACTIONS,)),
]
