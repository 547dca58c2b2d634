"""Who may do what: roles, permissions, and whoever asks."""

import enum

from msgspec import Struct

from voltkeep.domain.audit import Actor
from voltkeep.domain.identity import TenantId


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


class Principal(Struct, frozen=True, kw_only=True):
    """Whoever asks, as far as it decides what they get.

    ``tenant`` is the one they act in. ``sites``: the only ones they see; None is all of them.
    """

    actor: Actor
    tenant: TenantId
    permissions: frozenset[Permission]
    sites: tuple[str, ...] | None = None
    is_everywhere: bool = False  # of the installation, not of one tenant

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
