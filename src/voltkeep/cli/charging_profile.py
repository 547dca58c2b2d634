"""`voltkeep charging-profile`: limit what stations and their transactions draw."""

import enum
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.log import Moment, utc
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.station_command import Timeout, answer
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltkeep.domain.commands import CompositeTold, Outcome
    from voltkeep.domain.identity import Evse
    from voltkeep.domain.smart_charging import ChargingProfile, Period, ProfileCriteria
    from voltkeep.domain.smart_charging import Purpose as DomainPurpose

group = typer.Typer(
    help="Limit what stations, EVSEs and transactions draw.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_LIMIT = re.compile(r"(?:(\d+):)?(-?\d+(?:\.\d+)?)(A|W|kW)")
_STYLES = {"accepted": "green", "sent": "yellow", "unknown": "yellow", "rejected": "red"}


class What(enum.StrEnum):
    """What a profile is for."""

    DEFAULT = "default"
    MAX = "max"
    TX = "tx"


class How(enum.StrEnum):
    """What the times of a profile count from."""

    ABSOLUTE = "absolute"
    DAILY = "daily"
    WEEKLY = "weekly"
    RELATIVE = "relative"


class Unit(enum.StrEnum):
    """Watts of all phases together, or amperes of each."""

    A = "A"
    W = "W"


Number = Annotated[
    int | None,
    typer.Option("--evse", "--connector", min=1, help="Which EVSE; in OCPP 1.6, which connector."),
]
WholeStation = Annotated[
    bool, typer.Option("--whole-station", help="Only those of the station as a whole.")
]
Id = Annotated[int | None, typer.Option("--id", help="The number of the profile.")]
Purpose = Annotated[What | None, typer.Option("--purpose", help="Only those for this.")]
Level = Annotated[int | None, typer.Option("--level", min=0, help="Only those of this level.")]


def _place(number: int | None) -> "Evse | None":
    from voltkeep.domain.identity import Evse

    return None if number is None else Evse(number)


def _purpose(what: What) -> "DomainPurpose":
    from voltkeep.domain import smart_charging

    purposes = smart_charging.Purpose
    return {
        What.DEFAULT: purposes.TX_DEFAULT,
        What.MAX: purposes.STATION_MAX,
        What.TX: purposes.TX,
    }[what]


def _criteria(
    number: int | None, id: int | None, what: What | None, level: int | None, *, whole: bool
) -> "ProfileCriteria":
    from voltkeep.domain.smart_charging import ProfileCriteria

    if whole and number is not None:
        raise Failure("Two places.", "Say --evse or --whole-station.", ExitCode.USAGE)
    return ProfileCriteria(
        ids=() if id is None else (id,),
        purpose=None if what is None else _purpose(what),
        stack_level=level,
        evse=_place(number),
        whole_station=whole,
    )


Limits = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="[SECONDS:]LIMIT", help="16A, 11000W or 11kW; from when on."),
]
File = Annotated[
    Path | None,
    typer.Option(help="The whole profile in JSON, as the API takes it; - reads stdin."),
]


