"""`voltkeep station command`: operative, inoperative, unlock, clear-cache."""

from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.station_command import Connector, Queue, Timeout, group, order

if TYPE_CHECKING:
    from voltkeep.domain.identity import Evse, StationId

Plug = Annotated[
    int | None, typer.Option("--plug", help="Of that EVSE, only this connector (OCPP 2.x).")
]


def place(number: int | None, plug: int | None) -> "Evse | None":
    """Which EVSE, and which connector of it; None: the station as a whole. Raises Failure."""
    from voltkeep.domain.identity import Evse

    if number is None and plug is not None:
        raise Failure("A plug is one of an EVSE.", "Say which, with --evse.", ExitCode.USAGE)
    return None if number is None else Evse(number, plug)


def _target(run: Run) -> "StationId":
    from voltkeep.domain.identity import parse_station

    return parse_station(run.target)


@command(
    group,
    "operative",
    examples=("station command CS-01 operative", "station command CS-01 operative --evse 2"),
)
async def operative(
    run: Run,
    connector: Connector = None,
    plug: Plug = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Let a station serve drivers again, or one EVSE of it."""
    await _switch(run, place(connector, plug), timeout, queue, is_operative=True)


@command(
    group,
    "inoperative",
    examples=("station command CS-01 inoperative", "station command CS-01 inoperative --evse 2"),
)
async def inoperative(
    run: Run,
    connector: Connector = None,
    plug: Plug = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Let a station serve nobody any more, or one EVSE of it: once what charges there has ended.

    It stays so through restarts. `voltkeep availability plan` does it at a time.
    """
    await _switch(run, place(connector, plug), timeout, queue, is_operative=False)


async def _switch(
    run: Run, evse: "Evse | None", timeout: float | None, queue: float | None, *, is_operative: bool
) -> None:
    from voltkeep.domain.asks import ChangeAvailability

    async with run.app() as app:
        name = "operative" if is_operative else "inoperative"
        ask = ChangeAvailability(operative=is_operative, evse=evse)
        await order(run, app, _target(run), name, ask, timeout, queue)


@command(group, "unlock", examples=("station command CS-01 unlock --evse 1",))
async def unlock(
    run: Run,
    connector: Annotated[
        int, typer.Option("--connector", "--evse", help="Which connector; in OCPP 2.x, which EVSE.")
    ],
    plug: Plug = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Have a station let go of a cable. In OCPP 1.6 that ends what is charged there."""
    from voltkeep.domain.asks import UnlockConnector
    from voltkeep.domain.identity import Evse

    async with run.app() as app:
        ask = UnlockConnector(evse=Evse(connector, plug))
        await order(run, app, _target(run), "unlock", ask, timeout, queue)


@command(group, "clear-cache", examples=("station command CS-01 clear-cache",))
async def clear_cache(run: Run, timeout: Timeout = None, queue: Queue = None) -> None:
    """Have a station forget which tokens it has seen accepted."""
    from voltkeep.domain.asks import ClearCache

    async with run.app() as app:
        await order(run, app, _target(run), "clear-cache", ClearCache(), timeout, queue)
