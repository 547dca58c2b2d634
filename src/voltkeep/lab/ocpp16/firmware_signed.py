"""Signed firmware: what is ordered, and what is told of it (whitepaper, use case L01)."""

import binascii
from base64 import b64decode
from datetime import UTC, datetime, timedelta

from voltkeep.lab.ocpp16.fields import is_just, utc
from voltkeep.lab.ocpp16.station import ChargePoint
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


def _octets(text: str) -> bytes | None:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
