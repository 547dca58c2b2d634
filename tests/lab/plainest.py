"""The plainest central system on the `ocpp` library, and, run as a program, what is said of it.

It is the one of the library's README: whoever comes is accepted, and what a session needs is
answered. It asks no password, speaks no TLS, and asks a station whatever an operator wants.
``python -m tests.lab.plainest`` plays every case against it and prints each verdict.
"""

import asyncio
import contextlib
import itertools
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.lab.csms.operator import CALLS, NUMBERED
from tests.lab.csms.running import DEADLINES, make
from voltkeep.lab.case import Case
from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.ocpp16.catalogue import catalogue
from voltkeep.lab.plan import Account, Csms, Laboratory, Plan, Product, Tokens
from voltkeep.lab.run import run
from voltkeep.lab.verdicts import Judgement

_SUBPROTOCOLS = [Subprotocol("ocpp1.6")]
_VERSION = version("ocpp")
_transactions = itertools.count(1)
_ACCEPTED = {"status": AuthorizationStatus.accepted}


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the library brings no types
    """Accepts all there is."""

    @on(Action.boot_notification)
    def on_boot(self, **_: object) -> call_result.BootNotification:
        return call_result.BootNotification(_now(), 10, RegistrationStatus.accepted)

    @on(Action.heartbeat)
    def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(_now())

    @on(Action.status_notification)
    def on_status(self, **_: object) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.authorize)
    def on_authorize(self, **_: object) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=_ACCEPTED)

    @on(Action.start_transaction)
    def on_start(self, **_: object) -> call_result.StartTransaction:
        return call_result.StartTransaction(next(_transactions), id_tag_info=_ACCEPTED)

    @on(Action.stop_transaction)
    def on_stop(self, **_: object) -> call_result.StopTransaction:
        return call_result.StopTransaction(id_tag_info=_ACCEPTED)

    @on(Action.meter_values)
    def on_meter_values(self, **_: object) -> call_result.MeterValues:
        return call_result.MeterValues()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class LibraryDriver(Driver):
    """Has the library send what it has a class for; what is of several steps it cannot."""

    def __init__(self, connected: dict[str, CentralSystem]) -> None:
        self._connected = connected
        tokens = dict.fromkeys(("VALID", "SIBLING"), _ACCEPTED)
        known = SimpleNamespace(numbers=itertools.count(1), tokens=tokens, shortest_signature=0)
        self._link = SimpleNamespace(state=known)

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        if operation not in CALLS | NUMBERED:
            raise NotMapped(f"the plainest central system has nothing for {operation}")
        if station not in self._connected:
            raise Refused("the station is not connected")
        if operation in CALLS:
            action, payload = CALLS[operation](**arguments)
        else:
            action, payload = NUMBERED[operation](self._link, **arguments)
        request = getattr(call, action)(**camel_to_snake_case(payload))
        with contextlib.suppress(ConnectionClosed):
            await self._connected[station].call(request)

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Plan, LibraryDriver]]:
    """It listens on a free port, until the block ends."""
    connected: dict[str, CentralSystem] = {}

    async def on_connect(connection: ServerConnection) -> None:
        assert connection.request is not None
        name = connection.request.path.rpartition("/")[2]
        connected[name] = CentralSystem(name, connection)
        with contextlib.suppress(ConnectionClosed):
            await connected[name].start()

    async with serve(on_connect, "127.0.0.1", 0, subprotocols=_SUBPROTOCOLS) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield _plan(port), LibraryDriver(connected)


def _plan(port: int) -> Plan:
    key = "00" * 20
    return Plan(
        product=Product(name="The plainest central system", vendor="ocpp", version=_VERSION),
        laboratory=Laboratory(name="The tests"),
        csms=Csms(urls={1: f"ws://127.0.0.1:{port}"}),
        stations={
            "1": Account(identity="PLAIN-1", serial_number="PLAIN-1", key=key),
            "1-to-2": Account(identity="PLAIN-1-TO-2", serial_number="PLAIN-1-TO-2", key=key),
        },
        tokens=Tokens(
            valid="VALID",
            expired="EXPIRED",
            blocked="BLOCKED",
            unknown="UNKNOWN",
            parent="PARENT",
            sibling="SIBLING",
        ),
        files=make().files,
        deadlines=DEADLINES,
        reservation_s=2,
    )


async def judged(ids: set[str] | None = None) -> list[Judgement]:
    """What the laboratory says of it on security profile 1: of these cases, or of all."""
    cases: list[Case] = [each for each in catalogue() if ids is None or each.id in ids]
    async with running() as (plan, driver):
        return await run(plan, driver, cases, [1])


def main() -> None:
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)
    judgements = asyncio.run(judged())
    for each in judgements:
        came = f"expected {each.expected}; {each.came}" if each.expected else each.remark
        words = "; ".join(filter(None, (came, *each.warnings)))
        sys.stdout.write(f"{each.case:9} {each.verdict:15} {words}\n")
    sys.stdout.write(f"{Counter(str(each.verdict) for each in judgements)}\n")


if __name__ == "__main__":
    main()
