"""TC_054: messages that are triggered."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import (
    DiagnosticsStatus,
    FirmwareStatus,
    tell_diagnostics,
    tell_firmware,
)
from voltkeep.lab.ocpp16.states import Status, booted, is_served, tell_status
from voltkeep.lab.ocpp16.triggers import tell_meter_values, triggered


@case(
    "TC_054",
    "Trigger message",
    Functionality.REMOTE_TRIGGER,
    source="OCPP 1.6 edition 2, sections 5.17 and 6.51; errata 3.46",
)
async def trigger(bench: Bench) -> None:
    """The CSMS has five messages sent, one after the other, and confirms each."""
    station = await booted(bench)

    bench.step("The operator triggers MeterValues of a connector")
    await triggered(station, "MeterValues", connector=1)
    await tell_meter_values(station, connector=1)

    bench.step("The operator triggers Heartbeat")
    await triggered(station, "Heartbeat")
    await is_served(station)

    bench.step("The operator triggers StatusNotification of a connector")
    await triggered(station, "StatusNotification", connector=1)
    await tell_status(station, Status.AVAILABLE)

    bench.step("The operator triggers DiagnosticsStatusNotification")
    await triggered(station, "DiagnosticsStatusNotification")
    await tell_diagnostics(station, DiagnosticsStatus.IDLE)

    bench.step("The operator triggers FirmwareStatusNotification")
    await triggered(station, "FirmwareStatusNotification")
    await tell_firmware(station, FirmwareStatus.IDLE)
