"""Signed firmware: what is ordered, and what is told of it (whitepaper, use case L01)."""

import binascii
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from voltkeep.lab.ocpp16 import checks
from voltkeep.lab.ocpp16.fields import is_just, utc
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Files
from voltkeep.lab.verdicts import Failed, Unclear
from voltkeep.ocpp.v16 import (
    FirmwareStatusEnum,
    SignedFirmwareStatusNotificationRequest,
    SignedFirmwareStatusNotificationResponse,
    SignedUpdateFirmwareRequest,
    SignedUpdateFirmwareResponse,
    UpdateFirmwareStatusEnum,
)
from voltkeep.sim.trust import parse

FirmwareStatus = FirmwareStatusEnum
_SOON = timedelta(minutes=1)


def wrong_signature(files: Files) -> str:
    """One that the firmware does not have, and that looks as if it were of its certificate.

    The plan's, if it has one; else the right one with a bit flipped. In base64.
    """
    if files.wrong_signature or not files.signature:
        return files.wrong_signature
    octets = bytearray(b64decode(files.signature))
    octets[-1] ^= 1  # the last one: what comes before it may be the frame of the numbers
    return b64encode(octets).decode()


async def asked_to_update(station: ChargePoint, signature: str) -> int:
    """The operator orders an update with this signature: the CSMS sends just that; its requestId.

    Raises Failed, and Unclear if the plan has no certificate that signed it.
    """
    bench, files = station.bench, station.bench.plan.files
    if not signature or not files.signing_certificate:
        raise Unclear("the plan has no [files] signature and signing_certificate")
    order = bench.driver.update_signed_firmware(
        station.identity,
        location=files.firmware,
        signature=signature,
        signing_certificate=files.signing_certificate,
    )
    asked = await station.asked(order, SignedUpdateFirmwareRequest)
    try:
        _check(station, asked.request, signature)
    except Failed:
        rejected = UpdateFirmwareStatusEnum.REJECTED
        await asked.answer(SignedUpdateFirmwareResponse(status=rejected))
        raise
    await asked.answer(SignedUpdateFirmwareResponse(status=UpdateFirmwareStatusEnum.ACCEPTED))
    checks.is_new_request(station, "SignedUpdateFirmware", asked.request.request_id)
    return asked.request.request_id


async def tell_firmware(station: ChargePoint, request_id: int, *statuses: FirmwareStatus) -> None:
    """Tell how the update goes on; the CSMS must answer each. Raises Failed."""
    for status in statuses:
        request = SignedFirmwareStatusNotificationRequest(status=status, request_id=request_id)
        await station.tell(request, SignedFirmwareStatusNotificationResponse)


def _check(station: ChargePoint, came: SignedUpdateFirmwareRequest, signature: str) -> None:
    bench, files, firmware = station.bench, station.bench.plan.files, came.firmware
    is_just(bench, "location", firmware.location, files.firmware)
    same = _octets(firmware.signature) == _octets(signature) is not None
    bench.check(same, "the signature that was ordered, in base64", "another")
    bench.check("\r" not in firmware.signing_certificate, "PEM with LF line ends", "PEM with CR")
    try:
        same = parse(firmware.signing_certificate) == parse(files.signing_certificate)
    except ValueError:
        same = False
    bench.check(same, "the signingCertificate that was ordered, and no other", "another")
    if utc(firmware.retrieve_date_time) > datetime.now(UTC) + _SOON:
        bench.warn("retrieveDateTime is in the future: the station does not wait for it")
    install = firmware.install_date_time
    # A station would tell InstallScheduled first, and wait (whitepaper, L01.FR.16).
    if install is not UNSET and utc(install) > datetime.now(UTC) + _SOON:
        bench.warn("installDateTime is in the future: the station does not wait for it")


def _octets(text: str) -> bytes | None:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
