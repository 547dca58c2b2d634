"""People: who they are, and what they may."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from voltkeep.domain.accounts import AccountState, Permission, Role, User
from voltkeep.services import users
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_records
from voltkeep.web.problems import Asked

UserName = Annotated[str, PathParameter(description="The user's id: the name in small letters.")]
_STATE = Annotated[
    AccountState | None, QueryParameter(name="state", description="Only those in this state.")
]
_SITES = Annotated[tuple[Annotated[str, Meta(max_length=48)], ...], Meta(max_length=1000)]
Password = Annotated[str, Meta(max_length=1000)]


class UserOut(Struct, frozen=True, kw_only=True):
    """A person. ``tenant`` null is at home everywhere; ``sites`` null sees all sites."""

    id: str
    name: str
    tenant: str | None
    role: Role
    sites: tuple[str, ...] | None
    state: AccountState
    must_change_password: bool
    second_factor: bool
    signs_in_at: str | None
    created_at: datetime
    changed_at: datetime
    last_sign_in_at: datetime | None


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to be. The first thing that they do is to change this password."""

    name: Annotated[str, Meta(max_length=200)]
    role: Role
    password: Password
    sites: _SITES | None = None
    everywhere: bool = False


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a person; what is left out stays."""

    role: Role | UnsetType = UNSET
    sites: _SITES | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password for somebody else, who has to change it at once."""

    password: Password


def user_out(user: User) -> UserOut:
    """A person as the API shows them: without what they sign in with."""
    return UserOut(
        id=user.id,
        name=user.name,
        tenant=user.tenant,
        role=user.role,
        sites=user.sites,
        state=user.state,
        must_change_password=user.must_change_password,
        second_factor=user.totp_secret is not None,
        signs_in_at=user.issuer or None,
        created_at=user.created_at,
        changed_at=user.at,
        last_sign_in_at=user.last_sign_in_at,
    )


@get("/users", needs=Permission.READ_ACCOUNTS)
async def list_users(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    in_state: _STATE = None,
    everywhere: FromQuery[bool] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[UserOut]:
    """People of the tenant, the latest changed first; or those who are at home everywhere."""
    look = Look(
        station="" if everywhere else None,
        states=(in_state,) if in_state is not None else (),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=limit + 1,
    )
    found = await services.people.users.users(principal, look)
    return page_of_records(request, cursors, look, found, user_out)


@post("/users", needs=Permission.WRITE_ACCOUNTS)
async def add_user(data: JSONBody[NewUser], principal: Who, services: Given) -> Response[UserOut]:
    """Add a person to the tenant; or to every tenant, by who is of every tenant."""
    new = users.NewUser(
        name=data.name,
        role=data.role,
        tenant=None if data.everywhere else principal.tenant,
        sites=data.sites,
        password=data.password,
    )
    return tagged(user_out(await services.people.users.add(principal, new)), 201)


@get("/users/{user:str}", needs=Permission.READ_ACCOUNTS)
async def show_user(user: UserName, principal: Who, services: Given) -> Response[UserOut]:
    """One person."""
    return tagged(user_out(await services.people.users.user(principal, user)))


@patch("/users/{user:str}", needs=Permission.WRITE_ACCOUNTS)
async def change_user(
    user: UserName,
    data: JSONBody[UserChange],
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[UserOut]:
    """Change what a person may. Who is disabled is signed out at once."""
    change = users.UserChange(role=data.role, sites=data.sites, is_disabled=data.disabled)
    changed = await services.people.users.change(
        principal, user, change, unless_changed=unchanged(if_match, user_out)
    )
    return tagged(user_out(changed))


@delete("/users/{user:str}", needs=Permission.WRITE_ACCOUNTS)
async def remove_user(user: UserName, principal: Who, services: Given) -> None:
    """Remove a person. What they did stays in the audit log."""
    await services.people.users.remove(principal, user)


@put("/users/{user:str}/password", needs=Permission.WRITE_ACCOUNTS, status_code=204)
async def set_password(
    user: UserName, data: JSONBody[NewPassword], principal: Who, services: Given
) -> None:
    """Give a person a password, to be changed at once. They are signed out everywhere."""
    await services.people.users.set_password(principal, user, data.password)


@delete("/users/{user:str}/second-factor", needs=Permission.WRITE_ACCOUNTS)
async def reset_second_factor(user: UserName, principal: Who, services: Given) -> None:
    """Let a person in without a code: their phone is gone."""
    await services.people.users.reset_second_factor(principal, user)


ROUTES = [
    list_users,
    add_user,
    show_user,
    change_user,
    remove_user,
    set_password,
    reset_second_factor,
]

USER_EXAMPLE = UserOut(
    id="ada@example.com",
    name="Ada@example.com",
    tenant="default",
    role=Role.OPERATOR,
    sites=("north",),
    state=AccountState.ACTIVE,
    must_change_password=False,
    second_factor=True,
    signs_in_at=None,
    created_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
    changed_at=datetime(2026, 5, 2, 8, 0, tzinfo=UTC),
    last_sign_in_at=datetime(2026, 5, 4, 7, 58, tzinfo=UTC),
)
EXAMPLES = [
    USER_EXAMPLE,
    NewUser(
        name="Ada@example.com",
        role=Role.OPERATOR,
        password="seven green trams",  # noqa: S106  # an example
        sites=("north",),
    ),
    UserChange(role=Role.ENGINEER, sites=None),
    NewPassword(password="nine yellow ferries"),  # noqa: S106  # an example
]
