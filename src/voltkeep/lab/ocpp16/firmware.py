"""Firmware and diagnostics, the way without signatures: what is ordered, and what is told of it."""

from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from voltkeep.lab.ocpp16.fields import is_just, utc
from voltkeep.lab.ocpp16.states import Status, tell_status
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.ocpp.v16 import (
    DiagnosticsStatusNotificationRequest,
    DiagnosticsStatusNotificationRequestStatus,
    DiagnosticsStatusNotificationResponse,
    FirmwareStatusNotificationRequest,
    FirmwareStatusNotificationRequestStatus,
    FirmwareStatusNotificationResponse,
    GetDiagnosticsRequest,
    GetDiagnosticsResponse,
    UpdateFirmwareRequest,
    UpdateFirmwareResponse,
)

FirmwareStatus = FirmwareStatusNotificationRequestStatus
DiagnosticsStatus = DiagnosticsStatusNotificationRequestStatus
_SOON = timedelta(minutes=1)


async def asked_to_update(station: ChargePoint) -> None:
    """The CSMS is told to order an update, and names where the firmware is. Raises Failed."""
    bench = station.bench
    location = bench.plan.files.firmware
    order = bench.driver.update_firmware(station.identity, location=location)
    asked = await station.asked(order, UpdateFirmwareRequest)
    is_just(bench, "location", asked.request.location, location)
    retrieve = utc(asked.request.retrieve_date)
    if retrieve > datetime.now(UTC) + _SOON:
        bench.warn(f"retrieveDate is {retrieve.isoformat()}: the station does not wait for it")
    await asked.answer(UpdateFirmwareResponse())


async def tell_firmware(station: ChargePoint, *statuses: FirmwareStatus) -> None:
    """Tell how the update goes on; the CSMS must answer each. Raises Failed."""
    for status in statuses:
        request = FirmwareStatusNotificationRequest(status=status)
        await station.tell(request, FirmwareStatusNotificationResponse)


async def tell_every_connector(station: ChargePoint, status: Status) -> None:
    """Tell the status of each connector. Raises Failed."""
    for connector in range(1, station.bench.plan.connectors + 1):
        await tell_status(station, status, connector)


async def asked_for_diagnostics(station: ChargePoint) -> None:
    """The CSMS is told to ask for diagnostics, and names where they go. Raises Failed."""
    bench = station.bench
    location = bench.plan.files.diagnostics
    order = bench.driver.get_diagnostics(station.identity, location=location)
    asked = await station.asked(order, GetDiagnosticsRequest)
    is_just(bench, "location", asked.request.location, location)
    start, stop = asked.request.start_time, asked.request.stop_time
    if start is not UNSET and stop is not UNSET:
        words = f"{start.isoformat()} and {stop.isoformat()}"
        bench.check(utc(start) <= utc(stop), "startTime not after stopTime", words)
    await asked.answer(GetDiagnosticsResponse(file_name="diagnostics.zip"))


async def tell_diagnostics(station: ChargePoint, *statuses: DiagnosticsStatus) -> None:
    """Tell how the upload goes on; the CSMS must answer each. Raises Failed."""
    for status in statuses:
        request = DiagnosticsStatusNotificationRequest(status=status)
        await station.tell(request, DiagnosticsStatusNotificationResponse)
