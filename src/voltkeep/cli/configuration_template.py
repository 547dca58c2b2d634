"""`voltkeep configuration template`: what stations shall be like."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli import configuration
from voltkeep.cli.command import Run, command
from voltkeep.cli.configuration import Tenant, assignments
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.configuration import MakePrefix, Template

group = typer.Typer(
    help="Named sets of values that stations shall have.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
configuration.group.add_typer(group, name="template")

TemplateName = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its name.")]
Stations = Annotated[list[str], typer.Argument(metavar="STATION...", help="Which stations.")]
Makes = Annotated[
    list[str] | None,
    typer.Option(
        "--make",
        metavar="VENDOR[/MODEL[/FIRMWARE]]",
        help="For stations whose make begins like this.",
    ),
]


@command(
    group,
    "add",
    examples=(
        "configuration template add depot HeartbeatInterval=60 --site north",
        "configuration template add acme ConnectionTimeOut=90 --make 'Acme/Wallbox/1.'",
    ),
)
async def add(  # noqa: PLR0917  # each is an option
    run: Run,
    name: TemplateName,
    values: Annotated[
        list[str], typer.Argument(metavar="VARIABLE=VALUE...", help="What shall be.")
    ],
    sites: Annotated[
        list[str] | None, typer.Option("--site", help="For the stations of this site.")
    ] = None,
    makes: Makes = None,
    after_boot: Annotated[
        bool,
        typer.Option("--after-boot", help="Write what differs whenever a station has booted."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Instead of the one of that name.")
    ] = False,
    note: Annotated[str, typer.Option(help="For people.")] = "",
    tenant: Tenant = "default",
) -> None:
    """Keep a template. It is for the sites and makes named here, and for those assigned to it."""
    from voltkeep.domain.configuration import Template
    from voltkeep.domain.identity import StationId, TenantId

    template = Template(
        station=StationId(TenantId(tenant), ""),
        id=name,
        at=datetime.now(UTC),
        values=tuple(assignments(values)),
        sites=tuple(sites or ()),
        makes=tuple(_make(each) for each in makes or ()),
        after_boot=after_boot,
        note=note,
    )
    async with run.app() as app:
        templates = app.services.templates
        template = await (templates.replace(template) if replace else templates.add(template))
    if run.out.as_json:
        run.out.data(plain(template))
    else:
        run.out.line(f"The template {name} is kept.")


def _make(text: str) -> "MakePrefix":
    from voltkeep.domain.configuration import MakePrefix

    vendor, _, rest = text.partition("/")
    model, _, firmware = rest.partition("/")
    if not vendor:
        raise Failure("A make begins with its vendor.", code=ExitCode.USAGE)
    return MakePrefix(vendor=vendor, model=model, firmware=firmware)


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """The templates there are."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        templates = await app.services.templates.all(TenantId(tenant))
    if run.out.as_json:
        run.out.data([plain(each) for each in templates])
        return
    if not templates:
        run.out.say("No template. Add one: `voltkeep configuration template add`.")
        return
    run.out.table(
        ("TEMPLATE", "VALUES", "SITES", "MAKES", "AFTER BOOT", "SINCE"),
        [
            (
                each.id,
                str(len(each.values)),
                ", ".join(each.sites),
                ", ".join(map(_as_typed, each.makes)),
                "yes" if each.after_boot else "",
                instant(each.at),
            )
            for each in templates
        ],
    )


@command(group, "show")
async def show(run: Run, name: TemplateName, tenant: Tenant = "default") -> None:
    """What a template wants, and of whom."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        template = await app.services.templates.get(TenantId(tenant), name)
        assigned = await app.services.templates.assigned(TenantId(tenant), name)
    if run.out.as_json:
        run.out.data(plain(template) | {"stations": [each.name for each in assigned]})
        return
    run.out.pairs(
        [
            ("Template", template.id),
            ("Note", template.note),
            ("Sites", ", ".join(template.sites)),
            ("Makes", ", ".join(map(_as_typed, template.makes))),
            ("Stations", ", ".join(each.name for each in assigned)),
            ("After boot", "written whenever a station has booted" if template.after_boot else ""),
            ("Since", instant(template.at)),
        ]
    )
    run.out.line()
    rows = [(str(each.variable), each.value) for each in template.values]
    run.out.table(("VARIABLE", "VALUE"), rows)


@command(group, "remove")
async def remove(run: Run, name: TemplateName, tenant: Tenant = "default") -> None:
    """Forget a template. Stations stay as they are."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        await app.services.templates.remove(TenantId(tenant), name)
    run.out.say(f"The template {name} is forgotten.")


@command(group, "assign", examples=("configuration template assign depot CS-01 CS-02",))
async def assign(
    run: Run,
    name: TemplateName,
    stations: Stations,
    take_away: Annotated[
        bool, typer.Option("--remove", help="It is no longer for these stations.")
    ] = False,
) -> None:
    """Have a template be for stations, wherever they are and whoever made them."""
    from voltkeep.domain.identity import parse_station

    chosen = [parse_station(each) for each in stations]
    async with run.app() as app:
        for station in chosen:
            templates = app.services.templates
            await (templates.unassign if take_away else templates.assign)(name, station)
    run.out.say("`voltkeep configuration drift` shows how far they are from it.")


def _as_typed(make: "MakePrefix") -> str:
    return f"{make.vendor}/{make.model}/{make.firmware}".rstrip("/")


def plain(template: "Template") -> dict[str, object]:
    """For programs."""
    return {
        "name": template.id,
        "values": {str(each.variable): each.value for each in template.values},
        "sites": template.sites,
        "makes": [
            {"vendor": each.vendor, "model": each.model, "firmware": each.firmware}
            for each in template.makes
        ],
        "after_boot": template.after_boot,
        "note": template.note,
        "at": template.at,
    }
