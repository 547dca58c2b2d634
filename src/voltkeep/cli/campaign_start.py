"""`voltkeep campaign start`: what a campaign does, to which stations, and how fast."""

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.log import By, Moment, Retries, RetryInterval, utc

if TYPE_CHECKING:
    from voltkeep.domain.campaigns import Campaign, FirmwareGoal, Terms, Window
    from voltkeep.domain.identity import TenantId
    from voltkeep.domain.stations import SecurityProfile
    from voltkeep.services.lists import StationFilter

group = typer.Typer(
    help="Start a campaign. The server walks the stations through it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
Stations = Annotated[
    list[str] | None, typer.Argument(metavar="[STATION]...", help="Which stations.")
]
Every = Annotated[bool, typer.Option("--all", help="Every station of the tenant.")]
Site = Annotated[str | None, typer.Option(help="Those that stand there.")]
Vendor = Annotated[str | None, typer.Option(help="Those of this maker.")]
Model = Annotated[str | None, typer.Option(help="Those of this model.")]
Runs = Annotated[
    str | None, typer.Option("--runs", metavar="VERSION", help="Those that run this firmware.")
]
Prefix = Annotated[str | None, typer.Option(help="Those whose names begin so.")]
AtOnce = Annotated[
    int, typer.Option(min=1, max=1000, help="Stations asked and not back yet, at most.")
]
ComeBack = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="How long a station may take.")
]
HaltAfter = Annotated[
    int, typer.Option(min=0, help="Failures that halt the campaign; 0: however many.")
]
HaltPercent = Annotated[
    float | None,
    typer.Option(
        min=0.1, max=100, metavar="PERCENT", help="A share of failures that halts it, of five on."
    ),
]
Canaries = Annotated[
    str, typer.Option(metavar="N|N%", help="How many go first; the rest follows if they do well.")
]
CanaryFailures = Annotated[int, typer.Option(min=0, help="Canaries that may fail.")]
Ask = Annotated[bool, typer.Option("--ask", help="After the canaries, wait for `campaign go-on`.")]
Attempts = Annotated[int, typer.Option(min=1, max=10, help="How often each station is asked.")]
RetryAfter = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Before one that failed is asked again.")
]
Hours = Annotated[
    str | None,
    typer.Option("--window", metavar="HH:MM-HH:MM", help="Ask stations only then; UTC."),
]
_TERMS = ("at_once", "come_back", "halt_after", "halt_percent", "canaries", "canary_failures")
_MORE_TERMS = ("ask", "attempts", "retry_after", "window", "until")
_WHICH = ("stations", "every", "site", "vendor", "model", "runs", "prefix", "tenant")


@command(
    group,
    "profile",
    examples=(
        "campaign start profile 2 --all --canaries 5",
        "campaign start profile 2 CS-01 CS-02 --at-once 1",
    ),
)
async def profile(
    run: Run,
    target: Annotated[
        int, typer.Argument(metavar="PROFILE", min=1, max=3, help="Where each station shall end.")
    ],
    stations: Stations = None,
    *,
    every: Every = False,
    site: Site = None,
    vendor: Vendor = None,
    model: Model = None,
    runs: Runs = None,
    prefix: Prefix = None,
    at_once: AtOnce = 10,
    come_back: ComeBack = 600,
    halt_after: HaltAfter = 3,
    halt_percent: HaltPercent = None,
    canaries: Canaries = "0",
    canary_failures: CanaryFailures = 0,
    ask: Ask = False,
    attempts: Attempts = 1,
    retry_after: RetryAfter = 300,
    window: Hours = None,
    until: Annotated[datetime | None, Moment] = None,
    tenant: Tenant = "default",
) -> None:
    """Walk stations up to a security profile, one profile at a time."""
    from voltkeep.domain.stations import SecurityProfile

    given = dict(locals())
    await _start(run, SecurityProfile(target), given)


