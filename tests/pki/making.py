"""Certificates and requests, good and bad, made without our own code."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voltkeep.config import Settings
from voltkeep.domain.certificates import RootUse, TrustAnchor
from voltkeep.domain.identity import DEFAULT_TENANT, StationId

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
PASSPHRASE = b"a passphrase of a test"
SETTINGS = Settings(data=Path("/nonexistent"), public_host="csms.example", cpo_name="Operator")
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@cache
def ec_key(name: str = "", curve=ec.SECP256R1):
    """A key; the same for the same name."""
    return ec.generate_private_key(curve())


@cache
def rsa_key(bits: int = 2048, name: str = ""):
    return rsa.generate_private_key(65_537, bits)


@cache
def openssl_rsa_key(directory: Path, bits: int) -> Path:
    """A key that `cryptography` refuses to make, in a PEM file."""
    path = directory / f"rsa-{bits}.pem"
    openssl("genrsa", "-out", path, bits)
    return path


def name(common_name="SN-1", organization="Operator", *, extra=()):
    pairs = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name), *extra]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs if value is not None])


def request(subject=None, key=None, *, extensions=(), algorithm=None) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or name())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(key or ec_key(), algorithm or hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def usage(**allowed):
    every = [
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ]
    return x509.KeyUsage(**(dict.fromkeys(every, False) | allowed))


CA = (
    (x509.BasicConstraints(True, None), True),
    (usage(key_cert_sign=True, crl_sign=True), True),
)


class Party:
    """Somebody with a key and a certificate, who may sign for others."""

    def __init__(
        self,
        subject,
        issuer=None,
        *,
        key=None,
        extensions=CA,
        begins=NOON - YEAR,
        ends=NOON + YEAR,
        algorithm=None,
        signed_by=None,
    ):
        self.key = key or ec_key(subject.rfc4514_string())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        signer = signed_by or (issuer.key if issuer else self.key)
        self.certificate = builder.sign(signer, algorithm or hashes.SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def client(issuer, subject=None, *, extensions=((CLIENT, False),), **others):
    return Party(subject or name(), issuer, extensions=extensions, **others)


def anchor(party, *, station="", for_clients=True):
    return TrustAnchor(
        station=StationId(DEFAULT_TENANT, station),
        id=party.certificate.fingerprint(hashes.SHA256()).hex(),
        at=NOON,
        use=RootUse.MANUFACTURER_ROOT,
        pem=party.pem,
        subject=party.certificate.subject.rfc4514_string(),
        not_after=party.certificate.not_valid_after_utc,
        for_clients=for_clients,
    )


def openssl(*words: object, cwd: Path | None = None) -> str:
    """What somebody else's program says; fails if that does."""
    program = shutil.which("openssl")
    assert program
    done = subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
