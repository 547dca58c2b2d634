"""TC_044_2: a firmware update whose download fails."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import FirmwareStatus, asked_to_update, tell_firmware
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_044_2",
    "Firmware update, download failed",
    Functionality.FIRMWARE_MANAGEMENT,
    source="OCPP 1.6 edition 2, sections 5.19 and 4.5",
)
async def download_failed(bench: Bench) -> None:
    """The CSMS orders an update, and takes it that the firmware could not be downloaded."""
    station = await booted(bench)

    bench.step("The operator orders a firmware update")
    await asked_to_update(station)

    bench.step("The station cannot download the firmware")
    await tell_firmware(station, FirmwareStatus.DOWNLOADING, FirmwareStatus.DOWNLOAD_FAILED)
