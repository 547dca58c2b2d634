"""DataTransfer (4.3, 5.6): text, in which a vendor may have written JSON."""

from msgspec import UNSET, UnsetType, json

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.domain.commands import TransferData
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v16


async def data_transfer(
    services: Services, sender: Sender, request: v16.DataTransferRequest, notes: Notes
) -> v16.DataTransferResponse:
    reply = await services.data_transfer.receive(
        sender,
        request.vendor_id,
        request.message_id or "",
        None if request.data is UNSET else request.data,
    )
    return v16.DataTransferResponse(
        status=v16.DataTransferResponseStatus(reply.status.value), data=_text(reply.data)
    )


def transfer(command: TransferData) -> tuple[str, v16.DataTransferRequest]:
    return "DataTransfer", v16.DataTransferRequest(
        vendor_id=command.vendor,
        message_id=command.message or UNSET,
        data=_text(json.decode(command.data) if command.data else None),
    )


def _text(data: object) -> str | UnsetType:
    if data is None:
        return UNSET
    return data if isinstance(data, str) else json.encode(data).decode()


HANDLERS: dict[str, Handler] = {"DataTransfer": data_transfer}
REQUESTS: dict[type, Build] = {TransferData: transfer}