@command(
    group,
    "firmware",
    examples=(
        "campaign start firmware v2.1 --to 2.1.0 --vendor Acme --model One --canaries 5%",
        "campaign start firmware v2.1 --to 2.1.0 --all --window 22:00-04:00 --halt-percent 5",
    ),
)
async def firmware(
    run: Run,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Which image.")],
    stations: Stations = None,
    *,
    every: Every = False,
    site: Site = None,
    vendor: Vendor = None,
    model: Model = None,
    runs: Runs = None,
    prefix: Prefix = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="VERSION", help="What they run then; else their word is taken for it."
        ),
    ] = "",
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Leave the signature away, as OCPP 1.6 once did.")
    ] = False,
    install_at: Annotated[datetime | None, Moment] = None,
    retries: Retries = None,
    retry_interval: RetryInterval = None,
    by: By = None,
    at_once: AtOnce = 10,
    come_back: ComeBack = 7200,
    halt_after: HaltAfter = 3,
    halt_percent: HaltPercent = None,
    canaries: Canaries = "0",
    canary_failures: CanaryFailures = 0,
    ask: Ask = False,
    attempts: Attempts = 1,
    retry_after: RetryAfter = 300,
    window: Hours = None,
    until: Annotated[datetime | None, Moment] = None,
    tenant: Tenant = "default",
) -> None:
    """Update stations with an image that is kept here."""
    from voltkeep.domain.campaigns import FirmwareGoal

    given = dict(locals())
    goal = FirmwareGoal(
        image=image,
        version=to,
        unsigned=unsigned,
        install_at=utc(install_at),
        retries=retries,
        retry_interval_s=retry_interval,
        via="" if by is None else by.value,
    )
    await _start(run, goal, given)


async def _start(run: Run, goal: "SecurityProfile | FirmwareGoal", given: dict[str, Any]) -> None:
    which, whose = _chosen(**{name: given[name] for name in _WHICH})
    terms = _terms(**{name: given[name] for name in (*_TERMS, *_MORE_TERMS)})
    async with run.app() as app:
        campaign = await app.services.campaigns.start(whose, goal, which, terms)
    if run.out.as_json:
        run.out.data(plain(campaign))
    else:
        run.out.line(f"Campaign {campaign.id} has begun.")
    run.out.say(f"`voltkeep campaign show {campaign.id}` tells how far it is.")


def _chosen(
    *,
    stations: list[str] | None,
    every: bool,
    site: str | None,
    vendor: str | None,
    model: str | None,
    runs: str | None,
    prefix: str | None,
    tenant: str,
) -> "tuple[StationFilter, TenantId]":
    """Raises Failure unless it is said which stations, in one way."""
    from voltkeep.domain.identity import TenantId, parse_station
    from voltkeep.services.lists import StationFilter

    some = any((site, vendor, model, runs, prefix))
    if bool(stations) + every + some != 1:
        advice = "Name them, or say --all, or which of them (--site, --model …): one of these."
        raise Failure("Which stations?", advice, ExitCode.USAGE)
    chosen = [parse_station(name) for name in stations or ()]
    whose = chosen[0].tenant if chosen else TenantId(tenant)
    if any(each.tenant != whose for each in chosen):
        raise Failure("A campaign is of one tenant.", "Start one for each tenant.", ExitCode.USAGE)
    which = StationFilter(
        names=tuple(dict.fromkeys(each.name for each in chosen)) if chosen else None,
        sites=None if site is None else (site,),
        vendor=vendor,
        model=model,
        firmware=runs,
        prefix=prefix or "",
    )
    return which, whose


def _terms(
    *,
    at_once: int,
    come_back: float,
    halt_after: int,
    halt_percent: float | None,
    canaries: str,
    canary_failures: int,
    ask: bool,
    attempts: int,
    retry_after: float,
    window: str | None,
    until: datetime | None,
) -> "Terms":
    from voltkeep.domain.campaigns import Terms

    try:
        is_share = canaries.endswith("%")
        share = float(canaries[:-1]) if is_share else None
        number = 0 if is_share else int(canaries)
    except ValueError:
        advice = "A number as in --canaries 5, or a share as in --canaries 10%."
        raise Failure("How many canaries?", advice, ExitCode.USAGE) from None
    return Terms(
        at_once=at_once,
        come_back_s=come_back,
        halt_after=halt_after,
        halt_percent=halt_percent,
        canaries=number,
        canary_percent=share,
        canary_failures=canary_failures,
        waits_for_word=ask,
        attempts=attempts,
        retry_after_s=retry_after,
        window=None if window is None else _window(window),
        until=utc(until),
    )


def _window(text: str) -> "Window":
    from voltkeep.domain.campaigns import Window

    begin, _, end = text.partition("-")
    try:
        times = [time.fromisoformat(each.strip()) for each in (begin, end)]
    except ValueError:
        times = []
    if not times or any(each.tzinfo is not None for each in times):
        advice = "From when to when, in UTC: --window 22:00-04:30."
        raise Failure(f"{text} is no window of time.", advice, ExitCode.USAGE)
    return Window(*times)


def plain(campaign: "Campaign") -> dict[str, object]:
    """A campaign for programs."""
    import msgspec

    fields = msgspec.to_builtins(campaign)
    for name in ("station", "actor", "sites", "filled_to", "is_filled", "was_resumed", "which"):
        del fields[name]
    which = msgspec.json.decode(campaign.which) if campaign.which else None
    return {**fields, "which": which, "tenant": campaign.station.tenant}
