"""Walking a fleet through a change, a few stations at a time, and stopping when it goes wrong."""

import enum
import math
from datetime import datetime, time

from msgspec import Struct

from voltkeep.domain.audit import SYSTEM, Actor
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import Station

_ENOUGH = 5  # stations have to have ended before their share of failures means anything
MOST_AT_ONCE = 1000
MOST_ATTEMPTS = 10


class BadTerms(ValueError):
    """A campaign cannot be run like that."""


class ChangeKind(enum.StrEnum):
    """What a campaign does to each of its stations."""

    PROFILE = "security profile"  # one profile at a time (A05)
    FIRMWARE = "firmware"  # L01


class CampaignState(enum.StrEnum):
    FILLING = "filling"  # its stations are being written down
    RUNNING = "running"
    PAUSED = "paused"  # the canaries are done: a person says whether the rest follows
    HALTED = "halted"  # too many stations failed, or an operator said so
    FINISHED = "finished"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class StepState(enum.StrEnum):
    """How far one station is within a campaign."""

    WAITING = "waiting"
    PREPARING = "preparing"  # it gets first what it needs: a certificate
    ASKED = "asked"  # it was told, and has to come back as told
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # nothing to do, or not to be asked


class Wave(enum.StrEnum):
    CANARY = "canary"
    REST = "rest"


class Window(Struct, frozen=True):
    """When stations may be asked, by the clock of UTC; past midnight if it ends before it begins.

    A station that was asked goes on after its end.
    """

    begin: time
    end: time

    def is_open(self, now: datetime) -> bool:
        at = now.time()
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


class FirmwareGoal(Struct, frozen=True, kw_only=True):
    """The image that stations are to run, and how they get it."""

    image: str
    version: str = ""  # what stations call it once it runs; "": their word for it is taken
    unsigned: bool = False
    retries: int | None = None  # of the download, by the station itself
    retry_interval_s: int | None = None
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    via: str = ""


class Terms(Struct, frozen=True, kw_only=True):
    """How fast a campaign goes, and when it stops."""

    at_once: int = 10  # stations asked and not back yet, at most
    come_back_s: float = 600.0  # how long a station may take
    halt_after: int = 3  # failures; 0: however many
    halt_percent: float | None = None  # of those that have ended, once a few have
    canaries: int = 0
    canary_percent: float | None = None  # in place of a number
    canary_failures: int = 0  # of the canaries, that halt nothing yet
    waits_for_word: bool = False  # after the canaries, until a person says to go on
    attempts: int = 1  # for each station
    retry_after_s: float = 300.0
    window: Window | None = None
    until: datetime | None = None  # whoever was not asked by then is not asked at all


class Campaign(Terms, frozen=True, kw_only=True):
    """A change of many stations. The terms are those above; counts are since it was resumed."""

    station: StationId  # name "": a campaign is the tenant's
    id: str
    state: CampaignState
    at: datetime  # of the last news
    kind: ChangeKind = ChangeKind.PROFILE
    target: int = 0  # the profile where it ends
    firmware: FirmwareGoal | None = None
    phase: Wave = Wave.REST
    which: str = ""  # the filter that chose the stations: JSON
    filled_to: str = ""  # the last station that was written down
    is_filled: bool = True
    sites: tuple[str, ...] | None = None  # whoever started it sees no others
    started_at: datetime
    started_by: str = ""
    actor: Actor = SYSTEM
    reason: str = ""  # why it was halted
    failures: int = 0
    ended: int = 0  # stations that are done, or failed
    was_resumed: bool = False


class CampaignStep(Struct, frozen=True, kw_only=True):
    """One station of a campaign."""

    station: StationId
    id: str  # of the campaign
    state: StepState
    at: datetime
    wave: Wave = Wave.REST
    profile: int = 0  # what it is, or was last, asked to use
    reason: str = ""
    restarts_when_idle: bool = False  # which may take as long as somebody charges
    update: str = ""  # the id of its firmware update
    failures: int = 0
    not_before: datetime | None = None  # the next attempt
    # Which station it is. Another may come under its name.
    registered_at: datetime | None = None
    model: str = ""
    serial_number: str = ""


