"""A station's settings as the device model of OCPP 2.0.1 and 2.1 (chapter B)."""

from functools import partial
from typing import NamedTuple

from msgspec import UNSET

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.messages import encode
from voltkeep.sim.clock import timestamp
from voltkeep.sim.configuration import BY_VARIABLE, COMPONENTS, Kind, Outcome, Setting
from voltkeep.sim.station import Station

_PER_REPORT = 20
_DATA_TYPES = {
    Kind.BOOLEAN: v21.DataEnum.BOOLEAN,
    Kind.INTEGER: v21.DataEnum.INTEGER,
    Kind.TEXT: v21.DataEnum.STRING,
    Kind.MEMBERS: v21.DataEnum.MEMBER_LIST,
}
_OUTCOMES = {
    Outcome.ACCEPTED: v21.SetVariableStatusEnum.ACCEPTED,
    Outcome.REJECTED: v21.SetVariableStatusEnum.REJECTED,
    Outcome.NOT_SUPPORTED: v21.SetVariableStatusEnum.UNKNOWN_VARIABLE,
    Outcome.REBOOT_REQUIRED: v21.SetVariableStatusEnum.REBOOT_REQUIRED,
}


class _Asked(NamedTuple):
    """One variable that a request names, in types that both versions' answers may carry."""

    component: v21.Component
    variable: v21.Variable
    attribute: str
    setting: Setting | None
    known_component: bool


def set_variables(
    station: Station, request: v201.SetVariablesRequest | v21.SetVariablesRequest
) -> v21.SetVariablesResponse:
    """Set each; one that cannot be leaves the others alone (B05)."""
    return v21.SetVariablesResponse(
        set_variable_result=[_set(station, data) for data in request.set_variable_data]
    )


def get_variables(
    station: Station, request: v201.GetVariablesRequest | v21.GetVariablesRequest
) -> v21.GetVariablesResponse:
    """The value of each (B06)."""
    return v21.GetVariablesResponse(
        get_variable_result=[_get(station, data) for data in request.get_variable_data]
    )


def get_base_report(
    station: Station, request: v201.GetBaseReportRequest | v21.GetBaseReportRequest
) -> v21.GetBaseReportResponse:
    """Promise a report, and send it in parts (B07)."""
    status = v21.GenericDeviceModelStatusEnum
    if request.report_base.value == v21.ReportBaseEnum.SUMMARY_INVENTORY:
        return v21.GetBaseReportResponse(status=status.NOT_SUPPORTED)
    station.later(partial(_report, station, request.request_id))
    return v21.GetBaseReportResponse(status=status.ACCEPTED)


def _set(
    station: Station, data: v201.SetVariableData | v21.SetVariableData
) -> v21.SetVariableResult:
    status = v21.SetVariableStatusEnum
    asked = _asked(data)
    if not asked.known_component:
        outcome = status.UNKNOWN_COMPONENT
    elif asked.setting is None:
        outcome = status.UNKNOWN_VARIABLE
    elif asked.attribute != v21.AttributeEnum.ACTUAL:
        outcome = status.NOT_SUPPORTED_ATTRIBUTE_TYPE
    else:
        outcome = _OUTCOMES[station.configure(asked.setting, data.attribute_value)]
    return v21.SetVariableResult(
        attribute_status=outcome,
        component=asked.component,
        variable=asked.variable,
        attribute_type=v21.AttributeEnum(asked.attribute),
    )


def _get(
    station: Station, data: v201.GetVariableData | v21.GetVariableData
) -> v21.GetVariableResult:
    status = v21.GetVariableStatusEnum
    asked = _asked(data)
    outcome, value = _problem(asked), None
    if outcome is None and asked.setting is not None:
        outcome, value = status.ACCEPTED, station.configuration.text(asked.setting.name)
    return v21.GetVariableResult(
        attribute_status=outcome or status.REJECTED,
        component=asked.component,
        variable=asked.variable,
        attribute_type=v21.AttributeEnum(asked.attribute),
        attribute_value=UNSET if value is None else value,
    )


def _problem(asked: _Asked) -> v21.GetVariableStatusEnum | None:
    status = v21.GetVariableStatusEnum
    if not asked.known_component:
        return status.UNKNOWN_COMPONENT
    if asked.setting is None:
        return status.UNKNOWN_VARIABLE
    if asked.attribute != v21.AttributeEnum.ACTUAL:
        return status.NOT_SUPPORTED_ATTRIBUTE_TYPE
    return status.REJECTED if asked.setting.secret else None  # write-only: B06.FR.09


def _asked(
    data: v201.SetVariableData | v21.SetVariableData | v201.GetVariableData | v21.GetVariableData,
) -> _Asked:
    component, variable = data.component, data.variable
    instance = "" if variable.instance is UNSET else f"[{variable.instance}]"
    whole = component.evse is UNSET and component.instance is UNSET
    known = whole and component.name in COMPONENTS
    evse = component.evse
    return _Asked(
        v21.Component(
            name=component.name,
            instance=component.instance,
            evse=UNSET if evse is UNSET else v21.EVSE(id=evse.id, connector_id=evse.connector_id),
        ),
        v21.Variable(name=variable.name, instance=variable.instance),
        "Actual" if data.attribute_type is UNSET else data.attribute_type.value,
        BY_VARIABLE.get(f"{component.name}.{variable.name}{instance}") if known else None,
        known,
    )


def _report(station: Station, request_id: int) -> None:
    """All parts at once: the session sends them one after the other's answer."""
    rows = [_row(setting, value) for setting, value in station.configuration if setting.variable]
    parts = [rows[at : at + _PER_REPORT] for at in range(0, len(rows), _PER_REPORT)]
    for number, part in enumerate(parts):
        report = v21.NotifyReportRequest(
            request_id=request_id,
            generated_at=timestamp(station.wall(station.clock.now())),
            seq_no=number,
            tbc=number < len(parts) - 1,
            report_data=part,
        )
        station.say("NotifyReport", encode(report), triggered=True)


def _row(setting: Setting, value: str) -> v21.ReportData:
    component, _, name = (setting.variable or "").partition(".")
    variable, _, instance = name.rstrip("]").partition("[")
    mutability = v21.MutabilityEnum
    writable = mutability.WRITE_ONLY if setting.secret else mutability.READ_WRITE
    return v21.ReportData(
        component=v21.Component(name=component),
        variable=v21.Variable(name=variable, instance=instance or UNSET),
        variable_attribute=[
            v21.VariableAttribute(
                value=UNSET if setting.secret else value,
                mutability=writable if setting.writable else mutability.READ_ONLY,
            )
        ],
        variable_characteristics=v21.VariableCharacteristics(
            data_type=_DATA_TYPES[setting.kind],
            supports_monitoring=False,
            unit=setting.unit or UNSET,
            values_list=",".join(sorted(setting.members)) if setting.members else UNSET,
        ),
    )
