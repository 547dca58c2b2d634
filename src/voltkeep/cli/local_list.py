"""`voltkeep local-list`: the tokens that stations know by themselves."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.station_command import Timeout, answer
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.local_list import LocalList

group = typer.Typer(
    help="Keep the lists of tokens in step that stations use when they cannot ask.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_STYLES = {"in step": "green", "failed": "red", "due": "yellow"}
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", help="Only tokens of this group; may be said several times."),
]


@command(group, "show")
async def show(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(metavar="[STATION]", help="Which one; else all there are.")
    ] = None,
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")] = "default",
) -> None:
    """How far lists are in step, and why not."""
    from voltkeep.domain.identity import TenantId, parse_station
    from voltkeep.services.records import Look

    async with run.app() as app:
        if name is not None:
            _shown(run, await app.services.local_lists.get(parse_station(name)))
            return
        look = Look(limit=10_000)
        found = await app.services.local_lists.page(TenantId(tenant), look)
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("No station has a list of ours: `voltkeep local-list on STATION` sends it one.")
        return
    run.out.table(
        ("STATION", "KEPT", "STATE", "VERSION", "ENTRIES", "WHY"),
        [
            (
                str(each.station),
                "on" if each.is_on else "off",
                Cell(each.state, _STYLES.get(each.state, "dim")),
                str(each.version),
                str(each.entries),
                each.reason,
            )
            for each in sorted(found, key=lambda each: each.station)
        ],
    )


def _shown(run: Run, known: "LocalList") -> None:
    if run.out.as_json:
        run.out.data(_plain(known))
        return
    run.out.pairs(
        [
            ("Station", str(known.station)),
            ("Kept in step", "on" if known.is_on else "off"),
            ("State", Cell(known.state, _STYLES.get(known.state, "dim"))),
            ("Why", known.reason),
            ("Tokens", ", ".join(known.groups) or "all"),
            ("Version", str(known.version)),
            ("Entries", str(known.entries)),
            ("Left out", f"{known.left_out}: {known.left_out_why}" if known.left_out else ""),
            ("At most", "" if known.most_entries is None else str(known.most_entries)),
            ("In a message", "" if known.per_message is None else str(known.per_message)),
            ("Sent", instant(known.sent_at)),
            ("Has all from before", instant(known.synced_until)),
        ]
    )


@command(
    group,
    "sync",
    examples=(
        "local-list sync CS-01",
        "local-list sync CS-01 --full",
        "local-list sync CS-01 --full --exactly",
    ),
)
async def sync(
    run: Run,
    name: Name,
    full: Annotated[
        bool, typer.Option("--full", help="All of it, not only what has changed.")
    ] = False,
    exactly: Annotated[
        bool,
        typer.Option(
            "--exactly", help="Do not ask for its version and limits first; a passive one never is."
        ),
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Bring a station's list in step, now."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        asked = app.services.local_lists.sync(station, full=full, exactly=exactly)
        await answer(run, station, "send-local-list", asked, timeout)


@command(
    group,
    "send",
    examples=(
        "local-list send CS-01 04A2B3C4D5E680 04FFEEDDCCBBAA --full",
        "local-list send CS-01 04A2B3C4D5E680 --remove",
    ),
)
async def send(
    run: Run,
    name: Name,
    tokens: Annotated[
        list[str] | None, typer.Argument(metavar="[TOKEN]...", help="Tokens, registered or not.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="They are the whole list; none at all empties it.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take them out of the list.")] = False,
    version: Annotated[
        int | None, typer.Option("--version", help="Call the list by this number.")
    ] = None,
    status: Annotated[
        str, typer.Option(help="What the station shall make of them: Accepted, Blocked, …")
    ] = "Accepted",
    timeout: Timeout = None,
) -> None:
    """Send a station exactly these entries, whatever is registered."""
    from voltkeep.domain.authorization import Authorization
    from voltkeep.domain.identity import IdToken, parse_station
    from voltkeep.domain.local_list import ListEntry

    if not tokens and not full:
        raise Failure("Which tokens?", "Name them; none at all only with --full.", ExitCode.USAGE)
    words = {each.value.lower(): each for each in Authorization}
    if status.lower() not in words:
        allowed = ", ".join(each.value for each in Authorization)
        raise Failure(f"There is no status {status}.", f"Say one of {allowed}.", ExitCode.USAGE)
    made = None if remove else words[status.lower()]
    entries = [ListEntry(id_token=IdToken(each), status=made) for each in tokens or ()]
    station = parse_station(name)
    async with run.app() as app:
        asked = app.services.local_lists.send(station, entries, full=full, version=version)
        await answer(run, station, "send-local-list", asked, timeout)


@command(group, "on", examples=("local-list on CS-01", "local-list on CS-01 --group FLEET"))
async def on(run: Run, name: Name, groups: Groups = None) -> None:
    """Keep a station's list in step by itself; what changes of the tokens is sent soon."""
    await _set(run, name, is_on=True, groups=groups or [])


@command(group, "off")
async def off(run: Run, name: Name) -> None:
    """Send a station nothing of its list by itself. The list it has stays there."""
    await _set(run, name, is_on=False, groups=None)


async def _set(run: Run, name: str, *, is_on: bool, groups: list[str] | None) -> None:
    from voltkeep.domain.identity import parse_station

    async with run.app() as app:
        known = await app.services.local_lists.set(parse_station(name), is_on=is_on, groups=groups)
    if run.out.as_json:
        run.out.data(_plain(known))
    else:
        of = "the tokens of " + ", ".join(known.groups) if known.groups else "every token"
        run.out.line(
            f"The list of {name} is kept in step with {of}."
            if is_on
            else f"The list of {name} stays as it is."
        )


def _plain(known: "LocalList") -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(known)
    del plain["id"]
    return plain | {"station": str(known.station)}
