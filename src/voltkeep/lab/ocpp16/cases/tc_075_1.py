"""TC_075_1: a manufacturer's root is installed."""

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
    "TC_075_1",
    "Install a manufacturer's root certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use cases M05 and M03; OCTT, TC_075_1",
    profiles=OVER_TLS,
)
async def install_manufacturer_root(bench: Bench) -> None:
    """A station is given a manufacturer's root, and tells that it has it."""
    station = await booted(bench)
    use = Use.MANUFACTURER_ROOT_CERTIFICATE
    root = root_to_install(bench, use, "Laboratory TC_075_1")

    bench.step("The operator orders a root to be installed: ManufacturerRootCertificate")
    await asked_to_install(station, use, root)

    bench.step("The operator asks which certificates of that kind are installed")
    installed = (hash_data(root, "SHA256"),)
    await asked_for_installed(station, use, installed)
