"""`voltkeep configuration`: what the variables of a station are, and how they are set."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.text import count, instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltkeep.domain.configuration import StationDrift
    from voltkeep.domain.device_model import DeviceReport, Variable, VariableTold
    from voltkeep.domain.identity import StationId

group = typer.Typer(
    help="The configuration of stations: read it, write it, and hold it to templates.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Variables = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[VARIABLE]...",
        help="As Component.Variable, or as a configuration key of OCPP 1.6.",
    ),
]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
OneTemplate = Annotated[
    str, typer.Option("--template", help="Only this one, whomever else it is for.")
]
_REPORT_WAIT_S = 60.0
_STYLES = {"different": "yellow", "reboot-required": "cyan", "missing": "red", "read-only": "red"}


def named(texts: "Sequence[str]") -> "list[Variable]":
    """Raises Failure."""
    from voltkeep.domain.device_model import BadVariable, variable

    try:
        return [variable(text) for text in texts]
    except BadVariable as error:
        raise Failure(f"That is {error}.", code=ExitCode.USAGE) from error


@command(
    group,
    "read",
    examples=("configuration read CS-01", "configuration read CS-01 HeartbeatInterval"),
)
async def read(
    run: Run,
    name: Name,
    variables: Variables = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="For a report that comes in parts.")
    ] = _REPORT_WAIT_S,
) -> None:
    """Ask a station what variables are; without naming any, for a report of all of them."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    wanted = named(variables or ())
    async with run.app() as app:
        configuration = app.services.configuration
        if wanted:
            said = await configuration.read(station, wanted)
            _tell(run, said)
            return
        report, _ = await configuration.ask_report(station)
        report = await configuration.wait(report, wait)
    _tell_report(run, report)


@command(group, "show", examples=("configuration show CS-01",))
async def show(run: Run, name: Name, variables: Variables = None) -> None:
    """What a station has said of its variables, and when. It is not asked."""
    from voltkeep.domain.device_model import Variable
    from voltkeep.domain.identity import parse_station

    wanted = {each.key for each in named(variables or ())}
    async with run.app() as app:
        station, components = await app.services.configuration.known(parse_station(name))
    said = [
        (Variable(component.component, each.name, each.instance), each)
        for component in components
        for each in component.variables
    ]
    rows = [row for row in said if not wanted or row[0].key in wanted]
    rows.sort(key=lambda row: row[0].key)
    booted_at = station.booted_at
    if run.out.as_json:
        run.out.data(
            [
                {
                    "variable": str(variable),
                    "value": each.actual(booted_at),
                    "read_only": each.read_only,
                    "known": each.is_known,
                    "needs_reboot": each.needs_reboot(booted_at),
                    "pending": each.pending if each.needs_reboot(booted_at) else None,
                    "at": each.at,
                }
                for variable, each in rows
            ]
        )
        return
    if not rows:
        run.out.say(f"It has said nothing. Ask it: `voltkeep configuration read {name}`.")
        return
    cells = []
    for variable, each in rows:
        note: Cell | str = "read-only" if each.read_only else ""
        if each.needs_reboot(booted_at):
            note = Cell(f"{each.pending} after a reboot", "cyan")
        if not each.is_known:
            note = Cell("it has none", "red")
        value = each.actual(booted_at)
        shown = "***" if variable.is_secret else "" if value is None else value
        cells.append((str(variable), shown, note, instant(each.at)))
    run.out.table(("VARIABLE", "VALUE", "", "SAID"), cells)


