"""A small certificate authority, to meet simulated stations with."""

import datetime as dt
import ipaddress
import ssl
import tempfile
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


class Held(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key(self) -> str:
        return self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """A root, and what it issues."""

    def __init__(self, name: str = "Root", by: "Authority | None" = None, valid: int = 30) -> None:
        self.held: Held = issue(name, by.held if by else None, authority=True, days=valid)

    @property
    def pem(self) -> str:
        return self.held.pem

    def issue(self, name: str, days: int = 30) -> Held:
        """A certificate for a server on this machine, a client or a signer; expired if negative."""
        return issue(name, self.held, authority=False, days=days)

    def sign(self, csr: str) -> str:
        """A certificate of what was asked for."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        return issue("", self.held, authority=False, days=30, request=request).pem

    def context(self, *, asks: bool = False, session_tickets: bool = True) -> ssl.SSLContext:
        """A server's; one that asks wants a client certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        held = self.issue("127.0.0.1")
        with tempfile.TemporaryDirectory() as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_text(held.pem)
            key.write_text(held.key)
            context.load_cert_chain(chain, key)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.pem)
        if not session_tickets:
            context.num_tickets = 0
        return context


def issue(
    name: str,
    by: Held | None,
    *,
    authority: bool,
    days: int,
    request: x509.CertificateSigningRequest | None = None,
) -> Held:
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = named(name) if request is None else request.subject
    start, end = sorted((now - DAY, now + days * DAY))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key() if request is None else request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - 2 * DAY)
        .not_valid_after(end if days > 0 else now - DAY / 2)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return Held(builder.sign(by.private if by else key, hashes.SHA256()), key)
