"""What every store must do with accounts: of two who want the same at once, one gets it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from voltkeep.config import Settings
from voltkeep.domain.accounts import Permission, Principal, Role
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.services.accounts import NotAuthenticated
from voltkeep.services.people import make_people
from voltkeep.services.records import Look
from voltkeep.services.sessions import Visit
from voltkeep.services.sign_in import Credentials
from voltkeep.services.users import LastAdministrator, NewUser, UserExists

PASSWORD = "seven green trams"
HERE = Visit("192.0.2.1")
EVERYTHING = Principal(
    actor=SYSTEM,
    tenant=DEFAULT_TENANT,
    permissions=frozenset(Permission),
    is_everywhere=True,
)


def people_of(store):
    settings = Settings(data=Path("/nonexistent"))

    def clock():
        return datetime.now(UTC)

    return make_people(store.begin, store.read, clock, settings, lambda use: use.ljust(32, b"."))


async def at_once(*asked):
    """What each came to: its type, if it failed."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    return sorted(type(each).__name__ for each in found)


async def test_a_link_makes_one_administrator_however_many_open_it(store):
    people = people_of(store)
    token = await people.sign_in.new_setup_token()

    opened = [people.sign_in.set_up(token, f"user {n}", PASSWORD, HERE) for n in range(3)]
    assert await at_once(*opened) == [NotAuthenticated.__name__] * 2 + ["SignedIn"]
    assert len(await people.users.users(EVERYTHING, Look(station=""))) == 1


async def test_a_name_is_taken_once_whatever_the_tenant(store):
    people = people_of(store)
    new = [
        NewUser(name=name, role=Role.VIEWER, tenant=tenant)
        for name, tenant in (("Ada", None), ("ada", DEFAULT_TENANT), ("ADA", DEFAULT_TENANT))
    ]

    added = await at_once(*(people.users.add(EVERYTHING, each) for each in new))
    assert added == ["User"] + [UserExists.__name__] * 2


async def test_two_administrators_who_remove_each_other_leave_one(store):
    people = people_of(store)
    for name in ("ada", "grace"):
        new = NewUser(name=name, role=Role.ADMINISTRATOR, tenant=None)
        await people.users.add(EVERYTHING, new)

    removed = [people.users.remove(EVERYTHING, name) for name in ("ada", "grace")]
    assert await at_once(*removed) == [LastAdministrator.__name__, "NoneType"]


async def test_sessions_and_keys_outlive_a_restart(store):
    people = people_of(store)
    token = await people.sign_in.new_setup_token()
    cookie = (await people.sign_in.set_up(token, "ada", PASSWORD, HERE)).token
    again = (await people.sign_in.sign_in(Credentials("ada", PASSWORD), HERE)).token
    scopes = [Permission.READ_STATIONS]
    _, key = await people.accounts.create_key(EVERYTHING, "k", scopes, tenant=DEFAULT_TENANT)

    anew = people_of(store)
    for each in (cookie, again):
        principal = await anew.sessions.principal_of_session(each, None, "")
        assert principal.actor.name == "ada"
    assert (await anew.accounts.principal_of_key(key, None, "")).tenant == DEFAULT_TENANT
    ada = await anew.users.user(EVERYTHING, "Ada")
    assert len(await anew.sessions.sessions(EVERYTHING, ada.id)) == 2
