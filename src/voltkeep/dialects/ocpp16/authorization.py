"""Authorize."""

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp16.names import id_tag_info, id_token
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16


async def authorize(
    services: Services, sender: Sender, request: v16.AuthorizeRequest, notes: Notes
) -> v16.AuthorizeResponse:
    decision = await services.authorization.authorize(sender, id_token(request.id_tag))
    return v16.AuthorizeResponse(id_tag_info=id_tag_info(decision, notes))


HANDLERS: dict[str, Handler] = {"Authorize": authorize}
