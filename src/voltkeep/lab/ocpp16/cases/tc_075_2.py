"""TC_075_2: a root of the Central System is installed."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.certificates import (
    Use,
    asked_for_installed,
    asked_to_install,
    hash_data,
    root_to_install,
)
from voltkeep.lab.ocpp16.states import booted


@case(
    "TC_075_2",
    "Install a Central System root certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use cases M05 and M03; OCTT, TC_075_2",
    profiles=OVER_TLS,
)
async def install_csms_root(bench: Bench) -> None:
    """A station is given a root of the Central System, and tells that it has it."""
    station = await booted(bench)
    use = Use.CENTRAL_SYSTEM_ROOT_CERTIFICATE
    root = root_to_install(bench, use, "Laboratory TC_075_2")

    bench.step("The operator orders a root to be installed: CentralSystemRootCertificate")
    await asked_to_install(station, use, root)

    bench.step("The operator asks which certificates of that kind are installed")
    installed = (hash_data(root, "SHA256"),)
    await asked_for_installed(station, use, installed)
