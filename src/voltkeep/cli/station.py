"""`voltkeep station`: the register of stations and their keys."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import count

if TYPE_CHECKING:
    from voltkeep.domain.identity import StationId
    from voltkeep.domain.stations import Station

group = typer.Typer(
    help="Register stations, see how they are, and command them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(metavar="STATION", help="The station's id, or TENANT/ID of another tenant.")
]
Profile = Annotated[
    int,
    typer.Option(
        "--security-profile",
        min=0,
        max=3,
        help="How it must connect: 1 with a key, 2 with a key over TLS, 3 with a certificate, "
        "0 without any check.",
    ),
]


class Registration(enum.StrEnum):
    """What a station is told when it boots."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


@command(group, "add", examples=("station add CS-01", "station add CS-01 --pending"))
async def add(
    run: Run,
    name: Name,
    security_profile: Profile = 1,
    password: Annotated[
        str | None,
        typer.Option(help="A key you choose, instead of a generated one; - reads it from stdin."),
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Do not let it work until `station accept`.")
    ] = False,
    note: Annotated[str, typer.Option(help="Anything you want to remember about it.")] = "",
) -> None:
    """Register a station, and print what to enter into it. Its key is shown this once."""
    from voltkeep.domain import stations
    from voltkeep.domain.identity import parse_station
    from voltkeep.wiring import now

    id = parse_station(name)
    chosen = chosen_password(run, security_profile, password)
    registration = stations.Registration.PENDING if pending else stations.Registration.ACCEPTED
    station = stations.Station(
        id=id,
        security_profile=stations.SecurityProfile(security_profile),
        registration=registration,
        note=note,
        created_at=now(),
    )
    async with run.app() as app:
        await app.services.provisioning.add(station)
        key = None
        if chosen is not None:
            await app.services.security.set_password(id, chosen)
        elif station.security_profile in WITH_KEY:
            key = await app.services.security.rotate_key(id)
        there = app.services.addresses.station(id, station.security_profile) if run.server else None
    tell_how_to_connect(run, station, chosen or key, is_new=key is not None, there=there)


WITH_KEY = (1, 2)  # security profiles that know a key
_FROM_STDIN = "-"
_SHORTEST = 16  # characters of a key that OCPP allows


def chosen_password(run: Run, security_profile: int, password: str | None) -> str | None:
    """The key that a person chose, if any; a weak one with a warning. Raises Failure."""
    if password is None:
        return None
    if security_profile not in WITH_KEY:
        raise Failure(
            f"Security profile {security_profile} has no key.",
            "Leave --password out, or choose profile 1 or 2.",
            ExitCode.USAGE,
        )
    chosen = password
    if password == _FROM_STDIN:
        chosen = typer.get_text_stream("stdin").readline().rstrip("\r\n")
    if not chosen:
        raise Failure("The key is empty.", "Leave --password out for a good one.", ExitCode.USAGE)
    if len(chosen) < _SHORTEST and run.server:
        raise Failure(
            f"From afar a key has at least {_SHORTEST} characters.",
            "Leave --password out for a good one, or choose a longer one.",
            ExitCode.USAGE,
        )
    if len(chosen) < _SHORTEST:
        run.out.say(
            f"Warning: a key of {len(chosen)} characters can be guessed; OCPP asks for 16 to 40. "
            "Without --password a good one is generated."
        )
    return chosen


def tell_how_to_connect(
    run: Run,
    station: "Station",
    key: str | None,
    *,
    is_new: bool,
    there: str | None = None,
) -> None:
    """What to enter into a station. ``is_new``: the key is shown this once.

    ``there``: its address at a server elsewhere, "" if that has not told it; None: ours counts.
    """
    from voltkeep.cli.addresses import entry

    at = entry(run.settings, station.id, station.security_profile) if there is None else None
    url = there if there is not None else at.url if at else "none: the listener for it is off"
    profile = int(station.security_profile)
    if run.out.as_json:
        run.out.data(
            {
                "station": str(station.id),
                "security_profile": profile,
                "registration": station.registration,
                "url": at.url if at else there or None,
                "user": station.id.name if key else None,
                "key": key if is_new else None,
            }
        )
        return
    out = run.out
    out.line(f"Station {station.id} may connect with security profile {profile}.\n")
    out.pairs(
        [
            ("  URL", url),
            ("  User name", station.id.name if key else ""),
            ("  Password", (key if is_new else "the one you gave") if key else ""),
        ]
    )
    out.line()
    _advise(run, station, is_new=is_new)
    if at:
        out.say(f"A station that asks for an address without its id gets {at.base}")
        if at.is_local:
            out.say(
                "Only this machine reaches that address: for others let the server listen "
                f"elsewhere, as with `voltkeep serve --{at.setting.replace('_', '-')} "
                f"0.0.0.0:{at.port}`."
            )


