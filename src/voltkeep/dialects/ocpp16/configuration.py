"""GetConfiguration and ChangeConfiguration: a key is a variable, a standard one by its new name."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Tell
from voltkeep.domain.commands import (
    ReadVariables,
    ReportVariables,
    VariablesTold,
    WriteVariables,
)
from voltkeep.domain.dangers import danger_of
from voltkeep.domain.device_model import (
    OLDER,
    STANDARD,
    Attribute,
    Component,
    ReportBase,
    Variable,
    told,
)
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_KEYS = {of.key: key for key, of in STANDARD.items()}
_OLDER = Component(OLDER)


def key_of(variable: Variable) -> str:
    """Raises CommandUnfit: OCPP 1.6 has no such thing."""
    if (key := _KEYS.get(variable.key)) is not None:
        return key
    if variable.component.key != _OLDER.key or variable.instance:
        raise CommandUnfit(f"OCPP 1.6 has no {variable}; a key of its own is {OLDER}.KEY")
    return variable.name


def get(command: ReadVariables) -> tuple[str, v16.GetConfigurationRequest]:
    _check(command.attribute)
    if not command.variables:
        raise CommandUnfit("nothing is asked for: no key at all asks for all of them")
    keys = [key_of(each) for each in command.variables]
    return "GetConfiguration", v16.GetConfigurationRequest(key=keys)


def get_all(command: ReportVariables) -> tuple[str, v16.GetConfigurationRequest]:
    """5.8: no key is all keys."""
    if command.base in {None, ReportBase.SUMMARY}:
        raise CommandUnfit("OCPP 1.6 tells all of its configuration, or keys by their names")
    return "GetConfiguration", v16.GetConfigurationRequest()


def change(command: WriteVariables) -> tuple[str, v16.ChangeConfigurationRequest]:
    if len(command.values) != 1:
        raise CommandUnfit("OCPP 1.6 changes one key at a time")
    (wanted,) = command.values
    _check(wanted.attribute)
    key = key_of(wanted.variable)
    if (danger := danger_of(key)) is not None:
        raise CommandUnfit(f"{key} {danger.refused}")
    return "ChangeConfiguration", v16.ChangeConfigurationRequest(key=key, value=wanted.value)


def _check(attribute: Attribute) -> None:
    if attribute is not Attribute.ACTUAL:
        raise CommandUnfit(f"OCPP 1.6 knows no {attribute.value} of a key, only what it is")


def configuration(answer: v16.GetConfigurationResponse) -> VariablesTold:
    known = (
        told(
            Variable(_OLDER, each.key),
            None if each.value is UNSET else each.value,
            read_only=each.readonly,
        )
        for each in answer.configuration_key or ()
        if each.key
    )
    unknown = (
        told(Variable(_OLDER, key), None, status="UnknownVariable")
        for key in answer.unknown_key or ()
        if key
    )
    return VariablesTold((*known, *unknown))


REQUESTS: dict[type, Build] = {
    ReadVariables: get,
    ReportVariables: get_all,
    WriteVariables: change,
}
TOLD: dict[type, Tell] = {ReadVariables: configuration, ReportVariables: configuration}
