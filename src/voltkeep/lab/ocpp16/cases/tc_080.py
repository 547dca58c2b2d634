"""TC_080: signed firmware."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware_signed import FirmwareStatus, asked_to_update, tell_firmware
from voltkeep.lab.ocpp16.security import tell_security_event
from voltkeep.lab.ocpp16.states import Status, boot, booted, tell_status


@case(
    "TC_080",
    "Secure firmware update",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use case L01; OCTT, TC_080",
)
async def secure_firmware_update(bench: Bench) -> None:
    """A station updates to firmware that is signed, restarts, and tells that it is installed.

    After the restart the messages may come in any order; the station boots first.
    """
    station = await booted(bench)

    bench.step("The operator orders an update: SignedUpdateFirmware with signature and certificate")
    request_id = await asked_to_update(station, bench.plan.files.signature)

    bench.step("The station downloads the firmware and verifies its signature")
    await tell_firmware(
        station,
        request_id,
        FirmwareStatus.DOWNLOADING,
        FirmwareStatus.DOWNLOADED,
        FirmwareStatus.SIGNATURE_VERIFIED,
    )

    bench.step("The station becomes unavailable, installs the firmware and restarts")
    for connector in range(1, bench.plan.connectors + 1):
        await tell_status(station, Status.UNAVAILABLE, connector)
    await tell_firmware(
        station, request_id, FirmwareStatus.INSTALLING, FirmwareStatus.INSTALL_REBOOTING
    )
    await station.leave()

    bench.step("The station boots, and tells that the firmware is installed")
    await station.connect()
    await boot(station)
    await tell_security_event(station, "FirmwareUpdated")
    await tell_firmware(station, request_id, FirmwareStatus.INSTALLED)
