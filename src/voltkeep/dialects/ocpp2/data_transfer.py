"""DataTransfer: no vendor is registered, so every vendor is unknown (P02.FR.06)."""

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201

_UNKNOWN = v21.DataTransferResponse(status=v21.DataTransferStatusEnum.UNKNOWN_VENDOR_ID)


async def data_transfer(
    services: Services,
    sender: Sender,
    request: v201.DataTransferRequest | v21.DataTransferRequest,
    notes: Notes,
) -> v21.DataTransferResponse:
    return _UNKNOWN


HANDLERS: dict[str, Handler] = {"DataTransfer": data_transfer}
