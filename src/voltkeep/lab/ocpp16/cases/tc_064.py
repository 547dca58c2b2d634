"""TC_064: data of a vendor that nobody knows."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import booted, is_served
from voltkeep.ocpp.v16 import DataTransferRequest, DataTransferResponse, DataTransferResponseStatus

Status = DataTransferResponseStatus


@case(
    "TC_064",
    "Data transfer to a central system",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 4.3; OCTT, TC_064",
)
async def data_transfer(bench: Bench) -> None:
    """A station sends what only another vendor understands: the CSMS says that it does not.

    Accepted is odd and no failure, as in OCA's case.
    """
    station = await booted(bench)

    bench.step("The station sends DataTransfer of a vendor that nobody knows")
    request = DataTransferRequest(
        vendor_id="com.example.laboratory.unknown", message_id="Unknown", data="laboratory"
    )
    answer = await station.tell(request, DataTransferResponse)
    if answer.status == Status.ACCEPTED:
        bench.warn("DataTransfer of a vendor that nobody knows was Accepted")
    if answer.status == Status.UNKNOWN_VENDOR_ID:
        bench.check(not answer.data, "no data with UnknownVendorId", "some")

    bench.step("The station is served as before")
    await is_served(station)
