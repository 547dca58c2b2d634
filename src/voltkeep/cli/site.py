"""`voltkeep site`: where stations stand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import instant
from voltkeep.cli.token import tenant_of

if TYPE_CHECKING:
    from voltkeep.domain.sites import Site

group = typer.Typer(
    help="Keep the places where stations stand.", no_args_is_help=True, rich_markup_mode=None
)

Id = Annotated[str, typer.Argument(metavar="SITE", help="The site's id, such as north.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
Called = Annotated[str | None, typer.Option("--name", help="What people call it.")]
Address = Annotated[
    list[str] | None, typer.Option(metavar="LINE", help="A line of its address; repeat for more.")
]
Country = Annotated[str | None, typer.Option(metavar="CC", help="Two letters, such as DE.")]
Latitude = Annotated[float | None, typer.Option(metavar="DEGREES", help="North; south is minus.")]
Longitude = Annotated[float | None, typer.Option(metavar="DEGREES", help="East; west is minus.")]
TimeZone = Annotated[str | None, typer.Option(metavar="ZONE", help="Such as Europe/Berlin.")]
Note = Annotated[str | None, typer.Option(help="Anything you want to remember about it.")]


def _said(**given: Any) -> dict[str, Any]:
    said = {name: value for name, value in given.items() if value is not None}
    if "address" in said:
        said["address"] = tuple(said["address"])
    return said


@command(group, "add", examples=("site add north --name 'Car park north' --country DE",))
async def add(
    run: Run,
    id: Id,
    *,
    name: Called = None,
    address: Address = None,
    country: Country = None,
    latitude: Latitude = None,
    longitude: Longitude = None,
    time_zone: TimeZone = None,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Add a site. `station set STATION --site SITE` puts a station there."""
    from voltkeep.domain.sites import Site, of_tenant
    from voltkeep.wiring import now

    said = _said(
        name=name,
        address=address,
        country=country,
        latitude=latitude,
        longitude=longitude,
        time_zone=time_zone,
        note=note,
    )
    at = now()
    site = Site(station=of_tenant(tenant_of(tenant)), id=id, at=at, created_at=at, **said)
    async with run.app() as app:
        site = await app.services.sites.add(site)
    _tell(run, site, f"Site {id} is added.")


@command(group, "set", examples=("site set north --note 'the barrier is open at night'",))
async def set_(
    run: Run,
    id: Id,
    *,
    name: Called = None,
    address: Address = None,
    country: Country = None,
    latitude: Latitude = None,
    longitude: Longitude = None,
    time_zone: TimeZone = None,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Change what is said of a site; what is not said stays."""
    said = _said(
        name=name,
        address=address,
        country=country,
        latitude=latitude,
        longitude=longitude,
        time_zone=time_zone,
        note=note,
    )
    if not said:
        raise Failure("Nothing to set.", "Say what: --name, --address, …", ExitCode.USAGE)
    async with run.app() as app:
        site = await app.services.sites.change(tenant_of(tenant), id, said)
    _tell(run, site, f"Site {id} is changed.")


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """Every site, the latest changed first."""
    async with run.app() as app:
        sites = await app.services.sites.page(tenant_of(tenant), limit=20_000)
    if run.out.as_json:
        run.out.data([_plain(site) for site in sites])
        return
    if not sites:
        run.out.say("No site. Add one: `voltkeep site add north`.")
        return
    run.out.table(
        ("SITE", "NAME", "ADDRESS", "COUNTRY", "TIME ZONE", "NOTE"),
        [
            (each.id, each.name, ", ".join(each.address), each.country, each.time_zone, each.note)
            for each in sites
        ],
    )


@command(group, "show")
async def show(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """All that is said of a site."""
    async with run.app() as app:
        site = await app.services.sites.get(tenant_of(tenant), id)
    if run.out.as_json:
        run.out.data(_plain(site))
        return
    where = "" if site.latitude is None else f"{site.latitude:g}, {site.longitude:g}"
    run.out.pairs(
        [
            ("Site", site.id),
            ("Name", site.name),
            ("Address", ", ".join(site.address)),
            ("Country", site.country),
            ("Position", where),
            ("Time zone", site.time_zone),
            ("Added", instant(site.created_at)),
            ("Note", site.note),
        ]
    )


@command(group, "remove", examples=("site remove north",))
async def remove(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Forget a site. Refused while stations stand there."""
    async with run.app() as app:
        await app.services.sites.remove(tenant_of(tenant), id)
    if run.out.as_json:
        run.out.data({"site": id, "done": True})
    else:
        run.out.line(f"Site {id} is removed.")


def _tell(run: Run, site: "Site", words: str) -> None:
    if run.out.as_json:
        run.out.data(_plain(site))
    else:
        run.out.line(words)


def _plain(site: "Site") -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(site)
    del plain["station"], plain["state"]
    return plain | {"changed_at": plain.pop("at")}
