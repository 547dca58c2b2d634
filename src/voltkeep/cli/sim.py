"""`voltkeep sim`: charging stations in software."""

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.sim_security import (
    Authority,
    Certificate,
    Insecure,
    Key,
    Profile,
    Wanted,
    check_url,
    credentials,
)
from voltkeep.cli.text import count, escape
from voltkeep.domain.stations import SecurityProfile

if TYPE_CHECKING:
    from voltkeep.sim import FleetOptions, FleetStatus

group = typer.Typer(
    help="Charging stations in software, to develop and to test against.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PROGRESS_EVERY_S = 10.0  # where there is no terminal to write over


Count = Annotated[int, typer.Option("--stations", min=1, max=100_000, help="How many.")]
Url = Annotated[
    str | None,
    typer.Option(help="Where they connect; their ids are added. Without it: to our server."),
]
Register = Annotated[
    bool,
    typer.Option("--register", help="First register them, and the tokens, in our database."),
]
Versions = Annotated[
    str | None, typer.Option(metavar="LIST", help="Which OCPP versions take turns.")
]
Prefix = Annotated[str, typer.Option(help="They are called PREFIX-0001 and so on.")]
Password = Annotated[
    str | None, typer.Option(help="The key of all of them; - reads it from stdin.")
]
Tokens = Annotated[str, typer.Option(metavar="LIST", help="Who charges; nobody if it is empty.")]
Connectors = Annotated[int, typer.Option(min=1, max=16, help="Of each station.")]
MeterInterval = Annotated[
    int, typer.Option(min=1, metavar="SECONDS", help="Between meter values, in simulated time.")
]
Duration = Annotated[
    float | None, typer.Option(min=0.1, metavar="SECONDS", help="Else until Ctrl-C.")
]
Speed = Annotated[float, typer.Option(min=0.01, max=10_000, help="Simulated seconds a second.")]
Ramp = Annotated[float, typer.Option(min=0.1, help="How many stations start in each second.")]
Misbehave = Annotated[
    str, typer.Option(metavar="LIST", help="How they misbehave; see `sim misbehaviours`.")
]
Seed = Annotated[int, typer.Option(help="The same seed brings the same drivers.")]


@command(
    group,
    "run",
    examples=(
        "sim run --stations 50 --register",
        "sim run --stations 500 --url ws://csms.example/ocpp --password KEY --tokens CARD-1",
        "sim run --url ws://127.0.0.1:9000/ocpp --register --misbehave malformed-json",
        "sim run --security-profile 2 --register",
    ),
)
async def run_(
    run: Run,
    *,
    stations: Count = 10,
    url: Url = None,
    register: Register = False,
    versions: Versions = None,
    id_prefix: Prefix = "SIM",
    password: Password = None,
    tokens: Tokens = "SIM-DRIVER-1,SIM-DRIVER-2,SIM-DRIVER-3",
    connectors: Connectors = 1,
    meter_interval_s: MeterInterval = 60,
    duration: Duration = None,
    speed: Speed = 1.0,
    ramp: Ramp = 100.0,
    misbehave: Misbehave = "",
    seed: Seed = 0,
    security_profile: Profile = None,
    ca: Authority = None,
    certificate: Certificate = None,
    key: Key = None,
    insecure: Insecure = False,
) -> None:
    """Run many simulated stations in this process: they connect, and drivers charge there."""
    from voltkeep.cli.logs import quiet_logs
    from voltkeep.sim import FleetOptions

    quiet_logs(debug=run.debug)
    wanted = Wanted(security_profile, ca, certificate, key, insecure)
    options = FleetOptions(
        stations=stations,
        url=check_url(url) if url else _our_url(run, wanted.security_profile),
        profile=security_profile,
        id_prefix=id_prefix,
        password=sys.stdin.readline().rstrip("\r\n") if password == _FROM_STDIN else password,
        tokens=_list(tokens),
        duration_s=duration,
        speed=speed,
        ramp_per_s=ramp,
        connectors=connectors,
        meter_interval_s=meter_interval_s,
        misbehave=_known_misbehaviours(_list(misbehave)),
        seed=seed,
    )
    if versions:
        options = msgspec.structs.replace(options, versions=_known_versions(_list(versions)))
    shared, certified = credentials(run, wanted, options.ids, options.url)
    options = msgspec.structs.replace(options, credentials=shared, certified=certified)
    if register:
        options = await _registered(run, options, wanted.at(options.url))
    await _run(run, options)


_FROM_STDIN = "-"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _our_url(run: Run, profile: SecurityProfile) -> str:
    from voltkeep.cli.addresses import our_base_url

    url = our_base_url(run.settings, profile)
    if url is None:
        raise Failure(
            "No server is known to connect to.", "Say where with --url ws://…", ExitCode.USAGE
        )
    return url


def _known_versions(names: tuple[str, ...]) -> tuple[str, ...]:
    from voltkeep.sim.simulator import DIALECTS

    known = [name.removeprefix("ocpp") for name in DIALECTS]
    for name in names:
        if name.removeprefix("ocpp") not in known:
            raise Failure(
                f"{name} is no OCPP version that they speak.",
                f"There are: {', '.join(known)}.",
                ExitCode.USAGE,
            )
    return names


def _known_misbehaviours(names: tuple[str, ...]) -> tuple[str, ...]:
    from voltkeep.sim import MISBEHAVIOURS

    for name in names:
        if name not in MISBEHAVIOURS:
            raise Failure(
                f"{name} is no misbehaviour that they know.",
                "`voltkeep sim misbehaviours` lists them.",
                ExitCode.USAGE,
            )
    return names


async def _registered(
    run: Run, options: "FleetOptions", profile: SecurityProfile
) -> "FleetOptions":
    """The same options, with the keys of stations that are now registered."""
    from voltkeep.cli.demo import register

    async with run.app() as app:
        keys = await register(app, options.ids, options.tokens, profile)
    return msgspec.structs.replace(options, keys=keys)


_ADVICE = {
    "refused": "Are they registered, with this password? --register does that for our own server.",
    "tls": (
        "Is that the port for TLS with wss://, and the one without for ws://? Do they believe its "
        "certificate (--ca FILE), and does it ask for theirs (--certificate, --key)?"
    ),
    "unreachable": "Does a server listen there? `voltkeep doctor` knows about ours.",
}


async def _run(run: Run, options: "FleetOptions") -> None:
    """Until its time is over, or Ctrl-C."""
    import asyncio

    from voltkeep.sim import run_fleet

    last: list[FleetStatus] = []
    told_at = 0.0

    def report(status: "FleetStatus") -> None:
        nonlocal told_at
        last[:] = [status]
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{_line(status)}")
            sys.stderr.flush()
        elif status.elapsed_s - told_at >= _PROGRESS_EVERY_S:
            told_at = status.elapsed_s
            run.out.say(_line(status))

    task = asyncio.ensure_future(run_fleet(options, report))
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        last[:] = [await task]
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    if not last:
        return
    status = last[0]
    if run.out.as_json:
        run.out.data(status)
    else:
        run.out.line(_line(status))
    if status.booted == 0:
        why = f": {status.problem}" if status.problem else ""
        raise Failure(
            f"No station was let in{why}.",
            _ADVICE.get(status.cause, _ADVICE["refused"]),
            ExitCode.UNREACHABLE,
        )


def _line(status: "FleetStatus") -> str:
    parts = [
        f"{status.elapsed_s:.0f} s",
        f"{status.connected} of {count(status.stations, 'station')} connected",
        f"{status.charging} charging",
        f"{status.transactions} transactions",
        f"{status.messages} messages answered",
        f"p50 {status.p50_ms:g} ms, p99 {status.p99_ms:g} ms",
        f"{status.errors} errors" if status.errors else "",
        f"{status.unanswered} unanswered" if status.unanswered else "",
        f"{status.refused} refused ({status.problem})" if status.refused else "",
    ]
    return escape(", ".join(filter(None, parts)))


@command(group, "misbehaviours")
async def misbehaviours(run: Run) -> None:
    """What simulated stations can be told to do wrong, by name."""
    from voltkeep.sim import MISBEHAVIOURS

    if run.out.as_json:
        run.out.data({name: row.does for name, row in MISBEHAVIOURS.items()})
        return
    run.out.table(
        ("NAME", "WHAT IT DOES"), [(name, row.does) for name, row in MISBEHAVIOURS.items()]
    )
