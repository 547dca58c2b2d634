"""DataTransfer: no vendor is registered, so every vendor is unknown (4.3)."""

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16

_UNKNOWN = v16.DataTransferResponse(status=v16.DataTransferResponseStatus.UNKNOWN_VENDOR_ID)


async def data_transfer(
    services: Services, sender: Sender, request: v16.DataTransferRequest, notes: Notes
) -> v16.DataTransferResponse:
    return _UNKNOWN


HANDLERS: dict[str, Handler] = {"DataTransfer": data_transfer}
