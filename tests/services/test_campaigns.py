"""A campaign walks a fleet up, a few stations at a time, and stops when it goes wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.campaigns import CampaignState, StepState, Terms
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.commands import Outcome, Reset, SetNetworkProfile, UseNetworkProfile
from voltkeep.domain.events import CampaignChanged
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.domain.stations import SecurityProfile, Station, Trust
from voltkeep.services.addresses import Addresses
from voltkeep.services.campaign_walk import CampaignWalk
from voltkeep.services.campaigns import (
    CampaignConflict,
    CampaignService,
    UnknownCampaign,
)
from voltkeep.services.credentials import CredentialsService
from voltkeep.services.lists import StationFilter
from voltkeep.services.ports import StationOffline, StationRefused, StationSilent
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.security import Keys
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NONE, BASIC, TLS, CERTIFICATE = SecurityProfile
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")
SCHEDULED = Outcome(accepted=True, status="Scheduled")
RUNNING, HALTED = CampaignState.RUNNING, CampaignState.HALTED
FINISHED, CANCELLED = CampaignState.FINISHED, CampaignState.CANCELLED


class Fleet:
    """Stations that answer as they are told to, and the clock."""

    def __init__(self, count, *, profile=BASIC):
        self.now = NOON
        self.store = MemoryStore()
        self.names = [station_id(f"CS-{number:02}") for number in range(1, count + 1)]
        self.asked = []
        self.answers = {}
        self.renewals = []
        for name in self.names:
            self.rows[name] = Station(
                id=name,
                security_profile=profile,
                key_hash="a key",
                created_at=NOON,
                connected_at=NOON - timedelta(hours=1),
            )
        self.start_server()

    def start_server(self):
        """What is not in the database is forgotten."""
        settings = Settings(data=Path("/nonexistent"), public_host="csms.example")
        begin, read, clock = self.store.begin, self.store.read, lambda: self.now
        credentials = CredentialsService(begin, read, self, Keys(b""), clock, Addresses(settings))
        self.service = CampaignService(begin, read, credentials, self, self.firmware(), clock)

    def firmware(self):
        """What updates stations, where any are updated."""

    @property
    def rows(self):
        return self.store._state.stations

    async def send(self, station, command, timeout=None):
        self.asked.append((station, command))
        answer = self.answers.get((station, type(command)), self.answers.get(type(command)))
        if answer is None:
            answer = YES if isinstance(command, SetNetworkProfile) else Outcome(accepted=True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def renew(self, station):
        self.renewals.append(station)
        return self.answers.get("renew", YES)

    def told(self):
        """Whom was told to change, and to what."""
        kind = SetNetworkProfile
        return [(each.name, int(c.profile)) for each, c in self.asked if isinstance(c, kind)]

    async def start(self, target=TLS, **options):
        which = StationFilter(names=tuple(name.name for name in self.names))
        self.campaign = await self.service.start(DEFAULT_TENANT, target, which, Terms(**options))
        return self.campaign

    async def look(self, after_s=1.0):
        self.now += timedelta(seconds=after_s)
        await self.service.move_on()

    def leave(self, *names):
        for name in names or self.names:
            self.rows[name] = structs.replace(self.rows[name], disconnected_at=self.now)

    def come_back(self, *names, changed=True):
        """A good connection, as the door settles it."""
        self.now += timedelta(seconds=1)
        for name in names or self.names:
            row = structs.replace(self.rows[name], connected_at=self.now, disconnected_at=None)
            if changed and row.trust.next_profile is not None:
                row.security_profile, row.trust = row.trust.next_profile, Trust()
            self.rows[name] = row

    async def progress(self):
        return await self.service.progress(DEFAULT_TENANT, self.campaign.id)

    async def state(self):
        return (await self.progress()).campaign.state

    async def counts(self):
        counts = (await self.progress()).counts
        return {state: count for state, count in counts.items() if count}

    async def reasons(self):
        return [step.reason for step in (await self.progress()).failed]


async def test_a_fleet_is_walked_up_one_profile_at_a_time():
    """A05."""
    fleet = Fleet(2, profile=NONE)
    await fleet.start(TLS)

    await fleet.look()
    assert fleet.told() == [("CS-01", 1), ("CS-02", 1)]
    assert await fleet.counts() == {"asked": 2}

    fleet.come_back()
    await fleet.look()
    assert fleet.told()[2:] == [("CS-01", 2), ("CS-02", 2)]
    assert await fleet.state() is RUNNING

    fleet.come_back()
    await fleet.look()
    assert await fleet.counts() == {"done": 2}
    assert await fleet.state() is FINISHED


async def test_only_a_few_are_asked_at_once():
    fleet = Fleet(5)
    await fleet.start(at_once=2)

    await fleet.look()
    await fleet.look()
    assert len(fleet.told()) == 2

    fleet.come_back(station_id(fleet.told()[0][0]))
    await fleet.look()
    assert len(fleet.told()) == 3
    assert await fleet.counts() == {"asked": 2, "done": 1, "waiting": 2}


async def test_a_campaign_halts_when_stations_do_not_come_back():
    fleet = Fleet(6)
    await fleet.start(at_once=2, come_back_s=60, halt_after=2)
    await fleet.look()
    fleet.leave()

    await fleet.look(after_s=59)
    assert await fleet.state() is RUNNING

    await fleet.look(after_s=62)
    progress = await fleet.progress()
    assert progress.campaign.state is HALTED
    assert "2 stations failed" in progress.campaign.reason
    assert await fleet.reasons() == ["it did not come back"] * 2
    await fleet.look(after_s=600)
    assert len(fleet.told()) == 2  # nobody else was asked


async def test_a_station_that_falls_back_has_failed():
    """A05.FR.08; both its profiles go on to count, so that it is not locked out."""
    fleet = Fleet(1)
    await fleet.start(come_back_s=60, halt_after=1)
    await fleet.look()
    fleet.come_back(changed=False)

    await fleet.look(after_s=120)

    assert await fleet.reasons() == ["it came back with profile 1"]
    assert fleet.rows[fleet.names[0]].trust.next_profile is TLS


async def test_a_station_that_never_left_has_failed():
    fleet = Fleet(1)
    await fleet.start(come_back_s=60, halt_after=1)
    await fleet.look()

    await fleet.look(after_s=120)

    assert await fleet.reasons() == ["it is still connected as before"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NO, "it said Rejected"),
        (StationRefused("NotSupported"), "refused: NotSupported"),
    ],
)
async def test_a_station_that_says_no_has_failed(answer, reason):
    fleet = Fleet(2)
    fleet.answers[SetNetworkProfile] = answer
    await fleet.start(at_once=1, halt_after=1)

    await fleet.look()

    assert await fleet.reasons() == [reason]
    assert await fleet.state() is HALTED
    assert len(fleet.told()) == 1


async def test_a_station_whose_answer_is_lost_may_still_come():
    fleet = Fleet(1)
    fleet.answers[SetNetworkProfile] = StationSilent("x")
    await fleet.start()
    await fleet.look()
    assert await fleet.counts() == {"asked": 1}

    fleet.come_back()
    await fleet.look()

    assert await fleet.state() is FINISHED


async def test_a_station_that_is_away_is_waited_for():
    fleet = Fleet(2)
    first, second = fleet.names
    fleet.leave(first)
    fleet.answers[second, SetNetworkProfile] = StationOffline("x")
    await fleet.start(halt_after=1)

    await fleet.look()
    assert await fleet.counts() == {"waiting": 2}

    fleet.answers.clear()
    fleet.come_back(first, changed=False)
    await fleet.look()
    assert await fleet.counts() == {"asked": 2}


async def test_a_station_that_restarts_when_it_is_idle_may_take_its_time():
    fleet = Fleet(1)
    fleet.answers |= {UseNetworkProfile: YES, Reset: SCHEDULED}
    await fleet.start(come_back_s=60, halt_after=1)
    await fleet.look()
    assert [type(command) for _, command in fleet.asked][-1] is Reset

    await fleet.look(after_s=36_000)
    assert await fleet.counts() == {"asked": 1}

    fleet.leave()
    await fleet.look(after_s=59)
    assert await fleet.counts() == {"asked": 1}
    await fleet.look(after_s=2)
    assert await fleet.reasons() == ["it did not come back"]


async def test_who_is_there_already_is_left_alone():
    fleet = Fleet(2, profile=TLS)
    await fleet.start(TLS)

    await fleet.look()

    assert fleet.asked == []
    assert await fleet.counts() == {"skipped": 2}
    assert await fleet.state() is FINISHED


async def test_a_removed_station_is_not_waited_for():
    fleet = Fleet(2)
    await fleet.start(at_once=1)
    await fleet.look()
    fleet.rows.clear()

    await fleet.look()

    assert await fleet.counts() == {"skipped": 2}
    assert await fleet.state() is FINISHED


async def certify(fleet, name):
    certificate = IssuedCertificate(
        station=name,
        id="1f",
        state=CertificateState.ACCEPTED,
        at=fleet.now,
        profile="station",
        issuer="ec",
        subject="",
        fingerprint="",
        key_fingerprint="",
        not_before=NOON,
        not_after=NOON + timedelta(days=365),
        pem="",
    )
    async with fleet.store.begin() as work:
        await work.certificates.put(certificate)


async def test_for_profile_3_a_station_gets_its_certificate_first():
    """A05.FR.04."""
    fleet = Fleet(1, profile=TLS)
    await fleet.start(CERTIFICATE)

    await fleet.look()
    await fleet.look()
    assert fleet.renewals == fleet.names
    assert await fleet.counts() == {"preparing": 1}
    assert fleet.told() == []

    await certify(fleet, fleet.names[0])
    await fleet.look()
    await fleet.look()
    assert fleet.told() == [("CS-01", 3)]
    fleet.come_back()
    await fleet.look()
    assert await fleet.state() is FINISHED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (YES, "it has taken no certificate in time"),
        (NO, "it asks for no certificate: Rejected"),
    ],
)
async def test_without_a_certificate_there_is_no_profile_3(answer, reason):
    fleet = Fleet(1, profile=TLS)
    fleet.answers["renew"] = answer
    await fleet.start(CERTIFICATE, come_back_s=60, halt_after=1)
    await fleet.look()

    await fleet.look(after_s=120)

    assert await fleet.reasons() == [reason]
    assert fleet.told() == []


# --- what operators do ---------------------------------------------------------------------------


async def test_a_halted_campaign_goes_on_when_it_is_resumed():
    fleet = Fleet(3)
    fleet.answers[SetNetworkProfile] = NO
    await fleet.start(at_once=1, halt_after=1)
    await fleet.look()
    assert await fleet.state() is HALTED

    fleet.answers.clear()
    await fleet.service.resume(DEFAULT_TENANT, fleet.campaign.id)
    await fleet.look()
    assert await fleet.counts() == {"asked": 1, "failed": 1, "waiting": 1}

    await fleet.service.halt(DEFAULT_TENANT, fleet.campaign.id)
    await fleet.service.resume(DEFAULT_TENANT, fleet.campaign.id, retry=True)
    assert await fleet.counts() == {"asked": 1, "waiting": 2}


async def test_a_halted_campaign_still_sees_who_comes_back():
    fleet = Fleet(2)
    await fleet.start(at_once=1)
    await fleet.look()
    await fleet.service.halt(DEFAULT_TENANT, fleet.campaign.id)
    fleet.come_back()

    await fleet.look()

    assert await fleet.counts() == {"done": 1, "waiting": 1}
    assert len(fleet.told()) == 1


async def test_a_cancelled_campaign_asks_nobody():
    fleet = Fleet(2)
    await fleet.start(at_once=1)
    await fleet.look()

    await fleet.service.cancel(DEFAULT_TENANT, fleet.campaign.id)
    await fleet.look()

    assert await fleet.counts() == {"skipped": 2}
    assert await fleet.state() is CANCELLED
    assert len(fleet.told()) == 1


async def test_one_campaign_at_a_time():
    fleet = Fleet(1)
    first = await fleet.start()

    with pytest.raises(CampaignConflict, match=first.id):
        await fleet.start()
    with pytest.raises(CampaignConflict, match="running"):
        await fleet.service.resume(DEFAULT_TENANT, first.id)

    await fleet.service.cancel(DEFAULT_TENANT, first.id)
    second = await fleet.start()
    assert [each.id for each in await fleet.service.all(DEFAULT_TENANT)] == sorted(
        [first.id, second.id],
        reverse=True,
    )


async def test_a_campaign_needs_stations():
    fleet = Fleet(1)

    with pytest.raises(UnknownStation):
        await fleet.service.start(DEFAULT_TENANT, TLS, StationFilter(names=("NO",)), Terms())
    with pytest.raises(UnknownStation):
        await Fleet(0).start()
    with pytest.raises(UnknownCampaign):
        await fleet.service.progress(DEFAULT_TENANT, "no")


async def test_a_campaign_over_all_has_every_station_of_the_tenant():
    fleet = Fleet(2)

    fleet.campaign = await fleet.service.start(DEFAULT_TENANT, TLS, StationFilter(), Terms())

    assert await fleet.counts() == {"waiting": 2}


# --- what survives -------------------------------------------------------------------------------


async def test_a_campaign_survives_a_restart():
    fleet = Fleet(2)
    await fleet.start(at_once=1)
    await fleet.look()
    fleet.start_server()
    fleet.come_back()

    await fleet.look()
    fleet.come_back()
    await fleet.look()

    assert len(fleet.told()) == 2  # each of them once
    assert await fleet.state() is FINISHED


async def test_a_station_claimed_by_a_process_that_died_is_asked_after_a_while():
    fleet = Fleet(1)
    await fleet.start()
    async with fleet.store.begin() as work:
        step = await work.steps.get(fleet.names[0], fleet.campaign.id)
        assert step is not None
        claimed = structs.replace(step, state=StepState.ASKED, at=fleet.now, profile=2)
        await work.steps.put(claimed)

    await fleet.look()
    assert fleet.told() == []  # another process may be about to ask it

    await fleet.look(after_s=400)
    assert len(fleet.told()) == 1


async def test_two_processes_ask_each_station_once(monkeypatch):
    """Even when both have looked before either of them claims."""
    fleet = Fleet(4)
    await fleet.start()
    async with fleet.store.read() as work:
        seen = await fleet.service._walk._candidates(work, fleet.campaign, 10)

    async def candidates(*_):
        return seen

    monkeypatch.setattr(CampaignWalk, "_candidates", candidates)
    claimed = [len(await fleet.service._walk._claim(fleet.campaign)) for _ in range(2)]

    assert (len(seen), claimed) == (4, [4, 0])


async def test_campaigns_are_told_and_audited():
    fleet = Fleet(1)
    await fleet.start()
    await fleet.look()
    fleet.come_back()
    await fleet.look()

    told = [
        (event.station.name, event.state)
        for event in fleet.store.published
        if isinstance(event, CampaignChanged)
    ]
    whole = [("", "filling"), ("", "running"), ("", "finished")]
    assert told == [*whole[:2], ("CS-01", "asked"), ("CS-01", "done"), whole[2]]
    deeds = [entry.deed.action for entry in fleet.store._state.audit.values()]
    assert [deed for deed in deeds if deed.startswith("campaign")] == [
        "campaign.started",
        "campaign.running",
        "campaign.finished",
    ]
