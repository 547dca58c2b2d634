"""A real authority, made once for all tests of a process, and what stations bring to it."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from voltkeep.config import Settings
from voltkeep.pki.authority import CertificateAuthority

BEGAN = datetime(2025, 12, 1, tzinfo=UTC)
SETTINGS = Settings(data=Path("/nonexistent"), public_host="csms.example", cpo_name="Acme")
_serials = itertools.count(1)


class MemoryFiles:
    """Key files that are no files."""

    def __init__(self):
        self._files = {}

    def path(self, name):
        return f"memory:{name}"

    def names(self):
        return sorted(self._files)

    def read(self, name):
        return self._files.get(name)

    def write(self, name, content):
        self._files[name] = content

    def create(self, name, content):
        return self._files.setdefault(name, content) is content


@cache
def authority():
    """It makes its keys when they are first needed."""
    return CertificateAuthority(MemoryFiles(), b"a passphrase of tests", SETTINGS, BEGAN)


@cache
def key(kind="ec", number=1):
    """A key of a kind; another for each number."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def request(common_name="SN-1", organization="Acme", *, signed_by=None, extensions=()):
    """What a station sends to have signed: a request in PEM."""
    names = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    subject = x509.Name([x509.NameAttribute(oid, name) for oid, name in names if name])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    signed = builder.sign(signed_by or key(), hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def root(name="Maker", *, days=3650, is_ca=True, at=BEGAN, signed_by=None):
    """A foreign root certificate in PEM, whose hash data is like no other's."""
    signer = signed_by or key("ec", 99)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(signer.public_key())
        .serial_number(next(_serials) + 2**100)
        .not_valid_before(at)
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key()), False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()
