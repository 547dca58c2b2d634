"""Authorize."""

from msgspec import UNSET

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import id_token, id_token_info
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201

# C07.FR.17: a contract certificate that cannot be verified. Nothing here verifies one yet.
_UNVERIFIED = v21.AuthorizeResponse(
    id_token_info=v21.IdTokenInfo(status=v21.AuthorizationStatusEnum.INVALID),
    certificate_status=v21.AuthorizeCertificateStatusEnum.CERT_CHAIN_ERROR,
)


async def authorize(
    services: Services,
    sender: Sender,
    request: v201.AuthorizeRequest | v21.AuthorizeRequest,
    notes: Notes,
) -> v21.AuthorizeResponse:
    if request.certificate is not UNSET or request.iso15118_certificate_hash_data is not UNSET:
        return _UNVERIFIED
    decision = await services.authorization.authorize(sender, id_token(request.id_token))
    return v21.AuthorizeResponse(id_token_info=id_token_info(decision, notes))


HANDLERS: dict[str, Handler] = {"Authorize": authorize}
