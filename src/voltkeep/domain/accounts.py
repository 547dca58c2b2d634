"""Who may do what: people, API keys, sessions, roles, permissions, and whoever asks."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.audit import Actor
from voltkeep.domain.identity import StationId, TenantId

INSTALLATION = TenantId("")
"""Whose accounts are: a user's name is one in the installation, whatever tenant is theirs.

A user or a key is the record of a "station" of this tenant that is called as its home tenant;
"" is at home everywhere.
"""


def home(tenant: TenantId | None) -> StationId:
    """Where the accounts of a tenant are kept; of everywhere for None."""
    return StationId(INSTALLATION, tenant or "")


class Permission(enum.StrEnum):
    """What a route or a page asks for; an API key has some of them as its scopes."""

    READ_STATIONS = "stations:read"  # and connectors, status, sites, reservations, profiles
    WRITE_STATIONS = "stations:write"  # the register, sites, configuration templates
    SEND_COMMANDS = "commands:send"  # whatever a driver's hotline needs
    SEND_TECHNICAL = "commands:technical"  # configuration, firmware, certificates, any message
    READ_TRANSACTIONS = "transactions:read"
    WRITE_TRANSACTIONS = "transactions:write"  # close in the record
    READ_TOKENS = "tokens:read"
    WRITE_TOKENS = "tokens:write"
    READ_MESSAGES = "messages:read"  # the message log, and logs of stations
    READ_SECURITY = "security:read"  # certificates, security events, refusals, alerts
    WRITE_SECURITY = "security:write"
    READ_EVENTS = "events:read"
    READ_WEBHOOKS = "webhooks:read"
    WRITE_WEBHOOKS = "webhooks:write"
    READ_AUDIT = "audit:read"
    READ_ACCOUNTS = "accounts:read"
    WRITE_ACCOUNTS = "accounts:write"  # users and API keys
    READ_SETTINGS = "settings:read"
    WRITE_TENANTS = "tenants:write"


class Role(enum.StrEnum):
    """Each may what the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMINISTRATOR = "administrator"


_P = Permission
_VIEWER = frozenset({_P.READ_STATIONS, _P.READ_TRANSACTIONS, _P.READ_EVENTS})
_OPERATOR = _VIEWER | {
    *(_P.SEND_COMMANDS, _P.WRITE_TRANSACTIONS, _P.READ_TOKENS, _P.WRITE_TOKENS),
    _P.READ_SECURITY,
}
_ENGINEER = _OPERATOR | {
    *(_P.WRITE_STATIONS, _P.SEND_TECHNICAL, _P.READ_MESSAGES, _P.WRITE_SECURITY),
    *(_P.READ_WEBHOOKS, _P.READ_SETTINGS),
}
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ENGINEER: _ENGINEER,
    Role.ADMINISTRATOR: frozenset(Permission),
}


class Grant(Struct, frozen=True, kw_only=True):
    """What somebody may: these things, at these sites (None: all), in this tenant (None: all)."""

    permissions: frozenset[Permission]
    sites: tuple[str, ...] | None
    tenant: TenantId | None

    def covers(self, other: "Grant") -> bool:
        """Whether who has this may give, change or take the other: never more than they have."""
        return (
            other.permissions <= self.permissions
            and self.tenant in {None, other.tenant}
            and (
                self.sites is None
                or (other.sites is not None and set(other.sites) <= set(self.sites))
            )
        )


class Principal(Struct, frozen=True, kw_only=True):
    """Whoever asks, as far as it decides what they get.

    ``tenant`` is the one they act in. ``sites``: the only ones they see; None is all of them.
    """

    actor: Actor
    tenant: TenantId
    permissions: frozenset[Permission]
    sites: tuple[str, ...] | None = None
    is_everywhere: bool = False  # of the installation, not of one tenant
    user: str = ""  # the id of a person; "" for a key
    session: str = ""  # the id of a person's session
    must_change_password: bool = False  # and may do nothing else before

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def grant(self) -> Grant:
        """What they may give to others, at most."""
        tenant = None if self.is_everywhere else self.tenant
        return Grant(permissions=self.permissions, sites=self.sites, tenant=tenant)


class AccountState(enum.StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"  # a user; may be enabled again
    REVOKED = "revoked"  # a key; never again


class ApiKey(Struct, frozen=True, kw_only=True):
    """A program's credential. The secret itself is nowhere."""

    station: StationId  # `home`
    id: str
    state: AccountState
    at: datetime
    name: str
    secret_hash: str
    scopes: tuple[Permission, ...]
    sites: tuple[str, ...] | None = None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None  # to the minute
    last_used_from: str = ""

    @property
    def tenant(self) -> TenantId | None:
        """None: everywhere."""
        return TenantId(self.station.name) if self.station.name else None

    @property
    def grant(self) -> Grant:
        return Grant(permissions=frozenset(self.scopes), sites=self.sites, tenant=self.tenant)

    def is_valid(self, now: datetime) -> bool:
        return self.state is AccountState.ACTIVE and (
            self.expires_at is None or now < self.expires_at
        )


class User(Struct, frozen=True, kw_only=True):
    """A person who signs in. ``id`` is the casefolded name."""

    station: StationId  # `home`
    id: str
    state: AccountState
    at: datetime
    name: str
    role: Role
    sites: tuple[str, ...] | None = None
    created_at: datetime
    password_hash: str | None = None  # None: signs in elsewhere only
    must_change_password: bool = False
    totp_secret: str | None = None  # sealed; None: no second factor
    totp_pending: str | None = None  # sealed; not confirmed by a code yet
    totp_step: int = 0  # of the last code that was taken: none is taken twice
    recovery_hashes: tuple[str, ...] = ()
    issuer: str = ""  # who vouches for them, with OpenID Connect
    subject: str = ""
    last_sign_in_at: datetime | None = None

    @property
    def tenant(self) -> TenantId | None:
        """None: everywhere."""
        return TenantId(self.station.name) if self.station.name else None

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMISSIONS[self.role]

    @property
    def grant(self) -> Grant:
        return Grant(permissions=self.permissions, sites=self.sites, tenant=self.tenant)

    @property
    def is_active(self) -> bool:
        return self.state is AccountState.ACTIVE


class Session(Struct, frozen=True, kw_only=True):
    """A person who has signed in, with one browser. ``id`` is the hash of its cookie."""

    station: StationId  # of `INSTALLATION`, called as the user's id
    id: str
    state: AccountState
    at: datetime  # last seen, to the minute
    created_at: datetime
    expires_at: datetime
    signed_in_by: str  # password, oidc, setup
    address: str = ""
    agent: str = ""  # what the browser calls itself: hostile, for people only

    @property
    def user(self) -> str:
        return self.station.name


class Tenant(Struct, frozen=True, kw_only=True):
    """A company of its own in the installation, which sees nothing of the others."""

    station: StationId  # of `INSTALLATION`, called ""
    id: str
    state: AccountState
    at: datetime
    title: str = ""


class Installation(Struct, frozen=True, kw_only=True):
    """What there is once: whoever makes or unmakes accounts locks it. Its id is "here"."""

    station: StationId
    id: str
    state: AccountState
    at: datetime
    setup_hash: str | None = None  # of the token that makes the first administrator
    setup_expires_at: datetime | None = None


class IdempotencyKey(Struct, frozen=True, kw_only=True):
    """A request that may be repeated: what it was, and what it was answered with."""

    station: StationId  # of the tenant, called ""
    id: str  # the hash of who asked, and of the key they gave
    state: str  # running, done
    at: datetime
    request_hash: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
