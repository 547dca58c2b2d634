"""A campaign of firmware, and what of it survives."""

import pytest

from tests.services.fleet import Fleet, Killed, started
from voltkeep.domain.campaigns import (
    CampaignState,
    Terms,
)
from voltkeep.domain.identity import DEFAULT_TENANT
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services import campaigns as campaigns_module
from voltkeep.services.lists import StationFilter
from voltkeep.services.ports import StationSilent


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