def _advise(run: Run, station: "Station", *, is_new: bool) -> None:
    say = run.out.say
    if is_new:
        say("The password is not kept and not shown again; `station rotate-key` makes a new one.")
    if station.security_profile == 0:
        say(
            "WARNING: with security profile 0 whoever knows the id is this station: they can "
            "start and stop transactions in its name. Use it for trials on a network you trust."
        )
    elif station.security_profile > 1:
        say("It must trust our root certificate: `voltkeep ca export root` writes it to a file.")
    if station.security_profile == 3:
        say(
            "It needs a client certificate: `voltkeep certificate renew` has a station ask for "
            "one while it still connects with profile 2."
        )
    if station.registration == "Pending":
        say(f"It is held as pending: `voltkeep station accept {station.id.quoted}` lets it work.")


@command(group, "rename", examples=("station rename CS-01 GARAGE-01",))
async def rename(
    run: Run,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The id it shall have.")],
) -> None:
    """Give a station another id. Its history follows; its key stays; its connection is closed."""
    from voltkeep.cli.addresses import entry
    from voltkeep.domain.identity import parse_station

    old, renamed = parse_station(name), parse_station(new)
    async with run.app() as app:
        await app.services.provisioning.rename(old, renamed)
    _done(run, renamed, f"{old} is now called {renamed}.")
    if at := entry(run.settings, renamed):
        run.out.say(f"Enter into the station: {at.url}, user name {renamed.name}.")


@command(group, "remove", examples=("station remove CS-01 --yes",))
async def remove(
    run: Run,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a station: it is not let in again. Its transactions and meter values stay."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        await app.services.provisioning.get(station)
        run.confirm(str(station), yes=yes)
        await app.services.provisioning.remove(station)
    _done(run, station, f"{station} is removed. Its transactions stay.")


@command(
    group,
    "set",
    examples=("station set CS-01 --security-profile 0", "station set CS-01 --passive"),
)
async def set_(
    run: Run,
    name: Name,
    security_profile: Annotated[
        int | None, typer.Option(min=0, max=3, help="How it must connect from now on.")
    ] = None,
    registration: Annotated[
        Registration | None, typer.Option(help="What it is told when it boots.")
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="Where it stands: a site's id; an empty one is nowhere.")
    ] = None,
    passive: Annotated[
        bool | None,
        typer.Option(help="Ask the station nothing unless a person does (conformance tests)."),
    ] = None,
) -> None:
    """Change how a station must connect, and whether it may work."""
    from voltkeep.domain import stations
    from voltkeep.domain.identity import parse_station

    id = parse_station(name)
    if all(each is None for each in (security_profile, registration, site, passive)):
        raise Failure(
            "Nothing to set.",
            "Say what: --security-profile, --registration, --site or --passive.",
            ExitCode.USAGE,
        )
    async with run.app() as app:
        provisioning = app.services.provisioning
        if security_profile is not None:
            await provisioning.set_profile(id, stations.SecurityProfile(security_profile))
        if registration is not None:
            await provisioning.set_registration(
                id, stations.Registration(registration.value.capitalize())
            )
        if site is not None:
            await provisioning.describe(id, site=site)
        if passive is not None:
            await provisioning.set_passive(id, passive=passive)
        station = await provisioning.get(id)
    _done(run, id, f"{id} is changed.")
    if security_profile is not None:
        _advise(run, station, is_new=False)
    if security_profile in WITH_KEY and not station.key_hash:
        run.out.say(f"It has no key yet: `voltkeep station rotate-key {id.quoted}` makes one.")
    if registration is not None:
        run.out.say("It learns that at its next boot.")


@command(group, "accept")
async def accept(run: Run, name: Name) -> None:
    """Let a pending or rejected station work, from its next boot on."""
    await _register(run, name, Registration.ACCEPTED)


@command(group, "reject")
async def reject(run: Run, name: Name) -> None:
    """Let a station connect but not work, from its next boot on."""
    await _register(run, name, Registration.REJECTED)


async def _register(run: Run, name: str, registration: Registration) -> None:
    from voltkeep.domain import stations
    from voltkeep.domain.identity import parse_station

    id = parse_station(name)
    async with run.app() as app:
        await app.services.provisioning.set_registration(
            id, stations.Registration(registration.value.capitalize())
        )
        retry_s = app.settings.boot_retry_s
    _done(run, id, f"{id} is {registration}.")
    run.out.say(f"It learns that at its next boot, within {count(retry_s, 'second')} if it waits.")


def _done(run: Run, station: "StationId", words: str) -> None:
    if run.out.as_json:
        run.out.data({"station": str(station), "done": True})
    else:
        run.out.line(words)
