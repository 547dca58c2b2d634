"""The passwords of people: which may be chosen, and whether one is right."""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from voltkeep.services.accounts import BadAccount
from voltkeep.services.security import TooBusy

T = TypeVar("T")

SHORTEST, LONGEST = 12, 256  # NIST SP 800-63B-4, 3.1.1.2: length, and no rules of composition
_CHECKS_AT_ONCE = 2
_CHECKS_WAITING = 100
_FEWEST_CHARACTERS = 5  # that differ

# The most used ones that are long enough, each of them cut to what it begins with.
_WORST = (
    "123456789012",
    "1234567890ab",
    "012345678901",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcd12345678",
    "abcdefghijkl",
    "administrator",
    "asdfghjkl123",
    "changeme",
    "charging",
    "chargingstation",
    "correcthorsebatterystaple",
    "iloveyou",
    "letmein",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyuiop",
    "secret",
    "superuser",
    "voltkeep",
    "welcome",
    "zaq12wsxcde3",
)
# Of random octets that nobody has kept; it costs what every other hash costs.
_NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$egme4QnPgnUGxDVs2SDnwA$"
    "xkhJpAXSwMCKJg/UQBLreU89Gz6OqQZAH7Yqb5ssJk4"
)
_FILLERS = "0123456789!?.-_ "


class TooManyTries(Exception):
    """Nothing is looked at before ``wait_s`` seconds are over."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong tries: wait a little")
        self.wait_s = wait_s


def check_password(password: str, name: str) -> None:
    """Raises BadAccount if nobody should have this password, or this person should not."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadAccount("password", f"a password has {SHORTEST} to {LONGEST} characters")
    plain = _normal(password).casefold()
    if len(set(plain)) < _FEWEST_CHARACTERS:
        raise BadAccount("password", "this password repeats a few characters: choose another")
    core = plain.strip(_FILLERS)
    halves = {core, core[: len(core) // 2] if core[: len(core) // 2] * 2 == core else core}
    if plain in _WORST or halves & {*_WORST, name.casefold(), ""}:
        raise BadAccount("password", "this password is among the first that are tried")


def _normal(password: str) -> str:
    """The same whichever keyboard it was typed on (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes and checks, a few at once in threads: each takes tens of milliseconds and 19 MiB."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._slots = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Raises TooBusy."""
        return await self._in_turn(lambda: self._hasher.hash(_normal(password)))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password behind the hash; without one the work is done anyway.

        Raises TooBusy.
        """
        matches = await self._in_turn(lambda: self._verify(password_hash, password))
        return matches and password_hash is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= _CHECKS_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    def _verify(self, password_hash: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash or _NOBODYS, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
