"""MeterValues, and the meter values that TransactionEvent carries."""

from collections.abc import Sequence

from msgspec import UNSET

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp2.names import evse
from voltkeep.dialects.times import utc
from voltkeep.dialects.units import in_si, scale
from voltkeep.domain.identity import Sender
from voltkeep.domain.meter_values import (
    ENERGY,
    OUTLET,
    SAMPLE_PERIODIC,
    MeterReport,
    MeterValue,
    Reading,
    meter_value,
)
from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.messages import encode


def meter_values(
    items: Sequence[v201.MeterValue | v21.MeterValue], sender: Sender, notes: Notes
) -> tuple[MeterValue, ...]:
    """A row for each instant. Signed data stays in raw, beside the value it signs."""
    return tuple([_meter_value(item, sender, notes) for item in items])


def _meter_value(
    item: v201.MeterValue | v21.MeterValue, sender: Sender, notes: Notes
) -> MeterValue:
    context = SAMPLE_PERIODIC
    readings: list[Reading] = []
    elsewhere: list[Reading] = []  # at the inlet, in the cable: read after what left the outlet
    for sample in item.sampled_value:
        if context is SAMPLE_PERIODIC and sample.context is not UNSET:
            context = sample.context.value if sample.context != SAMPLE_PERIODIC else context
        unit, multiplier = None, 0
        if sample.unit_of_measure is not UNSET:
            unit = sample.unit_of_measure.unit or None
            multiplier = sample.unit_of_measure.multiplier or 0
        scaled = scale(
            ENERGY if sample.measurand is UNSET else sample.measurand,
            None if sample.phase is UNSET else sample.phase,
            unit,
            multiplier,
        )
        if scaled is not None:
            measurand, phase, factor, offset = scaled
            is_outlet = sample.location is UNSET or sample.location == OUTLET
            (readings if is_outlet else elsewhere).append(
                (measurand, phase, in_si(sample.value, factor, offset))
            )
    readings += elsewhere
    return meter_value(
        utc(item.timestamp, sender, notes),
        readings,
        context=context,
        raw=encode(item.sampled_value),
    )


async def record_meter_values(
    services: Services,
    sender: Sender,
    request: v201.MeterValuesRequest | v21.MeterValuesRequest,
    notes: Notes,
) -> None:
    """J01: meter values outside a transaction; those inside come with TransactionEvent."""
    await services.meter_values.record(
        sender,
        MeterReport(
            evse=evse(request.evse_id),
            ref=None,
            values=meter_values(request.meter_value, sender, notes),
        ),
    )


HANDLERS: dict[str, Handler] = {"MeterValues": record_meter_values}
