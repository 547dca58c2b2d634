"""The plainest central system on the `ocpp` library: it validates, answers, and stores nothing."""

import asyncio
import contextlib
import sys
from datetime import UTC, datetime

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the library brings no types
    """Answers the three messages of the benchmark."""

    @on(Action.boot_notification)
    def boot(self, **_: object) -> call_result.BootNotification:
        return call_result.BootNotification(_now(), 300, RegistrationStatus.accepted)

    @on(Action.heartbeat)
    def heartbeat(self, **_: object) -> call_result.Heartbeat:
        return call_result.Heartbeat(_now())

    @on(Action.meter_values)
    def meter_values(self, **_: object) -> call_result.MeterValues:
        return call_result.MeterValues()


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def station(connection: ServerConnection) -> None:
    assert connection.request is not None
    with contextlib.suppress(ConnectionClosed):
        await CentralSystem(connection.request.path.rpartition("/")[2], connection).start()


async def main(port: int) -> None:
    async with serve(
        station,
        "127.0.0.1",
        port,
        subprotocols=[Subprotocol("ocpp1.6")],
        compression=None,
        ping_interval=None,
    ):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
