"""`voltkeep ca calendar`: which certificates expire, and when."""

from typing import Annotated

import typer

from voltkeep.cli.ca import group, made_vault
from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell
from voltkeep.cli.text import duration, instant


@command(group, "calendar", examples=("ca calendar --days 60",))
async def calendar(
    run: Run,
    days: Annotated[
        float | None, typer.Option(min=0, help="Only what expires within so many days.")
    ] = None,
) -> None:
    """What expires, the soonest first: our own, those of stations, and foreign roots."""
    from msgspec.structs import asdict

    from voltkeep.wiring import now

    async with run.app() as app:
        await made_vault(run, app)
        lines = await app.services.certificates.expiries.calendar(days)
    if run.out.as_json:
        names = [str(each.station) if each.station.name else None for each in lines]
        plain = zip(map(asdict, lines), names, strict=True)
        run.out.data([row | {"station": name} for row, name in plain])
        return
    if not lines:
        run.out.say("Nothing expires by then.")
        return
    at, rows = now(), []
    for each in lines:
        left = each.not_after - at
        is_over = left.total_seconds() <= 0
        rows.append(
            (
                Cell(instant(each.not_after), "red" if is_over else ""),
                "expired" if is_over else f"in {duration(left)}",
                each.kind,
                str(each.station) if each.station.name else "",
                each.subject,
                each.id,
            )
        )
    run.out.table(("EXPIRES", "", "KIND", "STATION", "SUBJECT", "ID"), rows)
