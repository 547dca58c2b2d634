"""Firmware, as what a campaign changes (L01)."""

from msgspec import structs

from voltkeep.domain.campaign_steps import judged_update
from voltkeep.domain.campaigns import (
    BadTerms,
    Campaign,
    CampaignStep,
    FirmwareGoal,
    StepState,
    Verdict,
    model_of,
)
from voltkeep.domain.identity import TenantId
from voltkeep.domain.stations import Station
from voltkeep.services.firmware import FirmwareService, UnsoundUpdate, UpdateAsked, Wish
from voltkeep.services.images import UnknownImage, image_of
from voltkeep.services.ports import Clock, StationUnreachable, Work
from voltkeep.services.transfers import (
    BadLocation,
    NoListener,
    Via,
    new_request_id,
)


class FirmwareChange:
    """Updates stations with one image; `services.campaign_walk.Change`.

    The number of an update is written down before the station is asked: after a restart the
    update tells whether it was.
    """

    def __init__(self, firmware: FirmwareService, clock: Clock) -> None:
        self._firmware = firmware
        self._clock = clock

    async def check(self, work: Work, tenant: TenantId, goal: FirmwareGoal) -> None:
        """Raises UnknownImage, BadTerms."""
        image = await image_of(work, tenant, goal.image)
        if goal.via and goal.via not in {each.value for each in Via}:
            raise BadTerms(f"a file is not carried by {goal.via[:20]}")
        if goal.unsigned or not (image.signature or image.signing_certificate):
            return
        if not (image.signature and image.signing_certificate):
            raise BadTerms(f"{image.id} has a signature or a certificate, and needs both")

    def needless(self, campaign: Campaign, step: CampaignStep | None, station: Station) -> str:
        """Why the station need not be asked; "" if it must."""
        goal = campaign.firmware
        runs = station.make.firmware if station.make is not None else None
        if goal is not None and goal.version and runs == goal.version:
            return f"it runs {goal.version} already"
        if step is not None and step.model and model_of(station) != step.model:
            return f"it was {step.model}, and is {model_of(station) or 'unknown'}"
        return ""

    def claimed(self, step: CampaignStep, station: Station) -> CampaignStep:
        """The step, with what is to be known before the station is asked."""
        serial = (station.make.serial_number or "") if station.make else ""
        return structs.replace(
            step, update=str(new_request_id()), model=model_of(station), serial_number=serial
        )

    async def ask(self, campaign: Campaign, step: CampaignStep) -> tuple[CampaignStep, Verdict]:
        """Ask one station. Raises what `Stations.send` raises if the station was not asked."""
        goal = campaign.firmware
        if goal is None:
            return step, (StepState.FAILED, "the campaign names no image")
        wish = Wish(
            image=goal.image,
            retrieve_at=goal.retrieve_at,
            install_at=goal.install_at,
            retries=goal.retries,
            retry_interval_s=goal.retry_interval_s,
            via=Via(goal.via) if goal.via else None,
            unsigned=goal.unsigned,
        )
        try:
            asked = await self._firmware.update(step.station, wish, id=step.update)
        except StationUnreachable as failure:
            if failure.may_have_arrived:
                return step, (StepState.ASKED, "")
            raise
        except UpdateAsked:
            return step, (StepState.ASKED, "")
        except (UnsoundUpdate, UnknownImage, NoListener, BadLocation) as error:
            return step, (StepState.FAILED, str(error))
        if not asked.outcome.accepted:
            return step, (StepState.FAILED, f"it said {asked.outcome.status}")
        return step, (StepState.ASKED, "")

    async def judge(
        self, work: Work, campaign: Campaign, step: CampaignStep, station: Station
    ) -> Verdict | None:
        """What has become of it; None: not known yet."""
        update = await work.updates.get(step.station, step.update)
        return judged_update(step, station, update, campaign, self._clock())
