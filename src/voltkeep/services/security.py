"""Functional block A, security: keys, and who may connect."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from voltkeep.domain.events import ConnectionRefused, StationChanged
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Attempt, Verdict, admit
from voltkeep.domain.stations import Station
from voltkeep.services.ports import Announce, Begin, Clock, Read
from voltkeep.services.provisioning import registered

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
_KEYED = "hmac-sha256"
_REMEMBERED = 10_000  # verified typed keys kept in memory
_REMEMBERED_S = 3600.0


class TooBusy(Exception):
    """Too many typed keys are being checked; the station should come again later."""


def canonical(password: bytes) -> bytes:
    """The octets of a station key, whichever way it was written.

    1.6 carries a key as 32 to 40 hex digits in messages and as its 16 to 20 octets in HTTP
    Basic (whitepaper A00.FR.205); stations in the field send either. 2.x sends text.
    """
    return bytes.fromhex(password.decode()) if _HEX.fullmatch(password) else password


class Keys:
    """Makes and checks the hashes of station keys.

    Generated keys have 160 bits: a keyed hash is enough, and costs microseconds when ten
    thousand stations return at once. What a person typed gets argon2id, in a few threads, and
    is remembered (keyed, in memory) once it has matched.
    """

    def __init__(
        self, pepper: bytes, *, checks_at_once: int = 2, checks_waiting: int = 200
    ) -> None:
        self._pepper = pepper
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._slots = asyncio.Semaphore(checks_at_once)
        self._waiting = 0
        self._checks_waiting = checks_waiting
        self._remember_key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    def generate(self) -> tuple[str, str]:
        """A new key as 40 hex digits, and its hash."""
        key = secrets.token_bytes(20)
        salt = secrets.token_bytes(8)
        return key.hex(), f"{_KEYED}${salt.hex()}${self._keyed(salt, key)}"

    def hash_typed(self, password: str) -> str:
        """The hash of a key that a person chose. Takes tens of milliseconds."""
        return self._hasher.hash(canonical(password.encode()))

    async def matches(self, key_hash: str | None, password: bytes) -> bool:
        """Whether ``password`` is the key behind the hash; without one the work is done anyway.

        Raises TooBusy.
        """
        secret = canonical(password)
        if key_hash is None or key_hash.startswith(_KEYED):
            _, salt, expected = (key_hash or f"{_KEYED}$00$").split("$")
            return hmac.compare_digest(self._keyed(bytes.fromhex(salt), secret), expected)
        return await self._matches_typed(key_hash, secret)

    async def _matches_typed(self, key_hash: str, secret: bytes) -> bool:
        mark = hashlib.blake2b(
            key_hash.encode() + b"\0" + secret, key=self._remember_key, digest_size=16
        ).digest()
        now = time.monotonic()
        if self._remembered.get(mark, 0.0) > now:
            return True
        if self._waiting >= self._checks_waiting:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._slots:
                matches = await asyncio.to_thread(self._verify, key_hash, secret)
        finally:
            self._waiting -= 1
        if matches:
            self._remembered[mark] = now + _REMEMBERED_S
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return matches

    def _verify(self, key_hash: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(key_hash, secret)
        except (VerificationError, InvalidHashError):
            return False

    def _keyed(self, salt: bytes, secret: bytes) -> str:
        return hmac.new(self._pepper, salt + secret, hashlib.sha256).hexdigest()


class Knock(Struct, frozen=True, kw_only=True):
    """An upgrade request, as far as it matters who sent it. ``user`` None: no Basic header."""

    station: StationId
    tls: bool
    user: str | None
    password: bytes
    remote_address: str


class Admission(Struct, frozen=True, kw_only=True):
    """``station`` is set when the verdict is ADMITTED."""

    verdict: Verdict
    station: Station | None = None


class SecurityService:
    """Decides at the door, and keeps the keys."""

    def __init__(
        self, begin: Begin, read: Read, keys: Keys, clock: Clock, announce: Announce
    ) -> None:
        self._begin = begin
        self._read = read
        self._keys = keys
        self._clock = clock
        self._announce = announce

    async def admit(self, knock: Knock) -> Admission:
        """May this connection be upgraded? Unknown and wrong cost the same work.

        Raises StoreUnavailable or TooBusy.
        """
        async with self._read() as work:
            station = await work.stations.get(knock.station)
        matches = await self._keys.matches(station.key_hash if station else None, knock.password)
        attempt = Attempt(tls=knock.tls, user=knock.user, password_matches=matches)
        verdict = admit(station, attempt)
        if verdict is not Verdict.ADMITTED:
            self.refused(knock.station, knock.remote_address, verdict)
            station = None
        return Admission(verdict=verdict, station=station)

    def refused(self, station: StationId, remote_address: str, reason: str) -> None:
        """Tell who listens that a connection was not let in, and why."""
        self._announce(
            ConnectionRefused(
                station=station, at=self._clock(), remote_address=remote_address, reason=reason
            )
        )

    async def rotate_key(self, station: StationId) -> str:
        """Give the station a new generated key; the old one is over. Raises UnknownStation."""
        key, key_hash = self._keys.generate()
        await self._set_key(station, key_hash)
        return key

    async def set_password(self, station: StationId, password: str) -> None:
        """Give the station a key that a person chose. Raises UnknownStation."""
        await self._set_key(station, await asyncio.to_thread(self._keys.hash_typed, password))

    async def _set_key(self, station: StationId, key_hash: str) -> None:
        async with self._begin() as work:
            await registered(work, station)
            await work.stations.set_key(station, key_hash)
            work.emit(StationChanged(station=station, at=self._clock(), what="key"))
