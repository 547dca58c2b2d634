"""Local lists kept in step, by themselves, for fleets and for stations that are away."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from voltkeep.domain.authorization import Token
from voltkeep.domain.commands import (
    EntriesLeftOut,
    GetLocalListLimits,
    GetLocalListVersion,
    LocalListLimitsTold,
    LocalListVersionTold,
    Outcome,
    SendLocalList,
)
from voltkeep.domain.events import StationBooted, StationConnected
from voltkeep.domain.identity import IdToken, station_id
from voltkeep.domain.local_list import ListState, next_version
from voltkeep.domain.stations import Make, Registration, Station
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.list_keeper import ListKeeper
from voltkeep.services.local_list import CHANGES_KEPT, LocalListService
from voltkeep.services.ports import StationRefused, StationSilent
from voltkeep.services.records import Look
from voltkeep.services.token_changes import all_changed
from voltkeep.services.unknown_tokens import UnknownTokenService
from voltkeep.store import MemoryStore

CS = station_id("CS-1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = timedelta(minutes=1)


class Kept:
    """The list of one station, as the station has it."""

    def __init__(self):
        self.version = 0
        self.tokens = {}

    def take(self, command):
        if not command.full and command.version <= self.version:
            return Outcome(accepted=False, status="VersionMismatch")
        if command.full:
            self.tokens = {}
        for entry in command.entries:
            if entry.decision is None:
                self.tokens.pop(entry.id_token.key, None)
            else:
                self.tokens[entry.id_token.key] = entry.decision.status.value
        self.version = command.version
        return Outcome(accepted=True, status="Accepted")


class Fleet:
    """Stations that keep lists, and the services that keep them in step."""

    def __init__(self, per_message=3):
        self.store = MemoryStore()
        self.now = NOON
        self.per_message = per_message
        self.lists = {}
        self.sent = []
        self.heard = []
        self.left_out = None
        self.failure = None
        self.asked = self.most_asked = 0
        clock = lambda: self.now  # noqa: E731  # reads as what it is
        begin, read = self.store.begin, self.store.read
        unknown = UnknownTokenService(begin, read, None, clock)
        self.tokens = AuthorizationService(begin, read, clock, lambda _: None, unknown)
        self.service = LocalListService(begin, read, self, clock)
        self.keeper = ListKeeper(begin, read, self.service, clock)

    async def send(self, station, command, timeout=None):
        self.heard.append(type(command))
        self.asked += 1
        self.most_asked = max(self.most_asked, self.asked)
        await asyncio.sleep(0)
        self.asked -= 1
        if self.failure is not None:
            raise self.failure
        kept = self.lists.setdefault(station.name, Kept())
        match command:
            case GetLocalListVersion():
                return Outcome(accepted=True, told=LocalListVersionTold(kept.version))
            case GetLocalListLimits():
                limits = LocalListLimitsTold(per_message=self.per_message)
                return Outcome(accepted=True, told=limits)
            case SendLocalList():
                self.sent.append((station.name, command))
                outcome = kept.take(command)
                return structs.replace(outcome, told=self.left_out)

    async def add(self, *names, **values):
        values = {"connected_at": self.now, "created_at": self.now} | values
        for name in names:
            async with self.store.begin() as work:
                await work.stations.add(Station(id=station_id(name), **values))
            await self.service.set(station_id(name), is_on=True)

    async def knows(self, *values, **more):
        for value in values:
            token = Token(id_token=IdToken(value), created_at=self.now, **more)
            await self.tokens.save(CS.tenant, token)

    async def keep(self, after=LATER):
        """What was sent when they were kept in step, so much later."""
        self.now += after
        before = len(self.sent)
        await self.keeper.keep()
        return [
            (name, "full" if command.full else "changes", len(command.entries))
            for name, command in self.sent[before:]
        ]

    def boots(self, name):
        self.keeper.heed(
            StationBooted(
                station=station_id(name),
                at=self.now,
                make=Make(vendor="V", model="M"),
                registration=Registration.ACCEPTED,
                reason="PowerUp",
            )
        )

    async def state(self, name="CS-1"):
        known = await self.service.get(station_id(name))
        return known.state, known.reason


@pytest.fixture
def fleet():
    return Fleet()


async def test_changes_are_collected_and_sent_together(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A", "B")
    assert await fleet.keep() == [("CS-1", "full", 2)]

    fleet.now += LATER
    await fleet.knows("C")
    assert await fleet.keep(after=timedelta(seconds=5)) == []
    await fleet.tokens.block(CS.tenant, IdToken("A"), blocked=True)
    await fleet.tokens.remove(CS.tenant, IdToken("B"))
    assert await fleet.keep() == [("CS-1", "changes", 3)]

    assert fleet.lists["CS-1"].tokens == {"a": "Blocked", "c": "Accepted"}
    assert await fleet.keep() == []
    assert await fleet.state() == (ListState.IN_STEP, "")


async def test_a_token_that_changes_its_group_comes_and_goes(fleet):
    await fleet.add("CS-1")
    await fleet.service.set(CS, groups=["RED"])
    await fleet.knows("A", group="RED")
    await fleet.knows("B", group="BLUE")
    await fleet.keep()
    assert list(fleet.lists["CS-1"].tokens) == ["a"]

    await fleet.knows("A", group="BLUE")
    await fleet.knows("B", group="RED")
    assert await fleet.keep() == [("CS-1", "changes", 2)]
    assert list(fleet.lists["CS-1"].tokens) == ["b"]
    await fleet.knows("C", group="GREEN")
    assert await fleet.keep() == []  # never in this list


async def test_a_group_that_is_blocked_as_a_whole_is_blocked_at_the_stations(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A", group="RED")
    await fleet.knows("B")
    await fleet.keep()

    await fleet.tokens.groups.change(CS.tenant, "RED", blocked=True)
    assert await fleet.keep() == [("CS-1", "full", 2)]

    assert fleet.lists["CS-1"].tokens == {"a": "Blocked", "b": "Accepted"}
    assert await fleet.keep() == []


async def test_a_station_that_is_away_gets_it_when_it_comes_back(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A")
    await fleet.keep()
    async with fleet.store.begin() as work:
        [station] = await work.stations.all()
        await work.stations.disconnected(CS, station.epoch, fleet.now)
    await fleet.knows("B")
    assert await fleet.keep() == []
    assert await fleet.state() == (ListState.DUE, "the station is not connected")

    async with fleet.store.begin() as work:
        epoch = await work.stations.connected(CS, at=fleet.now, subprotocol="x", address="y")
    fleet.keeper.heed(
        StationConnected(
            station=CS,
            at=fleet.now,
            subprotocol="x",
            security_profile=1,
            remote_address="y",
            epoch=epoch,
        )
    )
    assert await fleet.keep() == [("CS-1", "changes", 1)]


async def test_a_station_that_lost_its_list_in_a_restart_gets_all_of_it(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A")
    await fleet.keep()
    fleet.lists["CS-1"] = Kept()
    fleet.boots("CS-1")

    assert await fleet.keep() == [("CS-1", "full", 1)]


async def test_nothing_goes_by_itself_where_it_is_off_or_the_station_passive(fleet):
    await fleet.add("PASSIVE", passive=True)
    await fleet.add("OFF")
    await fleet.service.set(station_id("OFF"), is_on=False)
    await fleet.knows("A")
    fleet.boots("PASSIVE")
    fleet.boots("OFF")

    assert await fleet.keep() == []
    assert fleet.lists == {}
    # A person may all the same.
    assert (await fleet.service.sync(station_id("PASSIVE"))).accepted


async def test_what_the_last_server_left_undone_is_done_by_the_next(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A")
    await fleet.keep()
    await fleet.knows("B")
    fleet.now += LATER

    fleet.keeper = ListKeeper(fleet.store.begin, fleet.store.read, fleet.service, lambda: fleet.now)
    assert await fleet.keep() == [("CS-1", "changes", 1)]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(StationSilent("no answer"), "silent: no answer"), (StationRefused("InternalError"), "")],
)
async def test_a_failure_is_noted_and_no_other_station_suffers(fleet, failure, reason):
    await fleet.add("CS-1", "CS-2")
    await fleet.knows("A")
    fleet.failure = failure
    assert await fleet.keep() == []
    state, why = await fleet.state()
    assert (state, why.startswith(reason or "refused")) == (ListState.DUE, True)

    fleet.failure = None
    await fleet.knows("B")
    assert sorted(await fleet.keep()) == [("CS-1", "full", 2), ("CS-2", "full", 2)]


async def test_a_fleet_is_served_a_few_at_a_time_and_a_part_at_a_time(fleet):
    """No list is ever in memory as a whole, and no station waits for all the others."""
    await fleet.add(*(f"CS-{each}" for each in range(40)))
    await fleet.knows(*(f"T{each}" for each in range(10)))

    sent = await fleet.keep()

    assert fleet.most_asked <= 8
    assert max(size for _, _, size in sent) <= fleet.per_message
    assert len(sent) == 40 * 4
    assert all(len(kept.tokens) == 10 for kept in fleet.lists.values())


async def test_a_list_that_is_too_old_for_what_is_kept_of_changes_is_sent_in_full(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A")
    await fleet.keep()
    fleet.now += CHANGES_KEPT
    await fleet.knows("B")

    assert await fleet.keep() == [("CS-1", "full", 2)]
    async with fleet.store.read() as work:
        kept = await work.token_changes.page(CS.tenant, Look())
        assert [change.id_token.value for change in kept] == ["B"]  # the others are forgotten


async def test_after_an_import_every_list_is_made_anew(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A")
    await fleet.keep()
    async with fleet.store.begin() as work:
        await work.tokens.save(CS.tenant, Token(id_token=IdToken("B"), created_at=NOON))
        await all_changed(work, CS.tenant, fleet.now)

    assert await fleet.keep() == [("CS-1", "full", 2)]


async def test_what_is_chosen_while_a_list_is_sent_counts(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A", group="RED")
    sending = fleet.send

    async def change_of_mind(station, command, timeout=None):
        if isinstance(command, SendLocalList):
            fleet.service._stations = fleet
            await fleet.service.set(CS, is_on=True, groups=["BLUE"])
        return await sending(station, command, timeout)

    fleet.service._stations = type("Once", (), {"send": staticmethod(change_of_mind)})
    await fleet.keep()

    known = await fleet.service.get(CS)
    assert (known.state, known.groups, known.synced_until) == (ListState.DUE, ("BLUE",), None)


def test_a_version_is_neither_nought_nor_negative_nor_too_large():
    """1.6 errata 3.52."""
    assert [next_version(), next_version(-1), next_version(7, 3), next_version(2**31 - 1)] == [
        *(1, 1, 8, 1)
    ]


@pytest.mark.parametrize(
    ("passive", "asked"),
    [(True, {}), (False, {"exactly": True}), (False, {"version": 7})],
)
@pytest.mark.parametrize("full", [True, False])
async def test_a_station_hears_only_the_list_where_no_more_was_asked_for(
    fleet, passive, asked, full
):
    await fleet.add("CS-1", passive=passive)
    await fleet.knows("A")

    assert (await fleet.service.sync(CS, full=full, **asked)).accepted

    assert fleet.heard == [SendLocalList]
    [(_, command)] = fleet.sent
    assert (command.version, command.full) == (asked.get("version", 1), True)


async def test_what_somebody_asks_for_is_sent_also_if_nothing_has_changed(fleet):
    """A list that is not in full raises the version, and no more."""
    await fleet.add("CS-1", passive=True)
    await fleet.knows("A")
    fleet.now += LATER
    await fleet.service.sync(CS)
    fleet.now += LATER
    await fleet.service.sync(CS)

    assert fleet.heard == [SendLocalList, SendLocalList]
    _, command = fleet.sent[-1]
    assert (command.version, command.full, command.entries) == (2, False, ())


@pytest.mark.parametrize("no", [LocalListVersionTold(None), StationRefused("NotImplemented")])
async def test_a_list_is_sent_to_who_keeps_none_only_if_somebody_asks_for_it(fleet, no):
    await fleet.add("CS-1")
    await fleet.knows("A")
    sending = fleet.send

    async def without(station, command, timeout=None):
        if not isinstance(command, GetLocalListVersion):
            return await sending(station, command, timeout)
        if isinstance(no, Exception):
            raise no
        return Outcome(accepted=True, told=no)

    fleet.service._stations = type("Without", (), {"send": staticmethod(without)})

    assert await fleet.keep() == []
    assert (await fleet.service.sync(CS, full=True)).status == "Accepted"
    assert fleet.heard == [SendLocalList]


async def test_what_was_left_out_of_a_list_is_counted_apart(fleet):
    await fleet.add("CS-1")
    await fleet.knows("A", "B", "C", "D")
    fleet.left_out = EntriesLeftOut(1, "too long")  # of each message
    fleet.now += LATER

    outcome = await fleet.service.sync(CS, full=True)

    known = await fleet.service.get(CS)
    assert (known.entries, known.left_out, known.left_out_why) == (2, 2, "too long")
    assert outcome.warning == "2 tokens were left out of the list: too long"
    fleet.now += LATER
    await fleet.knows("E")
    fleet.now += LATER
    outcome = await fleet.service.sync(CS)
    assert outcome.warning == "1 token was left out of the list: too long"
    assert (await fleet.service.get(CS)).left_out == 3
