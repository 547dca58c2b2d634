"""What logs and firmware share: which of our listeners stations use, the tokens, the room."""

import binascii
import enum
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Struct

from voltkeep.config import Settings
from voltkeep.domain.identity import BadName, StationId, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.authority import Files, FileTooLarge, Incoming
from voltkeep.services.records import Record, Records

LONGEST_URL = 512  # GetLog.remoteLocation and firmware.location, OCPP 1.6 to 2.0.1
UNASKED = "unasked"  # the id of the one record of what a station tells of a job we never gave it
NOT_KNOWN = ("NotSupported", "NotImplemented")  # error codes: the station has no such message
_LARGEST_ID = 2**31 - 1  # an int32 fits every station
_LONGEST_TOKEN = 300


class Via(enum.StrEnum):
    """How a station shall carry a file."""

    HTTPS = "https"
    HTTP = "http"
    FTPS = "ftps"
    FTP = "ftp"


class NoListener(ValueError):
    """None of our listeners can be told to the station; the message says which to turn on."""


class BadLocation(ValueError):
    """An address of somebody else's that no station can be sent to."""


class TransferRefused(Exception):
    """The token opens nothing: unknown, expired, used or withdrawn. The peer is not told which."""


class TransferBusy(Exception):
    """The token is right, and too much is under way with it."""


class NoRoom(Exception):
    """The quota of all uploads and images is used up."""


class Token(Struct, frozen=True):
    """What opens one transfer. ``name`` says which, and ``secret`` proves it: 32 random bytes."""

    name: str
    secret: str

    def __str__(self) -> str:
        return f"{self.name}.{self.secret}"

    @property
    def hash(self) -> str:
        """All that is stored of it."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    def opens(self, token_hash: str) -> bool:
        return hmac.compare_digest(self.hash, token_hash)


def new_request_id() -> int:
    """Positive, and not to be guessed from the one before."""
    return secrets.randbelow(_LARGEST_ID) + 1


def new_token(station: StationId, id: str) -> Token:
    name = f"{id}/{station.tenant}/{station.name}".encode()
    return Token(urlsafe_b64encode(name).decode().rstrip("="), secrets.token_urlsafe(32))


def read_token(text: str) -> tuple[Token, StationId, str] | None:
    """A token, and the station and request that it names; None for anything else."""
    if len(text) > _LONGEST_TOKEN or not text.isascii():
        return None
    name, _, secret = text.partition(".")
    try:
        id, tenant, station = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode().split("/")
        return Token(name, secret), station_id(station, tenant), id
    except (binascii.Error, ValueError, BadName):
        return None


# --- where --------------------------------------------------------------------------------------


class Listeners:
    """Which of our file listeners suits a station, and the address for one transfer there."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def choose(self, station: Station, wanted: Via | None) -> Via:
        """``wanted``, or what suits the station's security profile. Raises NoListener.

        Who speaks TLS to us is never told to carry a file in the clear (L01.FR.08).
        """
        if wanted is not None:
            if not self._addresses.is_on(_SETTINGS[wanted]):
                raise NoListener(f"nothing listens for {wanted}: turn on `{_SETTINGS[wanted]}`")
            return wanted
        secured = station.security_profile >= SecurityProfile.TLS_BASIC
        order = (Via.HTTPS, Via.FTPS) if secured else (Via.HTTP, Via.HTTPS, Via.FTP)
        for via in order:
            if self._addresses.is_on(_SETTINGS[via]):
                return via
        raise NoListener(
            f"no listener for files suits {station.id}: turn on `{_SETTINGS[order[0]]}`, "
            "or name a way or an address of your own"
        )

    def url(self, via: Via, place: str, token: Token, filename: str = "") -> str:
        """Where the station shall go. Raises NoListener when that is too long to be told."""
        at = self._addresses.told(_SETTINGS[via], tls=via in {Via.HTTPS, Via.FTPS})
        if at is None:
            raise NoListener(
                f"`{_SETTINGS[via]}` takes any free port when a server runs: "
                "start it, or name an address of your own"
            )
        name = quote(filename, safe="")
        if via in {Via.FTP, Via.FTPS}:
            url = f"{via}://{token.name}:{token.secret}@{at}/{name}"
        else:
            url = f"{via}://{at}/{place}/{token}" + (f"/{name}" if name else "")
        if len(url) > LONGEST_URL:
            raise NoListener(f"the address for {via} is too long: shorten `public_host`")
        return url


_SETTINGS = {Via.HTTPS: "files_tls", Via.HTTP: "files", Via.FTPS: "ftp", Via.FTP: "ftp"}


def shown(url: str, token: Token | None = None) -> str:
    """An address as it may be stored and shown: without passwords or tokens."""
    if token is not None:
        url = url.replace(str(token), "***")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def check_location(url: str) -> None:
    """An operator's own address. Raises BadLocation."""
    try:
        parts = urlsplit(url)
        whole = bool(parts.scheme and parts.hostname)
    except ValueError:
        whole = False
    if not whole or len(url) > LONGEST_URL or not url.isprintable():
        raise BadLocation(
            f"a station can be sent to URLs of at most {LONGEST_URL} characters, such as "
            f"https://files.example.org/logs/, not {url[:60]!r}"
        )


# --- room ---------------------------------------------------------------------------------------


class Room:
    """Keeps what is being received within the limit of a file and the quota of all."""

    def __init__(self, files: Files, settings: Settings) -> None:
        self._files = files
        self._limit = settings.upload_limit_bytes
        self._quota = settings.upload_quota_bytes
        self._promised = 0

    @asynccontextmanager
    async def receive(
        self, expected: int | None = None, *, limit: int | None = None
    ) -> AsyncIterator[Incoming]:
        """A new file, of ``expected`` bytes if that is known. Raises NoRoom or FileTooLarge."""
        limit = self._limit if limit is None else limit
        if expected is not None and expected > limit:
            raise FileTooLarge(f"a file may have at most {limit} bytes: see `upload_limit_bytes`")
        left = self._quota - self._promised - await self._files.used()
        if left < (expected or 1):
            raise NoRoom(f"all uploads and images may take {self._quota} bytes, and they do")
        share = expected if expected is not None else min(limit, left)
        self._promised += share
        try:
            async with self._files.receive(share) as incoming:
                yield incoming
        finally:
            self._promised -= share


class Job(Record, Protocol):
    """A log or an update that a station was asked for."""

    @property
    def requested_at(self) -> datetime: ...


J = TypeVar("J", bound=Job)


async def job_meant(
    jobs: Records[J], station: StationId, request_id: int | None, open_states: Sequence[str]
) -> J | None:
    """Whichever a station speaks of: that of the number, or without one what runs, or ran last."""
    if request_id is not None:
        return await jobs.lock(station, str(request_id))
    all_jobs = [each for each in await jobs.of(station, limit=50) if each.id != UNASKED]
    running = [each for each in all_jobs if each.state in open_states]
    return max(running or all_jobs, key=lambda each: each.requested_at, default=None)


async def displaced(jobs: Records[J], by: J, open_states: Sequence[str]) -> list[J]:
    """What a station dropped when it accepted another in its place (N01.FR.11, L01.FR.26)."""
    others = await jobs.of(by.station, states=open_states)
    return [other for other in others if other.id not in {by.id, UNASKED}]
