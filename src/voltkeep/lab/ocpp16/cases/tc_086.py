"""TC_086: TLS, and the certificates of the server."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import (
    is_let_in_with_each_family,
    is_trusted,
    speaks_every_suite,
    speaks_tls,
)


@case(
    "TC_086",
    "TLS, server-side certificate, valid certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.305 to .320 and .501 to .510; OCTT, TC_086",
    profiles=OVER_TLS,
)
async def server_certificate(bench: Bench) -> None:
    """The CSMS speaks TLS 1.2 or higher with the four suites, and shows sound certificates.

    The station boots with one of ECDSA and one of RSA.
    """
    station = ChargePoint(bench)

    bench.step("The station connects with TLS of any version: 1.2 or higher is chosen")
    await speaks_tls(station)

    bench.step("It offers each of the four suites alone, and looks at the certificate shown")
    await speaks_every_suite(station)

    bench.step("It verifies the certificates up to a root that it has")
    await is_trusted(station)

    bench.step(
        "With an ECDSA and with an RSA suite the connection is upgraded, and the station boots"
    )
    await is_let_in_with_each_family(station)
