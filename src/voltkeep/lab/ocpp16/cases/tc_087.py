"""TC_087: TLS, and the certificate of the station."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_CERTIFICATE, Functionality, case
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import (
    is_let_in_with_each_family,
    is_trusted,
    speaks_every_suite,
    speaks_tls,
)


@case(
    "TC_087",
    "TLS, client-side certificate, valid certificate",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.401 to .424 and .501 to .511; OCTT, TC_087",
    profiles=WITH_CERTIFICATE,
)
async def client_certificate(bench: Bench) -> None:
    """A station that shows its certificate is let in without a password.

    The CSMS speaks TLS 1.2 or higher with the four suites; the station boots with one of ECDSA and
    one of RSA.
    """
    station = ChargePoint(bench)

    bench.step("The station connects with TLS of any version: 1.2 or higher is chosen")
    await speaks_tls(station)

    bench.step("It offers each of the four suites alone, and looks at the certificate shown")
    await speaks_every_suite(station)

    bench.step("It verifies the certificates up to a root that it has")
    await is_trusted(station)

    bench.step("Without a password, with an ECDSA and an RSA suite, it is let in and boots")
    await is_let_in_with_each_family(station)
