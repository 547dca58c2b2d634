"""Transactions that never ended are found, told of once, and closed in the record only."""

from datetime import timedelta

import pytest

from tests.services.here import ALICE, CS, NOON, Here
from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.closing import Evidence
from voltkeep.domain.events import AlertRaised, TransactionClosed, TransactionEnded
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.services.audit import acting_as
from voltkeep.services.closing import ALERT, NotClosable
from voltkeep.services.transactions import UnknownTransaction

TOKEN = IdToken("RFID-1")


@pytest.fixture
async def here():
    here = Here()
    await here.add("CS-1")
    here.sender = await here.connect()
    token = Token(id_token=TOKEN, created_at=NOON, max_active=1)
    await here.services.authorization.save(CS.tenant, token)
    return here


async def start(here, *, evse=1, sender=None):
    """An OCPP 1.6 start: the ref that it got, and what its driver was told."""
    update = TransactionUpdate(
        phase=Phase.STARTED, at=here.now, evse=Evse(evse, 1), id_token=TOKEN, meter_wh=1000.0
    )
    recorded = await here.services.transactions.record(at_now(here, sender), update)
    return recorded.ref, recorded.decision.status


def at_now(here, sender=None):
    sender = sender or here.sender
    return Sender(sender.station, sender.epoch, here.now)


async def meter(here, ref, energy, trigger=None):
    update = TransactionUpdate(
        phase=Phase.UPDATED,
        at=here.now,
        ref=ref,
        seq_no=int(energy),
        trigger=trigger,
        values=(MeterValue(at=here.now, energy_wh=energy, raw=b"[]"),),
    )
    await here.services.transactions.record(at_now(here), update)


async def end(here, ref, meter_wh=9000.0):
    update = TransactionUpdate(
        phase=Phase.ENDED, at=here.now, ref=ref, meter_wh=meter_wh, stop_reason="Local"
    )
    await here.services.transactions.record(at_now(here), update)


async def found(here):
    await here.services.closing.look()
    rows = await here.services.closing.find_unended(CS.tenant)
    return {row.id: row.state for row in rows}


async def close(here, ref, **values):
    with acting_as(ALICE):
        return await here.services.closing.close(CS, ref, **({"reason": "replaced"} | values))


async def test_an_older_transaction_on_the_same_evse_never_ended(here):
    old, _ = await start(here)
    here.later(minutes=30)
    await start(here)
    assert await found(here) == {}
    here.later(minutes=16)
    assert await found(here) == {old: Evidence.NEWER}


async def test_silence_of_a_station_that_is_away_is_found_and_forgotten_when_it_goes_on(here):
    ref, _ = await start(here)
    await here.disconnect()
    here.later(hours=13)
    assert await found(here) == {ref: Evidence.OFFLINE}

    here.later(hours=1)
    here.sender = await here.connect()
    await meter(here, ref, 2000.0)
    await here.services.provisioning.seen({CS: here.now})
    assert await found(here) == {}


async def test_what_only_metered_went_past_the_row_and_was_heard_all_the_same(here):
    ref, _ = await start(here)
    here.later(hours=10)
    await meter(here, ref, 2000.0, "MeterValuePeriodic")
    assert (await here.services.transactions.get(CS, ref)).last_heard_at == NOON
    await here.disconnect()
    here.later(hours=3)
    assert await found(here) == {}
    here.later(hours=10)
    assert await found(here) == {ref: Evidence.OFFLINE}


async def test_an_alert_is_raised_once_and_counts_no_look_twice(here):
    await start(here)
    await here.disconnect()
    here.later(hours=13)
    for _ in range(3):
        await found(here)
    here.start_server()
    await found(here)
    [alert] = await here.services.security_events.alerts()
    assert (alert.kind, alert.count, alert.station) == (ALERT, 1, CS)


async def test_many_at_once_are_one_alert_of_the_tenant(here):
    for number in range(25):
        await start(here, evse=number + 1)
    await here.disconnect()
    here.later(hours=13)
    assert len(await found(here)) == 25
    [alert] = await here.services.security_events.alerts()
    assert (alert.count, alert.station.name) == (25, "")
    assert len(here.events(AlertRaised)) == 1


