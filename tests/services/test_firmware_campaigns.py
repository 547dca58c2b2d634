"""A campaign of firmware: who is asked when, what counts as done, and what survives."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.services.fleet import FINISHED, GOAL, HALTED, NO, NOON, PAUSED, RUNNING, Fleet, started
from voltkeep.domain.campaigns import (
    FirmwareGoal,
    StepState,
    Terms,
    Wave,
    Window,
    why_halted,
)
from voltkeep.domain.commands import Outcome
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.services.campaign_walk import CampaignWalk
from voltkeep.services.images import UnknownImage
from voltkeep.services.lists import StationFilter
from voltkeep.services.ports import StationOffline, StationRefused

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
