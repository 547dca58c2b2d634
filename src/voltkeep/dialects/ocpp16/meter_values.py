"""MeterValues, and the sampled values that StopTransaction carries."""

import functools
from collections.abc import Sequence
from math import isfinite

from msgspec import UNSET, UnsetType

from voltkeep.dialects.dialect import Handler, Notes, Services
from voltkeep.dialects.ocpp16.names import evse
from voltkeep.dialects.times import utc
from voltkeep.dialects.units import Scale, in_si, scale
from voltkeep.domain.identity import Sender, TransactionRef
from voltkeep.domain.meter_values import (
    ENERGY,
    SAMPLE_PERIODIC,
    MeterReport,
    MeterValue,
    Reading,
    meter_value,
)
from voltkeep.ocpp import v16
from voltkeep.ocpp.errors import plain
from voltkeep.ocpp.messages import encode

_OUTLET = v16.SampledValueLocation.OUTLET
_PERIODIC = v16.SampledValueContext.SAMPLE_PERIODIC
_SIGNED = v16.SampledValueFormat.SIGNED_DATA


@functools.cache
def _scale(
    measurand: v16.SampledValueMeasurand | UnsetType,
    phase: v16.SampledValuePhase | UnsetType,
    unit: v16.SampledValueUnit | UnsetType,
) -> Scale | None:
    return scale(
        ENERGY if measurand is UNSET else measurand.value,
        None if phase is UNSET else phase.value,
        None if unit is UNSET else unit.value,
        0,
    )


def meter_values(
    items: Sequence[v16.MeterValue | v16.TransactionData], sender: Sender, notes: Notes
) -> tuple[MeterValue, ...]:
    """A row for each instant. A value that is no number stays in raw, and is noted."""
    return tuple([_meter_value(item, sender, notes) for item in items])


def _meter_value(
    item: v16.MeterValue | v16.TransactionData, sender: Sender, notes: Notes
) -> MeterValue:
    context = SAMPLE_PERIODIC
    readings: list[Reading] = []
    elsewhere: list[Reading] = []  # at the inlet, in the cable: read after what left the outlet
    for sample in item.sampled_value:
        if sample.context is not UNSET and sample.context is not _PERIODIC:
            context = sample.context.value if context is SAMPLE_PERIODIC else context
        if sample.format is _SIGNED:
            continue
        value = _number(sample.value)
        if value is None:
            notes.append(f"sampledValue: {plain(sample.value, 20)!r} is no number")
            continue
        scaled = _scale(sample.measurand, sample.phase, sample.unit)
        if scaled is not None:
            measurand, phase, factor, offset = scaled
            is_outlet = sample.location is UNSET or sample.location is _OUTLET
            (readings if is_outlet else elsewhere).append(
                (measurand, phase, in_si(value, factor, offset))
            )
    readings += elsewhere
    return meter_value(
        utc(item.timestamp, sender, notes),
        readings,
        context=context,
        raw=encode(item.sampled_value),
    )


def _number(text: str) -> float | None:
    """A decimal number as a meter writes it; Python reads 1_0, nan and 1e999 too."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and text.isascii() and "_" not in text else None


async def record_meter_values(
    services: Services, sender: Sender, request: v16.MeterValuesRequest, notes: Notes
) -> None:
    ref = request.transaction_id
    await services.meter_values.record(
        sender,
        MeterReport(
            evse=evse(request.connector_id),
            ref=None if ref is UNSET else TransactionRef(str(ref)),
            values=meter_values(request.meter_value, sender, notes),
        ),
    )


HANDLERS: dict[str, Handler] = {"MeterValues": record_meter_values}
