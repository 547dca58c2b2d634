"""TC_078: a station is sent a root that it rejects."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.certificates import Installed, Use, asked_to_install, root_to_install
from voltkeep.lab.ocpp16.security import tell_security_event
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_078",
    "Invalid Central System certificate security event",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use cases M05 (M05.FR.06) and A04; OCTT, TC_078",
    profiles=OVER_TLS,
)
async def invalid_csms_certificate(bench: Bench) -> None:
    """A station rejects a root of the Central System, and tells so."""
    station = await booted(bench)
    use = Use.CENTRAL_SYSTEM_ROOT_CERTIFICATE
    root = root_to_install(bench, use, "Laboratory TC_078")

    bench.step("The operator orders a root to be installed, and the station rejects it")
    await asked_to_install(station, use, root, Installed.REJECTED)

    bench.step("The station tells the security event InvalidCentralSystemCertificate")
    await tell_security_event(station, "InvalidCentralSystemCertificate")
