"""SendLocalList and GetLocalListVersion."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Omit, Tell
from voltkeep.dialects.ocpp16.names import fits_id_tag, id_tag_info
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
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_U = v16.SendLocalListRequestUpdateType
_ENTRIES, _PER_MESSAGE = "LocalAuthListMaxLength", "SendLocalListMaxLength"
_ENABLED = "LocalAuthListEnabled"
_FITS = "OCPP 1.6 takes tokens of 1 to 20 characters"


def send_local_list(command: SendLocalList) -> tuple[str, v16.SendLocalListRequest]:
    return "SendLocalList", v16.SendLocalListRequest(
        list_version=command.version,
        update_type=_U.FULL if command.full else _U.DIFFERENTIAL,
        local_authorization_list=[
            _entry(entry)
            for entry in command.entries
            if not command.skips_unfit or fits_id_tag(entry.id_token.value)
        ],
    )


def left_out(command: SendLocalList) -> EntriesLeftOut | None:
    """What is to be removed was never there."""
    if not command.skips_unfit:
        return None
    unfit = [
        each
        for each in command.entries
        if each.decision is not None and not fits_id_tag(each.id_token.value)
    ]
    return EntriesLeftOut(len(unfit), _FITS) if unfit else None


def _entry(entry: ListEntry) -> v16.LocalAuthorizationList:
    if not fits_id_tag(entry.id_token.value):
        raise CommandUnfit(_FITS)
    decision = entry.decision
    return v16.LocalAuthorizationList(
        id_tag=entry.id_token.value,
        id_tag_info=UNSET if decision is None else id_tag_info(decision, []),
    )


def get_version(_: GetLocalListVersion) -> tuple[str, v16.GetLocalListVersionRequest]:
    return "GetLocalListVersion", v16.GetLocalListVersionRequest()


def version(answer: v16.GetLocalListVersionResponse) -> LocalListVersionTold:
    """5.10: -1 where there is no such list."""
    return LocalListVersionTold(answer.list_version if answer.list_version >= 0 else None)


def get_limits(_: GetLocalListLimits) -> tuple[str, v16.GetConfigurationRequest]:
    return "GetConfiguration", v16.GetConfigurationRequest(key=[_ENTRIES, _PER_MESSAGE, _ENABLED])


def limits(answer: v16.GetConfigurationResponse) -> LocalListLimitsTold:
    said = {
        each.key.lower(): each.value
        for each in answer.configuration_key or ()
        if each.value is not UNSET
    }
    return LocalListLimitsTold(
        entries=whole_number(said.get(_ENTRIES.lower())),
        per_message=whole_number(said.get(_PER_MESSAGE.lower())),
        is_enabled=flag(said.get(_ENABLED.lower())),
    )


REQUESTS: dict[type, Build] = {
    SendLocalList: send_local_list,
    GetLocalListVersion: get_version,
    GetLocalListLimits: get_limits,
}
TOLD: dict[type, Tell] = {GetLocalListVersion: version, GetLocalListLimits: limits}
OMISSIONS: dict[type, Omit] = {SendLocalList: left_out}
