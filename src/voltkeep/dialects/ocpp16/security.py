"""SecurityEventNotification; keys, security profiles and the operator's name, by configuration."""

from typing import Any

from msgspec import UNSET

from voltkeep.dialects.dangers import Found, Guard, at, first
from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import utc
from voltkeep.domain.commands import (
    GetNetworkProfiles,
    SetKey,
    SetNetworkProfile,
    SetOrganization,
    UseNetworkProfile,
)
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16


async def security_event(
    services: Services,
    sender: Sender,
    request: v16.SecurityEventNotificationRequest,
    notes: Notes,
) -> None:
    await services.security_events.report(
        sender,
        request.type,
        utc(request.timestamp, sender, notes),
        None if request.tech_info is UNSET else request.tech_info,
    )


_Change = tuple[str, v16.ChangeConfigurationRequest]


def _change(key: str, value: str) -> _Change:
    return "ChangeConfiguration", v16.ChangeConfigurationRequest(key=key, value=value)


def set_key(command: SetKey) -> _Change:
    """A01.FR.02; hexadecimal here, and the octets in HTTP Basic (A00.FR.205)."""
    return _change("AuthorizationKey", command.key)


def set_network_profile(command: SetNetworkProfile) -> _Change:
    """A05: where to connect is not said, and is configured in the charge point itself."""
    return _change("SecurityProfile", str(int(command.profile)))


def set_organization(command: SetOrganization) -> _Change:
    return _change("CpoName", command.name)


def change_by_hand(content: Any) -> Found | None:
    """A01, A00.FR.005."""
    return first(at(content, "key"))


HANDLERS: dict[str, Handler] = {"SecurityEventNotification": security_event}
REQUESTS: dict[type, Build] = {
    SetKey: set_key,
    SetNetworkProfile: set_network_profile,
    UseNetworkProfile: lambda _: None,
    GetNetworkProfiles: lambda _: None,
    SetOrganization: set_organization,
}
GUARDS: dict[str, Guard] = {"ChangeConfiguration": change_by_hand}

SAME_EVENTS = {
    "FailedToAuthenticateAtCentralSystem": "FailedToAuthenticateAtCsms",
    "CentralSystemFailedToAuthenticate": "CsmsFailedToAuthenticate",
    "InvalidCentralSystemCertificate": "InvalidCsmsCertificate",
    "InvalidChargePointCertificate": "InvalidChargingStationCertificate",
}
"""What the whitepaper calls security events, and how later versions call the same."""
