"""TC_079: the security log is fetched."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.fields import is_just, utc
from voltkeep.lab.ocpp16.states import booted
from voltkeep.ocpp.v16 import (
    GetLogRequest,
    GetLogResponse,
    LogEnum,
    LogStatusEnum,
    LogStatusNotificationRequest,
    LogStatusNotificationResponse,
    UploadLogStatusEnum,
)


@case(
    "TC_079",
    "Get the security log",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use case N01; OCTT, TC_079",
)
async def get_security_log(bench: Bench) -> None:
    """A station is asked for its security log, and tells how the upload goes."""
    station = await booted(bench)
    location = bench.plan.files.log

    bench.step("The operator orders the security log: GetLog")
    order = bench.driver.get_log(station.identity, kind="SecurityLog", location=location)
    asked = await station.asked(order, GetLogRequest)
    came = asked.request
    accepted = GetLogResponse(status=LogStatusEnum.ACCEPTED, filename="security.log")
    await asked.answer(accepted)
    checks.is_new_request(station, "GetLog", came.request_id)
    is_just(bench, "logType", came.log_type, LogEnum.SECURITY_LOG)
    is_just(bench, "remoteLocation", came.log.remote_location, location)
    if came.log.oldest_timestamp and came.log.latest_timestamp:
        oldest, latest = utc(came.log.oldest_timestamp), utc(came.log.latest_timestamp)
        bench.check(oldest <= latest, "oldestTimestamp not after latestTimestamp", oldest)

    bench.step("The station tells LogStatusNotification Uploading, and Uploaded")
    for status in (UploadLogStatusEnum.UPLOADING, UploadLogStatusEnum.UPLOADED):
        told = LogStatusNotificationRequest(status=status, request_id=came.request_id)
        await station.tell(told, LogStatusNotificationResponse)
