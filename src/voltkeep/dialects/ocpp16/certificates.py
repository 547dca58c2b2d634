"""Certificates: asked for, sent, installed, listed and deleted."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.domain.certificates import HashAlgorithm, HashData, RootUse
from voltkeep.domain.commands import (
    CertificatesTold,
    DeleteCertificate,
    GetInstalledCertificates,
    InstallCertificate,
    SendCertificate,
    Told,
)
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16
from voltkeep.services.ports import CommandUnfit

_USES = {
    RootUse.CSMS_ROOT: v16.CertificateUseEnum.CENTRAL_SYSTEM_ROOT_CERTIFICATE,
    RootUse.MANUFACTURER_ROOT: v16.CertificateUseEnum.MANUFACTURER_ROOT_CERTIFICATE,
}


async def sign_certificate(
    services: Services, sender: Sender, request: v16.SignCertificateRequest, notes: Notes
) -> v16.SignCertificateResponse:
    problem = await services.certificates.requested(sender, request.csr)
    return v16.SignCertificateResponse(
        status=v16.GenericStatusEnum.REJECTED if problem else v16.GenericStatusEnum.ACCEPTED
    )


def send_certificate(command: SendCertificate) -> tuple[str, v16.CertificateSignedRequest]:
    return "CertificateSigned", v16.CertificateSignedRequest(certificate_chain=command.chain)


def install_certificate(command: InstallCertificate) -> tuple[str, v16.InstallCertificateRequest]:
    return "InstallCertificate", v16.InstallCertificateRequest(
        certificate_type=_use(command.use), certificate=command.certificate
    )


def get_installed(
    command: GetInstalledCertificates,
) -> tuple[str, v16.GetInstalledCertificateIdsRequest]:
    if command.use is None:
        raise CommandUnfit("OCPP 1.6 asks for the certificates of one use: say which")
    return "GetInstalledCertificateIds", v16.GetInstalledCertificateIdsRequest(
        certificate_type=_use(command.use)
    )


def _use(use: RootUse) -> v16.CertificateUseEnum:
    try:
        return _USES[use]
    except KeyError as error:
        raise CommandUnfit(
            f"OCPP 1.6 stations have roots of the CSMS and of manufacturers, and no {use.value}"
        ) from error


def delete_certificate(command: DeleteCertificate) -> tuple[str, v16.DeleteCertificateRequest]:
    # M04.FR.07: letter by letter what the station has reported.
    said = command.hash_data
    return "DeleteCertificate", v16.DeleteCertificateRequest(
        certificate_hash_data=v16.CertificateHashData(
            hash_algorithm=v16.HashAlgorithmEnum(said.algorithm.value),
            issuer_name_hash=said.issuer_name_hash,
            issuer_key_hash=said.issuer_key_hash,
            serial_number=said.serial_number,
        )
    )


def installed(answer: v16.GetInstalledCertificateIdsResponse) -> Told:
    # Stations that have none say NotFound, and some say Accepted and list nothing.
    listed = answer.certificate_hash_data
    return CertificatesTold(() if listed is UNSET else tuple(("", _read(each)) for each in listed))


def _read(said: v16.CertificateHashData) -> HashData:
    return HashData(
        algorithm=HashAlgorithm(said.hash_algorithm.value),
        issuer_name_hash=said.issuer_name_hash,
        issuer_key_hash=said.issuer_key_hash,
        serial_number=said.serial_number,
    )


HANDLERS: dict[str, Handler] = {"SignCertificate": sign_certificate}
REQUESTS: dict[type, Build] = {
    SendCertificate: send_certificate,
    InstallCertificate: install_certificate,
    GetInstalledCertificates: get_installed,
    DeleteCertificate: delete_certificate,
}
TOLD: dict[type, Callable[[Any], Told | None]] = {GetInstalledCertificates: installed}
