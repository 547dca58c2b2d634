"""Who may come in: what is checked of an upgrade, in its order (whitepaper, A00)."""

import base64
import binascii
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.lab.csms.state import Record, State


class Caller(NamedTuple):
    """A station before the door: the listener's security profile, and what it shows."""

    identity: str
    profile: int
    authorization: str | None
    certificate: bytes | None


Check = Callable[[State, Record, Caller], bool]


def has_its_profile(state: State, record: Record, caller: Caller) -> bool:
    return caller.profile in {record.profile, record.next_profile}


def says_its_name(state: State, record: Record, caller: Caller) -> bool:
    """The user name is the identity (A00.FR.204)."""
    if caller.profile == 3 and not state.wishes.get("wants_password"):
        return True
    return _shown(caller).startswith(record.identity.encode() + b":")


def has_its_key(state: State, record: Record, caller: Caller) -> bool:
    """The password is its key (A00.FR.205): its octets, or its digits, as many stations have it."""
    octets = record.keys if state.wishes.get("octets", True) else []
    digits = [each.hex().encode() for each in record.keys]
    ends = (*octets, *(digits if state.wishes.get("digits", True) else []))
    return caller.profile == 3 or _shown(caller).endswith(tuple(b":" + each for each in ends))


def _shown(caller: Caller) -> bytes:
    scheme, _, text = (caller.authorization or "").partition(" ")
    try:
        return base64.b64decode(text, validate=True) if scheme == "Basic" else b""
    except binascii.Error:
        return b""


def shows_its_certificate(state: State, record: Record, caller: Caller) -> bool:
    """Its own (A00.FR.405): TLS has looked at who issued it, and at when it is valid."""
    if caller.profile != 3:
        return True
    if caller.certificate is None:
        return False
    certificate = x509.load_der_x509_certificate(caller.certificate)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return name.value == record.serial_number


def is_not_revoked(state: State, record: Record, caller: Caller) -> bool:
    if caller.certificate is None:
        return True
    certificate = x509.load_der_x509_certificate(caller.certificate)
    return certificate.serial_number not in state.revoked


CHECKS: dict[str, tuple[Check, HTTPStatus]] = {
    "profile": (has_its_profile, HTTPStatus.FORBIDDEN),
    "user": (says_its_name, HTTPStatus.UNAUTHORIZED),
    "password": (has_its_key, HTTPStatus.UNAUTHORIZED),
    "certificate": (shows_its_certificate, HTTPStatus.FORBIDDEN),
    "revocation": (is_not_revoked, HTTPStatus.FORBIDDEN),
}


def refusal(state: State, caller: Caller) -> HTTPStatus | None:
    """Why a caller may not come in, or None; one who may, on a higher profile, stays there."""
    record = state.stations.get(caller.identity)
    if record is None:
        if state.admits_strangers:
            state.stations[caller.identity] = Record(caller.identity, "", caller.profile, b"")
            return None
        return HTTPStatus.NOT_FOUND
    for check, status in state.checks.values():
        if not check(state, record, caller):
            return status
    if caller.profile == record.next_profile:
        record.profile, record.next_profile = caller.profile, None
    return None