@command(
    group,
    "set",
    examples=(
        "charging-profile set CS-01 --evse 1 --limit 16A",
        "charging-profile set CS-01 --as daily --limit 0:6A --limit 28800:32A --start 2026-01-01",
        "charging-profile set CS-01 --evse 1 --purpose tx --as relative --limit 3.7kW",
        "charging-profile set CS-01 --file profile.json",
    ),
)
async def set_(
    run: Run,
    name: Name,
    *,
    limits: Limits = None,
    number: Number = None,
    what: Annotated[What, typer.Option("--purpose", help="What for.")] = What.DEFAULT,
    how: Annotated[How, typer.Option("--as", help="What its times count from.")] = How.ABSOLUTE,
    level: Annotated[int, typer.Option(min=0, help="The higher one prevails.")] = 0,
    id: Annotated[int | None, typer.Option("--id", help="Its number; else the next one.")] = None,
    start: Annotated[datetime | None, Moment] = None,
    duration: Annotated[
        int | None, typer.Option(min=0, metavar="SECONDS", help="How long a round lasts.")
    ] = None,
    valid_from: Annotated[datetime | None, Moment] = None,
    valid_to: Annotated[datetime | None, Moment] = None,
    phases: Annotated[int | None, typer.Option(min=1, max=3, help="Else three.")] = None,
    transaction: Annotated[
        str | None, typer.Option(help="Of `--purpose tx`; else the one that runs there.")
    ] = None,
    file: File = None,
    force: Annotated[
        bool, typer.Option("--force", help="Send also what a station will most likely refuse.")
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Send a charging profile. Without --evse it is of the station as a whole.

    A new one takes the place of another of its purpose, level and EVSE.
    """
    from voltkeep.domain.identity import TransactionRef, parse_station

    station = parse_station(name)
    if (file is None) == (not limits):
        raise Failure("What is the limit?", "Say --limit, or --file.", ExitCode.USAGE)
    if file is not None:
        profile = _read(file)
    else:
        profile = _made(
            [_period(limit, phases) for limit in limits or ()],
            how,
            utc(start),
            duration,
            id=id,
            purpose=_purpose(what),
            stack_level=level,
            valid_from=utc(valid_from),
            valid_to=utc(valid_to),
            transaction=None if transaction is None else TransactionRef(transaction),
        )
    async with run.app() as app:
        asked = app.services.smart_charging.set(station, profile, _place(number), force=force)
        await answer(run, station, "charging-profile", asked, timeout)


def _made(
    periods: "Sequence[Period]",
    how: How,
    start: datetime | None,
    duration: int | None,
    **fields: Any,
) -> "ChargingProfile":
    """Raises Failure, if it is no profile."""
    import msgspec

    from voltkeep.domain.smart_charging import ChargingProfile, Kind, Recurrency, Schedule

    if start is None and how is not How.RELATIVE:
        start = datetime.now(UTC).replace(microsecond=0)
    word, recurs = how.value.capitalize(), how in {How.DAILY, How.WEEKLY}
    try:
        profile = ChargingProfile(
            kind=Kind.RECURRING if recurs else Kind(word),
            recurrency=Recurrency(word) if recurs else None,
            schedules=(Schedule(periods=tuple(periods), starts_at=start, duration_s=duration),),
            **fields,
        )
        return msgspec.convert(msgspec.to_builtins(profile), ChargingProfile)
    except ValueError as error:
        raise Failure(f"That is no profile: {error}.", code=ExitCode.USAGE) from error


def _period(text: str, phases: int | None) -> "Period":
    from voltkeep.domain.smart_charging import Period

    found = _LIMIT.fullmatch(text)
    if found is None:
        raise Failure(
            f"Not a limit: {text}.",
            "Write 16A, 11000W or 11kW; with seconds from the start before it: 3600:16A.",
            ExitCode.USAGE,
        )
    start, limit, unit = int(found[1] or 0), float(found[2]), found[3]
    if unit == "A":
        return Period(start_s=start, limit_a=limit, phases=phases)
    return Period(start_s=start, limit_w=limit * (1000 if unit == "kW" else 1), phases=phases)


def _read(file: Path) -> "ChargingProfile":
    import msgspec

    from voltkeep.domain.smart_charging import ChargingProfile

    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
        return msgspec.json.decode(text, type=ChargingProfile)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", code=ExitCode.USAGE) from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Failure(
            f"That is no profile: {error}.",
            "`docs/howto/limit-charging.md` shows one.",
            ExitCode.USAGE,
        ) from error


@command(
    group,
    "clear",
    examples=(
        "charging-profile clear CS-01 --id 7",
        "charging-profile clear CS-01 --evse 1 --purpose default",
        "charging-profile clear CS-01 --all",
    ),
)
async def clear(
    run: Run,
    name: Name,
    *,
    id: Id = None,
    number: Number = None,
    whole: WholeStation = False,
    what: Purpose = None,
    level: Level = None,
    every: Annotated[bool, typer.Option("--all", help="Whatever it has.")] = False,
    timeout: Timeout = None,
) -> None:
    """Take charging profiles from a station: those that fit all that is said."""
    from voltkeep.domain.identity import parse_station
    from voltkeep.domain.smart_charging import ProfileCriteria

    station = parse_station(name)
    which = _criteria(number, id, what, level, whole=whole)
    if every is not (which == ProfileCriteria()):
        raise Failure(
            "Which profiles?", "Say what they are, or --all: one of both.", ExitCode.USAGE
        )
    async with run.app() as app:
        asked = app.services.smart_charging.clear(station, which)
        await answer(run, station, "clear", asked, timeout)


@command(group, "list", examples=("charging-profile list CS-01 --all",))
async def list_(
    run: Run,
    name: Name,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that are over, or were refused.")
    ] = False,
) -> None:
    """What we believe that a station has. `report` asks it, in OCPP 2.x."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        held = await app.services.smart_charging.profiles(station, live=not every)
    if run.out.as_json:
        run.out.data(held)
        return
    if not held:
        run.out.say("No charging profile, as far as we know.")
        return
    run.out.table(
        ("ID", "STATE", "PURPOSE", "LEVEL", "EVSE", "LIMIT", "SINCE"),
        [
            (
                str(each.profile_id),
                Cell(each.state, _STYLES.get(each.state, "dim")),
                each.purpose,
                str(each.stack_level),
                "all" if each.evse is None else str(each.evse.id),
                "" if each.profile is None else _limits(each.profile),
                instant(each.at),
            )
            for each in held
        ],
    )


def _limits(profile: "ChargingProfile") -> str:
    """The first few periods, as `--limit` takes them."""
    shown = [
        (f"{each.start_s}:" if each.start_s else "") + f"{each.limit:g}{each.unit}"
        for each in profile.schedule.periods
    ]
    return " ".join(shown[:3]) + (" …" if len(shown) > 3 else "")


@command(group, "report", examples=("charging-profile report CS-01",))
async def report(
    run: Run,
    name: Name,
    *,
    id: Id = None,
    number: Number = None,
    whole: WholeStation = False,
    what: Purpose = None,
    level: Level = None,
    timeout: Timeout = None,
) -> None:
    """Have a station report its profiles (OCPP 2.x): `list` shows what it has told."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    which = _criteria(number, id, what, level, whole=whole)
    async with run.app() as app:
        asked = app.services.smart_charging.ask_profiles(station, which)
        await answer(run, station, "report", asked, timeout)


@command(
    group,
    "composite",
    examples=("charging-profile composite CS-01 --evse 1 --duration 3600 --unit A",),
)
async def composite(
    run: Run,
    name: Name,
    *,
    number: Number = None,
    duration: Annotated[
        int, typer.Option(min=1, max=7 * 86_400, metavar="SECONDS", help="From now on.")
    ] = 86_400,
    unit: Annotated[Unit | None, typer.Option(help="Else as the station likes.")] = None,
    voltage: Annotated[
        float, typer.Option(min=1, max=2000, help="Between phase and neutral, as set.")
    ] = 230,
    phases: Annotated[int, typer.Option(min=1, max=3, help="Of the EVSE.")] = 3,
    local: Annotated[bool, typer.Option("--local", help="Only compute; do not ask.")] = False,
) -> None:
    """What all profiles come to: as the station says, as we compute, and where they differ."""
    from voltkeep.domain.commands import CompositeTold
    from voltkeep.domain.composite import Supply
    from voltkeep.domain.identity import parse_station
    from voltkeep.domain.smart_charging import RateUnit

    station, evse = parse_station(name), _place(number)
    wanted = None if unit is None else RateUnit(unit.value)
    supply = Supply(voltage_v=voltage, phases=phases)
    outcome: Outcome | None = None
    async with run.app() as app:
        service = app.services.smart_charging
        if local:
            told = CompositeTold(
                schedule=None,
                computed=await service.computed(
                    station, evse, duration, unit=wanted or RateUnit.W, supply=supply
                ),
            )
        else:
            outcome = await service.composite(station, evse, duration, unit=wanted, supply=supply)
            assert isinstance(outcome.told, CompositeTold), "both are told"
            told = outcome.told
    _show(run, told)
    if outcome is not None and not outcome.accepted:
        raise Failure(f"{station} did not tell: it answered {outcome.status}.")


def _show(run: Run, told: "CompositeTold") -> None:
    from voltkeep.domain.composite import limit_of

    assert told.computed is not None, "it is always computed"
    if run.out.as_json:
        run.out.data(told)
        return
    unit = told.computed.unit
    said = () if told.schedule is None else told.schedule.steps
    starts = sorted({step.start_s for step in (*said, *told.computed.steps)})
    differing = [(each.start_s, each.end_s) for each in told.differences]
    rows: list[tuple[Cell | str, ...]] = []
    for start in starts:
        differs = any(begin <= start < end for begin, end in differing)
        word = Cell("differs", "bold red") if differs else ""
        theirs = _amount(limit_of(said, start), unit) if said else "not told"
        rows.append(
            (f"{start:g} s", theirs, _amount(limit_of(told.computed.steps, start), unit), word)
        )
    run.out.table(("FROM", "STATION", "COMPUTED", ""), rows)
    if told.not_computed:
        ids = ", ".join(map(str, told.not_computed))
        run.out.say(f"Not computed with: profiles {ids}, which the station told in words of 2.1.")


def _amount(limit: float | None, unit: str) -> str:
    return "no limit" if limit is None else f"{limit:g} {unit}"
