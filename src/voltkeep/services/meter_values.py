"""Functional block J, meter values."""

from collections.abc import Callable

from voltkeep.domain.events import EnergyMetered
from voltkeep.domain.identity import Evse, Sender, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.services.ports import Announce, Journal


class MeterValuesService:
    """Stores what meters say, in or outside a transaction."""

    def __init__(self, journal: Journal, announce: Announce, is_heard: Callable[[], bool]) -> None:
        self._journal = journal
        self._announce = announce
        self._is_heard = is_heard  # whether anybody listens to `EnergyMetered` just now

    async def record(self, sender: Sender, report: MeterReport) -> None:
        """Returns once the values are durable. Raises StoreUnavailable."""
        await self._journal.meter_values(sender, report)
        if self._is_heard():
            self._announce(energy_metered(sender, report.ref, report.evse, report.values))


def energy_metered(
    sender: Sender, ref: TransactionRef | None, evse: Evse | None, values: tuple[MeterValue, ...]
) -> EnergyMetered:
    """What the latest of the values says, for who listens now."""
    latest = values[-1] if values else None
    return EnergyMetered(
        station=sender.station,
        at=sender.received_at,
        ref=ref,
        evse=evse,
        energy_wh=latest.energy_wh if latest else None,
        power_w=latest.power_w if latest else None,
        soc_percent=latest.soc_percent if latest else None,
    )
