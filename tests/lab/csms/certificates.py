"""The authority of the small CSMS: its own certificates, and those it signs for stations."""

import datetime as dt
import ssl
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "Small CSMS"
_ECDSA_SHA256 = "300a06082a8648ce3d040302"  # AlgorithmIdentifier, as DER
_ECDSA_SHA1 = "300906072a8648ce3d0401"
_DAY = dt.timedelta(days=1)
_CURVES: dict[int, type] = {192: ec.SECP192R1, 224: ec.SECP224R1, 256: ec.SECP256R1}


class Wish(NamedTuple):
    """What a certificate of the server is to be: a right one, unless a test spoils it."""

    name: str
    kind: str = "ec"
    bits: int = 256
    organization: str = ORGANIZATION
    days: int = 90
    is_ca_known: bool = True


@cache
def new_key(kind: str, bits: int):
    """A key of its own for each kind and size: one of RSA takes a while, so it is made once."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return ec.generate_private_key(_CURVES[bits]())


class Authority:
    """A root, and what it issues."""

    def __init__(self, name: str = "Small root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            _begun(_name(ORGANIZATION, name), _name(ORGANIZATION, name), self.key.public_key(), 900)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    @property
    def root(self) -> str:
        return pem(self.certificate)

    def server(self, wish: Wish) -> tuple[x509.Certificate, object]:
        """A certificate of the server, and its key."""
        key = new_key(wish.kind, wish.bits)
        issuer = self if wish.is_ca_known else Authority("Another root")
        subject = _name(wish.organization, wish.name)
        names = x509.SubjectAlternativeName([x509.DNSName(wish.name)])
        certificate = (
            _begun(subject, issuer.certificate.subject, key.public_key(), wish.days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .add_extension(_usage(wish.kind), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        return certificate, key

    def signed(
        self, csr: x509.CertificateSigningRequest, wishes: dict[str, Any]
    ) -> x509.Certificate:
        """The certificate that a station asks for, unless a fault wishes for another."""
        issuer = Authority("Another root") if wishes.get("by_stranger") else self
        kind = wishes.get("signer", "ec")
        signer = issuer.key if kind == "ec" else new_key(kind, 2048)
        subject = _name(
            wishes.get("organization", _of(csr.subject, NameOID.ORGANIZATION_NAME)),
            wishes.get("name", _of(csr.subject, NameOID.COMMON_NAME)),
        )
        other = new_key("ec", 256).public_key()
        public_key = other if wishes.get("of_another_key") else csr.public_key()
        days, begins_in_s = wishes.get("days", 90), wishes.get("begins_in_s")
        constraints = x509.BasicConstraints(wishes.get("is_authority", False), path_length=None)
        builder = (
            _begun(subject, issuer.certificate.subject, public_key, days, begins_in_s)
            .add_extension(constraints, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        )
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        signed = builder.sign(
            signer, hashes.SHA256(), rsa_padding=salted if wishes.get("is_salted") else None
        )
        return with_sha1(signed) if wishes.get("with_sha1") else signed


def with_sha1(certificate: x509.Certificate) -> x509.Certificate:
    """By another name for its algorithm, ECDSA: no library of ours signs so any more."""
    sha256, sha1 = (bytes.fromhex(text) for text in (_ECDSA_SHA256, _ECDSA_SHA1))
    der, shorter = certificate.public_bytes(Encoding.DER), len(sha256) - len(sha1)
    tbs = 4  # after the tag and the length, of two octets, of the whole
    parts = [
        b"\x30\x82" + (int.from_bytes(der[2:4], "big") - 2 * shorter).to_bytes(2, "big"),
        b"\x30\x82" + (int.from_bytes(der[tbs + 2 : tbs + 4], "big") - shorter).to_bytes(2, "big"),
        der[tbs + 4 :].replace(sha256, sha1),
    ]
    return x509.load_der_x509_certificate(b"".join(parts))


def impostor(other: x509.Certificate, key) -> str:
    """A root that has the names of another, and a key of its own, as PEM."""
    identifier = other.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return pem(
        _begun(other.subject, other.subject, key.public_key(), 900)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier.value, critical=False)
        .sign(key, hashes.SHA256())
    )


def _usage(kind: str) -> x509.KeyUsage:
    """With RSA alone the key is exchanged by encryption."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=kind == "rsa",
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def load(context: ssl.SSLContext, certificate: x509.Certificate, key, folder: Path) -> None:
    """Have a context show a certificate; the library reads them from files only."""
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_text(pem(certificate))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context.load_cert_chain(chain, secret)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _begun(subject, issuer, public_key, days, begins_in_s=None) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    begins = now - 400 * _DAY if days < 0 else now - _DAY
    if begins_in_s is not None:
        begins = now + dt.timedelta(seconds=begins_in_s)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(now + days * _DAY)
    )


def _of(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    return "".join(str(each.value) for each in name.get_attributes_for_oid(oid))


def _name(organization: str, name: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)
