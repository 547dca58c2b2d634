"""`voltkeep station rotate-key` and `raise-profile`: how a station authenticates from now on."""

from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.station import WITH_KEY, Name, chosen_password, group, tell_how_to_connect

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.identity import StationId
    from voltkeep.domain.stations import Station
    from voltkeep.services.credentials import KeyRotation, ProfileRaise


@command(
    group,
    "rotate-key",
    examples=("station rotate-key CS-01", "station rotate-key CS-01 --local"),
)
async def rotate_key(
    run: Run,
    name: Name,
    local: Annotated[
        bool,
        typer.Option(
            "--local", help="Do not tell the station: somebody enters the key into it by hand."
        ),
    ] = False,
    password: Annotated[
        str | None,
        typer.Option(
            help="With --local: a key you choose, instead of a generated one; "
            "- reads it from stdin."
        ),
    ] = None,
) -> None:
    """Give a station a new key, over OCPP, and print it.

    Once the station has taken it, the old one is over; if its answer is lost, both count until
    one of them is used. A station that has never connected is not told: enter the key into it.
    """
    from voltkeep.domain.identity import parse_station

    id = parse_station(name)
    async with run.app() as app:
        station = await app.services.provisioning.get(id)
        if not local and password is None and station.connected_at is not None:
            rotation = await app.services.credentials.rotate_key(id)
            _tell_rotation(run, station, rotation)
            return
        key, is_new = await _set_here(run, app, station, password)
        there = app.services.addresses.station(id, station.security_profile) if run.server else None
    tell_how_to_connect(run, station, key, is_new=is_new, there=there)
    run.out.say("The station is not told the new key by Voltkeep: enter it into the station.")


async def _set_here(
    run: Run, app: "App", station: "Station", password: str | None
) -> tuple[str, bool]:
    if station.security_profile not in WITH_KEY:
        profile, name = int(station.security_profile), station.id.quoted
        raise Failure(
            f"Security profile {profile} has no key.",
            f"It shows a certificate: `voltkeep certificate renew {name}` gives it a new one."
            if profile
            else f"`voltkeep station set {name} --security-profile 1` gives it one that has.",
        )
    chosen = chosen_password(run, int(station.security_profile), password)
    if chosen is None:
        return await app.services.security.rotate_key(station.id), True
    await app.services.security.set_password(station.id, chosen)
    return chosen, False


def _tell_rotation(run: Run, station: "Station", rotation: "KeyRotation") -> None:
    """Print the key, if the station may have it. Raises Failure if it is not sure to."""
    from voltkeep.services.credentials import Stage

    id = station.id
    if run.out.as_json:
        run.out.data(
            {
                "station": str(id),
                "stage": rotation.stage,
                "status": rotation.status or rotation.problem,
                "user": id.name,
                "key": rotation.key or None,
            }
        )
    elif rotation.key:
        run.out.line(f"The new key of {id}:\n")
        run.out.pairs([("  User name", id.name), ("  Password", rotation.key)])
        run.out.line()
    say = run.out.say
    match rotation.stage:
        case Stage.ACCEPTED:
            say(f"{id} has taken it; the old one is over. It is not kept and not shown again.")
        case Stage.AFTER_REBOOT:
            say(
                f"{id} uses it once it has restarted: `voltkeep station command {id.quoted} "
                "reset`. "
                "Until then the old one counts as well. It is not shown again."
            )
        case Stage.UNANSWERED:
            say("It is not kept and not shown again.")
            raise Failure(
                f"{id} has not said whether it took its new key ({rotation.problem}).",
                "Both keys count until its next connection shows which it uses.",
                ExitCode.UNREACHABLE,
            )
        case Stage.REJECTED:
            raise Failure(
                f"{id} did not take a new key: {rotation.status}. Its old one goes on to count.",
                f"Enter one into it by hand: `voltkeep station rotate-key {id.quoted} --local`.",
            )


