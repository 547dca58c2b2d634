"""LAB_14: the server's certificates, as stations see them."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from voltkeep.lab import tls
from voltkeep.lab.bench import Bench
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.ocpp16.transport import is_sound, is_trusted
from voltkeep.lab.verdicts import Failed


@case(
    "LAB_14",
    "Server certificates as stations see them",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.306 to .308, .509, .510 and .512; RFC 5280",
    profiles=OVER_TLS,
    official=False,
)
async def certificates_as_seen(bench: Bench) -> None:
    """Both certificates lead to a root that stations have, and say whose they are and what for.

    What only some stations need, a subjectAltName and the usages, earns a warning.
    """
    station = ChargePoint(bench)

    bench.step("The station verifies the ECDSA and the RSA certificate: root, name and validity")
    seen = await is_trusted(station)

    bench.step("It reads them: key, signature, CN, organization and usages")
    for each in seen:
        is_sound(station, each)
        _judge(bench, each.certificate)

    bench.step("It is let in")
    await is_let_in(station)


def _judge(bench: Bench, der: bytes) -> None:
    certificate = tls.read(der)
    if certificate is None:
        raise Failed("a certificate of X.509", "came none that can be read")
    family, _ = tls.key_of(certificate)
    bench.check(tls.organizations(certificate), "an organization (O) in the subject", "none")
    try:
        extensions = {each.oid: each.value for each in certificate.extensions}
    except ValueError:
        raise Failed("extensions that can be read", "came some that cannot") from None
    if x509.SubjectAlternativeName.oid not in extensions:
        bench.warn(f"the {family} certificate has no subjectAltName, which newer clients look for")
    if x509.KeyUsage.oid not in extensions:
        bench.warn(f"the {family} certificate does not say its key usage")
    purposes = extensions.get(x509.ExtendedKeyUsage.oid)
    if isinstance(purposes, x509.ExtendedKeyUsage):
        is_server = ExtendedKeyUsageOID.SERVER_AUTH in purposes
        bench.check(is_server, "an extended key usage of serverAuth", "another")