Verdict = tuple[StepState, str]

IN_HAND = (StepState.ASKED, StepState.PREPARING)
OPEN_STEPS = (StepState.WAITING, *IN_HAND)
OPEN_CAMPAIGNS = (
    CampaignState.FILLING,
    CampaignState.RUNNING,
    CampaignState.PAUSED,
    CampaignState.HALTED,
    CampaignState.CANCELLING,
)


def check_terms(terms: Terms, now: datetime) -> None:
    """Raises BadTerms."""
    shares = (terms.halt_percent, terms.canary_percent)
    wrong = {
        f"between 1 and {MOST_AT_ONCE} stations at once": not 1 <= terms.at_once <= MOST_AT_ONCE,
        "a station needs some time to come back": not 0 < terms.come_back_s < math.inf,
        "counts are not below zero": min(terms.halt_after, terms.canaries) < 0,
        "canaries that may fail are not below zero": terms.canary_failures < 0,
        "a share is above 0 and at most 100 percent": not all(
            share is None or 0 < share <= 100 for share in shares
        ),
        "canaries are a number or a share, not both": bool(terms.canaries)
        and terms.canary_percent is not None,
        "who waits for a word after the canaries needs canaries": terms.waits_for_word
        and not (terms.canaries or terms.canary_percent),
        f"between 1 and {MOST_ATTEMPTS} attempts": not 1 <= terms.attempts <= MOST_ATTEMPTS,
        "the next attempt is some time later": not 0 <= terms.retry_after_s < math.inf,
        "a window begins and ends at different times": terms.window is not None
        and terms.window.begin == terms.window.end,
        "the end is past already": terms.until is not None and terms.until <= now,
    }
    for words, is_wrong in wrong.items():
        if is_wrong:
            raise BadTerms(words)


def canaries_of(campaign: Campaign, waiting: int) -> int:
    """How many of so many stations go first."""
    if campaign.canary_percent is None:
        return min(campaign.canaries, waiting)
    return min(math.ceil(campaign.canary_percent * waiting / 100), waiting)


def may_begin(campaign: Campaign, now: datetime) -> bool:
    """Whether a further station may be asked now."""
    return (
        campaign.state is CampaignState.RUNNING
        and (campaign.until is None or now < campaign.until)
        and (campaign.window is None or campaign.window.is_open(now))
    )


def why_halted(campaign: Campaign) -> str:
    """What its failures are too many for; "" if they are not."""
    failures, ended = campaign.failures, campaign.ended
    counted = f"{failures} stations failed" if failures > 1 else "1 station failed"
    if not failures:
        return ""
    if campaign.phase is Wave.CANARY and failures > campaign.canary_failures:
        return f"{counted} of the canaries"
    if campaign.halt_after and failures >= campaign.halt_after:
        return counted
    share = campaign.halt_percent
    if share is not None and ended >= _ENOUGH and failures * 100 >= share * ended:
        return f"{counted} of {ended}"
    return ""


def model_of(station: Station) -> str:
    """What firmware is made for; "" before the first boot."""
    return f"{station.make.vendor} {station.make.model}" if station.make else ""


def first_step(campaign: Campaign, station: Station, at: datetime, why_not: str) -> CampaignStep:
    """Where a station stands when the campaign begins."""
    return CampaignStep(
        station=station.id,
        id=campaign.id,
        state=StepState.SKIPPED if why_not else StepState.WAITING,
        at=at,
        reason=why_not,
        registered_at=station.created_at,
        model=model_of(station),
        serial_number=(station.make.serial_number or "") if station.make else "",
    )


def why_not(step: CampaignStep | None, station: Station | None) -> str:
    """Why a station is not to be asked, whatever the change; "" if it may be."""
    if station is None or (step is not None and is_another(step, station)):
        return "the station was removed"
    return "the station is passive" if station.passive else ""


def is_another(step: CampaignStep, station: Station) -> bool:
    """Whether the station was registered anew since the campaign began."""
    return step.registered_at is not None and station.created_at != step.registered_at
