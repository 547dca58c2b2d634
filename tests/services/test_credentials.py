"""Keys over OCPP: whatever a station answers, it can connect again."""

import contextlib

import pytest

from tests.services.credentials import CERTIFICATE, NO, NONE, NOW, OLD, REBOOT, STATION, YES, Here
from voltkeep.domain.commands import (
    Outcome,
    SetKey,
)
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import Trust
from voltkeep.services.credentials import Stage
from voltkeep.services.network_profiles import Unready
from voltkeep.services.ports import (
    CommandUnfit,
    StationBusy,
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
    StationUnclear,
)
from voltkeep.services.provisioning import UnknownStation


async def test_an_accepted_key_replaces_the_old_one_at_once():
    """A01.FR.02, FR.03, FR.06, FR.07, FR.08."""
    here = Here({SetKey: YES})

    rotation = await here.service.rotate_key(STATION)

    assert rotation.stage is Stage.ACCEPTED
    assert here.stations.asked == [SetKey(key=rotation.key)]
    assert len(bytes.fromhex(rotation.key)) == 20
    assert await here.opens(rotation.key)
    assert here.trust == Trust()
    assert here.stages == ["sent", "accepted"]


async def test_both_keys_count_before_the_station_hears_of_the_new_one():
    here = Here({SetKey: YES})

    async def look(_):
        assert here.station.key_hash == OLD
        assert await here.keys.matches(
            here.trust.next_key_hash, here.stations.asked[0].key.encode()
        )

    here.stations.before = look
    await here.service.rotate_key(STATION)


@pytest.mark.parametrize("status", ["Rejected", "NotSupported", "UnknownVariable"])
async def test_a_key_the_station_does_not_take_is_forgotten(status):
    """A01.FR.04."""
    here = Here({SetKey: Outcome(accepted=False, status=status)})

    rotation = await here.service.rotate_key(STATION)

    assert (rotation.stage, rotation.status, rotation.key) == (Stage.REJECTED, status, "")
    assert (here.station.key_hash, here.trust) == (OLD, Trust())
    assert here.told == [("sent", ""), ("rejected", status)]


@pytest.mark.parametrize(
    "failure",
    [
        StationOffline("x"),
        StationBusy("x"),
        CommandUnfit("x"),
        StationRefused("NotImplemented"),
    ],
    ids=lambda failure: failure.result,
)
async def test_a_key_the_station_cannot_have_is_forgotten_and_the_failure_told(failure):
    here = Here({SetKey: failure})

    with pytest.raises(type(failure)):
        await here.service.rotate_key(STATION)

    assert (here.station.key_hash, here.trust) == (OLD, Trust())


@pytest.mark.parametrize(
    "failure",
    [StationSilent("x"), StationLeft("x"), StationUnclear("FormationViolation")],
    ids=lambda failure: failure.result,
)
async def test_when_the_answer_is_lost_both_keys_count(failure):
    here = Here({SetKey: failure})

    rotation = await here.service.rotate_key(STATION)

    assert (rotation.stage, rotation.problem) == (Stage.UNANSWERED, failure.result)
    assert here.told[-1] == ("unanswered", failure.result)
    assert here.station.key_hash == OLD
    assert await here.keys.matches(here.trust.next_key_hash, rotation.key.encode())
    assert here.trust.next_key_at == NOW
    assert not here.trust.next_key_after_reboot


async def test_a_key_that_needs_a_reboot_counts_beside_the_old_one():
    here = Here({SetKey: REBOOT})

    rotation = await here.service.rotate_key(STATION)

    assert rotation.stage is Stage.AFTER_REBOOT
    assert here.station.key_hash == OLD
    assert here.trust.next_key_after_reboot
    assert await here.keys.matches(here.trust.next_key_hash, rotation.key.encode())


async def test_a_second_rotation_waits_for_the_first_to_be_settled():
    """There are two places for keys: a third could lock the station out."""
    here = Here({SetKey: StationSilent("x")})
    await here.service.rotate_key(STATION)
    before = here.trust

    with pytest.raises(Unready, match="has been sent a key before") as caught:
        await here.service.rotate_key(STATION)

    assert "reset" in caught.value.advice
    assert here.trust == before
    assert len(here.stations.asked) == 1


@pytest.mark.parametrize("profile", [NONE, CERTIFICATE])
async def test_a_profile_without_keys_has_none_to_rotate(profile):
    here = Here(profile=profile)

    with pytest.raises(Unready, match="has no key"):
        await here.service.rotate_key(STATION)

    assert here.stations.asked == []


async def test_nobody_rotates_the_key_of_an_unknown_station():
    with pytest.raises(UnknownStation):
        await Here().service.rotate_key(station_id("CS-2"))


async def test_a_connection_with_the_new_key_before_its_answer_changes_nothing():
    """The station was quick: what its connection has settled, the answer does not undo."""
    here = Here({SetKey: NO})

    async def use_new(_):
        async with here.store.begin() as work:
            await work.stations.set_key(STATION, here.trust.next_key_hash)
            await work.stations.set_trust(STATION, Trust())

    here.stations.before = use_new
    await here.service.rotate_key(STATION)

    assert await here.opens(here.stations.asked[0].key)
    assert here.trust == Trust()


@pytest.mark.parametrize("answer", [YES, StationSilent("x")], ids=["accepted", "silent"])
async def test_a_connection_with_the_old_key_before_the_command_loses_no_key(answer):
    """It settled for the old key, and only then was the station sent the new one."""
    here = Here({SetKey: answer})

    async def use_old(_):
        await here.change()

    here.stations.before = use_old
    rotation = await here.service.rotate_key(STATION)

    counting = (here.station.key_hash, here.trust.next_key_hash)
    assert any([await here.keys.matches(each, rotation.key.encode()) for each in counting])


async def test_a_key_set_by_hand_meanwhile_counts_as_well():
    here = Here({SetKey: YES})

    async def by_hand(_):
        async with here.store.begin() as work:
            await work.stations.set_key(STATION, "typed")
            await work.stations.set_trust(STATION, Trust())

    here.stations.before = by_hand
    rotation = await here.service.rotate_key(STATION)

    assert here.station.key_hash == "typed"
    assert await here.keys.matches(here.trust.next_key_hash, rotation.key.encode())


@pytest.mark.parametrize(
    "answer",
    [YES, REBOOT, NO, StationSilent("x"), StationOffline("x")],
    ids=["accepted", "reboot", "rejected", "silent", "offline"],
)
async def test_a_rotation_is_audited_and_no_key_is_kept_anywhere(answer):
    """A01.FR.08, FR.09."""
    here = Here({SetKey: answer})

    with contextlib.suppress(StationOffline):
        await here.service.rotate_key(STATION)

    assert [deed.action for deed in here.deeds] == ["key.sent", "key.rotated"]
    assert here.stations.asked[0].key not in repr(here.store._state) + repr(here.store.published)