@command(group, "write", examples=("configuration write CS-01 HeartbeatInterval=60",))
async def write(
    run: Run,
    name: Name,
    values: Annotated[
        list[str], typer.Argument(metavar="VARIABLE=VALUE...", help="What shall be set.")
    ],
) -> None:
    """Set variables of a station, and tell what became of each."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    wanted = assignments(values)
    async with run.app() as app:
        said = await app.services.configuration.write(station, wanted)
    _tell(run, said)


def assignments(values: "Sequence[str]") -> list[Any]:
    """``VARIABLE=VALUE``, as one types it. Raises Failure."""
    from voltkeep.domain.device_model import VariableValue

    pairs = [each.partition("=") for each in values]
    if not all(sign for _, sign, _ in pairs):
        raise Failure("That is no value.", "Write VARIABLE=VALUE.", ExitCode.USAGE)
    variables = named([variable for variable, _, _ in pairs])
    return [
        VariableValue(variable=variable, value=value)
        for variable, (_, _, value) in zip(variables, pairs, strict=True)
    ]


def _tell(run: Run, said: "Sequence[VariableTold]") -> None:
    """What became of each variable. Raises Failure if it did not go well with all."""
    if run.out.as_json:
        run.out.data([plain(each) for each in said])
    else:
        cells = [
            (
                str(each.variable),
                "***" if each.variable.is_secret and each.is_done else each.value or "",
                Cell(each.status or "not answered", "" if each.is_done else "red"),
                each.reason,
            )
            for each in said
        ]
        run.out.table(("VARIABLE", "VALUE", "STATUS", "WHY"), cells)
    if any(each.status == "RebootRequired" for each in said):
        run.out.say("What needs a reboot is in use after `voltkeep station command ID reset`.")
    if not all(each.is_done for each in said):
        raise Failure("Not all of it went well.", "The STATUS is the station's own word.")


def plain(each: "VariableTold") -> dict[str, object]:
    """For programs."""
    return {
        "variable": str(each.variable),
        "attribute": each.attribute.value,
        "status": each.status,
        "value": each.value,
        "read_only": each.read_only,
        "reason": each.reason,
    }


def _tell_report(run: Run, report: "DeviceReport") -> None:
    if run.out.as_json:
        run.out.data({"report": report.id, "state": report.state, "variables": report.variables})
    elif report.state == "complete":
        run.out.line(f"It told {count(report.variables, 'variable')}.")
        run.out.say(f"`voltkeep configuration show {report.station.quoted}` shows them.")
    if report.dropped:
        run.out.say(f"{count(report.dropped, 'variable')} of them had no room, and are not kept.")
    if report.state == "refused":
        raise Failure(f"The station gives no report: {report.problem}.")
    if report.state != "complete":
        raise Failure(
            f"The report is not whole: {count(len(report.parts), 'part')} of it came.",
            "What came is kept, and so is what is still to come.",
            ExitCode.UNREACHABLE,
        )


@command(
    group, "drift", examples=("configuration drift CS-01", "configuration drift --tenant default")
)
async def drift(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(metavar="[STATION]", help="Which; else the whole fleet.")
    ] = None,
    template: OneTemplate = "",
    tenant: Tenant = "default",
) -> None:
    """How far stations are from their templates, by what they said last. They are not asked."""
    from voltkeep.domain.identity import TenantId, parse_station

    found: list[StationDrift] = []
    async with run.app() as app:
        templates = app.services.templates
        if name is not None:
            found = [await templates.drift(parse_station(name), template)]
        else:
            after, is_more = "", True
            while is_more:
                page = await templates.fleet(TenantId(tenant), after=after)
                found += page.stations
                after = page.next
                is_more = bool(after)
    if run.out.as_json:
        run.out.data([_plain_drift(each) for each in found])
        return
    cells = [
        (
            str(each.station),
            str(one.wanted.variable),
            one.wanted.value,
            one.value or "",
            Cell(one.kind.value, _STYLES.get(one.kind.value, "")),
            one.template,
            instant(one.at),
        )
        for each in found
        for one in each.drift
    ]
    if cells:
        run.out.table(("STATION", "VARIABLE", "WANTED", "IS", "HOW", "TEMPLATE", "SAID"), cells)
    drifting = sum(bool(each.drift) for each in found)
    run.out.say(f"{drifting} of {count(len(found), 'station')} with templates differ from them.")


def _plain_drift(each: "StationDrift") -> dict[str, object]:
    return {
        "station": str(each.station),
        "templates": each.templates,
        "wanted": each.wanted,
        "drift": [
            {
                "variable": str(one.wanted.variable),
                "wanted": one.wanted.value,
                "value": one.value,
                "kind": one.kind,
                "template": one.template,
                "at": one.at,
            }
            for one in each.drift
        ],
    }


@command(
    group,
    "apply",
    examples=("configuration apply CS-01", "configuration apply --all --template depot"),
)
async def apply(
    run: Run,
    stations: Annotated[
        list[str] | None, typer.Argument(metavar="[STATION]...", help="Which stations.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that templates are for.")] = False,
    template: OneTemplate = "",
    at_once: Annotated[int, typer.Option(min=1, max=200, help="Stations asked at once.")] = 10,
    tenant: Tenant = "default",
) -> None:
    """Ask stations what they are like, and write only what differs from their templates."""
    from voltkeep.domain.identity import TenantId, parse_station

    if bool(stations) == every:
        raise Failure("Which stations?", "Name them, or say --all: one of both.", ExitCode.USAGE)
    async with run.app() as app:
        templates = app.services.templates
        chosen: list[StationId] = [parse_station(each) for each in stations or ()]
        after, is_more = "", every
        while is_more:
            page = await templates.fleet(TenantId(tenant), after=after)
            chosen += [each.station for each in page.stations]
            after = page.next
            is_more = bool(after)
        done = await templates.apply_to(chosen, template, at_once=at_once)
    _tell_applied(run, done)


def _tell_applied(run: Run, done: list[Any]) -> None:
    failed = [(station, it) for station, it in done if isinstance(it, Exception)]
    applied = [it for _, it in done if not isinstance(it, Exception)]
    rows = [(it.station, each) for it in applied for each in it.written]
    if run.out.as_json:
        run.out.data(
            {
                "written": [
                    {"station": str(of), "variable": str(each.variable), "status": each.status}
                    for of, each in rows
                ],
                "failed": [{"station": str(of), "why": str(why)} for of, why in failed],
            }
        )
    elif rows:
        cells = [
            (str(of), str(each.variable), each.value, each.status, each.reason) for of, each in rows
        ]
        run.out.table(("STATION", "VARIABLE", "VALUE", "STATUS", "WHY"), cells)
    for station, why in failed:
        run.out.say(f"{station}: {str(why) or type(why).__name__}")
    left = sum(bool(it.left) for it in applied)
    run.out.say(
        f"{count(len(applied) - left, 'station')} as wanted, {left} not yet, {len(failed)} failed."
    )
    if failed:
        raise Failure("Not all stations could be asked.", code=ExitCode.UNREACHABLE)
