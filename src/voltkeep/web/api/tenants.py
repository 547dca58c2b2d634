"""Tenants: companies of their own in one installation."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission, Tenant
from voltkeep.web.access import Given, Who
from voltkeep.web.auth import ANYBODY

TenantName = Annotated[str, PathParameter(description="The tenant's id.")]


class TenantOut(Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: str
    title: str


class TenantList(Struct, frozen=True, kw_only=True):
    """Every tenant that whoever asks may act in."""

    items: list[TenantOut]


class NewTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to be."""

    id: Annotated[str, Meta(max_length=200)]
    title: Annotated[str, Meta(max_length=1000)] = ""


def out(tenant: Tenant) -> TenantOut:
    return TenantOut(id=tenant.id, title=tenant.title)


@get("/tenants", needs=ANYBODY)
async def list_tenants(principal: Who, services: Given) -> TenantList:
    """Those that you may act in: name one with the header `Voltkeep-Tenant`."""
    found = await services.people.tenants.tenants(principal)
    return TenantList(items=[out(each) for each in found])


@post("/tenants", needs=Permission.WRITE_TENANTS)
async def add_tenant(data: JSONBody[NewTenant], principal: Who, services: Given) -> TenantOut:
    """Add a tenant. Only who is of every tenant can."""
    return out(await services.people.tenants.add(principal, data.id, data.title))


@delete("/tenants/{tenant:str}", needs=Permission.WRITE_TENANTS)
async def remove_tenant(tenant: TenantName, principal: Who, services: Given) -> None:
    """Remove a tenant that has nothing left. Its audit log stays."""
    await services.people.tenants.remove(principal, tenant)


ROUTES = [list_tenants, add_tenant, remove_tenant]

EXAMPLES = [
    TenantList(items=[TenantOut(id="default", title=""), TenantOut(id="acme", title="Acme Ltd")]),
    TenantOut(id="acme", title="Acme Ltd"),
    NewTenant(id="acme", title="Acme Ltd"),
]
