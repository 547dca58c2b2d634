"""Server certificates of both families, in files, for listeners of a test."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from msgspec import Struct

NOW = datetime.now(UTC)


class Files(Struct):
    chain: str
    key: str
    passphrase: bytes = b"open sesame"


def server_files(directory, *kinds) -> tuple[Files, ...]:
    """Self-signed, one of each kind of key."""
    found = []
    for kind in kinds:
        key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else _ec()
        certificate = signed(key, "localhost", server=True)
        path = directory / f"{kind}.pem"
        path.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
            )
        )
        found.append(Files(chain=str(path), key=str(path)))
    return tuple(found)


def _ec():
    return ec.generate_private_key(ec.SECP256R1())


def signed(key, name, *, server=False, issuer=None, days=1, begins=NOW, extensions=()):
    """A certificate for a key, by itself or by an issuer (its certificate and its key)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - timedelta(minutes=5))
        .not_valid_after(begins + timedelta(days=days))
    )
    if server:
        names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer[1] if issuer else key, SHA256())


def trusting(*files) -> ssl.SSLContext:
    """What a station that trusts these has."""
    context = ssl.create_default_context()
    for each in files:
        context.load_verify_locations(each.chain)
    return context
