"""Who may do what here: people, the keys of programs, and tenants."""

from datetime import datetime
from typing import Any, Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from voltkeep.domain.accounts import (
    PERMISSIONS,
    AccountState,
    Permission,
    Principal,
    Role,
    User,
)
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api import api_keys, tenants
from voltkeep.web.api.users import user_out
from voltkeep.web.editing import etag
from voltkeep.web.pages.choosing import in_words, sites_of
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, Cursors, page_of_records
from voltkeep.web.problems import Asked

_ROWS = 50


PERMISSIONS_IN_WORDS: dict[Permission, str] = {
    Permission.READ_STATIONS: _("See stations, sites, connectors, reservations and profiles"),
    Permission.WRITE_STATIONS: _("Register and change stations, sites and templates"),
    Permission.SEND_COMMANDS: _("Start, stop, unlock, reset: what a hotline needs"),
    Permission.SEND_TECHNICAL: _("Configuration, firmware, certificates, any message"),
    Permission.READ_TRANSACTIONS: _("See transactions and what they metered"),
    Permission.WRITE_TRANSACTIONS: _("Close transactions in the record"),
    Permission.READ_TOKENS: _("See tokens in full"),
    Permission.WRITE_TOKENS: _("Add, block and remove tokens"),
    Permission.READ_MESSAGES: _("Read the message log and logs of stations"),
    Permission.READ_SECURITY: _("See certificates, security events and refused attempts"),
    Permission.WRITE_SECURITY: _("Make keys of stations, revoke certificates, trust roots"),
    Permission.READ_EVENTS: _("Follow what happens, live"),
    Permission.READ_WEBHOOKS: _("See webhooks and their deliveries"),
    Permission.WRITE_WEBHOOKS: _("Add, change and remove webhooks"),
    Permission.READ_AUDIT: _("Read the audit log"),
    Permission.READ_ACCOUNTS: _("See people, API keys and sessions"),
    Permission.WRITE_ACCOUNTS: _("Add, change and remove people and API keys"),
    Permission.READ_SETTINGS: _("See the settings of the server"),
    Permission.WRITE_TENANTS: _("Add and remove tenants"),
}
ROLES_IN_WORDS: dict[Role, str] = {
    Role.VIEWER: _("Viewer: looks, and changes nothing"),
    Role.OPERATOR: _("Operator: runs the fleet from day to day"),
    Role.ENGINEER: _("Engineer: sets up stations and looks into messages"),
    Role.ADMINISTRATOR: _("Administrator: everything, people too"),
}


def _look(
    request: Asked,
    cursors: Cursors,
    cursor: str | None,
    state: AccountState | None,
    *,
    everywhere: bool,
) -> Look:
    return Look(
        station="" if everywhere else None,
        states=(state,) if state is not None else (),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )


def _roles(by: Principal) -> list[tuple[Role, str]]:
    """Those that they may give: nobody gives more than they have."""
    return [each for each in ROLES_IN_WORDS.items() if PERMISSIONS[each[0]] <= by.permissions]


def _may_change(by: Principal, user: User) -> bool:
    """Somebody else, who may no more than they may."""
    return by.may(Permission.WRITE_ACCOUNTS) and by.user != user.id and by.grant.covers(user.grant)


@get("/people", needs=Permission.READ_ACCOUNTS, include_in_schema=False)
async def people_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    of_state: FromQuery[Literal["", "active", "disabled"]] = "",
    everywhere: FromQuery[bool | None] = None,
    cursor: Cursor = None,
) -> Response[Any]:
    """People of the tenant; or those at home everywhere, for who is that too.

    Who is, and does not say which, is led to those where the tenant has nobody.
    """
    is_open = everywhere is None and not of_state and cursor is None and principal.is_everywhere
    everywhere = bool(everywhere) and principal.is_everywhere
    state = AccountState(of_state) if of_state else None
    look = _look(request, cursors, cursor, state, everywhere=everywhere)
    found = await services.people.users.users(principal, look)
    if is_open and not found:
        return Redirect("/people?everywhere=true", status_code=303)
    return page(
        request,
        "people.html",
        users=page_of_records(request, cursors, look, found, user_out),
        everywhere=everywhere,
        of_state=of_state,
        roles=_roles(principal),
        every_role=ROLES_IN_WORDS,
        permissions=PERMISSIONS,
        words=PERMISSIONS_IN_WORDS,
        sites=in_words(await sites_of(services, principal)),
    )


@get("/people/{name:str}", needs=Permission.READ_ACCOUNTS, include_in_schema=False)
async def person_page(
    request: Asked, name: FromPath[str], principal: Who, services: Given
) -> Response[str]:
    """One person, and where they are signed in."""
    user = await services.people.users.user(principal, name)
    shown = user_out(user)
    return page(
        request,
        "person.html",
        user=shown,
        version=etag(shown),
        has_password=user.password_hash is not None,
        is_self=principal.user == user.id,
        may_change=_may_change(principal, user),
        sessions=await services.people.sessions.sessions(principal, user.id),
        roles=_roles(principal),
        permissions=sorted(user.permissions),
        words=PERMISSIONS_IN_WORDS,
        sites=in_words(await sites_of(services, principal)),
    )


@get("/keys", needs=Permission.READ_ACCOUNTS, include_in_schema=False)
async def keys_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    of_state: FromQuery[Literal["", "active", "revoked"]] = "active",
    everywhere: FromQuery[bool] = False,
    cursor: Cursor = None,
) -> Response[str]:
    """What programs show: keys of the tenant, or those that are good everywhere."""
    everywhere = everywhere and principal.is_everywhere
    state = AccountState(of_state) if of_state else None
    look = _look(request, cursors, cursor, state, everywhere=everywhere)
    found = await services.people.accounts.keys(principal, look)
    mine = principal.grant
    covered = {each.id for each in found if mine.covers(each.grant)}
    return page(
        request,
        "keys.html",
        keys=page_of_records(request, cursors, look, found, api_keys.out),
        covered=covered,
        everywhere=everywhere,
        of_state=of_state,
        scopes=[(each, PERMISSIONS_IN_WORDS[each]) for each in sorted(principal.permissions)],
        words=PERMISSIONS_IN_WORDS,
        sites=in_words(await sites_of(services, principal)),
    )


@get("/tenants", needs=Permission.WRITE_TENANTS, include_in_schema=False)
async def tenants_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """The companies of this installation that they may act in."""
    found = await services.people.tenants.tenants(principal)
    return page(request, "tenants.html", tenants=[tenants.out(each) for each in found])


AT_THE_ROOT = [people_page, person_page, keys_page, tenants_page]
EXAMPLES: list[object] = []
