"""Status is taken at once and stored soon."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway.csms import Csms
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.events import ConnectorStatusChanged
from voltkeep.domain.identity import Evse, Sender, station_id
from voltkeep.services.availability import MAX_CONNECTORS
from voltkeep.services.ports import StoreUnavailable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")


def record(csms, word, *, at=NOON, heard=NOON, evse=1):
    update = StatusUpdate(evse=Evse(evse, 1), status=ConnectorStatus(word), raw_status=word, at=at)
    csms.services.availability.record(Sender(STATION, 1, heard), update)


async def words(csms):
    await csms.services.availability.save()
    return [row.update.raw_status for row in await csms.services.availability.of(STATION)]


@pytest.fixture
async def csms():
    csms = Csms()
    await csms.add("CS-1")
    return csms


async def test_the_latest_status_is_stored_and_told_once(csms):
    record(csms, "Available")
    record(csms, "Occupied", at=NOON + timedelta(seconds=1), heard=NOON + timedelta(seconds=1))
    assert await words(csms) == ["Occupied"]
    assert await words(csms) == ["Occupied"]

    told = [event for event in csms.store.published if isinstance(event, ConnectorStatusChanged)]
    assert [event.raw_status for event in told] == ["Occupied"]
    assert len(csms.store.status_history) == 2


async def test_late_news_is_history_and_not_state(csms):
    record(csms, "Occupied")
    record(csms, "Available", at=NOON - timedelta(hours=1))

    assert await words(csms) == ["Occupied"]


async def test_a_clock_that_is_ahead_does_not_outdate_all_that_follows(csms):
    record(csms, "Available", at=NOON + timedelta(days=3650))
    later = NOON + timedelta(minutes=1)
    record(csms, "Faulted", at=later, heard=later)

    assert await words(csms) == ["Faulted"]


async def test_while_the_database_is_away_nothing_is_forgotten(csms):
    record(csms, "Faulted")
    csms.store.is_away = True
    with pytest.raises(StoreUnavailable):
        await csms.services.availability.save()
    csms.store.is_away = False

    assert await words(csms) == ["Faulted"]


async def test_a_station_cannot_invent_connectors_without_end(csms):
    for number in range(1, 10 * MAX_CONNECTORS):
        record(csms, "Available", evse=number)

    assert len(await words(csms)) == MAX_CONNECTORS
