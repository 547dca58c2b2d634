"""TC_044_1: a firmware update."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import (
    FirmwareStatus,
    asked_to_update,
    tell_every_connector,
    tell_firmware,
)
from voltkeep.lab.ocpp16.states import Status, booted, restart


@case(
    "TC_044_1",
    "Firmware update",
    Functionality.FIRMWARE_MANAGEMENT,
    source="OCPP 1.6 edition 2, sections 5.19 and 4.5; errata 3.47",
)
async def firmware_update(bench: Bench) -> None:
    """A station is told where its new firmware is, and each step of the update is confirmed."""
    station = await booted(bench)

    bench.step("The operator orders a firmware update")
    await asked_to_update(station)

    bench.step("The station downloads the firmware; no connector is available; it is installed")
    await tell_firmware(station, FirmwareStatus.DOWNLOADING, FirmwareStatus.DOWNLOADED)
    await tell_every_connector(station, Status.UNAVAILABLE)
    await tell_firmware(station, FirmwareStatus.INSTALLING)

    bench.step("It restarts and boots, and tells that the firmware is installed")
    await restart(station)
    await tell_firmware(station, FirmwareStatus.INSTALLED)
