"""Security profiles, as what a campaign changes (A05)."""

from datetime import timedelta
from typing import Protocol

from msgspec import structs

from voltkeep.domain.campaign_steps import judged_profile
from voltkeep.domain.campaigns import Campaign, CampaignStep, StepState, Verdict
from voltkeep.domain.commands import Outcome, ResetKind
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.credentials import CredentialsService, Stage
from voltkeep.services.network_profiles import Unready, has_certificate
from voltkeep.services.ports import Clock, Read, StationLeft, Work

_SCHEDULED = "Scheduled"


class Renews(Protocol):
    async def renew(self, station: StationId) -> Outcome:
        """Have the station ask for a certificate."""
        ...


class ProfileChange:
    """Raises stations one profile at a time; `services.campaign_walk.Change`."""

    def __init__(
        self, read: Read, credentials: CredentialsService, certificates: Renews, clock: Clock
    ) -> None:
        self._read = read
        self._credentials = credentials
        self._certificates = certificates
        self._clock = clock

    def needless(self, campaign: Campaign, step: CampaignStep | None, station: Station) -> str:
        """Why the station need not be asked; "" if it must."""
        del step
        return "it is there already" if station.security_profile >= campaign.target else ""

    def claimed(self, step: CampaignStep, station: Station) -> CampaignStep:
        """The step, with what is to be known before the station is asked."""
        profile = int(station.security_profile) + 1
        return structs.replace(step, profile=profile, restarts_when_idle=False)

    async def ask(self, campaign: Campaign, step: CampaignStep) -> tuple[CampaignStep, Verdict]:
        """Ask one station. Raises what `CredentialsService.raise_profile` raises."""
        del campaign
        profile = SecurityProfile(step.profile)
        if profile is SecurityProfile.TLS_CERTIFICATE:
            async with self._read() as work:
                has_one = await has_certificate(work, step.station, self._clock())
            if not has_one:
                outcome = await self._certificates.renew(step.station)
                if outcome.accepted:
                    return step, (StepState.PREPARING, "")
                refused = f"it asks for no certificate: {outcome.status}"
                return step, (StepState.FAILED, refused)
        try:
            raised = await self._credentials.raise_profile(
                step.station, profile, reset=ResetKind.ON_IDLE, if_needed=True
            )
        except Unready as error:
            return step, (StepState.FAILED, str(error))
        except StationLeft as error:
            return step, (StepState.FAILED, error.result)
        if raised.stage is Stage.REJECTED:
            return step, (StepState.FAILED, f"it said {raised.status}")
        step = structs.replace(step, restarts_when_idle=raised.reset == _SCHEDULED)
        return step, (StepState.ASKED, raised.problem)

    async def judge(
        self, work: Work, campaign: Campaign, step: CampaignStep, station: Station
    ) -> Verdict | None:
        """What has become of it; None: not known yet."""
        now = self._clock()
        found = judged_profile(step, station, campaign, now)
        if found is not None or step.state is not StepState.PREPARING:
            return found
        if await has_certificate(work, step.station, now):
            return StepState.WAITING, ""
        if now - step.at > timedelta(seconds=campaign.come_back_s):
            return StepState.FAILED, "it has taken no certificate in time"
        return None
