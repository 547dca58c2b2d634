"""Every service of accounts, put together."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from voltkeep.config import Settings
from voltkeep.services.accounts import AccountService
from voltkeep.services.passwords import Passwords
from voltkeep.services.ports import Begin, Clock, Read
from voltkeep.services.second_factor import SecondFactor
from voltkeep.services.sessions import SessionService
from voltkeep.services.sign_in import SignInService
from voltkeep.services.tenants import TenantService
from voltkeep.services.users import UserService


class People(NamedTuple):
    """Who may do what here, and how they show who they are."""

    accounts: AccountService
    sessions: SessionService
    users: UserService
    sign_in: SignInService
    tenants: TenantService


def make_people(
    begin: Begin, read: Read, clock: Clock, settings: Settings, key: Callable[[bytes], bytes]
) -> People:
    """``key`` makes one of 32 bytes for each purpose."""
    accounts = AccountService(begin, read, clock, key=key(b"API keys"))
    passwords, second_factor = Passwords(), SecondFactor(key(b"second factors"))
    sessions = SessionService(
        begin,
        read,
        clock,
        accounts,
        key=key(b"sessions"),
        idle=timedelta(hours=settings.session_idle_hours),
        longest=timedelta(hours=settings.session_hours),
    )
    return People(
        accounts,
        sessions,
        UserService(begin, read, clock, passwords, second_factor, sessions),
        SignInService(
            begin, read, clock, passwords, second_factor, sessions, key=key(b"setup links")
        ),
        TenantService(begin, read, clock, accounts),
    )
