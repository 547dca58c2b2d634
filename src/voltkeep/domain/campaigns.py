"""Walking a fleet through a change, a few stations at a time, and stopping when it goes wrong."""

import enum
from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import Station

_CLAIM = timedelta(minutes=5)  # longer than asking a station takes


class CampaignState(enum.StrEnum):
    RUNNING = "running"
    HALTED = "halted"  # too many stations failed, or an operator said so
    FINISHED = "finished"
    CANCELLED = "cancelled"


class StepState(enum.StrEnum):
    """How far one station is within a campaign."""

    WAITING = "waiting"
    PREPARING = "preparing"  # it gets first what it needs: a certificate
    ASKED = "asked"  # it was told, and has to come back as told
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # nothing to do: it is there already


class Campaign(Struct, frozen=True, kw_only=True):
    """Raise the security profile of many stations, one profile at a time (A05)."""

    station: StationId  # name "": a campaign is the tenant's
    id: str
    state: CampaignState
    at: datetime  # of the last news
    kind: str = "security profile"
    target: int  # the profile where it ends
    at_once: int  # stations asked and not back yet, at most
    come_back_s: float  # how long a station may take to come back
    halt_after: int  # failures
    started_at: datetime
    started_by: str = ""
    reason: str = ""  # why it was halted
    failures: int = 0  # since it was started or resumed


class CampaignStep(Struct, frozen=True, kw_only=True):
    """One station of a campaign."""

    station: StationId
    id: str  # of the campaign
    state: StepState
    at: datetime
    profile: int = 0  # what it is, or was last, asked to use
    reason: str = ""
    restarts_when_idle: bool = False  # which may take as long as somebody charges


OPEN_STEPS = (StepState.WAITING, StepState.PREPARING, StepState.ASKED)
OPEN_CAMPAIGNS = (CampaignState.RUNNING, CampaignState.HALTED)


def first_step(campaign: Campaign, station: Station) -> CampaignStep:
    """Where a station stands when the campaign begins."""
    is_there = station.security_profile >= campaign.target
    return CampaignStep(
        station=station.id,
        id=campaign.id,
        state=StepState.SKIPPED if is_there else StepState.WAITING,
        at=campaign.at,
        profile=int(station.security_profile) + (not is_there),
        reason="it is there already" if is_there else "",
    )


def judged(
    step: CampaignStep, station: Station | None, campaign: Campaign, now: datetime
) -> tuple[StepState, str] | None:
    """What has become of a station that was asked; None: not known yet (A05.FR.07-09)."""
    if station is None:
        return StepState.SKIPPED, "the station was removed"
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
) -> tuple[StepState, str] | None:
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
