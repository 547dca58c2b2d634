"""What we believe of the profiles of a station, whatever becomes of the messages about them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.commands import (
    ClearChargingProfiles,
    CompositeTold,
    GetChargingProfiles,
    Outcome,
    ProfileTold,
)
from voltkeep.domain.events import ChargingProfileChanged
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef, station_id
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    CompositeSchedule,
    Kind,
    LimitTold,
    Period,
    ProfileCriteria,
    ProfilesTold,
    Purpose,
    RateUnit,
    Schedule,
    Step,
    ToldProfile,
)
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.services import charging_reports, held_profiles
from voltkeep.services.ports import (
    CommandUnfit,
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
)
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.smart_charging import UnsoundProfile
from voltkeep.store import MemoryStore
from voltkeep.wiring import make_services

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")
TOKEN = IdToken("RFID-1")


class Site:
    """One station: what it answers can be set, and what happens before it answers."""

    def __init__(self):
        self.store = MemoryStore()
        self.now = NOON
        self.asked = []
        self.answers = []
        self.meanwhile = None
        self.start()

    def start(self):
        """The server, anew."""
        self.services = make_services(
            self.store,
            self,
            lambda _: None,
            settings=Settings(data=Path("/nonexistent")),
            secret=b"pepper",
            authority=None,
            files=None,
            clock=lambda: self.now,
        )
        self.charging = self.services.smart_charging
        self.reports = self.services.charging_reports

    async def send(self, station, command, timeout=None):
        self.asked.append(command)
        if self.meanwhile is not None:
            await self.meanwhile(command)
        answer = self.answers.pop(0) if self.answers else Outcome(accepted=True, status="Accepted")
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def sender(self):
        return Sender(STATION, self.epoch, self.now)

    async def connect(self):
        station = await self.services.provisioning.get(STATION)
        self.epoch = await self.services.provisioning.connect(
            station, subprotocol="ocpp1.6", remote_address="192.0.2.1"
        )

    async def states(self):
        return {each.profile_id: each.state.value for each in await self.charging.profiles(STATION)}

    async def begins(self, ref="7", evse=1, remote_start_id=None):
        await self.services.transactions.record(
            self.sender,
            TransactionUpdate(
                phase=Phase.STARTED,
                at=self.now,
                ref=TransactionRef(ref),
                seq_no=0,
                evse=Evse(evse, 1),
                id_token=TOKEN,
                remote_start_id=remote_start_id,
            ),
        )

    async def ends(self, ref="7"):
        await self.services.transactions.record(
            self.sender,
            TransactionUpdate(phase=Phase.ENDED, at=self.now, ref=TransactionRef(ref), seq_no=9),
        )


@pytest.fixture
async def site():
    site = Site()
    await site.services.provisioning.add(Station(id=STATION, created_at=NOON))
    await site.connect()
    return site


def limit(amount=16.0, **fields):
    schedule = Schedule(starts_at=NOON, periods=(Period(limit_a=amount),))
    return ChargingProfile(**({"purpose": Purpose.TX_DEFAULT, "schedules": (schedule,)} | fields))


OWN = limit(
    purpose=Purpose.TX, kind=Kind.RELATIVE, schedules=(Schedule(periods=(Period(limit_a=8.0),)),)
)


def told(id, *, request_id=1, more=False, evse=None, purpose=Purpose.TX_DEFAULT):
    profile = limit(id=id, purpose=purpose)
    return ProfilesTold(
        request_id=request_id,
        source="CSO",
        evse=evse,
        profiles=(ToldProfile(id=id, purpose=purpose, stack_level=0, profile=profile),),
        more=more,
    )


async def test_a_profile_is_known_after_a_restart(site):
    await site.charging.set(STATION, limit(), Evse(1))

    site.start()

    assert await site.states() == {1: "accepted"}
    composite = await site.charging.computed(STATION, Evse(1), 60, unit=RateUnit.A)
    assert [step.limit for step in composite.steps] == [16.0]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Outcome(accepted=False, status="NotSupported"), "rejected"),
        (StationRefused("NotImplemented"), "rejected"),
        (StationOffline(), "unsent"),
        (StationLeft(), "unknown"),
        (StationSilent(), "unknown"),
        (CommandUnfit("it cannot be said"), "unsent"),
    ],
)
async def test_what_was_not_accepted_is_not_computed_with(site, answer, state):
    """One that may have arrived is in the list all the same, and can be cleared."""
    site.answers = [answer]
    if isinstance(answer, Exception):
        with pytest.raises(type(answer)):
            await site.charging.set(STATION, limit())
    else:
        assert not (await site.charging.set(STATION, limit())).accepted

    assert await site.states() == {1: state}
    composite = await site.charging.computed(STATION, Evse(1), 60)
    assert [step.limit for step in composite.steps] == [None]
    await site.charging.clear(STATION, ProfileCriteria(ids=(1,)))
    assert await site.states() == {1: "cleared" if state == "unknown" else state}


async def test_a_refused_profile_leaves_the_one_that_it_was_to_replace(site):
    await site.charging.set(STATION, limit())
    site.answers = [Outcome(accepted=False, status="Rejected")]

    await site.charging.set(STATION, limit(10.0, id=1))

    live = await site.charging.profiles(STATION, live=True)
    assert [each.profile.schedule.periods[0].limit_a for each in live] == [16.0]


@pytest.mark.parametrize("whenever_valid", [True, False])
async def test_what_a_new_profile_replaces_depends_on_what_the_station_says(site, whenever_valid):
    """1.6 3.13.2 and K01.FR.06 differ over profiles that are never valid together."""
    site.answers = [
        Outcome(accepted=True, status="Accepted", told=ProfileTold(whenever_valid))
        for _ in range(2)
    ]
    await site.charging.set(STATION, limit(valid_to=NOON + timedelta(hours=1)))
    await site.charging.set(STATION, limit(valid_from=NOON + timedelta(hours=1)))

    first = "replaced" if whenever_valid else "accepted"
    assert await site.states() == {1: first, 2: "accepted"}


async def test_what_is_unsound_is_sent_only_by_force_and_nothing_is_recorded(site):
    with pytest.raises(UnsoundProfile, match="say which"):
        await site.charging.set(STATION, OWN)
    assert (site.asked, await site.states()) == ([], {})

    outcome = await site.charging.set(STATION, OWN, force=True)
    assert "say which" in outcome.warning
    extreme = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
    with pytest.raises(CommandUnfit, match="9999"):
        await site.charging.set(STATION, limit(valid_from=extreme))
    with pytest.raises(UnknownStation):
        await site.charging.set(station_id("CS-2"), limit())


async def test_a_profile_of_a_transaction_ends_with_it(site):
    await site.begins()
    await site.charging.set(STATION, OWN, Evse(1))
    (held,) = await site.charging.profiles(STATION, live=True)
    assert held.transaction == held.profile.transaction == TransactionRef("7")

    await site.begins("8", 2)
    await site.charging.set(STATION, OWN, Evse(2))

    await site.ends()
    await site.ends()

    assert await site.states() == {1: "ended", 2: "accepted"}


async def test_a_transaction_that_ends_while_its_profile_is_sent_ends_it(site):
    await site.begins()

    async def end(_):
        await site.ends()

    site.meanwhile = end
    await site.charging.set(STATION, OWN, Evse(1))

    assert await site.states() == {1: "ended"}


async def test_a_profile_of_a_remote_start_goes_with_its_transaction(site):
    await site.services.remote_control.start(STATION, TOKEN, Evse(1), profile=OWN)
    start = site.asked[-1].remote_start_id
    # It does not limit whoever else charges there meanwhile.
    await site.begins("8", 1)
    others = await site.charging.computed(STATION, Evse(1), 60, unit=RateUnit.A)
    assert [step.limit for step in others.steps] == [None]
    await site.ends("8")

    await site.begins("7", 1, start)
    (held,) = await site.charging.profiles(STATION, live=True)
    assert (held.transaction, held.evse) == (TransactionRef("7"), Evse(1))
    own = await site.charging.computed(STATION, Evse(1), 60, unit=RateUnit.A)
    assert [step.limit for step in own.steps] == [8.0]
    await site.ends("7")
    assert await site.states() == {1: "ended"}


async def test_a_transaction_that_begins_before_the_answer_has_its_profile(site):
    async def begin(command):
        await site.begins("7", 1, command.remote_start_id)

    site.meanwhile = begin
    await site.services.remote_control.start(STATION, TOKEN, Evse(1), profile=OWN)

    (held,) = await site.charging.profiles(STATION, live=True)
    assert (held.state, held.transaction) == ("accepted", TransactionRef("7"))


@pytest.mark.parametrize("answer", [StationSilent(), StationRefused("x"), CommandUnfit("x")])
async def test_a_remote_start_that_fails_leaves_no_limit(site, answer):
    site.answers = [answer]
    with pytest.raises(type(answer)):
        await site.services.remote_control.start(STATION, TOKEN, Evse(1), profile=OWN)

    assert set((await site.states()).values()) <= {"unknown", "rejected", "unsent"}


async def test_what_has_expired_is_told_with_the_next_change(site):
    lasts = Schedule(starts_at=NOON, duration_s=60, periods=(Period(limit_a=16.0),))
    await site.charging.set(STATION, limit(schedules=(lasts,)))
    site.now += timedelta(minutes=2)

    assert await site.states() == {1: "expired"}
    assert await site.charging.profiles(STATION, live=True) == []
    await site.charging.set(STATION, limit(stack_level=1))

    changes = [e for e in site.store.published if isinstance(e, ChargingProfileChanged)]
    assert ("expired", 1) in [(each.state, each.profile_id) for each in changes]


async def test_several_ids_are_cleared_one_by_one(site):
    for _ in range(3):
        await site.charging.set(STATION, limit(stack_level=len(site.asked)))
    del site.asked[:]
    site.answers = [Outcome(accepted=False, status="Unknown"), Outcome(accepted=True)]

    outcome = await site.charging.clear(STATION, ProfileCriteria(ids=(1, 2)))

    assert site.asked == [
        ClearChargingProfiles(criteria=ProfileCriteria(ids=(id,))) for id in (1, 2)
    ]
    assert outcome.accepted
    assert await site.states() == {1: "missing", 2: "cleared", 3: "accepted"}


# Reports.


async def test_a_report_that_is_quicker_than_the_answer_counts(site):
    await site.charging.set(STATION, limit(id=5))

    async def report(command):
        if isinstance(command, GetChargingProfiles):
            await site.reports.reported(site.sender, told(6, request_id=command.request_id))

    site.meanwhile = report
    await site.charging.ask_profiles(STATION)

    assert await site.states() == {5: "missing", 6: "accepted"}
    (row,) = await site.charging.reports_of(STATION)
    assert (row.state, row.told) == ("complete", ("told-6",))


async def test_a_report_goes_on_after_a_restart(site):
    await site.charging.set(STATION, limit(id=5))
    await site.charging.ask_profiles(STATION)
    number = site.asked[-1].request_id
    await site.reports.reported(site.sender, told(6, request_id=number, more=True))
    assert await site.states() == {5: "accepted", 6: "accepted"}

    site.start()
    await site.connect()
    await site.reports.reported(site.sender, told(5, request_id=number))

    assert await site.states() == {5: "accepted", 6: "accepted"}
    assert [each.state for each in await site.charging.reports_of(STATION)] == ["complete"]


async def test_what_a_report_was_not_asked_for_stays(site):
    await site.charging.set(STATION, limit(id=5), Evse(1))
    await site.charging.set(STATION, limit(id=6), Evse(2))
    site.answers = [Outcome(accepted=False, status="NoProfiles")]

    await site.charging.ask_profiles(STATION, ProfileCriteria(evse=Evse(1)))

    assert await site.states() == {5: "missing", 6: "accepted"}


async def test_one_that_waits_for_its_transaction_is_not_missing(site):
    await site.services.remote_control.start(STATION, TOKEN, None, profile=OWN)
    site.answers = [Outcome(accepted=False, status="NoProfiles")]

    await site.charging.ask_profiles(STATION)

    assert await site.states() == {1: "accepted"}


async def test_a_station_cannot_fill_the_database_with_profiles(site, monkeypatch):
    monkeypatch.setattr(held_profiles, "MOST_LIVE", 5)
    for id in range(20):
        await site.reports.reported(site.sender, told(id))
        limit_ = LimitTold(source=f"S{id}", evse=None, is_grid_critical=False)
        await site.reports.limited(site.sender, limit_)

    assert len(await site.charging.profiles(STATION)) == 5
    for each in await site.charging.profiles(STATION):
        if each.profile_id != 0:
            await site.charging.clear(STATION, ProfileCriteria(ids=(each.profile_id,)))
        else:
            await site.reports.limit_cleared(site.sender, each.source, None)
    await site.charging.clear(STATION)
    assert [each for each in await site.charging.profiles(STATION) if each.profile_id] == []


async def test_a_station_cannot_fill_the_database_with_cars(site, monkeypatch):
    monkeypatch.setattr(charging_reports, "_MOST_EVSES", 3)
    for evse in range(1, 10):
        needs = ChargingNeeds(station=STATION, id=str(evse), state="refused", at=NOON)
        await site.reports.needs(site.sender, needs)
        schedule = Schedule(periods=(Period(limit_w=4000.0),))
        assert await site.reports.ev_schedule(site.sender, evse + 9, NOON, schedule)

    assert len(await site.charging.needs_of(STATION)) == 3


async def test_a_limit_that_is_told_and_then_reported_is_one(site):
    schedule = Schedule(periods=(Period(limit_w=4000.0),))
    await site.reports.limited(
        site.sender,
        LimitTold(source="EMS", evse=None, is_grid_critical=True, schedules=(schedule,)),
    )
    (notified,) = await site.charging.profiles(STATION, live=True)
    assert notified.profile.schedule.starts_at == NOON

    reported = told(-3, purpose=Purpose.EXTERNAL_CONSTRAINTS)
    await site.reports.reported(site.sender, structs.replace(reported, source="EMS"))

    (held,) = await site.charging.profiles(STATION, live=True)
    assert (held.id, held.told_at) == (notified.id, NOON)
    await site.reports.limit_cleared(site.sender, "EMS", None)
    assert await site.charging.profiles(STATION, live=True) == []


# What they come to.


async def test_ours_begins_when_the_stations_does(site):
    late = NOON + timedelta(seconds=30)
    steps = Schedule(
        starts_at=NOON, periods=(Period(limit_a=16.0), Period(start_s=60, limit_a=8.0))
    )
    await site.charging.set(STATION, limit(schedules=(steps,)))
    said = CompositeSchedule(
        evse=Evse(9),
        starts_at=late,
        duration_s=300,
        unit=RateUnit.A,
        steps=(Step(start_s=0.0, limit_a=16.0), Step(start_s=30.0, limit_a=8.0)),
    )
    site.answers = [Outcome(accepted=True, told=CompositeTold(said))]

    told = (await site.charging.composite(STATION, Evse(1), 300)).told

    assert told.differences == ()
    assert (told.schedule.evse, told.computed.starts_at) == (Evse(1), late)


async def test_a_station_that_says_nothing_is_computed_all_the_same(site):
    await site.charging.set(STATION, limit())
    site.answers = [Outcome(accepted=False, status="Rejected")]

    told = (await site.charging.composite(STATION, None, 300, unit=RateUnit.A)).told

    assert (told.schedule, told.differences) == (None, ())
    assert [step.limit for step in told.computed.steps] == [None]  # no EVSE is known
