"""TC_045_1: diagnostics."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.firmware import DiagnosticsStatus, asked_for_diagnostics, tell_diagnostics
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_045_1",
    "Get diagnostics",
    Functionality.FIRMWARE_MANAGEMENT,
    source="OCPP 1.6 edition 2, sections 5.9 and 4.4; errata 3.31",
)
async def diagnostics(bench: Bench) -> None:
    """A station is told where its diagnostics go, and each step of the upload is confirmed."""
    station = await booted(bench)

    bench.step("The operator asks for diagnostics")
    await asked_for_diagnostics(station)

    bench.step("The station uploads them")
    await tell_diagnostics(station, DiagnosticsStatus.UPLOADING, DiagnosticsStatus.UPLOADED)
