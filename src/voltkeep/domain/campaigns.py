"""Walking a fleet through a change, a few stations at a time, and stopping when it goes wrong."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId


class CampaignState(enum.StrEnum):
    RUNNING = "running"
    HALTED = "halted"  # too many stations failed, or an operator said so
    FINISHED = "finished"
    CANCELLED = "cancelled"


class StepState(enum.StrEnum):
    """How far one station is within a campaign."""

    WAITING = "waiting"
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


class CampaignStep(Struct, frozen=True, kw_only=True):
    """One station of a campaign."""

    station: StationId
    id: str  # of the campaign
    state: StepState
    at: datetime
    profile: int = 0  # what it was asked to use
    reason: str = ""
