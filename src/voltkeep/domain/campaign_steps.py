"""What has become of one station that a campaign has asked."""

from datetime import datetime, timedelta

from voltkeep.domain.campaigns import Campaign, CampaignStep, StepState, Verdict
from voltkeep.domain.firmware import FirmwareUpdate, UpdateState
from voltkeep.domain.stations import Station

_CLAIM = timedelta(minutes=5)  # longer than asking a station takes
_UNSENT = ("offline", "busy")  # our words for why the station was not asked after all
_SETTLE = timedelta(minutes=5)  # a station that says Installed may restart once more


def judged_profile(
    step: CampaignStep, station: Station, campaign: Campaign, now: datetime
) -> Verdict | None:
    """Whether it came back with its profile; None: not known yet (A05.FR.07-09)."""
    if station.security_profile >= step.profile:
        is_there = station.security_profile >= campaign.target
        return (StepState.DONE if is_there else StepState.WAITING), ""
    if step.state is StepState.PREPARING:
        return None
    if station.trust.next_profile is None:
        # Claimed, and never asked: the process that wanted to has ended.
        return (StepState.WAITING, "") if now - step.at > _CLAIM else None
    return _overdue(step, station, now, timedelta(seconds=campaign.come_back_s))


def _overdue(
    step: CampaignStep, station: Station, now: datetime, come_back: timedelta
) -> Verdict | None:
    is_as_before = (
        station.is_connected and station.connected_at is not None and station.connected_at < step.at
    )
    since = step.at
    if step.restarts_when_idle:
        if is_as_before:
            return None
        since = max(since, station.disconnected_at or since)
    if now - since <= come_back:
        return None
    if is_as_before:
        return StepState.FAILED, "it is still connected as before"
    if station.is_connected:
        return StepState.FAILED, f"it came back with profile {int(station.security_profile)}"
    return StepState.FAILED, "it did not come back"


def judged_update(
    step: CampaignStep,
    station: Station,
    update: FirmwareUpdate | None,
    campaign: Campaign,
    now: datetime,
) -> Verdict | None:
    """Whether it runs the firmware; None: not known yet (L01).

    The boot with the new firmware may be heard before Installed or after it, or Installed never.
    """
    goal = campaign.firmware
    version = goal.version if goal is not None else ""
    if update is None:
        # The number was chosen with the claim, and nothing is sent before there is an update.
        return (StepState.WAITING, "") if now - step.at > _CLAIM else None
    runs = (station.make.firmware or "") if station.make else ""
    if step.serial_number and station.make and station.make.serial_number:
        serial = station.make.serial_number
        if serial != step.serial_number:
            replaced = f"the station was replaced: {serial} in place of {step.serial_number}"
            return StepState.FAILED, replaced
    if version and runs == version:
        return StepState.DONE, ""
    if update.state is UpdateState.INSTALLED:
        if not version:
            return StepState.DONE, ""
        if wrong := _runs_another(step, station, update, now):
            return StepState.FAILED, f"{wrong} {runs or 'unnamed firmware'}, and not {version}"
    elif update.state is UpdateState.REFUSED and update.status in _UNSENT:
        return StepState.WAITING, update.status
    elif update.state in {UpdateState.FAILED, UpdateState.REFUSED}:
        return StepState.FAILED, f"it said {update.status}"
    elif update.state is UpdateState.CANCELLED:
        return StepState.FAILED, "another update took its place"
    return _late(step, update, campaign, now)


def _runs_another(
    step: CampaignStep, station: Station, update: FirmwareUpdate, now: datetime
) -> str:
    """How it is known that what runs now is what will run; "" if it is not."""
    booted = station.booted_at
    if booted is None or booted <= step.at:
        return ""
    if booted > update.at:
        return "it installed, restarted and runs"
    return "it says Installed, and runs" if now - update.at > _SETTLE else ""


def _late(
    step: CampaignStep, update: FirmwareUpdate, campaign: Campaign, now: datetime
) -> Verdict | None:
    goal = campaign.firmware
    begins = [step.at]
    if goal is not None:
        begins += [at for at in (goal.retrieve_at, goal.install_at) if at is not None]
    if now - max(begins) <= timedelta(seconds=campaign.come_back_s):
        return None
    if update.state is UpdateState.INSTALLED:
        return StepState.FAILED, "it says Installed, and has not restarted in time"
    if not update.said:
        return StepState.FAILED, "it was asked, and said nothing"
    return StepState.FAILED, f"it was not done in time: its last word is {update.said[-1].status}"