async def test_one_that_ends_after_all_is_forgotten(here):
    ref, _ = await start(here)
    await here.disconnect()
    here.later(hours=13)
    await found(here)
    here.sender = await here.connect()
    await end(here, ref)
    assert await here.services.closing.find_unended(CS.tenant) == []
    assert await found(here) == {}


async def test_closing_frees_the_token_and_asks_the_station_nothing(here):
    ref, _ = await start(here)
    assert (await start(here, evse=2))[1] is Authorization.CONCURRENT_TX
    await close(here, ref)
    here.later(seconds=1)
    assert (await start(here, evse=2))[1] is Authorization.ACCEPTED
    assert here.asked == []


async def test_a_closed_record_says_by_whom_when_and_as_of_what(here):
    ref, _ = await start(here)
    at = here.later(minutes=30)
    await meter(here, ref, 5200.0)
    here.later(hours=5)
    closed = await close(here, ref)
    closing = closed.closing
    assert (closing.by, closing.at, closing.as_of) == ("alice", here.now, at)
    assert (closing.meter_wh, closed.energy_wh) == (5200.0, 4200.0)
    assert (closed.ended_at, closed.stop_reason, closed.is_active) == (None, None, False)
    [told] = here.events(TransactionClosed)
    assert (told.closed_by, told.energy_wh) == ("alice", 4200.0)
    assert here.events(TransactionEnded) == []
    assert ("transaction.closed", "alice") in await here.deeds()


async def test_an_end_and_a_reading_can_be_given(here):
    ref, _ = await start(here)
    here.later(hours=5)
    as_of = NOON + timedelta(hours=2)
    closed = await close(here, ref, ended_at=as_of, meter_wh=8000.0)
    assert (closed.over_at, closed.energy_wh) == (as_of, 7000.0)


async def test_the_stations_own_end_counts_more_and_the_closing_stays(here):
    ref, _ = await start(here)
    here.later(hours=1)
    await close(here, ref)
    here.later(hours=1)
    await end(here, ref)
    after = await here.services.transactions.get(CS, ref)
    assert (after.ended_at, after.energy_wh, after.stop_reason) == (here.now, 8000.0, "Local")
    assert after.closing.by == "alice"
    assert len(here.events(TransactionEnded)) == 1


async def test_an_end_without_a_name_finds_what_was_closed(here):
    """1.6 errata 3.18: the station never learnt our number."""
    ref, _ = await start(here)
    here.later(hours=1)
    await close(here, ref)
    update = TransactionUpdate(
        phase=Phase.ENDED, at=here.now, ref=TransactionRef("-1"), id_token=TOKEN, meter_wh=3000.0
    )
    recorded = await here.services.transactions.record(at_now(here), update)
    assert recorded.ref == ref


async def test_one_that_goes_on_after_it_was_closed_raises_an_alert(here):
    ref, _ = await start(here)
    here.later(hours=1)
    await close(here, ref)
    here.later(minutes=1)
    await meter(here, ref, 6000.0)
    assert await here.alerts() == ["closed transaction goes on"]
    assert not (await here.services.transactions.get(CS, ref)).is_active


async def test_what_is_over_or_unknown_is_not_closed(here):
    ref, _ = await start(here)
    here.later(hours=1)
    for values in (
        {"ended_at": here.now + timedelta(seconds=1)},
        {"ended_at": NOON - timedelta(seconds=1)},
        {"meter_wh": 999.0},
    ):
        with pytest.raises(NotClosable):
            await close(here, ref, **values)
    await close(here, ref)
    with pytest.raises(NotClosable, match="closed by alice"):
        await close(here, ref)
    with pytest.raises(UnknownTransaction):
        await close(here, TransactionRef("none"))
    other, _ = await start(here, evse=2)
    await end(here, other)
    with pytest.raises(NotClosable, match="as the station said"):
        await close(here, other)


async def test_a_transaction_of_a_removed_station_can_be_closed(here):
    ref, _ = await start(here)
    await here.services.provisioning.remove(CS)
    here.later(hours=13)
    assert await found(here) == {ref: Evidence.REMOVED}
    assert not (await close(here, ref)).is_active
