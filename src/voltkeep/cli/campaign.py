"""`voltkeep campaign`: a change walked through a fleet."""

from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.campaigns import Campaign

group = typer.Typer(
    help="Raise the security profile of a fleet, a few stations at a time.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the campaign, as `list` shows it.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
_STYLES = {"running": "green", "halted": "bold red", "finished": "dim", "cancelled": "dim"}


@command(
    group,
    "start",
    examples=(
        "campaign start --profile 2 --all",
        "campaign start --profile 2 CS-01 CS-02 --at-once 1",
    ),
)
async def start(
    run: Run,
    profile: Annotated[
        int, typer.Option("--profile", min=1, max=3, help="Where each station shall end.")
    ],
    stations: Annotated[
        list[str] | None, typer.Argument(metavar="[STATION]...", help="Which stations.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every station of the tenant.")] = False,
    at_once: Annotated[
        int, typer.Option(min=1, max=1000, help="Stations asked and not back yet, at most.")
    ] = 10,
    come_back: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long one may take to come back.")
    ] = 600,
    halt_after: Annotated[int, typer.Option(min=1, help="Failures that halt the campaign.")] = 3,
    tenant: Tenant = "default",
) -> None:
    """Walk stations up to a security profile, one profile at a time. The server does it."""
    from voltkeep.domain.identity import TenantId, parse_station
    from voltkeep.domain.stations import SecurityProfile

    if bool(stations) == every:
        raise Failure("Which stations?", "Name them, or say --all: one of both.", ExitCode.USAGE)
    chosen = [parse_station(name) for name in stations or ()]
    whose = chosen[0].tenant if chosen else TenantId(tenant)
    if any(each.tenant != whose for each in chosen):
        raise Failure("A campaign is of one tenant.", "Start one for each tenant.", ExitCode.USAGE)
    async with run.app() as app:
        campaign = await app.services.campaigns.start(
            whose,
            SecurityProfile(profile),
            chosen or None,
            at_once=at_once,
            come_back_s=come_back,
            halt_after=halt_after,
        )
    _tell(run, campaign, f"Campaign {campaign.id} has begun.")
    run.out.say(f"`voltkeep campaign show {campaign.id}` tells how far it is.")


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """The campaigns there are and were, the latest first."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaigns = await app.services.campaigns.all(TenantId(tenant))
    if run.out.as_json:
        run.out.data([_plain(each) for each in campaigns])
        return
    if not campaigns:
        run.out.say("No campaign. Start one: `voltkeep campaign start --profile 2 --all`.")
        return
    run.out.table(
        ("ID", "STATE", "PROFILE", "SINCE", "REASON"),
        [
            (
                each.id,
                Cell(each.state, _STYLES[each.state]),
                str(each.target),
                instant(each.started_at),
                each.reason,
            )
            for each in campaigns
        ],
    )


@command(group, "show")
async def show(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """How far a campaign is, and which stations failed."""
    import msgspec

    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        progress = await app.services.campaigns.progress(TenantId(tenant), id)
    campaign = progress.campaign
    if run.out.as_json:
        failed = [
            {"station": str(step.station), "reason": step.reason, "at": step.at}
            for step in progress.failed
        ]
        run.out.data(_plain(campaign) | {"stations": progress.counts, "failed": failed})
        return
    counts = msgspec.to_builtins(progress.counts)
    run.out.pairs(
        [
            ("Campaign", campaign.id),
            ("State", Cell(campaign.state, _STYLES[campaign.state])),
            ("Reason", campaign.reason),
            ("To security profile", str(campaign.target)),
            ("Begun", instant(campaign.started_at)),
            ("At once", str(campaign.at_once)),
            ("Halts after", f"{campaign.halt_after} failures, {campaign.failures} so far"),
            *((f"  {state}", str(count)) for state, count in counts.items() if count),
        ]
    )
    if progress.failed:
        run.out.line()
        run.out.table(
            ("STATION", "FAILED", "WHY"),
            [(str(step.station), instant(step.at), step.reason) for step in progress.failed],
        )


@command(group, "halt")
async def halt(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Ask no further station until it is resumed."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaign = await app.services.campaigns.halt(TenantId(tenant), id)
    _tell(run, campaign, f"Campaign {id} is halted.")


@command(group, "resume")
async def resume(
    run: Run,
    id: Id,
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask those that failed once more.")
    ] = False,
    tenant: Tenant = "default",
) -> None:
    """Go on with a campaign that was halted; failures are counted anew."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaign = await app.services.campaigns.resume(TenantId(tenant), id, retry=retry)
    _tell(run, campaign, f"Campaign {id} goes on.")


@command(group, "cancel")
async def cancel(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """End a campaign. Stations that were asked already may still change."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaign = await app.services.campaigns.cancel(TenantId(tenant), id)
    _tell(run, campaign, f"Campaign {id} is cancelled.")


def _tell(run: Run, campaign: "Campaign", words: str) -> None:
    if run.out.as_json:
        run.out.data(_plain(campaign))
    else:
        run.out.line(words)


def _plain(campaign: "Campaign") -> dict[str, object]:
    import msgspec

    plain = msgspec.structs.asdict(campaign)
    del plain["station"]
    return plain | {"tenant": campaign.station.tenant}
