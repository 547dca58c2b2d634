"""`voltkeep reservation`: who may use which connector until when."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.station_command import Connector, Timeout, answer
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.reservations import Reservation

group = typer.Typer(
    help="Keep connectors for drivers, and see what became of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
_STYLES = {"active": "green", "refused": "red", "unknown": "yellow"}


@command(
    group,
    "add",
    examples=(
        "reservation add CS-01 --token 04A2B3C4D5E680 --evse 1 --minutes 30",
        "reservation add CS-01 --token 04A2B3C4D5E680 --until 2026-05-02T18:00Z",
    ),
)
async def add(
    run: Run,
    name: Name,
    *,
    token: Annotated[str, typer.Option(help="For whom: a token, registered or not.")],
    connector: Connector = None,
    minutes: Annotated[
        float, typer.Option(min=0, max=60 * 24 * 366, help="For how long from now.")
    ] = 60,
    until: Annotated[
        datetime | None,
        typer.Option(formats=[*_FORMATS, "%Y-%m-%dT%H:%MZ"], help="Or until then, UTC."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Its members may come too; else the token's group.")
    ] = None,
    connector_type: Annotated[
        str, typer.Option(metavar="TYPE", help="Any of that kind, such as cCCS2 (OCPP 2.x).")
    ] = "",
    id: Annotated[
        int | None, typer.Option("--id", help="In place of the reservation of that number.")
    ] = None,
    timeout: Timeout = None,
) -> None:
    """Have a station keep a connector, or any one of its own, for a token."""
    from voltkeep.domain.identity import Evse, IdToken, parse_station
    from voltkeep.services.authorization import UnknownToken
    from voltkeep.services.reservations import Wish
    from voltkeep.wiring import now

    station = parse_station(name)
    expires_at = now() + timedelta(minutes=minutes) if until is None else until.replace(tzinfo=UTC)
    async with run.app() as app:
        id_token = IdToken(token)
        try:
            known = await app.services.authorization.get(station.tenant, id_token)
            id_token = known.id_token
        except UnknownToken:
            run.out.say("Warning: that token is not registered.")
        wish = Wish(
            id_token=id_token,
            expires_at=expires_at,
            evse=None if connector is None else Evse(connector, 1),
            connector_type=connector_type,
            group=group,
            id=id,
        )

        async def ask() -> Any:
            return (await app.services.reservations.reserve(station, wish)).outcome

        await answer(run, station, "reserve", ask(), timeout)
    run.out.say(f"`voltkeep reservation list --station {station.quoted}` shows what becomes of it.")


@command(group, "cancel", examples=("reservation cancel CS-01 17",))
async def cancel(
    run: Run,
    name: Name,
    id: Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")],
    timeout: Timeout = None,
) -> None:
    """Have a station give a reservation up, also one that we know nothing of."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        asked = app.services.reservations.cancel(station, id)
        await answer(run, station, "cancel-reservation", asked, timeout)


@command(group, "list")
async def list_(
    run: Run,
    station: Annotated[
        str | None, typer.Option("--station", metavar="STATION", help="Of this station only.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")] = "default",
) -> None:
    """Reservations, the last changed first."""
    from voltkeep.domain.identity import TenantId, parse_station
    from voltkeep.domain.reservations import OPEN_RESERVATIONS
    from voltkeep.services.records import Look

    of = None if station is None else parse_station(station)
    look = Look(
        station=None if of is None else of.name,
        states=() if every else OPEN_RESERVATIONS,
        limit=limit,
    )
    async with run.app() as app:
        whose = TenantId(tenant) if of is None else of.tenant
        found = await app.services.reservations.page(whose, look)
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("No reservation." if every else "No reservation is open; --all shows others.")
        return
    run.out.table(
        ("ID", "STATION", "EVSE", "TOKEN", "STATE", "UNTIL", "STATION SAID"),
        [
            (
                each.id,
                str(each.station),
                str(each.evse.id) if each.evse else "any",
                each.id_token.value,
                Cell(each.state, _STYLES.get(each.state, "dim")),
                instant(each.expires_at),
                each.status,
            )
            for each in found
        ],
    )


def _plain(reservation: "Reservation") -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(reservation)
    return plain | {"station": str(reservation.station), "id": int(reservation.id)}
