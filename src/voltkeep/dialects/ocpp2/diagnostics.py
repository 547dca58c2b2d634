"""GetLog and LogStatusNotification."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.commands import GetLog, LogTold, Told
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21
from voltkeep.services.ports import CommandUnfit


async def log_status(
    services: Services, sender: Sender, request: v21.LogStatusNotificationRequest, notes: Notes
) -> None:
    id = None if request.request_id is UNSET else request.request_id
    await services.diagnostics.log_status(sender, request.status.value, id)


def get_log(command: GetLog) -> tuple[str, v21.GetLogRequest]:
    if command.older:
        raise CommandUnfit("OCPP 2.x has always asked for logs with GetLog")
    return "GetLog", v21.GetLogRequest(
        log=v21.LogParameters(
            remote_location=command.location,
            oldest_timestamp=_moment(command.oldest),
            latest_timestamp=_moment(command.latest),
        ),
        log_type=v21.LogEnum(command.kind.value),
        request_id=command.request_id,
        retries=UNSET if command.retries is None else command.retries,
        retry_interval=UNSET if command.retry_interval_s is None else command.retry_interval_s,
    )


def _moment(at: datetime | None) -> datetime | UnsetType:
    return UNSET if at is None else whole_seconds(at)


def told(answer: v21.GetLogResponse) -> LogTold | None:
    return LogTold(answer.filename) if answer.filename else None


HANDLERS: dict[str, Handler] = {"LogStatusNotification": log_status}
REQUESTS: dict[type, Build] = {GetLog: get_log}
TOLD: dict[type, Callable[[Any], Told | None]] = {GetLog: told}
