"""Functional block A, security: keys, and who may connect."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import CertificateState, Standing, TrustAnchor
from voltkeep.domain.events import StationChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.security import Attempt, Rules, Shown, admit, pins
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.audit import audit
from voltkeep.services.authority import Authority, Revocations
from voltkeep.services.ports import Announce, Begin, Clock, Read, Work
from voltkeep.services.provisioning import locked
from voltkeep.services.refusals import Refusals
from voltkeep.services.settlement import Admission, settle

log = structlog.get_logger(__name__)

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
_KEYED = "hmac-sha256"
_REMEMBERED = 10_000  # verified typed keys kept in memory
_REMEMBERED_S = 3600.0
_CHECK_TAKES_S = 0.05  # of a typed key, until one was measured
_ANCHORS_S = 30.0  # another process may have changed them
_WITH_PASSWORD = (SecurityProfile.BASIC, SecurityProfile.TLS_BASIC)


def _nothing() -> None: ...


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
        self._checks_at_once = checks_at_once
        self._checks_waiting = checks_waiting
        self._check_takes_s = _CHECK_TAKES_S
        self.waiting = 0  # for their check, or in it
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

    @property
    def is_busy(self) -> bool:
        """Whether no more typed keys are checked."""
        return self.waiting >= self._checks_waiting

    def takes_s(self) -> float:
        """How long the check of a typed key that comes now will take."""
        return (1 + self.waiting // self._checks_at_once) * self._check_takes_s

    async def matches(
        self, key_hash: str | None, password: bytes, before_check: Callable[[], None] = _nothing
    ) -> bool:
        """Whether ``password`` is the key behind the hash; without one the work is done anyway.

        ``before_check`` is called before the long wait for the check of a typed key. Raises
        TooBusy.
        """
        secret = canonical(password)
        if key_hash is None or key_hash.startswith(_KEYED):
            _, salt, expected = (key_hash or f"{_KEYED}$00$").split("$")
            return hmac.compare_digest(self._keyed(bytes.fromhex(salt), secret), expected)
        return await self._matches_typed(key_hash, secret, before_check)

    async def _matches_typed(
        self, key_hash: str, secret: bytes, before_check: Callable[[], None]
    ) -> bool:
        mark = hashlib.blake2b(
            key_hash.encode() + b"\0" + secret, key=self._remember_key, digest_size=16
        ).digest()
        now = time.monotonic()
        if self._remembered.get(mark, 0.0) > now:
            return True
        if self.is_busy:
            raise TooBusy
        before_check()
        self.waiting += 1
        try:
            async with self._slots:
                began = time.monotonic()
                matches = await asyncio.to_thread(self._verify, key_hash, secret)
        finally:
            self.waiting -= 1
        took = time.monotonic() - began
        self._check_takes_s = max(took, 0.9 * self._check_takes_s)  # soon slow, slowly quick
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


def is_generated(key_hash: str) -> bool:
    """Whether the key behind this hash has 160 random bits: nobody guesses it."""
    return key_hash.startswith(_KEYED)


class Knock(Struct, frozen=True, kw_only=True):
    """An upgrade request, as far as it matters who sent it. ``user`` None: no Basic header."""

    station: StationId
    tls: bool
    user: str | None
    password: bytes
    remote_address: str
    certificate: bytes | None = None  # DER; the client has proven to hold its key
    demands_certificate: bool = False  # the listener does


class SecurityService:
    """Decides at the door, and keeps the keys."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        keys: Keys,
        clock: Clock,
        announce: Announce,
        *,
        authority: Authority,
        revocations: Revocations,
        rules: Rules,
    ) -> None:
        self._begin = begin
        self._read = read
        self._keys = keys
        self._clock = clock
        self.refusals = Refusals(begin, clock, announce)
        self._authority = authority
        self._revocations = revocations
        self._rules = rules
        self._anchors: dict[TenantId, tuple[float, list[TrustAnchor]]] = {}

    def refusal_takes_s(self) -> float:
        """How long the longest of the checks may take that begin now, whosever key it is."""
        return self._keys.takes_s()

    async def admit(self, knock: Knock, before_check: Callable[[], None] = _nothing) -> Admission:
        """May this connection be upgraded? Unknown and wrong cost the same work.

        ``before_check`` is called before a wait that is long because others wait as well.
        Raises StoreUnavailable or TooBusy.
        """
        is_busy = self._keys.is_busy

        def before() -> None:
            if is_busy:
                raise TooBusy  # though a place became free: what is told as unseen is not seen
            before_check()

        async with self._read() as work:
            station = await work.stations.get(knock.station)
        password = await self._shown(station, knock, before)
        attempt = Attempt(
            tls=knock.tls,
            user=knock.user,
            password=password,
            demands_certificate=knock.demands_certificate,
        )
        if knock.certificate is not None:
            attempt = await self._with_certificate(attempt, knock, knock.certificate)
        decision = admit(station, attempt, self._rules)
        if (
            decision.profile is SecurityProfile.TLS_CERTIFICATE
            and knock.certificate is not None
            and station is not None
        ):
            attempt = await self._ask_others(attempt, knock, knock.certificate)
            decision = admit(station, attempt, self._rules)
        if station is None or decision.profile is None:
            detail = _detail(attempt)
            self.refused(knock.station, knock.remote_address, decision.verdict, detail)
            if is_busy:
                raise TooBusy  # as a typed key is told: nobody learns which ids have one
            return Admission(verdict=decision.verdict)
        has_password = decision.profile in _WITH_PASSWORD
        has_certificate = decision.profile is SecurityProfile.TLS_CERTIFICATE
        return Admission(
            verdict=decision.verdict,
            station=station,
            profile=decision.profile,
            password=password if has_password else Shown.NOTHING,
            certificate=attempt.certificate if has_certificate else None,
            pins=has_certificate and pins(station, attempt, self._rules),
        )

    async def settle(self, work: Work, admission: Admission) -> None:
        """What this connection decides by having come about; see `settlement`."""
        await settle(work, admission, self._clock())

    async def _shown(
        self, station: Station | None, knock: Knock, before_check: Callable[[], None]
    ) -> Shown:
        key_hash = station.key_hash if station is not None else None
        matches = await self._keys.matches(key_hash, knock.password, before_check)
        if knock.user is None:
            return Shown.NOTHING
        if not knock.password:
            return Shown.EMPTY
        if matches and key_hash is not None:
            return Shown.KEY
        next_key_hash = station.trust.next_key_hash if station is not None else None
        if next_key_hash is not None and await self._keys.matches(
            next_key_hash, knock.password, before_check
        ):
            return Shown.NEXT_KEY
        return Shown.WRONG

    async def _with_certificate(
        self, attempt: Attempt, knock: Knock, certificate: bytes
    ) -> Attempt:
        """Judge it, and look up whom it was issued to: revocation counts at once (A00.FR.704)."""
        tenant = knock.station.tenant
        shown = self._authority.judge(certificate, await self._roots(tenant), self._clock())
        issued = None
        if shown.is_own:
            async with self._read() as work:
                issued = await work.certificates.find(tenant, shown.serial_number)
        if issued is not None and issued.fingerprint != shown.fingerprint:
            issued = None
        if (
            issued is not None
            and issued.state is CertificateState.REVOKED
            and shown.standing is Standing.TRUSTED
        ):
            shown = structs.replace(shown, standing=Standing.REVOKED)
        return structs.replace(
            attempt, certificate=shown, issued_to=issued.station if issued is not None else None
        )

    async def _ask_others(self, attempt: Attempt, knock: Knock, certificate: bytes) -> Attempt:
        """Ask who issued a foreign certificate, once all else is right (A00.FR.702)."""
        shown = attempt.certificate
        if shown is None or shown.is_own:
            return attempt
        anchors = await self._roots(knock.station.tenant)
        standing = await self._revocations.standing(certificate, shown, anchors)
        if standing is Standing.REVOCATION_UNKNOWN and self._rules.is_lenient:
            return attempt
        return structs.replace(attempt, certificate=structs.replace(shown, standing=standing))

    # What is trusted beside our own authority.

    async def _roots(self, tenant: TenantId) -> list[TrustAnchor]:
        cached = self._anchors.get(tenant)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        async with self._read() as work:
            anchors = await _for_clients(work, tenant)
        self._anchors[tenant] = (time.monotonic() + _ANCHORS_S, anchors)
        return anchors

    def forget_roots(self) -> None:
        """What is trusted has changed: look again at the next connection."""
        self._anchors.clear()

    async def client_roots(self) -> str:
        """Every foreign root below which client certificates may be, as PEM, for TLS."""
        async with self._read() as work:
            anchors = await _for_clients(work, None)
        return "\n".join(sorted({anchor.pem.strip() for anchor in anchors}))

    # Refusals.

    def refused(
        self,
        station: StationId,
        remote_address: str,
        reason: str,
        detail: str = "",
        *,
        wait_s: float = 0.0,
    ) -> None:
        """Tell who listens that a connection was not let in, and why."""
        self.refusals.note(station, remote_address, reason, detail, wait_s=wait_s)

    # Keys and trust, as an operator changes them.

    async def rotate_key(self, station: StationId) -> str:
        """Give the station a new generated key; the old one is over. Raises UnknownStation."""
        key, key_hash = self._keys.generate()
        await self._set_key(station, key_hash, "key.rotated")
        return key

    async def set_password(self, station: StationId, password: str) -> None:
        """Give the station a key that a person chose. Raises UnknownStation."""
        key_hash = await asyncio.to_thread(self._keys.hash_typed, password)
        await self._set_key(station, key_hash, "key.set")

    async def _set_key(self, station: StationId, key_hash: str, action: str) -> None:
        async with self._begin() as work:
            known = await locked(work, station)
            if known.trust.next_key_hash is not None:
                # A key on its way is over as well: only this one counts.
                await work.stations.set_trust(station, known.trust.without_next_key())
            await work.stations.set_key(station, key_hash)
            at = self._clock()
            deed = Deed(action=action, object=str(station), after="here; the station is not told")
            await audit(work, station.tenant, at, deed)
            work.emit(StationChanged(station=station, at=at, what="key"))


async def _for_clients(work: Work, tenant: TenantId | None) -> list[TrustAnchor]:
    anchors = await work.anchors.all(tenant, states=("trusted",))
    return [anchor for anchor in anchors if anchor.for_clients]


def _detail(attempt: Attempt) -> str:
    """What the refused certificate says, for people: hostile, and shown escaped."""
    shown = attempt.certificate
    if shown is None:
        return ""
    names = ", ".join(shown.common_names)[:80]
    organizations = ", ".join(shown.organizations)[:80]
    return f"CN={names!a} O={organizations!a} serial {shown.serial_number[:40]}"
