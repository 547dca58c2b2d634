"""`voltkeep security`: what stations report, and what a person should look at."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell
from voltkeep.cli.text import escape, instant

if TYPE_CHECKING:
    from voltkeep.domain.security import Alert, SecurityEvent

group = typer.Typer(
    help="See security events and alerts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@command(group, "events", examples=("security events --critical", "security events --station CS-1"))
async def events(
    run: Run,
    *,
    station: Annotated[
        str | None, typer.Option(metavar="STATION", help="Of this one; else of every station.")
    ] = None,
    critical: Annotated[
        bool, typer.Option("--critical", help="Only those that OCPP calls critical.")
    ] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="Heard since then, UTC.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 100,
) -> None:
    """What stations reported, the newest first. It is their word: anybody may have said it."""
    from voltkeep.domain.identity import parse_station

    async with run.app() as app:
        found = await app.services.security_events.events(
            None if station is None else parse_station(station),
            critical=critical,
            since=None if since is None else since.replace(tzinfo=UTC),
            limit=limit,
        )
    if run.out.as_json:
        run.out.data([_plain(event) for event in found])
        return
    if not found:
        run.out.say("No security event.")
        return
    run.out.table(
        ("HEARD", "STATION", "EVENT", "HAPPENED", "SAID"),
        [
            (
                instant(event.at),
                str(event.station),
                Cell(event.type, "red" if event.state == "critical" else ""),
                instant(event.happened_at),
                event.tech_info or "",
            )
            for event in found
        ],
    )


@command(group, "alerts")
async def alerts(
    run: Run,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Those too that were acknowledged.")] = False,
) -> None:
    """What a person should look at, the newest first."""
    async with run.app() as app:
        found = await app.services.security_events.alerts(acknowledged=all_)
    if run.out.as_json:
        run.out.data([_plain(alert) for alert in found])
        return
    if not found:
        run.out.say("No alert." if all_ else "No open alert.")
        return
    run.out.table(
        ("ID", "LAST", "TIMES", "STATION", "ALERT", "STATE", "SAYS"),
        [
            (
                alert.id,
                instant(alert.at),
                str(alert.count),
                str(alert.station) if alert.station.name else "",
                alert.kind,
                Cell(alert.state, "red" if alert.state == "open" else ""),
                alert.text,
            )
            for alert in found
        ],
    )


@command(group, "acknowledge", examples=("security acknowledge 1f2e3d4c5b",))
async def acknowledge(
    run: Run,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `security alerts` shows it.")],
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")] = "default",
) -> None:
    """Say that you have looked at an alert. If it happens again, there is a new one."""
    from voltkeep.domain.identity import station_id

    of = station_id("any", tenant).tenant
    async with run.app() as app:
        alert = await app.services.security_events.acknowledge(of, id_)
    if run.out.as_json:
        run.out.data(_plain(alert))
    else:
        run.out.line(
            f"Alert {escape(alert.id)} ({escape(alert.kind)}) is acknowledged "
            f"by {escape(alert.acknowledged_by)}."
        )


def _plain(row: "Alert | SecurityEvent") -> dict[str, Any]:
    from msgspec import structs

    plain = structs.asdict(row)
    plain["station"] = str(row.station)
    return plain
