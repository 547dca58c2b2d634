"""Functional block J, meter values."""

from collections import OrderedDict
from collections.abc import Callable

from voltkeep.domain.events import EnergyMetered
from voltkeep.domain.identity import Evse, Sender, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.transactions import Transaction, is_invented
from voltkeep.services.ports import Announce, Begin, Journal

_REMEMBERED = 100_000  # transactions known to be stored


class MeterValuesService:
    """Stores what meters say, in or outside a transaction."""

    def __init__(
        self, begin: Begin, journal: Journal, announce: Announce, is_heard: Callable[[], bool]
    ) -> None:
        self._begin = begin
        self._journal = journal
        self._announce = announce
        self._known: OrderedDict[tuple[StationId, TransactionRef], None] = OrderedDict()
        self._is_heard = is_heard  # whether anybody listens to `EnergyMetered` just now

    async def record(self, sender: Sender, report: MeterReport) -> None:
        """Returns once the values are durable. Raises StoreUnavailable or Superseded."""
        ref = report.ref
        if ref is not None and (sender.station, ref) not in self._known:
            await self._meet(sender, ref, report.evse)
        await self._journal.meter_values(sender, report)
        if self._is_heard():
            self._announce(energy_metered(sender, report.ref, report.evse, report.values))

    async def _meet(self, sender: Sender, ref: TransactionRef, evse: Evse | None) -> None:
        """A transaction first heard of by its meter is kept as one, though its start is unknown."""
        if is_invented(ref):
            return
        async with self._begin() as work:
            await work.stations.hold(sender)
            if await work.transactions.get(sender.station, ref) is None:
                at = sender.received_at
                orphan = Transaction(
                    station=sender.station, ref=ref, evse=evse, first_heard_at=at, last_heard_at=at
                )
                await work.transactions.add(orphan)
        self._known[sender.station, ref] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


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
