"""DataTransfer: functional block P. ``data`` is any JSON."""

from msgspec import UNSET, json

from voltkeep.dialects.dialect import Build, Handler, Notes, Services
from voltkeep.domain.commands import TransferData
from voltkeep.domain.identity import Sender
from voltkeep.ocpp import v21, v201


async def data_transfer(
    services: Services,
    sender: Sender,
    request: v201.DataTransferRequest | v21.DataTransferRequest,
    notes: Notes,
) -> v21.DataTransferResponse:
    reply = await services.data_transfer.receive(
        sender,
        request.vendor_id,
        request.message_id or "",
        None if request.data is UNSET else request.data,
    )
    return v21.DataTransferResponse(
        status=v21.DataTransferStatusEnum(reply.status.value),
        data=UNSET if reply.data is None else reply.data,
    )


def transfer(command: TransferData) -> tuple[str, v21.DataTransferRequest]:
    return "DataTransfer", v21.DataTransferRequest(
        vendor_id=command.vendor,
        message_id=command.message or UNSET,
        data=json.decode(command.data) if command.data else UNSET,
    )


HANDLERS: dict[str, Handler] = {"DataTransfer": data_transfer}
REQUESTS: dict[type, Build] = {TransferData: transfer}