@command(
    group,
    "raise-profile",
    examples=("station raise-profile CS-01", "station raise-profile CS-01 --to 3 --reset"),
)
async def raise_profile(
    run: Run,
    name: Name,
    *,
    to: Annotated[
        int | None, typer.Option("--to", min=1, max=3, help="The next profile; nothing else.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Restart the station afterwards, once it is idle.")
    ] = False,
    immediate: Annotated[
        bool, typer.Option("--immediate", help="Restart it now, ending transactions.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Whatever we know that the station lacks for it.")
    ] = False,
    url: Annotated[
        str, typer.Option(help="Where it shall connect, without its id, if not to this server.")
    ] = "",
    slots: Annotated[
        str,
        typer.Option(
            metavar="N,N",
            help="OCPP 2.x: the slot of the new network profile, then the one to fall back to. "
            "Without it the station is asked.",
        ),
    ] = "",
    interface: Annotated[
        str, typer.Option(help="OCPP 2.x: of the station, as Wired0 or Wireless0.")
    ] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Take it back, as long as it has not come about.")
    ] = False,
) -> None:
    """Ask a station to use the next higher security profile.

    Both profiles count until it has connected with the new one; then the old one is over for
    ever. Over OCPP no profile is lowered.
    """
    from voltkeep.domain.commands import ResetKind
    from voltkeep.domain.identity import parse_station
    from voltkeep.domain.stations import SecurityProfile
    from voltkeep.services.network_profiles import Route

    id = parse_station(name)
    kind = ResetKind.IMMEDIATE if immediate else ResetKind.ON_IDLE
    route = Route(url=url.rstrip("/"), slots=_slots(slots), interface=interface)
    async with run.app() as app:
        if cancel:
            pending = await app.services.credentials.cancel_raise(id)
            _told(run, id, f"{id} is not expected with security profile {int(pending)} any more.")
            return
        raised = await app.services.credentials.raise_profile(
            id,
            None if to is None else SecurityProfile(to),
            reset=kind if reset or immediate else None,
            force=force,
            route=route,
        )
    _tell_raise(run, id, raised)


def _slots(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise Failure("Slots are numbers.", "As in --slots 2,1.", ExitCode.USAGE)
    return tuple(map(int, words))


def _told(run: Run, id: "StationId", words: str) -> None:
    if run.out.as_json:
        run.out.data({"station": str(id), "done": True})
    else:
        run.out.line(words)


def _tell_raise(run: Run, id: "StationId", raised: "ProfileRaise") -> None:
    """Raises Failure if the station did not take it, or did not answer."""
    import msgspec

    from voltkeep.services.credentials import Stage

    profile = int(raised.profile)
    if run.out.as_json:
        run.out.data({"station": str(id)} | msgspec.to_builtins(raised))
    elif raised.key:
        run.out.line(f"The first key of {id}:\n")
        run.out.pairs([("  User name", id.name), ("  Password", raised.key)])
        run.out.line()
    for warning in raised.warnings:
        run.out.say(f"Warning: {warning}.")
    match raised.stage:
        case Stage.REJECTED:
            raise Failure(
                f"{id} does not take security profile {profile}: {raised.status}.",
                "It needs a key for 1 and 2, our root certificate for 2 and 3, and a certificate "
                "of its own for 3.",
            )
        case Stage.UNANSWERED:
            raise Failure(
                f"{id} has not said whether it takes security profile {profile} "
                f"({raised.problem}).",
                "Both profiles count until it has connected with the new one.",
                ExitCode.UNREACHABLE,
            )
    if not run.out.as_json:
        run.out.line(f"{id} takes security profile {profile}, and is expected with it.")
    if raised.reset:
        run.out.say(f"Asked to restart, it said: {raised.reset}.")
    elif raised.needs_reset:
        run.out.say(f"It changes when it restarts: `voltkeep station command {id.quoted} reset`.")
    run.out.say(f"`voltkeep station show {id.quoted}` tells when it has come.")
