"""A charge point that a script plays, and what it clears away when its case is over.

A case that fails leaves things half done: CALLs without an answer, a transaction, a connector out
of service. Each of them would be held against a later case that has nothing to do with it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from voltkeep.lab.bench import Bench, Credentials, Order
from voltkeep.lab.driver import NotMapped, Refused
from voltkeep.lab.ocpp16.line import Line
from voltkeep.lab.verdicts import Failed, Kind, Unclear
from voltkeep.ocpp import v16
from voltkeep.ocpp.messages import Message
from voltkeep.sim.clock import timestamp


class _Undoing(NamedTuple):
    """What takes something back: an order, the CALL that comes of it, and the answer to that."""

    order: Callable[[], Order]
    request: type[Message]
    response: Message


class ChargePoint(Line):
    """One charge point of a case."""

    def __init__(
        self,
        bench: Bench,
        credentials: Credentials | None = None,
        profile: int | None = None,
    ) -> None:
        super().__init__(bench, credentials, profile)
        self.transaction: int | None = None  # one that was started and not stopped
        self._undoings: dict[str, _Undoing] = {}
        bench.stations.append(self)

    def takes_back(
        self, what: str, order: Callable[[], Order], request: type[Message], response: Message
    ) -> None:
        """Order this when the case is over, however it ends, unless it is `taken_back` before.

        ``what`` is what the CSMS must not remember. The CALL that the order leads to is answered
        with the response.
        """
        self._undoings[what] = _Undoing(order, request, response)

    def taken_back(self, what: str) -> None:
        """The script has seen to it."""
        self._undoings.pop(what, None)

    async def clean_up(self) -> None:
        """Answer what was asked, stop what was started, take back what was ordered.

        It goes as far as it goes: what the CSMS does not take is noted, and judges nothing.
        """
        await self._refuse_what_is_open()
        if self.transaction is None and not self._undoings:
            return
        self._remark("the case is over: the station takes back what is left of it")
        with self._noted():
            await self._return()
        with self._noted():
            await self._stop()
        while self._undoings:
            _, undoing = self._undoings.popitem()
            with self._noted():
                asked = await self.asked(undoing.order(), undoing.request)
                await asked.answer(undoing.response)
        await self._refuse_what_is_open()

    async def _refuse_what_is_open(self) -> None:
        """With CALLERRORs: a CSMS sends again, in a later case, what it was given no answer to."""
        with self._noted():
            await self.listens(for_more=False)
            while await self.refuses_what_is_open():
                await self.listens(for_more=True)  # to what has waited for an answer

    async def _return(self) -> None:
        if self.is_connected:
            return
        await self.disconnect()
        await self.connect()
        await self.introduces_itself()

    async def _stop(self) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is None:
            return
        request = v16.StopTransactionRequest(
            transaction_id=transaction,
            meter_stop=self.credentials.next_reading(),
            timestamp=now(),
        )
        await self.tell(request, v16.StopTransactionResponse)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except (Failed, Unclear, NotMapped, Refused) as failure:
            self._remark(f"{failure}")

    def _remark(self, text: str) -> None:
        self.bench.log.add(Kind.NOTE, text)


def now(ago_s: float = 0.0) -> datetime:
    """The time that a station gives, to the millisecond."""
    return timestamp(time.time() - ago_s)
