"""`voltkeep station command ID transfer`: a vendor's own message."""

from typing import Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.station_command import Timeout, answer, group


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
) -> None:
    """Tell a station something in a vendor's own words (DataTransfer)."""
    import msgspec

    from voltkeep.domain.identity import parse_station

    station = parse_station(run.target)
    octets = content.encode(errors="surrogateescape")
    try:
        msgspec.json.decode(octets or b"null")
    except (msgspec.DecodeError, UnicodeError):
        octets = msgspec.json.encode(content)
    async with run.app() as app:
        asked = app.services.data_transfer.send(station, vendor, message, octets)
        await answer(run, station, "transfer", asked, timeout)
