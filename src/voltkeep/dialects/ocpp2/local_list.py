"""SendLocalList and GetLocalListVersion."""

from msgspec import UNSET, Struct

from voltkeep.dialects.dialect import Build, Omit, Tell
from voltkeep.dialects.ocpp2.names import id_token_info, wire_token
from voltkeep.dialects.values import flag, whole_number
from voltkeep.domain.commands import (
    EntriesLeftOut,
    GetLocalListLimits,
    GetLocalListVersion,
    LocalListLimitsTold,
    LocalListVersionTold,
    SendLocalList,
)
from voltkeep.domain.local_list import ListEntry
from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.messages import encode, read

_COMPONENT = "LocalAuthListCtrlr"
_ITEMS, _BYTES, _ENABLED = "ItemsPerMessage", "BytesPerMessage", "Enabled"
_ENTRY_BYTES = 300  # of one, with a group and a date, as JSON


def _fits(token: type[Struct], entry: ListEntry) -> bool:
    try:
        read(token, encode(wire_token(entry.id_token)))
    except Refusal:
        return False
    return True


def sending(token: type[Struct]) -> tuple[dict[type, Build], dict[type, Omit]]:
    """How a list is sent in the version whose tokens are these, and what it leaves out."""

    def send(command: SendLocalList) -> tuple[str, v21.SendLocalListRequest]:
        skips = command.skips_unfit
        return _message(command, [e for e in command.entries if not skips or _fits(token, e)])

    def left_out(command: SendLocalList) -> EntriesLeftOut | None:
        if not command.skips_unfit:
            return None
        kept = [entry for entry in command.entries if entry.decision is not None]
        unfit = sum(not _fits(token, entry) for entry in kept)
        why = "the station's version of OCPP has no such kind of token, or none so long"
        return EntriesLeftOut(unfit, why) if unfit else None

    return {SendLocalList: send}, {SendLocalList: left_out}


def _message(command: SendLocalList, kept: list[ListEntry]) -> tuple[str, v21.SendLocalListRequest]:
    entries = [_entry(entry) for entry in kept]
    return "SendLocalList", v21.SendLocalListRequest(
        version_number=command.version,
        update_type=v21.UpdateEnum.FULL if command.full else v21.UpdateEnum.DIFFERENTIAL,
        local_authorization_list=entries or UNSET,  # D01.FR.04: none at all empties the list
    )


def _entry(entry: ListEntry) -> v21.AuthorizationData:
    decision = entry.decision
    return v21.AuthorizationData(
        id_token=wire_token(entry.id_token),
        id_token_info=UNSET if decision is None else id_token_info(decision, []),
    )


def get_version(_: GetLocalListVersion) -> tuple[str, v21.GetLocalListVersionRequest]:
    return "GetLocalListVersion", v21.GetLocalListVersionRequest()


def version(
    answer: v201.GetLocalListVersionResponse | v21.GetLocalListVersionResponse,
) -> LocalListVersionTold:
    """D02.FR.02, FR.03: 0 where there is none, or nothing in it."""
    return LocalListVersionTold(answer.version_number if answer.version_number >= 0 else None)


def get_limits(_: GetLocalListLimits) -> tuple[str, v21.GetVariablesRequest]:
    return "GetVariables", v21.GetVariablesRequest(
        get_variable_data=[
            v21.GetVariableData(
                component=v21.Component(name=_COMPONENT), variable=v21.Variable(name=name)
            )
            for name in (_ITEMS, _BYTES, _ENABLED)
        ]
    )


def limits(answer: v201.GetVariablesResponse | v21.GetVariablesResponse) -> LocalListLimitsTold:
    """How many it keeps in all is no value but a characteristic: only a report tells it."""
    said = {
        result.variable.name.lower(): result.attribute_value
        for result in answer.get_variable_result
        if result.attribute_value is not UNSET
    }
    items, octets = whole_number(said.get(_ITEMS.lower())), whole_number(said.get(_BYTES.lower()))
    by_size = None if octets is None else max(1, octets // _ENTRY_BYTES)
    return LocalListLimitsTold(
        per_message=min((each for each in (items, by_size) if each is not None), default=None),
        is_enabled=flag(said.get(_ENABLED.lower())),
    )


REQUESTS: dict[type, Build] = {
    GetLocalListVersion: get_version,
    GetLocalListLimits: get_limits,
}
TOLD: dict[type, Tell] = {GetLocalListVersion: version, GetLocalListLimits: limits}
