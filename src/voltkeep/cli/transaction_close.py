"""`voltkeep transaction unended` and `close`: what never ended, and closing it in the record."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.text import energy, instant
from voltkeep.cli.transaction import as_plain, group

if TYPE_CHECKING:
    from voltkeep.domain.closing import Unended

_FORMATS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M"]


@command(group, "unended", examples=("transaction unended",))
async def unended(
    run: Run,
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """Transactions that are open, and cannot be running any more: with the reason why."""
    from voltkeep.domain.identity import TenantId
    from voltkeep.services.records import Look

    async with run.app() as app:
        await app.services.closing.look()
        found = await app.services.closing.find_unended(TenantId(tenant), Look(limit=limit))
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("Every open transaction may well be running.")
        return
    run.out.table(
        ("STATION", "TRANSACTION", "EVSE", "TOKEN", "STARTED", "LAST HEARD", "WHY"),
        [
            (
                str(each.station),
                each.id,
                str(each.evse.id) if each.evse else "",
                each.id_token.value if each.id_token else "",
                instant(each.started_at),
                instant(each.last_heard_at),
                each.text,
            )
            for each in found
        ],
    )
    run.out.say("`voltkeep transaction close STATION TRANSACTION` closes one in the record.")


def _plain(unended: "Unended") -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(unended)
    plain |= {"ref": plain.pop("id"), "evidence": plain.pop("state"), "found_at": plain.pop("at")}
    return plain | {"station": str(unended.station), "tenant": unended.station.tenant}


@command(
    group,
    "close",
    examples=(
        'transaction close CS-01 1482069332 --reason "station replaced"',
        "transaction close CS-01 1482069332 --ended 2026-05-01T14:30:00 --meter-wh 48210",
    ),
)
async def close(
    run: Run,
    station: Annotated[str, typer.Argument(metavar="STATION", help="Whose transaction.")],
    ref: Annotated[str, typer.Argument(metavar="TRANSACTION", help="As `unended` shows it.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    ended: Annotated[
        datetime | None,
        typer.Option(formats=_FORMATS, help="When it ended, UTC; else the last that was heard."),
    ] = None,
    meter_wh: Annotated[
        float | None,
        typer.Option("--meter-wh", min=0, help="Its last meter reading; else the last heard."),
    ] = None,
) -> None:
    """Close a transaction in the record. Nothing is sent to the station: this is no stop.

    The record keeps that you did. If the station ends it after all, what it says counts.
    """
    from voltkeep.domain.identity import TransactionRef, parse_station

    async with run.app() as app:
        closed = await app.services.closing.close(
            parse_station(station),
            TransactionRef(ref),
            reason=reason,
            ended_at=ended and ended.replace(tzinfo=UTC),
            meter_wh=meter_wh,
        )
    if run.out.as_json:
        run.out.data(as_plain(closed))
        return
    assert closed.closing is not None
    run.out.say(
        f"Transaction {closed.ref} is closed in the record, as of "
        f"{instant(closed.closing.as_of)}: {energy(closed.energy_wh) or 'energy unknown'}. "
        "The station was asked nothing."
    )
