"""Firmware: fetched, checked, installed and started (L01), or the unsigned way of old."""

import asyncio
import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from voltkeep.ocpp.v21 import BootReasonEnum as BootReason
from voltkeep.sim.station import Station
from voltkeep.sim.transfer import TransferError, download
from voltkeep.sim.trust import MANUFACTURER_ROOT, leads_to, parse

_JOB = "firmware"
_RETRY_S = 10.0
_LOOK_EVERY_S = 0.05
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class FirmwareRequest(NamedTuple):
    """What is to be installed. Times are of the station's clock.

    `tell` says how it goes, in FirmwareStatusNotification's words.
    """

    location: str
    retrieve_at: float
    install_at: float | None
    certificate: str  # PEM; without it nothing is checked
    signature: str
    retries: int
    retry_s: float | None
    tell: Callable[[str], None]


def update_firmware(station: Station, request: FirmwareRequest) -> str:
    """Begin once the CALL is answered; how it is taken (L01.FR.23-.26)."""
    if station.manners.any("refuses_files"):
        return "Rejected"
    if request.certificate and not _is_trusted(station, request.certificate):
        station.later(lambda: station.event("InvalidFirmwareSigningCertificate"))
        return "InvalidCertificate"
    former = station.jobs.cancel(_JOB)
    station.later(lambda: station.jobs.start(_JOB, _update(station, request)))
    return "AcceptedCanceled" if former else "Accepted"


def is_signed(content: bytes, certificate: str, signature: str) -> bool:
    """Whether a signature over a whole file is by a certificate's key (L01.FR.04)."""
    try:
        key = parse(certificate)[0].public_key()
        raw = base64.b64decode(signature, validate=True)
        match key:
            case rsa.RSAPublicKey():
                salt = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
                key.verify(raw, content, salt, hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                key.verify(raw, content, ec.ECDSA(hashes.SHA256()))
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        return False
    return True


def _is_trusted(station: Station, certificate: str) -> bool:
    """A firmware signing certificate is directly of a manufacturer's root (A00.FR.70x)."""
    try:
        (signing,) = parse(certificate)
    except (ValueError, UnsupportedAlgorithm):
        return False
    now = station.today()
    valid = signing.not_valid_before_utc <= now <= signing.not_valid_after_utc
    return valid and leads_to(signing, [], station.trust.of(MANUFACTURER_ROOT), now)


async def _update(station: Station, request: FirmwareRequest) -> None:
    tell = request.tell
    if _left(station, request.retrieve_at) > 0.0:
        tell("DownloadScheduled")
        await _until(station, request.retrieve_at)
    tell("Downloading")
    content = await _download(station, request)
    if content is None:
        tell("DownloadFailed")
        return
    tell("Downloaded")
    if request.certificate:
        if not is_signed(content, request.certificate, request.signature):
            tell("InvalidSignature")
            station.event("InvalidFirmwareSignature")
            return
        tell("SignatureVerified")
    if request.install_at is not None and _left(station, request.install_at) > 0.0:
        tell("InstallScheduled")
        await _until(station, request.install_at)
    await _while(lambda: bool(station.charging))  # L01.FR.06
    tell("Installing")
    failure = station.manners.first("install_failure")
    if failure is not None:
        tell(failure)
        return
    await _told(station)
    tell("InstallRebooting")
    await _told(station)
    station.firmware = version_of(request.location, station.firmware)
    station.reboot(BootReason.FIRMWARE_UPDATE)
    tell("Installed")
    station.event("FirmwareUpdated", station.firmware)


def version_of(location: str, former: str) -> str:
    """What firmware of that name calls itself."""
    name = urlsplit(location).path.rpartition("/")[2]
    found = _VERSION.findall(name)
    return found[-1] if found else f"{former}+1"


async def _download(station: Station, request: FirmwareRequest) -> bytes | None:
    for attempt in range(request.retries + 1):
        if attempt:
            wait = _RETRY_S if request.retry_s is None else request.retry_s
            await asyncio.sleep(station.clock.real(wait))
        try:
            return await download(request.location, station.downloads())
        except TransferError as error:
            station.note("DownloadFailed", str(error))
    return None


async def _told(station: Station) -> None:
    """Wait until what was said is heard, before a reboot forgets the connection."""
    await _while(lambda: bool(station.notices) and station.accepted)


async def _while(holds: Callable[[], bool]) -> None:
    while holds():  # noqa: ASYNC110  # a station tells one listener of its changes: its owner
        await asyncio.sleep(_LOOK_EVERY_S)


def _left(station: Station, at: float) -> float:
    return at - station.wall(station.clock.now())


async def _until(station: Station, at: float) -> None:
    await asyncio.sleep(station.clock.real(max(_left(station, at), 0.0)))
