"""What a case works with: the plan, the driver, the station's credentials and the wire log."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.log import WireLog, forms
from voltkeep.lab.plan import Account, Plan, Shown
from voltkeep.lab.verdicts import Failed, Kind, Unclear

Order = Coroutine[Any, Any, None]

_CHARGED_WH = 1_000  # between two readings
_CANCELLED_S = 2.0  # how long a driver may take to stop


class Station(Protocol):
    """A scripted station, as the run sees it."""

    async def hears_nothing(self) -> None:
        """Nothing may come for a moment. Raises Failed."""

    async def clean_up(self) -> None:
        """Leave nothing undone at the CSMS."""

    async def disconnect(self, *, abruptly: bool = False) -> None:
        """Close the connection, or break it."""


@dataclass
class Credentials:
    """What a station proves itself with at present. Cases change it as the CSMS does.

    ``raised_to`` is the higher security profile that it was told to have, if it was. `keep` hears
    of each change at once, for a run that comes after.
    ``transactions``: the ids that the CSMS has given to its transactions in this run; ``calls``:
    those of its CALLs, none of which may come again (errata to OCPP-J 1.6, 3.1); ``requests``: the
    ids of its requests for logs and firmware. ``meter_wh`` is what the station's meter shows.
    """

    account: Account
    key: bytes = field(repr=False)
    certificate: str
    private_key: str = field(repr=False)
    raised_to: int | None = None
    keep: "Callable[[Credentials], None]" = field(default=lambda _: None, repr=False)
    transactions: set[int] = field(default_factory=set)
    calls: set[str] = field(default_factory=set, repr=False)
    requests: set[tuple[str, int]] = field(default_factory=set, repr=False)
    meter_wh: int = 0

    @classmethod
    def of(cls, account: Account) -> "Credentials":
        """As the plan has them."""
        return cls(account, account.key_octets, account.certificate, account.private_key)

    def next_reading(self) -> int:
        """Of the meter, which counts on: so no two transactions look like one told twice."""
        self.meter_wh += _CHARGED_WH
        return self.meter_wh

    def take_key(self, key: bytes) -> None:
        """Go by another key from now on."""
        self.key = key
        self.keep(self)

    def take_certificate(self, own: Shown) -> None:
        """Go by another certificate from now on."""
        self.certificate, self.private_key = own.certificate, own.private_key
        self.keep(self)

    def raise_to(self, profile: int) -> None:
        """The station was told to have this security profile, which cannot be undone."""
        self.raised_to = profile
        self.keep(self)


class Bench:
    """One case at work, on one security profile."""

    def __init__(
        self, plan: Plan, driver: Driver, profile: int, credentials: dict[str, Credentials]
    ) -> None:
        self.plan = plan
        self.driver = driver
        self.profile = profile
        self.log = WireLog()
        for each in credentials.values():
            self.log.hide(*forms(each.key, each.account.identity), each.account.key)
        self.warnings: list[str] = []
        self.at_step = ""
        self.stations: list[Station] = []  # that the case has begun to use
        self._credentials = credentials
        self._orders: list[asyncio.Task[None]] = []

    def step(self, text: str) -> None:
        """What follows is this step of the case."""
        self.at_step = text
        self.log.add(Kind.STEP, text)

    def warn(self, text: str) -> None:
        """Something is odd, and no failure. Said once, however often it is seen."""
        if text in self.warnings:
            return
        self.warnings.append(text)
        self.log.add(Kind.NOTE, text)

    def check(self, holds: object, expected: str, came: object) -> None:
        """Go on only if it holds. Raises Failed."""
        if not holds:
            raise Failed(expected, f"came {came}")

    def credentials(self, name: str | None = None) -> Credentials:
        """Those of the station of this profile, or of another of the plan.

        Raises:
            Unclear: the plan has no such station.
        """
        name = name or str(self.profile)
        if name not in self._credentials:
            raise Unclear(f'the plan has no [stations."{name}"]')
        return self._credentials[name]

    def order(self, order: Order) -> asyncio.Task[None]:
        """Have the driver ask for something, and do not wait for it."""
        self.log.add(Kind.ORDER, getattr(order, "__name__", "an order"))
        task = asyncio.create_task(order)
        self._orders.append(task)
        return task

    def arrived(self, ordered: asyncio.Task[None]) -> None:
        """The station has heard of what was ordered."""
        if self.driver.ends_on_arrival:
            ordered.cancel()

    async def finish_orders(self) -> None:
        """Let drivers end what they began; what they say of it is noted, and judges nothing."""
        if not self._orders:
            return
        if self.driver.ends_on_arrival:
            self.drop_orders()
        _, unfinished = await asyncio.wait(self._orders, timeout=self.plan.deadlines.answer_s)
        if unfinished:
            self.log.add(Kind.NOTE, "the driver did not come to an end")
            self.drop_orders()
            await asyncio.wait(unfinished, timeout=_CANCELLED_S)
        for task in self._orders:
            if not task.done() or task.cancelled():
                continue
            error = task.exception()
            if isinstance(error, NotMapped | Refused):
                self.log.add(Kind.NOTE, f"the driver says: {error}")
            elif error is not None:
                self.log.add(Kind.NOTE, f"the driver failed: {error!r}")
        self._orders.clear()

    def drop_orders(self) -> None:
        """Wait no longer for what drivers do."""
        for task in self._orders:
            task.cancel()
