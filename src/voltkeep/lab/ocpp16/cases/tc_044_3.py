"""TC_044_3: a firmware update whose installation fails."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import (
    FirmwareStatus,
    asked_to_update,
    tell_every_connector,
    tell_firmware,
)
from voltkeep.lab.ocpp16.states import Status, booted


@case(
    "TC_044_3",
    "Firmware update, installation failed",
    Functionality.FIRMWARE_MANAGEMENT,
    source="OCPP 1.6 edition 2, sections 5.19 and 4.5",
)
async def installation_failed(bench: Bench) -> None:
    """The CSMS orders an update, and takes it that the firmware could not be installed."""
    station = await booted(bench)

    bench.step("The operator orders a firmware update")
    await asked_to_update(station)

    bench.step("The station downloads the firmware, and cannot install it")
    await tell_firmware(station, FirmwareStatus.DOWNLOADING, FirmwareStatus.DOWNLOADED)
    await tell_every_connector(station, Status.UNAVAILABLE)
    await tell_firmware(station, FirmwareStatus.INSTALLING, FirmwareStatus.INSTALLATION_FAILED)

    bench.step("Its connectors are available again")
    await tell_every_connector(station, Status.AVAILABLE)
