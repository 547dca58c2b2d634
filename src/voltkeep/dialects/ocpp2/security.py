"""SecurityEventNotification; keys, network profiles and the operator's name, by variables."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from voltkeep.dialects.dangers import Found, Guard, at, first
from voltkeep.dialects.dialect import Build, Handler, Notes, Services, Statuses, Tell
from voltkeep.dialects.times import utc
from voltkeep.domain.commands import (
    GetNetworkProfiles,
    NetworkProfilesTold,
    SetKey,
    SetNetworkProfile,
    SetOrganization,
    UseNetworkProfile,
)
from voltkeep.domain.dangers import PROFILE
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201
from voltkeep.services.ports import CommandUnfit

_SECURITY, _COMMUNICATION = "SecurityCtrlr", "OCPPCommCtrlr"
_ACTIVE, _PRIORITY = "ActiveNetworkProfile", "NetworkConfigurationPriority"


async def security_event(
    services: Services,
    sender: Sender,
    request: v201.SecurityEventNotificationRequest | v21.SecurityEventNotificationRequest,
    notes: Notes,
) -> None:
    await services.security_events.report(
        sender,
        request.type,
        utc(request.timestamp, sender, notes),
        None if request.tech_info is UNSET else request.tech_info,
    )


def _set(component: str, variable: str, value: str) -> tuple[str, v21.SetVariablesRequest]:
    return "SetVariables", v21.SetVariablesRequest(
        set_variable_data=[
            v21.SetVariableData(
                component=v21.Component(name=component),
                variable=v21.Variable(name=variable),
                attribute_value=value,
            )
        ]
    )


def set_key(command: SetKey) -> tuple[str, v21.SetVariablesRequest]:
    """A01.FR.02; a text here, and the same text in HTTP Basic (A00.FR.205)."""
    return _set(_SECURITY, "BasicAuthPassword", command.key)


def set_organization(command: SetOrganization) -> tuple[str, v21.SetVariablesRequest]:
    return _set(_SECURITY, "OrganizationName", command.name)


def use_network_profile(command: UseNetworkProfile) -> tuple[str, v21.SetVariablesRequest]:
    """B10, and A05 since the network profile carries the security profile."""
    return _set(_COMMUNICATION, _PRIORITY, ",".join(map(str, command.slots)))


# By subprotocol: what the version is called there (2.0.1 goes by OCPP20), and an interface that
# will do for most stations.
_VERSIONS = {
    "ocpp2.0.1": (v21.OCPPVersionEnum.OCPP20, v21.OCPPInterfaceEnum.WIRED0),
    "ocpp2.1": (v21.OCPPVersionEnum.OCPP21, v21.OCPPInterfaceEnum.ANY),
}


def set_network_profile(command: SetNetworkProfile) -> tuple[str, v21.SetNetworkProfileRequest]:
    """B09."""
    version, interface = _VERSIONS.get(command.subprotocol, _VERSIONS["ocpp2.0.1"])
    try:
        interface = v21.OCPPInterfaceEnum(command.interface or interface)
    except ValueError:
        raise CommandUnfit(
            f"OCPP 2.x knows no interface {command.interface}, only "
            + ", ".join(each.value for each in v21.OCPPInterfaceEnum)
        ) from None
    return "SetNetworkProfile", v21.SetNetworkProfileRequest(
        configuration_slot=command.slot,
        connection_data=v21.NetworkConnectionProfile(
            ocpp_version=version,
            ocpp_transport=v21.OCPPTransportEnum.JSON,
            ocpp_interface=interface,
            ocpp_csms_url=command.url,
            message_timeout=command.message_timeout_s,
            security_profile=int(command.profile),
        ),
    )


def get_network_profiles(command: GetNetworkProfiles) -> tuple[str, v21.GetVariablesRequest]:
    return "GetVariables", v21.GetVariablesRequest(
        get_variable_data=[
            v21.GetVariableData(
                component=v21.Component(name=_COMMUNICATION), variable=v21.Variable(name=name)
            )
            for name in (_ACTIVE, _PRIORITY)
        ]
    )


def network_profiles(
    answer: v201.GetVariablesResponse | v21.GetVariablesResponse,
) -> NetworkProfilesTold:
    values = {
        result.variable.name.lower(): result.attribute_value
        for result in answer.get_variable_result
        if result.attribute_value is not UNSET
    }
    active = _slots(values.get(_ACTIVE.lower(), ""))
    return NetworkProfilesTold(
        active[0] if active else None, _slots(values.get(_PRIORITY.lower(), ""))
    )


def _slots(text: str) -> tuple[int, ...]:
    words = (word.strip() for word in text.split(","))
    return tuple(int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 6)


def set_statuses(answer: v201.SetVariablesResponse | v21.SetVariablesResponse) -> Iterator[str]:
    return (result.attribute_status.value for result in answer.set_variable_result)


def set_by_hand(content: Any) -> Found | None:
    """A01, A00.FR.005; B09.FR.26, FR.27 of 2.1."""
    return first(at(content, "setVariableData", "variable", "name"))


def profile_by_hand(_: Any) -> Found:
    """A00.FR.005, B09."""
    return "SetNetworkProfile", PROFILE


HANDLERS: dict[str, Handler] = {"SecurityEventNotification": security_event}
REQUESTS: dict[type, Build] = {
    SetKey: set_key,
    SetNetworkProfile: set_network_profile,
    UseNetworkProfile: use_network_profile,
    GetNetworkProfiles: get_network_profiles,
    SetOrganization: set_organization,
}
TOLD: dict[type, Tell] = {GetNetworkProfiles: network_profiles}
STATUSES: dict[str, Statuses] = {"SetVariables": set_statuses}
GUARDS: dict[str, Guard] = {"SetVariables": set_by_hand, "SetNetworkProfile": profile_by_hand}
