"""`voltkeep campaign`: a change walked through a fleet."""

from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli import campaign_start
from voltkeep.cli.campaign_start import plain
from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.campaigns import Campaign

group = typer.Typer(
    help="Walk a fleet through a change, a few stations at a time.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
group.add_typer(campaign_start.group, name="start")

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the campaign, as `list` shows it.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
_STYLES = {
    "filling": "yellow",
    "running": "green",
    "paused": "yellow",
    "halted": "bold red",
    "finished": "dim",
    "cancelling": "yellow",
    "cancelled": "dim",
}


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """The campaigns there are and were, the latest first."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaigns = await app.services.campaigns.all(TenantId(tenant))
    if run.out.as_json:
        run.out.data([plain(each) for each in campaigns])
        return
    if not campaigns:
        run.out.say("No campaign. Start one: `voltkeep campaign start profile 2 --all`.")
        return
    run.out.table(
        ("ID", "STATE", "TO", "SINCE", "REASON"),
        [
            (
                each.id,
                Cell(each.state, _STYLES[each.state]),
                _goal(each),
                instant(each.started_at),
                each.reason,
            )
            for each in campaigns
        ],
    )


@command(group, "show")
async def show(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """How far a campaign is, and which stations failed."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        progress = await app.services.campaigns.progress(TenantId(tenant), id)
    campaign = progress.campaign
    if run.out.as_json:
        failed = [
            {"station": str(step.station), "reason": step.reason, "at": step.at}
            for step in progress.failed
        ]
        stations = {"stations": progress.counts, "canaries_so_far": progress.canaries}
        run.out.data(plain(campaign) | stations | {"failed": failed})
        return
    run.out.pairs(
        [
            ("Campaign", campaign.id),
            ("State", Cell(campaign.state, _STYLES[campaign.state])),
            ("Reason", campaign.reason),
            ("To", _goal(campaign)),
            ("Begun", f"{instant(campaign.started_at)} by {campaign.started_by or 'somebody'}"),
            ("At once", str(campaign.at_once)),
            ("Halts after", _limit(campaign)),
            ("Canaries", _counted(progress.canaries)),
            *((f"  {state}", str(count)) for state, count in progress.counts.items() if count),
        ]
    )
    if progress.failed:
        run.out.line()
        run.out.table(
            ("STATION", "FAILED", "WHY"),
            [(str(step.station), instant(step.at), step.reason) for step in progress.failed],
        )
    if campaign.state == "paused":
        run.out.say(f"`voltkeep campaign go-on {campaign.id}` asks the rest.")


def _goal(campaign: "Campaign") -> str:
    if campaign.firmware is None:
        return f"security profile {campaign.target}"
    version = campaign.firmware.version
    return f"firmware {campaign.firmware.image}" + (f" ({version})" if version else "")


def _limit(campaign: "Campaign") -> str:
    limits = [f"{campaign.halt_after} failures"] if campaign.halt_after else []
    if campaign.halt_percent is not None:
        limits.append(f"{campaign.halt_percent:g} % of failures")
    so_far = f"{campaign.failures} of {campaign.ended} so far"
    return f"{' or '.join(limits) or 'no failures'}, {so_far}"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())


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


@command(group, "go-on")
async def go_on(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Have the rest follow the canaries, which are done."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        campaign = await app.services.campaigns.go_on(TenantId(tenant), id)
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
        run.out.data(plain(campaign))
    else:
        run.out.line(words)
