"""`voltkeep station command ID transfer`: a vendor's own message."""

from typing import Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.station_command import Queue, Timeout, group, order


@command(
    group,
    "transfer",
    examples=('station command CS-01 transfer com.example Greet \'{"who":"me"}\'',),
)
async def transfer(
    run: Run,
    vendor: Annotated[str, typer.Argument(metavar="VENDOR", help="Whose message it is.")],
    message: Annotated[
        str, typer.Argument(metavar="[MESSAGE]", help="The vendor's id of it.")
    ] = "",
    content: Annotated[
        str,
        typer.Argument(metavar="[DATA]", help="JSON; what is none is taken for a text."),
    ] = "",
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Tell a station something in a vendor's own words (DataTransfer)."""
    import msgspec

    from voltkeep.domain.asks import TransferData
    from voltkeep.domain.identity import parse_station

    station = parse_station(run.target)
    octets = content.encode(errors="surrogateescape")
    try:
        data = msgspec.json.decode(octets or b"null")
    except (msgspec.DecodeError, UnicodeError):
        data = content
    async with run.app() as app:
        ask = TransferData(vendor=vendor, message=message, data=data)
        await order(run, app, station, "transfer", ask, timeout, queue)
