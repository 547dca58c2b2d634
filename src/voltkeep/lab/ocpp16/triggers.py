"""Remote triggers: what a CSMS asks to be sent, now."""

from voltkeep.lab.ocpp16.fields import is_just, is_optional
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.ocpp.v16 import (
    MeterValue,
    MeterValuesRequest,
    MeterValuesResponse,
    SampledValue,
    SampledValueContext,
    SampledValueMeasurand,
    SampledValueUnit,
    TriggerMessageRequest,
    TriggerMessageResponse,
    TriggerMessageResponseStatus,
)

TriggerStatus = TriggerMessageResponseStatus


async def triggered(
    station: ChargePoint,
    message: str,
    connector: int | None = None,
    answer: TriggerStatus = TriggerStatus.ACCEPTED,
) -> None:
    """The CSMS is told to trigger a message, and is answered. Raises Failed.

    ``connector`` None: the message is of none.
    """
    bench = station.bench
    order = bench.driver.trigger(station.identity, message=message, connector=connector)
    asked = await station.asked(order, TriggerMessageRequest)
    is_just(bench, "requestedMessage", asked.request.requested_message, message)
    # "Only filled in when request applies to a specific connector" (section 6.51).
    is_optional(bench, "connectorId", asked.request.connector_id, connector)
    await asked.answer(TriggerMessageResponse(status=answer))


async def tell_meter_values(station: ChargePoint, connector: int) -> None:
    """Tell what the meter of a connector shows, as it was asked for. Raises Failed."""
    sampled = SampledValue(
        value="1000",
        context=SampledValueContext.TRIGGER,
        measurand=SampledValueMeasurand.ENERGY_ACTIVE_IMPORT_REGISTER,
        unit=SampledValueUnit.WH,
    )
    value = MeterValue(timestamp=now(), sampled_value=[sampled])
    request = MeterValuesRequest(connector_id=connector, meter_value=[value])
    await station.tell(request, MeterValuesResponse)
