"""What the journal was told, on its way to the database."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.identity import Sender, TransactionRef
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.transactions import TransactionUpdate
from voltkeep.services.ports import Exchange
from voltkeep.store import availability, messages, meter_values, transactions
from voltkeep.store.columns import Moment


class Metered(Struct, frozen=True):
    """Meter values of a station, or an update of a transaction; somebody waits for it.

    ``ref`` is set for an update, whose own may be missing. ``since`` is by the event loop's clock.
    """

    done: "asyncio.Future[None]"
    since: float
    size: int
    sender: Sender
    what: MeterReport | TransactionUpdate
    ref: TransactionRef | None = None


class Heard(Struct, frozen=True):
    """A status for the history."""

    sender: Sender
    update: StatusUpdate


Entry = Metered | Heard | Exchange


class Rows:
    """A batch as rows for a driver, in the order of their tables' columns."""

    def __init__(self, entries: Sequence[Entry], moment: Moment) -> None:
        self._moment = moment
        self.meter_values: list[tuple[Any, ...]] = []
        self.marks: list[tuple[Any, ...]] = []
        self._heard: list[Heard] = []
        self._exchanges: list[Exchange] = []
        for entry in entries:
            if type(entry) is Metered:
                self._metered(entry)
            elif type(entry) is Exchange:
                self._exchanges.append(entry)
            else:
                assert type(entry) is Heard
                self._heard.append(entry)

    def _metered(self, entry: Metered) -> None:
        sender, what = entry.sender, entry.what
        if type(what) is MeterReport:
            ref = what.ref
        else:
            assert type(what) is TransactionUpdate
            assert entry.ref is not None
            ref = entry.ref
            self.marks.append(
                transactions.mark_row(sender.station, ref, what, sender.received_at, self._moment)
            )
        self.meter_values += meter_values.rows(sender, ref, what.evse, what.values, self._moment)

    @property
    def numbered(self) -> int:
        """How many of the rows need a number of the journal's counter."""
        return len(self._heard) + len(self._exchanges)

    def log(self, first: int) -> list[tuple[Any, ...]]:
        """The rows of the message log, numbered from ``first``."""
        moment, row = self._moment, messages.row
        return [row(exchange, id, moment) for id, exchange in enumerate(self._exchanges, first)]

    def history(self, first: int) -> list[tuple[Any, ...]]:
        """The rows of the status history; the log has the numbers before ``first``'s."""
        after = first + len(self._exchanges)
        return [
            availability.history_row(heard.sender, heard.update, id, self._moment)
            for id, heard in enumerate(self._heard, after)
        ]


class Hints:
    """Rows that say where to look, and are the same for many: each is stored once, or a few times.

    What is forgotten here is stored again, which changes nothing.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._stored: set[tuple[Any, ...]] = set()
        self._most = most

    def new(self, hints: set[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Those that are not known to be stored; in one order, or two could wait for each other."""
        return sorted(hints - self._stored)

    def stored(self, hints: Iterable[tuple[Any, ...]]) -> None:
        """These were committed."""
        if len(self._stored) > self._most:
            self._stored.clear()
        self._stored.update(hints)
