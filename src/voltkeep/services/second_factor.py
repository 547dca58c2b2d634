"""The second factor: codes by time (RFC 6238), and codes on paper for when the phone is gone."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from msgspec import Struct

_STEP_S = 30
_DIGITS = 6
_SECRET_BYTES = 20  # RFC 4226, 4, R6
_CLOCKS_APART = (0, -1, 1)  # steps; RFC 6238, 5.2
_RECOVERY_CODES = 10
_ISSUER = "Voltkeep"


class Enrolment(Struct, frozen=True):
    """What an authenticator app is given, once: as text to type, and as what a QR code says."""

    secret: str
    uri: str


class SecondFactor:
    """Makes and checks codes. Secrets are stored sealed with the installation's ``key``."""

    def __init__(self, key: bytes) -> None:
        """``key`` has 32 bytes."""
        self._key = key
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def enrol(self, name: str) -> tuple[Enrolment, str]:
        """A new secret for a person of that name, and the same sealed."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        uri = _totp(secret).get_provisioning_uri(name, _ISSUER)
        enrolment = Enrolment(base64.b32encode(secret).decode(), uri)
        return enrolment, self._fernet.encrypt(secret).decode()

    def step_of(self, sealed: str, code: str, after_step: int, now: datetime) -> int | None:
        """The step of time that a code is right for; None for a wrong one.

        A code up to ``after_step`` was taken already, and is not taken twice (RFC 6238, 5.2).
        """
        try:
            totp = _totp(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None  # sealed by an installation with another secret
        step = int(now.timestamp()) // _STEP_S
        found = None
        for each in (step + apart for apart in _CLOCKS_APART):
            expected = totp.generate(each * _STEP_S)
            if hmac.compare_digest(expected, code.encode()) and each > after_step:
                found = each
        return found

    def new_recovery_codes(self) -> tuple[list[str], tuple[str, ...]]:
        """Codes to write down, and their hashes."""
        codes = [secrets.token_hex(8) for _ in range(_RECOVERY_CODES)]
        hashes = tuple(self._hash(code) for code in codes)
        return [f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}" for code in codes], hashes

    def without(self, hashes: Sequence[str], code: str) -> tuple[str, ...] | None:
        """The hashes that are left once this recovery code is used; None if it is none."""
        shown = self._hash(code.replace("-", "").replace(" ", "").casefold())
        left = tuple(each for each in hashes if not hmac.compare_digest(each, shown))
        return left if len(left) < len(hashes) else None

    def _hash(self, code: str) -> str:
        return hmac.new(self._key, b"recovery " + code.encode(), hashlib.sha256).hexdigest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, _DIGITS, SHA1(), _STEP_S)  # noqa: S303  # what every app speaks
