"""TC_045_2: diagnostics that cannot be uploaded."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import DiagnosticsStatus, asked_for_diagnostics, tell_diagnostics
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_045_2",
    "Get diagnostics, upload failed",
    Functionality.FIRMWARE_MANAGEMENT,
    source="OCPP 1.6 edition 2, sections 5.9 and 4.4; errata 3.31",
)
async def upload_failed(bench: Bench) -> None:
    """The CSMS asks for diagnostics, and takes it that they could not be uploaded."""
    station = await booted(bench)

    bench.step("The operator asks for diagnostics")
    await asked_for_diagnostics(station)

    bench.step("The station cannot upload them")
    await tell_diagnostics(station, DiagnosticsStatus.UPLOADING, DiagnosticsStatus.UPLOAD_FAILED)
