"""Certificates: asked for, sent, installed, listed and deleted; and the status of others'."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.dialects.times import whole_seconds
from voltkeep.domain.certificates import HashAlgorithm, HashData
from voltkeep.domain.commands import (
    CertificatesTold,
    DeleteCertificate,
    GetInstalledCertificates,
    InstallCertificate,
    SendCertificate,
    Told,
)
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201

_LONGEST_REASON = 512  # of 2.0.1; 2.1 has room for 1024


async def sign_certificate(
    services: Services,
    sender: Sender,
    request: v201.SignCertificateRequest | v21.SignCertificateRequest,
    notes: Notes,
) -> v21.SignCertificateResponse:
    use, request_id = request.certificate_type, getattr(request, "request_id", UNSET)
    problem = await services.certificates.requested(
        sender,
        request.csr,
        use="" if use is UNSET else use.value,
        request_id=None if request_id is UNSET else request_id,
    )
    if not problem:
        return v21.SignCertificateResponse(status=v21.GenericStatusEnum.ACCEPTED)
    return v21.SignCertificateResponse(
        status=v21.GenericStatusEnum.REJECTED,
        status_info=_because("InvalidCSR", problem),
    )


def _because(code: str, reason: str) -> v21.StatusInfo:
    return v21.StatusInfo(reason_code=code, additional_info=reason[:_LONGEST_REASON])


# A station names the addresses to ask, and we fetch from none that a station names: what follows
# is a true answer, "not successful" (M06.FR.04, M07.FR.02, M07.FR.05), until roots say where.


async def get_certificate_status(
    services: Services,
    sender: Sender,
    request: v201.GetCertificateStatusRequest | v21.GetCertificateStatusRequest,
    notes: Notes,
) -> v21.GetCertificateStatusResponse:
    return v21.GetCertificateStatusResponse(
        status=v21.GetCertificateStatusEnum.FAILED,
        status_info=_because("UnsupportedRequest", "No OCSP responder is asked for stations"),
    )


async def get_certificate_chain_status(
    services: Services,
    sender: Sender,
    request: v21.GetCertificateChainStatusRequest,
    notes: Notes,
) -> v21.GetCertificateChainStatusResponse:
    return v21.GetCertificateChainStatusResponse(
        certificate_status=[
            v21.CertificateStatus(
                certificate_hash_data=asked.certificate_hash_data,
                source=asked.source,
                status=v21.CertificateStatusEnum.FAILED,
                next_update=whole_seconds(sender.received_at),  # M07.FR.10: not to be kept
            )
            for asked in request.certificate_status_requests
        ]
    )


async def get_15118_ev_certificate(
    services: Services,
    sender: Sender,
    request: v201.Get15118EVCertificateRequest | v21.Get15118EVCertificateRequest,
    notes: Notes,
) -> v21.Get15118EVCertificateResponse:
    return v21.Get15118EVCertificateResponse(
        status=v21.Iso15118EVCertificateStatusEnum.FAILED,
        exi_response="",
        status_info=_because("UnsupportedRequest", "No contract certificate provider is connected"),
    )


def send_certificate(command: SendCertificate) -> tuple[str, v21.CertificateSignedRequest]:
    # A02.FR.14: the type is said if, and as, the station said it.
    return "CertificateSigned", v21.CertificateSignedRequest(
        certificate_chain=command.chain,
        certificate_type=v21.CertificateSigningUseEnum(command.use) if command.use else UNSET,
        request_id=UNSET if command.request_id is None else command.request_id,
    )


def install_certificate(command: InstallCertificate) -> tuple[str, v21.InstallCertificateRequest]:
    return "InstallCertificate", v21.InstallCertificateRequest(
        certificate_type=v21.InstallCertificateUseEnum(command.use.value),
        certificate=command.certificate,
    )


def get_installed(
    command: GetInstalledCertificates,
) -> tuple[str, v21.GetInstalledCertificateIdsRequest]:
    return "GetInstalledCertificateIds", v21.GetInstalledCertificateIdsRequest(
        certificate_type=[v21.GetCertificateIdUseEnum(command.use.value)] if command.use else UNSET
    )


def delete_certificate(command: DeleteCertificate) -> tuple[str, v21.DeleteCertificateRequest]:
    # M04.FR.07: letter by letter what the station has reported.
    said = command.hash_data
    return "DeleteCertificate", v21.DeleteCertificateRequest(
        certificate_hash_data=v21.CertificateHashData(
            hash_algorithm=v21.HashAlgorithmEnum(said.algorithm.value),
            issuer_name_hash=said.issuer_name_hash,
            issuer_key_hash=said.issuer_key_hash,
            serial_number=said.serial_number,
        )
    )


def installed(
    answer: v201.GetInstalledCertificateIdsResponse | v21.GetInstalledCertificateIdsResponse,
) -> Told:
    """Each for itself: of a chain the first, then those below it (M03.FR.05)."""
    if answer.certificate_hash_data_chain is UNSET:
        return CertificatesTold(())
    return CertificatesTold(
        tuple(
            (chain.certificate_type.value, _read(said))
            for chain in answer.certificate_hash_data_chain
            for said in (
                chain.certificate_hash_data,
                *(chain.child_certificate_hash_data or ()),
            )
        )
    )


def _read(said: v201.CertificateHashData | v21.CertificateHashData) -> HashData:
    return HashData(
        algorithm=HashAlgorithm(said.hash_algorithm.value),
        issuer_name_hash=said.issuer_name_hash,
        issuer_key_hash=said.issuer_key_hash,
        serial_number=said.serial_number,
    )


HANDLERS: dict[str, Handler] = {
    "SignCertificate": sign_certificate,
    "GetCertificateStatus": get_certificate_status,
    "Get15118EVCertificate": get_15118_ev_certificate,
}
WIDER: dict[str, Handler] = {"GetCertificateChainStatus": get_certificate_chain_status}
"""What 2.1 adds."""
REQUESTS: dict[type, Build] = {
    SendCertificate: send_certificate,
    InstallCertificate: install_certificate,
    GetInstalledCertificates: get_installed,
    DeleteCertificate: delete_certificate,
}
TOLD: dict[type, Callable[[Any], Told | None]] = {GetInstalledCertificates: installed}
