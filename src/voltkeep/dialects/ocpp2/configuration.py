"""GetVariables, SetVariables, GetBaseReport, GetReport, NotifyReport: functional block B."""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build, Handler, Notes, Services, Tell
from voltkeep.dialects.ocpp2.names import evse_of
from voltkeep.domain.commands import (
    ReadVariables,
    ReportVariables,
    VariablesTold,
    WriteVariables,
)
from voltkeep.domain.dangers import danger_of
from voltkeep.domain.device_model import (
    Attribute,
    Characteristics,
    Component,
    Variable,
    VariableTold,
    told,
)
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201
from voltkeep.services.ports import CommandUnfit

# What we ask.


def get_variables(command: ReadVariables) -> tuple[str, v21.GetVariablesRequest]:
    """B06."""
    return "GetVariables", v21.GetVariablesRequest(
        get_variable_data=[
            v21.GetVariableData(
                component=_component(each.component),
                variable=_variable(each),
                attribute_type=_attribute(command.attribute),
            )
            for each in command.variables
        ]
    )


def set_variables(command: WriteVariables) -> tuple[str, v21.SetVariablesRequest]:
    """B05."""
    for each in command.values:
        if (danger := danger_of(each.variable.name)) is not None:
            raise CommandUnfit(f"{each.variable} {danger.refused}")
    return "SetVariables", v21.SetVariablesRequest(
        set_variable_data=[
            v21.SetVariableData(
                component=_component(each.variable.component),
                variable=_variable(each.variable),
                attribute_type=_attribute(each.attribute),
                attribute_value=each.value,
            )
            for each in command.values
        ]
    )


def get_report(
    command: ReportVariables,
) -> tuple[str, v21.GetBaseReportRequest | v21.GetReportRequest]:
    """B07 with a base, B08 without."""
    if command.base is not None:
        return "GetBaseReport", v21.GetBaseReportRequest(
            request_id=command.request_id, report_base=v21.ReportBaseEnum(command.base.value)
        )
    return "GetReport", v21.GetReportRequest(
        request_id=command.request_id,
        component_variable=[
            v21.ComponentVariable(component=_component(each)) for each in command.components
        ],
    )


def _component(of: Component) -> v21.Component:
    place = of.evse
    return v21.Component(
        name=of.name,
        instance=of.instance or UNSET,
        evse=UNSET
        if place is None
        else v21.EVSE(id=place.id, connector_id=place.connector_id or UNSET),
    )


def _variable(of: Variable) -> v21.Variable:
    return v21.Variable(name=of.name, instance=of.instance or UNSET)


def _attribute(of: Attribute) -> v21.AttributeEnum | UnsetType:
    """Actual is what a station takes for it if nothing is said."""
    return UNSET if of is Attribute.ACTUAL else v21.AttributeEnum(of.value)


# What stations say.


async def notify_report(
    services: Services,
    sender: Sender,
    request: v201.NotifyReportRequest | v21.NotifyReportRequest,
    notes: Notes,
) -> None:
    await services.configuration.reported(
        sender,
        request.request_id,
        request.seq_no,
        [each for row in request.report_data or () for each in _row(row)],
        is_last=not request.tbc,
    )


def _row(row: v201.ReportData | v21.ReportData) -> Iterator[VariableTold]:
    of = _named(row.component, row.variable)
    if of is None:
        return
    characteristics = _characteristics(row.variable_characteristics)
    for attribute in row.variable_attribute:
        mutability = attribute.mutability
        is_secret = mutability is not UNSET and mutability.value == "WriteOnly"
        value = None if attribute.value is UNSET or is_secret else attribute.value
        yield told(
            of,
            value,
            attribute=_which(attribute.type),
            # ReadWrite is what a station means that does not say (VariableAttributeType).
            read_only=mutability is not UNSET and mutability.value == "ReadOnly",
            characteristics=characteristics,
        )


def _characteristics(
    of: v201.VariableCharacteristics | v21.VariableCharacteristics | UnsetType,
) -> Characteristics | None:
    if of is UNSET:
        return None
    return Characteristics(
        data_type=of.data_type.value,
        unit=of.unit or "",
        minimum=None if of.min_limit is UNSET else of.min_limit,
        maximum=None if of.max_limit is UNSET else of.max_limit,
        choices=of.values_list or "",
    )


def variables(answer: v201.GetVariablesResponse | v21.GetVariablesResponse) -> VariablesTold:
    results = ((_named(each.component, each.variable), each) for each in answer.get_variable_result)
    return VariablesTold(
        tuple(
            told(
                of,
                None if each.attribute_value is UNSET else each.attribute_value,
                attribute=_which(each.attribute_type),
                status=each.attribute_status.value,
                reason=_reason(each.attribute_status_info),
            )
            for of, each in results
            if of is not None
        )
    )


def written(answer: v201.SetVariablesResponse | v21.SetVariablesResponse) -> VariablesTold:
    results = ((_named(each.component, each.variable), each) for each in answer.set_variable_result)
    return VariablesTold(
        tuple(
            told(
                of,
                None,
                attribute=_which(each.attribute_type),
                status=each.attribute_status.value,
                reason=_reason(each.attribute_status_info),
            )
            for of, each in results
            if of is not None
        )
    )


def _named(
    component: v201.Component | v21.Component, variable: v201.Variable | v21.Variable
) -> Variable | None:
    """None: nobody could ask for what has no name."""
    if not component.name or not variable.name:
        return None
    part = Component(component.name, component.instance or "", evse_of(component.evse))
    return Variable(part, variable.name, variable.instance or "")


def _which(of: v201.AttributeEnum | v21.AttributeEnum | UnsetType) -> Attribute:
    return Attribute.ACTUAL if of is UNSET else Attribute(of.value)


def _reason(info: v201.StatusInfo | v21.StatusInfo | UnsetType) -> str:
    if info is UNSET:
        return ""
    return (
        f"{info.reason_code}: {info.additional_info}" if info.additional_info else info.reason_code
    )


HANDLERS: dict[str, Handler] = {"NotifyReport": notify_report}
REQUESTS: dict[type, Build] = {
    ReadVariables: get_variables,
    WriteVariables: set_variables,
    ReportVariables: get_report,
}
TOLD: dict[type, Tell] = {ReadVariables: variables, WriteVariables: written}
