"""A04: what stations report is stored once, and people are told of what matters, once."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.domain.audit import Actor
from voltkeep.domain.events import AlertRaised, SecurityEventReported
from voltkeep.domain.identity import Sender, StationId, station_id
from voltkeep.domain.stations import Station
from voltkeep.services import security_events
from voltkeep.services.audit import acting_as
from voltkeep.services.ports import StoreUnavailable, Superseded
from voltkeep.services.security_events import SecurityEventService, UnknownAlert, raise_alert
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION, OTHER = station_id("CS-1"), station_id("CS-2")
TENANT = STATION.tenant
TAMPER = "TamperDetectionActivated"
RESTARTS = ("StartupOfTheDevice", "ResetOrReboot")


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def store():
    store = MemoryStore()
    async with store.begin() as work:
        for id in (STATION, OTHER):
            await work.stations.add(Station(id=id, epoch=1, created_at=NOON))
    return store


@pytest.fixture
def service(store, clock):
    return SecurityEventService(store.begin, store.read, clock)


def sender(station=STATION, epoch=1, at=NOON):
    return Sender(station, epoch, at)


async def open_alerts(service):
    return [(alert.kind, alert.count) for alert in await service.alerts()]


async def test_an_event_is_stored_as_it_was_said(service, store):
    info = "door\u202e<script>"
    await service.report(sender(), "SomethingOfOurs", NOON - timedelta(days=900), info)

    [event] = await service.events()
    assert (event.type, event.tech_info, event.state) == ("SomethingOfOurs", info, "noted")
    assert (event.at, event.happened_at) == (NOON, NOON - timedelta(days=900))
    [told] = store.published
    assert isinstance(told, SecurityEventReported)
    assert not told.is_critical
    assert await service.alerts() == []


@pytest.mark.parametrize(
    ("type", "kind"), [(TAMPER, TAMPER), ("ResetOrReboot", "stations restarted")]
)
async def test_an_event_said_again_is_stored_and_told_once(service, store, type, kind):
    """A04.FR.02: it is sent until it is answered."""
    for at in (NOON, NOON + timedelta(minutes=5)):
        await service.report(sender(at=at), type, NOON, "door")
    assert len(await service.events()) == 1
    assert len(store.published) == 2
    assert await open_alerts(service) == [(kind, 1)]


@pytest.mark.parametrize(
    ("type", "happened_at", "tech_info", "station"),
    [
        ("MemoryExhaustion", NOON, "door", STATION),
        (TAMPER, NOON + timedelta(microseconds=1), "door", STATION),
        (TAMPER, NOON, "window", STATION),
        (TAMPER, NOON, None, STATION),
        (TAMPER, NOON, "door", OTHER),
    ],
)
async def test_another_event_is_another(service, type, happened_at, tech_info, station):
    await service.report(sender(), TAMPER, NOON, "door")
    await service.report(sender(station), type, happened_at, tech_info)

    assert len(await service.events()) == 2


@pytest.mark.parametrize(
    ("type", "is_critical"),
    [
        *((type, True) for type in sorted(security_events.CRITICAL)),
        *(
            (type, False)
            for type in (
                *("FailedToAuthenticationAtCentralSystem", "CentralSystemFailedToAuthentication"),
                *("FailedToAuthenticateAtCsms", "CsmsFailedToAuthenticate", "InvalidMessages"),
                *("ReconfigurationOfSecurityParameters", "AttemptedReplayAttacks"),
                *("InvalidCentralSystemCertificate", "InvalidChargePointCertificate"),
                *("SomethingOfOurs", "tamperdetectionactivated", ""),
            )
        ),
    ],
)
async def test_what_is_critical_raises_an_alert(service, store, type, is_critical):
    """Whitepaper 8; 2.0.1 and 2.1 part 2, appendix 1."""
    await service.report(sender(), type, NOON, None)

    [event] = await service.events()
    assert event.state == ("critical" if is_critical else "noted")
    assert await service.events(critical=True) == ([event] if is_critical else [])
    alerts = await service.alerts()
    kind = "stations restarted" if type in RESTARTS else type
    assert [alert.kind for alert in alerts] == ([kind] if is_critical else [])
    raised = [told for told in store.published if isinstance(told, AlertRaised)]
    assert [told.alert for told in raised] == [alert.id for alert in alerts]


async def test_a_burst_of_old_events_is_one_alert_with_a_count(service, store):
    """What a station saved up while it was offline."""
    for n in range(300):
        await service.report(sender(), TAMPER, NOON - timedelta(days=n), "door")

    assert len(await service.events(limit=1000)) == 300
    assert await open_alerts(service) == [(TAMPER, 300)]
    assert len([told for told in store.published if isinstance(told, AlertRaised)]) == 1


async def test_when_the_power_comes_back_five_hundred_stations_are_one_alert(service, store):
    stations = [station_id(f"CP{n}") for n in range(500)]
    async with store.begin() as work:
        for id in stations:
            await work.stations.add(Station(id=id, epoch=1, created_at=NOON))

    async with asyncio.TaskGroup() as group:
        for n, id in enumerate(stations):
            group.create_task(service.report(sender(id), RESTARTS[n % 2], NOON, None))

    assert len(await service.events(critical=True, limit=1000)) == 500
    [alert] = await service.alerts()
    assert (alert.station, alert.count) == (StationId(TENANT, ""), 500)
    assert len([told for told in store.published if isinstance(told, AlertRaised)]) == 1


async def test_a_restart_that_could_not_be_counted_is_counted_with_the_next(store, clock):
    begins = itertools.count(1)

    @asynccontextmanager
    async def begin():
        if next(begins) == 2:
            raise StoreUnavailable("away once the event was stored")
        async with store.begin() as work:
            yield work

    service = SecurityEventService(begin, store.read, clock)
    with pytest.raises(StoreUnavailable):
        await service.report(sender(), RESTARTS[0], NOON, None)
    await service.report(sender(OTHER), RESTARTS[0], NOON, None)

    assert await open_alerts(service) == [("stations restarted", 2)]


async def test_of_a_station_that_floods_events_are_dropped_and_counted(service, clock, store):
    for n in range(1000):
        await service.report(sender(), "Noise", NOON + timedelta(seconds=n), None)
    await service.report(sender(OTHER), "Noise", NOON, None)

    stored = int(security_events._EVENTS.burst)
    assert len(await service.events(STATION, limit=1000)) == stored
    assert len(await service.events(OTHER)) == 1
    assert await open_alerts(service) == [("too many security events", 1)]

    clock.now += timedelta(seconds=10)
    await service.report(sender(), "Noise", NOON - timedelta(days=1), None)
    assert await open_alerts(service) == [("too many security events", 1000 - stored)]
    assert len(await service.events(STATION, limit=1000)) == stored + 1


async def test_more_events_than_are_kept_are_dropped_and_counted(service, monkeypatch):
    monkeypatch.setattr(security_events, "EVENTS_KEPT", 3)
    for n in range(5):
        await service.report(sender(), "Noise", NOON + timedelta(seconds=n), None)
    await service.report(sender(), TAMPER, NOON, None)

    assert len(await service.events()) == 3
    assert sorted(await open_alerts(service)) == [(TAMPER, 1), ("too many security events", 3)]


async def test_what_a_superseded_connection_says_is_discarded(service, store):
    with pytest.raises(Superseded):
        await service.report(sender(epoch=0), TAMPER, NOON, None)
    assert await service.events() == []
    assert store.published == []


async def test_events_are_listed_by_station_and_time(service):
    for n, station in enumerate((STATION, OTHER, STATION)):
        at = NOON + timedelta(minutes=n)
        await service.report(sender(station, at=at), f"T{n}", at, None)

    async def types(*args, **filters):
        return [event.type for event in await service.events(*args, **filters)]

    assert await types() == ["T2", "T1", "T0"]
    assert await types(limit=1) == ["T2"]
    assert await types(STATION) == ["T2", "T0"]
    assert await types(since=NOON + timedelta(minutes=1)) == ["T2", "T1"]
    assert await types(STATION, since=NOON + timedelta(minutes=1)) == ["T2"]


# Alerts.


async def alarm(store, kind="cloned", text="again", at=NOON, station=STATION, **options):
    async with store.begin() as work:
        return await raise_alert(work, station, kind, text, at, **options)


async def test_an_open_alert_is_counted_up_and_tells_the_last(store, service):
    first = await alarm(store, text="from ::1")
    later = NOON + timedelta(hours=1)
    again = await alarm(store, text="from ::2", at=later, times=2)
    await alarm(store, text="from ::0", at=NOON - timedelta(hours=1))

    [alert] = await service.alerts()
    assert (alert.id, alert.count, alert.first_at, alert.at) == (first.id, 4, NOON, later)
    assert again.text == "from ::2"
    assert len(store.published) == 1


async def test_alerts_of_other_kinds_and_stations_are_others(store, service):
    everywhere = station_id("any")._replace(name="")
    alerts = [
        await alarm(store),
        await alarm(store, "other kind"),
        await alarm(store, station=OTHER),
        await alarm(store, station=everywhere),
    ]

    assert len({alert.id for alert in alerts}) == 4
    assert len(await service.alerts(TENANT)) == 4
    assert await service.alerts(station_id("x", "acme").tenant) == []


async def test_an_alert_that_was_acknowledged_is_raised_anew(store, service, clock):
    first = await alarm(store)
    with acting_as(Actor(kind="cli", name="ada")):
        done = await service.acknowledge(TENANT, first.id)
    assert (done.state, done.acknowledged_by) == ("acknowledged", "ada")
    assert await service.alerts() == []

    second = await alarm(store, at=NOON + timedelta(seconds=1))
    assert second.id != first.id
    assert await service.alerts() == [second]
    assert await service.alerts(acknowledged=True) == [second, done]
    assert len(store.published) == 2


async def test_who_acknowledged_is_in_the_audit_log_once(store, service):
    alert = await alarm(store)
    for name in ("ada", "bob"):
        with acting_as(Actor(kind="cli", name=name)):
            assert (await service.acknowledge(TENANT, alert.id)).acknowledged_by == "ada"

    async with store.read() as work:
        [entry] = await work.audit.since(TENANT)
    assert (entry.actor.name, entry.deed.action) == ("ada", "alert.acknowledged")
    assert entry.deed.object == "cloned of CS-1"


async def test_an_alert_that_is_not_there_cannot_be_acknowledged(store, service):
    alert = await alarm(store)
    for tenant, id in ((TENANT, "nonsense"), (station_id("x", "acme").tenant, alert.id)):
        with pytest.raises(UnknownAlert, match=id):
            await service.acknowledge(tenant, id)
