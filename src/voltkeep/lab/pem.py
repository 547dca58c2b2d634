"""What PEM blocks hold, in words: their base64 tells the reader of a report nothing."""

import re
from base64 import b64decode
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from voltkeep.ocpp.errors import plain

Named = Callable[[str], str]  # how a serial number, in hex digits, is called

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\\\s\ufffd]*)-----END \1-----")
_NO_QUOTES = str.maketrans('"\\', "'/")
_BREAKS = re.compile(r"\\u000[ad]|\\[nr]|\s|\ufffd")
_LONGEST_NAME = 200


def described(text: str, named: Named = str) -> str:
    """The text, with what each certificate and certificate request is in its place.

    What cannot be read stays as it is.
    """
    if "-----BEGIN" not in text:
        return text
    return _PEM.sub(lambda found: _said(found[1], found[2], named) or found[0], text)


def first(text: str) -> str:
    """The first block of a chain; nothing if there is none."""
    found = _PEM.search(text)
    return found[0] if found else ""


def folded(text: str) -> str:
    """The text, with a few words in the place of each block."""
    if "-----BEGIN" not in text:
        return text
    return _PEM.sub(
        lambda found: _said(found[1], found[2], str) or f"[{found[1].lower()}, unreadable]", text
    )


def words(certificate: x509.Certificate, named: Named = str) -> str:
    """Whose it is, by whom, of which key, for how long."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (
        f"certificate of {_name(certificate.subject)}, issued by {_name(certificate.issuer)},"
        f" {_key(certificate.public_key())}, valid {begins:%Y-%m-%dT%H:%M:%SZ} to"
        f" {ends:%Y-%m-%dT%H:%M:%SZ}, serial number {named(f'{certificate.serial_number:x}')}"
    )


def _said(label: str, body: str, named: Named) -> str | None:
    try:
        der = b64decode(_BREAKS.sub("", body))
        if label == "CERTIFICATE":
            return f"[{words(x509.load_der_x509_certificate(der), named)}]"
        if label == "CERTIFICATE REQUEST":
            request = x509.load_der_x509_csr(der)
            key = _key(request.public_key())
            return f"[certificate request of {_name(request.subject)}, {key}]"
    except Exception:  # noqa: BLE001  # whatever a peer calls PEM is shown, readable or not
        return None
    return None


def _name(name: x509.Name) -> str:
    told = [
        f"{short}={attribute.value!s}"
        for short, oid in (("CN", NameOID.COMMON_NAME), ("O", NameOID.ORGANIZATION_NAME))
        for attribute in name.get_attributes_for_oid(oid)
    ]
    # Without what would end the string of JSON that it stands in.
    return plain(", ".join(told), _LONGEST_NAME).translate(_NO_QUOTES) or "nobody"


def _key(key: PublicKeyTypes) -> str:
    family = type(key).__name__.removeprefix("_").removesuffix("PublicKey")
    return f"{family} {size} bits" if (size := getattr(key, "key_size", None)) else family
