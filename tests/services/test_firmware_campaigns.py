"""A campaign of firmware: who is asked when, what counts as done, and what survives."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.campaigns import (
    CampaignState,
    FirmwareGoal,
    StepState,
    Terms,
    Wave,
    Window,
    why_halted,
)
from voltkeep.domain.commands import Outcome
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import DEFAULT_TENANT, Sender, station_id
from voltkeep.domain.stations import Boot, Make, SecurityProfile, Station
from voltkeep.pki.firmware import FirmwareSignatures
from voltkeep.services import campaigns as campaigns_module
from voltkeep.services.addresses import Addresses
from voltkeep.services.campaign_walk import CampaignWalk
from voltkeep.services.campaigns import CampaignService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.images import UnknownImage
from voltkeep.services.lists import StationFilter
from voltkeep.services.ports import StationOffline, StationRefused, StationSilent
from voltkeep.services.refusals import Refusals
from voltkeep.services.transfers import Listeners
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")
GOAL = FirmwareGoal(image="new", version="2.0")
RUNNING, HALTED = CampaignState.RUNNING, CampaignState.HALTED
PAUSED, FINISHED = CampaignState.PAUSED, CampaignState.FINISHED


class Killed(BaseException):
    """The server is killed at this point."""


class Fleet:
    """Stations that answer as they are told to, and the clock."""

    def __init__(self, count):
        self.now = NOON
        self.store = MemoryStore()
        self.names = [f"CS-{number:02}" for number in range(1, count + 1)]
        self.asked: list[str] = []
        self.requests: dict[str, int] = {}
        self.answers: dict[str, Outcome | BaseException] = {}
        for name in self.names:
            self.add(name)
        self.start_server()

    def add(self, name, *, created_at=NOON, **make):
        make = {"vendor": "Acme", "model": "One", "firmware": "1.0", "serial_number": name} | make
        self.rows[station_id(name)] = Station(
            id=station_id(name),
            created_at=created_at,
            connected_at=NOON - timedelta(hours=1),
            make=Make(**make),
        )

    def start_server(self):
        """What is not in the database is forgotten."""
        begin, read, clock = self.store.begin, self.store.read, lambda: self.now
        options = Settings(data=Path("/nonexistent"), public_host="csms.example")
        self.firmware = FirmwareService(
            begin,
            read,
            self,
            None,
            FirmwareSignatures(),
            Listeners(Addresses(options)),
            clock,
            options,
            Refusals(begin, clock, lambda _: None),
        )
        self.service = CampaignService(begin, read, None, None, self.firmware, clock)

    @property
    def rows(self):
        return self.store._state.stations

    async def send(self, station, command, timeout=None):
        answer = self.answers.get(station.name, YES)
        if isinstance(answer, Killed):
            raise answer
        self.asked.append(station.name)
        self.requests[station.name] = command.request_id
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def start(self, which=None, goal=GOAL, **terms):
        if not self.store._state.records or not await self.firmware.images.all(DEFAULT_TENANT):
            url = "https://maker.example/new"
            await self.firmware.images.add_elsewhere(DEFAULT_TENANT, "new", url)
        which = which or StationFilter(names=tuple(self.names))
        campaign = await self.service.start(DEFAULT_TENANT, goal, which, Terms(**terms))
        self.id = campaign.id
        return campaign

    async def look(self, after_s=1.0):
        self.now += timedelta(seconds=after_s)
        await self.service.move_on()

    async def say(self, name, status):
        """A station tells how far it is."""
        self.now += timedelta(seconds=1)
        sender = Sender(station=station_id(name), epoch=0, received_at=self.now)
        await self.firmware.status(sender, status, self.requests[name])

    async def boot(self, name, firmware="2.0", **make):
        self.now += timedelta(seconds=1)
        station = self.rows[station_id(name)]
        make = structs.replace(station.make, firmware=firmware, **make)
        async with self.store.begin() as work:
            await work.stations.booted(station.id, Boot(make=make), self.now)

    async def progress(self):
        return await self.service.progress(DEFAULT_TENANT, self.id)

    async def state(self):
        return (await self.progress()).campaign.state

    async def counts(self):
        return {state: n for state, n in (await self.progress()).counts.items() if n}

    async def step(self, name):
        async with self.store.read() as work:
            return await work.steps.get(station_id(name), self.id)

    def change(self, name, **values):
        self.rows[station_id(name)] = structs.replace(self.rows[station_id(name)], **values)


async def started(count=1, **terms):
    fleet = Fleet(count)
    await fleet.start(**terms)
    await fleet.look()
    return fleet


# --- what counts as done -------------------------------------------------------------------------


@pytest.mark.parametrize("boots_first", [True, False])
async def test_installed_may_come_before_or_after_the_boot(boots_first):
    """L01."""
    fleet = await started()
    await fleet.say("CS-01", "Installing")
    if boots_first:
        await fleet.boot("CS-01")
        await fleet.say("CS-01", "Installed")
    else:
        await fleet.say("CS-01", "Installed")
        await fleet.look()
        assert await fleet.counts() == {"asked": 1}
        await fleet.boot("CS-01")

    await fleet.look()

    assert await fleet.counts() == {"done": 1}
    assert await fleet.state() is FINISHED


async def test_a_boot_with_the_version_is_enough():
    """What a station says of its update may be lost."""
    fleet = await started()
    await fleet.boot("CS-01")
    await fleet.look()
    assert await fleet.counts() == {"done": 1}


async def test_without_a_version_the_word_of_the_station_is_taken():
    fleet = Fleet(1)
    await fleet.start(goal=FirmwareGoal(image="new"))
    await fleet.look()
    await fleet.boot("CS-01", firmware="anything")
    await fleet.look()
    assert await fleet.counts() == {"asked": 1}

    await fleet.say("CS-01", "Installed")
    await fleet.look()
    assert await fleet.counts() == {"done": 1}


@pytest.mark.parametrize("boots_first", [True, False])
async def test_other_firmware_after_the_boot_is_a_failure_that_says_so(boots_first):
    fleet = await started()
    if boots_first:
        await fleet.boot("CS-01", firmware="1.9")
        await fleet.say("CS-01", "Installed")
        await fleet.look(after_s=60)
        assert await fleet.counts() == {"asked": 1}  # it may restart once more
        await fleet.look(after_s=300)
    else:
        await fleet.say("CS-01", "Installed")
        await fleet.boot("CS-01", firmware="1.9")
        await fleet.look()

    [failed] = (await fleet.progress()).failed
    assert failed.reason.endswith("runs 1.9, and not 2.0")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "it was asked, and said nothing"),
        (["Downloading"], "it was not done in time: its last word is Downloading"),
        (["Installed"], "it says Installed, and has not restarted in time"),
    ],
)
async def test_a_station_that_is_not_done_in_time_has_failed(words, reason):
    fleet = await started(come_back_s=600)
    for word in words:
        await fleet.say("CS-01", word)

    await fleet.look(after_s=590)
    assert await fleet.counts() == {"asked": 1}
    await fleet.look(after_s=30)

    [failed] = (await fleet.progress()).failed
    assert failed.reason == reason


async def test_the_time_counts_from_when_it_may_install():
    fleet = Fleet(1)
    later = FirmwareGoal(image="new", version="2.0", install_at=NOON + timedelta(hours=9))
    await fleet.start(goal=later, come_back_s=60)
    await fleet.look()
    await fleet.look(after_s=9 * 3600)
    assert await fleet.counts() == {"asked": 1}
    await fleet.look(after_s=90)
    assert await fleet.counts() == {"failed": 1}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NO, "it said Rejected"),
        (Outcome(accepted=False, status="InvalidCertificate"), "it said InvalidCertificate"),
        (StationRefused("InternalError"), "refused: InternalError"),
    ],
)
async def test_a_station_that_says_no_has_failed(answer, reason):
    fleet = Fleet(1)
    fleet.answers["CS-01"] = answer
    await fleet.start()
    await fleet.look()
    [failed] = (await fleet.progress()).failed
    assert failed.reason == reason


async def test_an_update_that_another_took_the_place_of_has_failed():
    fleet = await started()
    async with fleet.store.begin() as work:
        update = await work.updates.get(station_id("CS-01"), (await fleet.step("CS-01")).update)
        await work.updates.put(structs.replace(update, state=UpdateState.CANCELLED))
    await fleet.look()
    [failed] = (await fleet.progress()).failed
    assert failed.reason == "another update took its place"


# --- who is asked --------------------------------------------------------------------------------


async def test_who_runs_it_already_and_who_is_passive_is_left_out():
    fleet = Fleet(3)
    fleet.add("CS-01", firmware="2.0")
    fleet.change("CS-02", passive=True)
    await fleet.start()
    await fleet.look()
    assert fleet.asked == ["CS-03"]
    assert (await fleet.step("CS-01")).reason == "it runs 2.0 already"
    assert (await fleet.step("CS-02")).reason == "the station is passive"


async def test_a_station_is_looked_at_once_more_before_it_is_asked():
    """Another model under its name would be given firmware that is not for it."""
    fleet = Fleet(5)
    await fleet.start(at_once=1)
    await fleet.look()
    fleet.add("CS-02", model="Two")
    fleet.add("CS-03", created_at=NOON + timedelta(hours=1))
    fleet.change("CS-04", passive=True)
    await fleet.boot("CS-05")

    await fleet.boot("CS-01")
    await fleet.look()

    assert fleet.asked == ["CS-01"]
    assert [(await fleet.step(name)).reason for name in fleet.names[1:]] == [
        "it was Acme One, and is Acme Two",
        "the station was removed",
        "the station is passive",
        "it runs 2.0 already",
    ]


async def test_a_station_that_is_replaced_while_it_updates_has_failed():
    fleet = await started()
    await fleet.boot("CS-01", serial_number="another", firmware="2.0")
    await fleet.look()
    [failed] = (await fleet.progress()).failed
    assert failed.reason == "the station was replaced: another in place of CS-01"


async def test_a_station_that_is_registered_anew_while_it_updates_is_left_out():
    fleet = await started()
    fleet.add("CS-01", created_at=fleet.now)
    await fleet.look()
    assert (await fleet.step("CS-01")).reason == "the station was removed"
    assert await fleet.state() is FINISHED


async def test_who_is_away_is_waited_for_until_the_end():
    fleet = Fleet(3)
    fleet.change("CS-01", disconnected_at=NOON)
    fleet.change("CS-02", disconnected_at=NOON)
    fleet.answers["CS-03"] = StationOffline("gone")
    await fleet.start(until=NOON + timedelta(hours=8))
    await fleet.look()
    assert await fleet.counts() == {"waiting": 3}

    fleet.change("CS-01", connected_at=fleet.now, disconnected_at=None)
    await fleet.look()
    assert await fleet.counts() == {"asked": 1, "waiting": 2}

    await fleet.look(after_s=9 * 3600)
    assert (await fleet.step("CS-02")).reason == "it was not there before 2026-01-01 20:00 UTC"
    assert await fleet.counts() == {"failed": 1, "skipped": 2}
    assert await fleet.state() is FINISHED


async def test_nobody_is_asked_outside_the_window():
    fleet = Fleet(2)
    await fleet.start(at_once=1, window=Window(time(22), time(4)))
    await fleet.look(after_s=9 * 3600)
    assert fleet.asked == []
    await fleet.look(after_s=2 * 3600)
    assert fleet.asked == ["CS-01"]
    await fleet.look(after_s=5 * 3600 + 60)  # 04:01
    await fleet.boot("CS-01")
    await fleet.look()
    assert fleet.asked == ["CS-01"]


@given(st.times(), st.times(), st.times())
def test_a_window_and_its_opposite_share_no_minute(begin, end, at):
    if begin == end:
        return
    now = datetime.combine(NOON.date(), at, UTC)
    assert Window(begin, end).is_open(now) is not Window(end, begin).is_open(now)


async def test_a_station_that_failed_is_asked_again_after_a_while():
    fleet = Fleet(1)
    fleet.answers["CS-01"] = NO
    await fleet.start(attempts=2, retry_after_s=60, halt_after=1)
    await fleet.look()
    await fleet.look(after_s=30)
    assert fleet.asked == ["CS-01"]
    assert await fleet.state() is RUNNING

    await fleet.look(after_s=31)
    assert fleet.asked == ["CS-01", "CS-01"]
    assert await fleet.state() is HALTED


async def test_two_campaigns_do_not_ask_a_station_at_the_same_time():
    fleet = await started()
    await fleet.start(goal=FirmwareGoal(image="new", version="3.0"))
    await fleet.look()
    assert fleet.asked == ["CS-01"]
    await fleet.boot("CS-01")
    await fleet.look()
    await fleet.look()
    assert fleet.asked == ["CS-01", "CS-01"]


async def test_the_image_has_to_be_there():
    fleet = Fleet(1)
    with pytest.raises(UnknownImage):
        await fleet.service.start(DEFAULT_TENANT, GOAL, StationFilter(), Terms())


# --- canaries ------------------------------------------------------------------------------------


async def test_canaries_go_first_and_the_rest_waits_for_a_word():
    fleet = await started(10, canary_percent=25, waits_for_word=True)
    assert fleet.asked == ["CS-01", "CS-02", "CS-03"]
    for name in fleet.asked:
        await fleet.look()
        assert len(fleet.asked) == 3
        await fleet.boot(name)
    await fleet.look()
    assert await fleet.state() is PAUSED
    await fleet.look()
    assert len(fleet.asked) == 3

    await fleet.service.go_on(DEFAULT_TENANT, fleet.id)
    await fleet.look()
    assert len(fleet.asked) == 10


async def test_those_that_are_there_are_the_canaries():
    fleet = Fleet(3)
    fleet.change("CS-01", disconnected_at=NOON)
    fleet.change("CS-02", disconnected_at=NOON)
    await fleet.start(canaries=1)
    assert (await fleet.step("CS-03")).wave is Wave.CANARY
    await fleet.start(canaries=2)
    assert (await fleet.step("CS-01")).wave is Wave.CANARY


async def test_some_canaries_may_fail():
    fleet = Fleet(6)
    fleet.answers["CS-01"] = NO
    await fleet.start(canaries=2, canary_failures=1)
    await fleet.look()
    assert fleet.asked == ["CS-01", "CS-02"]
    await fleet.boot("CS-02")
    await fleet.look()
    assert len(fleet.asked) == 6


async def test_canaries_of_which_none_was_changed_show_nothing():
    fleet = await started(3, canaries=1)
    fleet.rows.pop(station_id("CS-01"))
    await fleet.look()
    assert await fleet.state() is HALTED
    assert (await fleet.progress()).campaign.reason == "none of the canaries was changed"

    await fleet.service.resume(DEFAULT_TENANT, fleet.id)  # a person says so all the same
    await fleet.look()
    await fleet.look()
    assert fleet.asked == ["CS-01", "CS-02", "CS-03"]


async def test_stations_of_a_filter_are_taken_as_they_come_not_by_name():
    """Names tell sites and batches of hardware apart: the first ones would be all of a kind."""
    fleet = Fleet(30)
    await fleet.start(StationFilter(vendor="Acme"), at_once=30)
    await fleet.look()
    assert sorted(fleet.asked) == fleet.names
    assert fleet.asked != fleet.names


async def test_two_servers_together_ask_no_more_than_at_once(monkeypatch):
    """Even when both have looked before either of them claims."""
    fleet = Fleet(4)
    campaign = await fleet.start(at_once=3)
    async with fleet.store.read() as work:
        seen = await fleet.service._walk._candidates(work, campaign, 4)

    async def candidates(walk, work, campaign, room):
        return seen if room > 0 else []

    monkeypatch.setattr(CampaignWalk, "_candidates", candidates)
    claimed = [len(await fleet.service._walk._claim(campaign)) for _ in range(2)]

    assert (len(seen), claimed) == (4, [3, 0])


@pytest.mark.parametrize(
    ("counts", "terms", "reason"),
    [
        ((0, 9), {"halt_after": 1}, ""),
        ((3, 9), {"halt_after": 3}, "3 stations failed"),
        ((9, 9), {"halt_after": 0}, ""),
        ((1, 1), {"halt_after": 0, "halt_percent": 20}, ""),
        ((4, 4), {"halt_after": 0, "halt_percent": 20}, ""),
        ((1, 5), {"halt_after": 0, "halt_percent": 20}, "1 station failed of 5"),
        ((1, 6), {"halt_after": 0, "halt_percent": 20}, ""),
        ((2, 3), {"phase": Wave.CANARY, "canary_failures": 2}, ""),
        ((2, 3), {"phase": Wave.CANARY}, "2 stations failed of the canaries"),
    ],
)
async def test_what_halts_a_campaign(counts, terms, reason):
    failures, ended = counts
    campaign = await Fleet(1).start()
    campaign = structs.replace(campaign, failures=failures, ended=ended, **terms)
    assert why_halted(campaign) == reason


@given(data=st.data())
@settings(max_examples=40, deadline=None)
async def test_never_more_are_asked_than_at_once_and_canaries_first(data):
    count = data.draw(st.integers(1, 12), label="stations")
    at_once = data.draw(st.integers(1, 4), label="at once")
    canaries = data.draw(st.integers(0, 5), label="canaries")
    fleet = Fleet(count)
    await fleet.start(
        at_once=at_once, canaries=canaries, canary_failures=99, halt_after=0, come_back_s=30
    )
    open_ = set()
    for _ in range(80):
        before = len(fleet.asked)
        await fleet.look()
        steps = {name: await fleet.step(name) for name in fleet.names}
        in_hand = {name for name, step in steps.items() if step.state is StepState.ASKED}
        assert len(in_hand) <= at_once
        first = [step for step in steps.values() if step.wave is Wave.CANARY]
        for name in fleet.asked[before:]:
            ended = all(step.state in {StepState.DONE, StepState.FAILED} for step in first)
            assert steps[name].wave is Wave.CANARY or ended
        for name in sorted(in_hand):
            match data.draw(st.sampled_from(["boots", "fails", "nothing", "restart"])):
                case "boots":
                    await fleet.boot(name)
                case "fails":
                    await fleet.say(name, "InstallationFailed")
                case "restart":
                    fleet.start_server()
        open_ = {name for name, step in steps.items() if step.state in {"asked", "waiting"}}
        if await fleet.state() in {FINISHED, HALTED}:
            break
    assert len(fleet.asked) == len(set(fleet.asked))  # nobody twice
    if await fleet.state() is FINISHED:
        assert not open_


# --- what survives -------------------------------------------------------------------------------


async def test_killed_before_it_is_asked_a_station_is_asked_after_a_while():
    fleet = Fleet(1)
    await fleet.start()
    campaign = (await fleet.progress()).campaign
    [claimed] = await fleet.service._walk._claim(campaign)
    fleet.start_server()

    await fleet.look(after_s=60)
    assert fleet.asked == []
    await fleet.look(after_s=300)

    assert fleet.asked == ["CS-01"]
    assert (await fleet.step("CS-01")).update != claimed.update


async def test_killed_while_it_is_asked_a_station_is_not_asked_again():
    """Whether the request went out is not known: it counts as asked."""
    fleet = Fleet(1)
    fleet.answers["CS-01"] = Killed()
    await fleet.start(come_back_s=3600)
    with pytest.raises(Killed):
        await fleet.look()
    fleet.answers.clear()
    fleet.start_server()

    await fleet.look(after_s=600)
    assert fleet.asked == []
    assert await fleet.counts() == {"asked": 1}
    await fleet.look(after_s=3600)
    assert await fleet.counts() == {"failed": 1}


async def test_a_station_whose_answer_is_lost_is_not_asked_again():
    fleet = Fleet(1)
    fleet.answers["CS-01"] = StationSilent("x")
    await fleet.start()
    await fleet.look()
    await fleet.look(after_s=600)
    assert fleet.asked == ["CS-01"]
    await fleet.boot("CS-01")
    await fleet.look()
    assert await fleet.counts() == {"done": 1}


async def test_the_same_number_asks_a_station_once():
    fleet = await started()
    step = await fleet.step("CS-01")
    campaign = (await fleet.progress()).campaign
    await fleet.service._walk._ask(campaign, step)
    assert fleet.asked == ["CS-01"]


async def test_stations_are_written_down_to_the_end_after_a_restart(monkeypatch):
    monkeypatch.setattr(campaigns_module, "PAGE", 2)
    monkeypatch.setattr(campaigns_module, "_AT_ONCE", 1)
    fleet = Fleet(7)
    await fleet.start(StationFilter(vendor="Acme"), canaries=1, at_once=99)
    assert await fleet.state() is CampaignState.FILLING
    assert await fleet.counts() == {"waiting": 2}
    fleet.start_server()

    await fleet.look()

    assert sum((await fleet.counts()).values()) == 7
    assert len(fleet.asked) == 1


async def test_stations_that_come_later_are_not_part_of_it():
    fleet = Fleet(2)
    await fleet.start(StationFilter(vendor="Acme"))
    fleet.add("CS-99")
    await fleet.look()
    assert sorted(fleet.asked) == ["CS-01", "CS-02"]


async def test_a_cancellation_is_carried_out_after_a_restart(monkeypatch):
    fleet = await started(3, at_once=1)
    campaign = (await fleet.progress()).campaign
    async with fleet.store.begin() as work:
        await fleet.service._walk.change(work, campaign, CampaignState.CANCELLING)
    fleet.start_server()
    await fleet.look()
    assert await fleet.counts() == {"skipped": 3}
    assert (await fleet.step("CS-01")).reason == "cancelled after it was asked"
    assert await fleet.state() is CampaignState.CANCELLED


async def test_profiles_and_firmware_may_go_on_side_by_side():
    fleet = await started()
    await fleet.service.start(
        DEFAULT_TENANT, SecurityProfile.TLS_BASIC, StationFilter(), Terms(at_once=1)
    )
    assert len(await fleet.service.all(DEFAULT_TENANT)) == 2
