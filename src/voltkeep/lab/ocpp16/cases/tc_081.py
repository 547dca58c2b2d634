"""TC_081: firmware with a wrong signature."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware_signed import (
    FirmwareStatus,
    asked_to_update,
    tell_firmware,
    wrong_signature,
)
from voltkeep.lab.ocpp16.security import tell_security_event
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_081",
    "Secure firmware update with an invalid signature",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use case L01 (L01.FR.03); OCTT, TC_081",
)
async def invalid_signature(bench: Bench) -> None:
    """A person may order firmware whose signature is wrong; the station finds out, and tells so."""
    station = await booted(bench)

    bench.step("The operator orders an update with a wrong signature: SignedUpdateFirmware")
    request_id = await asked_to_update(station, wrong_signature(bench.plan.files))

    bench.step("The station downloads the firmware, and finds its signature invalid")
    await tell_firmware(
        station,
        request_id,
        FirmwareStatus.DOWNLOADING,
        FirmwareStatus.DOWNLOADED,
        FirmwareStatus.INVALID_SIGNATURE,
    )
    await tell_security_event(station, "InvalidFirmwareSignature")
