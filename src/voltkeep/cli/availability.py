"""`voltkeep availability`: what connectors say, what is wanted of them, and what is planned."""

import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell, Output
from voltkeep.cli.station import Name
from voltkeep.cli.station_switch import Plug, place
from voltkeep.cli.text import duration, instant

if TYPE_CHECKING:
    from voltkeep.domain.availability import AvailabilityPlan
    from voltkeep.services.availability import Availability, ConnectorState, WishShown

group = typer.Typer(
    help="What connectors say and what is wanted of them, now and at other times.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"]


class What(enum.StrEnum):
    """What is planned of a place."""

    OPERATIVE = "operative"
    INOPERATIVE = "inoperative"


@command(group, "show", examples=("availability show CS-01",))
async def show(run: Run, name: Name) -> None:
    """What each connector said last, how old that is, what is wanted, and what is planned."""
    from voltkeep.domain.identity import parse_station

    async with run.app() as app:
        found = await app.services.availability.show(parse_station(name))
    if run.out.as_json:
        run.out.data(as_plain(found))
        return
    if not (found.connectors or found.wishes or found.plans):
        run.out.say("It has said nothing of its connectors, and nothing is wanted of them.")
    status_table(run.out, found.connectors)
    _wish_table(run.out, found.wishes)
    _plan_table(run.out, found.plans)


def status_table(out: Output, connectors: "tuple[ConnectorState, ...]") -> None:
    """What connectors said last, and since when that may not be true any more."""
    if not connectors:
        return
    cells = []
    for state in connectors:
        update, fresh = state.row.update, state.freshness
        error = update.error_code if update.error_code != "NoError" else None
        more = " ".join(filter(None, (error, update.vendor_error_code, update.info)))
        evse = update.evse
        heard = f"{duration(fresh.age)} ago"
        stale: Cell | str = ""
        if fresh.stale_since is not None:
            stale = Cell(f"stale since {instant(fresh.stale_since)}: {fresh.doubt}", "yellow")
        cells.append(
            (
                "station" if evse is None else str(evse.id),
                "" if evse is None or evse.connector_id is None else str(evse.connector_id),
                Cell(update.raw_status, "dim" if fresh.stale_since else ""),
                more,
                instant(update.at),
                heard,
                stale,
            )
        )
    out.table(("EVSE", "PLUG", "STATUS", "MORE", "SINCE", "HEARD", "BELIEVED"), cells)


def _wish_table(out: Output, wishes: "tuple[WishShown, ...]") -> None:
    if not wishes:
        return
    out.line()
    cells = []
    for shown in wishes:
        wish = shown.wish
        how: Cell | str = f"{wish.state} ({wish.status})" if wish.status else wish.state.value
        if shown.differs:
            how = Cell(f"{wish.state}, and it says otherwise since", "yellow")
        what = "operative" if wish.operative else "inoperative"
        cells.append((wish.id, what, how, wish.asked_by, instant(wish.asked_at)))
    out.table(("PLACE", "WANTED", "HOW FAR", "BY", "ASKED"), cells)


def _plan_table(out: Output, plans: "tuple[AvailabilityPlan, ...]") -> None:
    if not plans:
        return
    out.line()
    from voltkeep.domain.availability import place_id

    out.table(
        ("PLAN", "PLACE", "WILL BE", "AT", "AT THE LATEST", "BY"),
        [
            (
                plan.id,
                place_id(plan.evse),
                "operative" if plan.operative else "inoperative",
                instant(plan.due_at),
                instant(plan.expires_at),
                plan.actor.name,
            )
            for plan in plans
        ],
    )


def as_plain(found: "Availability") -> dict[str, Any]:
    """For programs."""
    import msgspec

    return {
        "station": str(found.station.id),
        "connectors": [
            msgspec.structs.asdict(state.row.update)
            | {"received_at": state.row.received_at}
            | freshness_plain(state)
            for state in found.connectors
        ],
        "wanted": [
            msgspec.structs.asdict(shown.wish)
            | {"station": str(found.station.id), "differs": shown.differs}
            for shown in found.wishes
        ],
        "planned": [_plan_plain(plan) for plan in found.plans],
    }


def freshness_plain(state: "ConnectorState") -> dict[str, Any]:
    """How far a status can be believed, for programs."""
    fresh = state.freshness
    return {
        "age_s": round(fresh.age.total_seconds()),
        "stale_since": fresh.stale_since,
        "stale_because": fresh.doubt,
    }


def _plan_plain(plan: "AvailabilityPlan") -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(plan)
    plain["asked_by"] = plain.pop("actor").name
    return plain | {"station": str(plan.station)}


@command(
    group,
    "plan",
    examples=(
        "availability plan CS-01 inoperative --at 2026-07-01T22:00 --until 2026-07-02T06:00",
        "availability plan CS-01 operative --evse 2 --at 2026-07-02T06:00",
    ),
)
async def plan(
    run: Run,
    name: Name,
    what: Annotated[What, typer.Argument(help="What it shall be.")],
    at: Annotated[datetime, typer.Option("--at", formats=_FORMATS, help="From then on, UTC.")],
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=_FORMATS, help="Until then, UTC; else for good."),
    ] = None,
    evse: Annotated[
        int | None,
        typer.Option("--evse", "--connector", help="Which EVSE, or connector in OCPP 1.6."),
    ] = None,
    plug: Plug = None,
) -> None:
    """Change what a station or one EVSE serves at a time, and back again.

    If the station is not connected then, it is asked once it is back: until the time given is
    over, or for a week.
    """
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        plans = await app.services.availability.plans.add(
            station,
            operative=what is What.OPERATIVE,
            evse=place(evse, plug),
            due_at=at.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
        )
    if run.out.as_json:
        run.out.data([_plan_plain(each) for each in plans])
        return
    _plan_table(run.out, tuple(plans))
    run.out.say(f"`voltkeep availability cancel {station.quoted} PLAN` takes one back.")


@command(group, "cancel", examples=("availability cancel CS-01 0f3a9c27d1a",))
async def cancel(
    run: Run,
    name: Name,
    id: Annotated[str, typer.Argument(metavar="PLAN", help="As `show` tells it.")],
) -> None:
    """Take back a planned change that was not done yet."""
    from voltkeep.domain.identity import parse_station

    async with run.app() as app:
        gone = await app.services.availability.plans.cancel(parse_station(name), id)
    if run.out.as_json:
        run.out.data(_plan_plain(gone))
        return
    run.out.say(f"Plan {gone.id} is cancelled.")
