"""GetLog and LogStatusNotification; GetDiagnostics and its status, the older way."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import GetLog, LogTold, Told
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit


async def log_status(
    services: Services, sender: Sender, request: v16.LogStatusNotificationRequest, notes: Notes
) -> None:
    id = None if request.request_id is UNSET else request.request_id
    await services.diagnostics.log_status(sender, request.status.value, id)


async def diagnostics_status(
    services: Services,
    sender: Sender,
    request: v16.DiagnosticsStatusNotificationRequest,
    notes: Notes,
) -> None:
    await services.diagnostics.log_status(sender, request.status.value, None)


def get_log(
    command: GetLog,
) -> tuple[str, v16.GetLogRequest | v16.GetDiagnosticsRequest]:
    if command.older:
        return _get_diagnostics(command)
    return "GetLog", v16.GetLogRequest(
        log=v16.LogParameters(
            remote_location=command.location,
            oldest_timestamp=_moment(command.oldest),
            latest_timestamp=_moment(command.latest),
        ),
        log_type=v16.LogEnum(command.kind.value),
        request_id=command.request_id,
        retries=_number(command.retries),
        retry_interval=_number(command.retry_interval_s),
    )


def _get_diagnostics(command: GetLog) -> tuple[str, v16.GetDiagnosticsRequest]:
    if command.kind is not LogKind.DIAGNOSTICS:
        raise CommandUnfit("GetDiagnostics can only ask for diagnostics")
    return "GetDiagnostics", v16.GetDiagnosticsRequest(
        location=command.location,
        start_time=_moment(command.oldest),
        stop_time=_moment(command.latest),
        retries=_number(command.retries),
        retry_interval=_number(command.retry_interval_s),
    )


def _moment(at: datetime | None) -> datetime | UnsetType:
    return UNSET if at is None else whole_seconds(at)


def _number(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


def told(answer: v16.GetLogResponse | v16.GetDiagnosticsResponse) -> LogTold | None:
    if isinstance(answer, v16.GetDiagnosticsResponse):
        return LogTold(answer.file_name or "")  # 1.6 section 6.26: none, if there is nothing
    return LogTold(answer.filename) if answer.filename else None


HANDLERS: dict[str, Handler] = {
    "DiagnosticsStatusNotification": diagnostics_status,
    "LogStatusNotification": log_status,
}
REQUESTS: dict[type, Build] = {GetLog: get_log}
TOLD: dict[type, Callable[[Any], Told | None]] = {GetLog: told}
