"""Who did what is in the audit log, in the same work; and nobody can change it unseen."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from msgspec import structs

from tests.gateway.csms import Csms, until
from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.domain.audit import GENESIS, SYSTEM, Actor, Deed, chained
from voltkeep.domain.authorization import Token
from voltkeep.domain.commands import Outcome, RawCommand, ResetKind, Triggered
from voltkeep.domain.identity import DEFAULT_TENANT, IdToken, TransactionRef, station_id
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.services.audit import (
    AuditedStations,
    AuditService,
    Head,
    Problem,
    acting_as,
    audit,
)
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.ports import CommandUnfit, StationOffline, StationSilent, StoreUnavailable
from voltkeep.services.provisioning import ProvisioningService, StationExists
from voltkeep.services.remote_control import RemoteControlService
from voltkeep.services.unknown_tokens import UnknownTokenService
from voltkeep.store import MemoryStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION, OTHER = station_id("CS-1"), station_id("CS-2", "acme")
TENANT, ACME = STATION.tenant, OTHER.tenant
ADA = Actor(kind="cli", name="ada", authenticated_by="shell")
CARD = IdToken("04A2B3C4D5E680")


class Answers:
    """Stations that take every command the same way."""

    def __init__(self):
        self.sent = []
        self.says = Outcome(accepted=True, status="Accepted")

    async def send(self, station, command, timeout=None):
        self.sent.append(command)
        if isinstance(self.says, BaseException):
            raise self.says
        return self.says


def clock():
    return NOON


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def service(store):
    return AuditService(store.read)


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def stations(store, answers):
    return AuditedStations(answers, store.begin, clock)


@pytest.fixture
def provisioning(store, stations):
    return ProvisioningService(
        store.begin,
        store.read,
        stations,
        clock,
        heartbeat_interval_s=300,
        boot_retry_s=30,
        check_url=lambda _: None,
    )


def station(id=STATION):
    return Station(id=id, created_at=NOON, security_profile=SecurityProfile.BASIC)


async def deeds(store, tenant=TENANT):
    async with store.read() as work:
        return [entry.deed for entry in await work.audit.since(tenant)]


async def test_whoever_acts_is_named_and_else_it_is_the_system(store):
    with acting_as(ADA):
        async with store.begin() as work:
            await audit(work, TENANT, NOON, Deed(action="a.done", object="x"))
    async with store.begin() as work:
        await audit(work, TENANT, NOON, Deed(action="b.done", object="x"))

    async with store.read() as work:
        entries = await work.audit.since(TENANT)
    assert [entry.actor for entry in entries] == [ADA, SYSTEM]


async def test_each_change_of_the_register_leaves_an_entry(store, provisioning):
    await provisioning.add(station())
    await provisioning.set_registration(STATION, Registration.REJECTED)
    await provisioning.set_profile(STATION, SecurityProfile.TLS_BASIC)
    await provisioning.set_passive(STATION, passive=True)
    await provisioning.rename(STATION, OTHER)
    await provisioning.remove(OTHER)

    name = "CS-1"
    registered = ("Accepted", "Rejected")
    assert await deeds(store) == [
        Deed(action="station.added", object=name, after="security profile 1, Accepted"),
        _changed("station.registration_changed", name, *registered),
        _changed("station.security_profile_changed", name, "1", "2"),
        _changed("station.passive_changed", name, "active", "passive"),
        Deed(action="station.renamed", object=name, after="acme/CS-2"),
    ]
    assert await deeds(store, ACME) == [
        Deed(action="station.renamed", object=name, after="acme/CS-2"),
        Deed(action="station.removed", object="acme/CS-2"),
    ]


def _changed(action, name, before, after):
    return Deed(action=action, object=name, before=before, after=after)


async def test_what_was_not_done_leaves_none(store, provisioning):
    await provisioning.add(station())
    with pytest.raises(StationExists):
        await provisioning.add(station())

    assert len(await deeds(store)) == 1


async def test_a_change_that_does_not_commit_leaves_none():
    """The entry and the deed are one work: neither is there without the other."""
    csms = Csms()
    await csms.add("CS-1")
    provisioning = csms.services.provisioning
    begun = len(await deeds(csms.store))
    csms.store.is_away = True
    with pytest.raises(StoreUnavailable):
        await provisioning.set_passive(STATION, passive=True)
    csms.store.is_away = False

    assert len(await deeds(csms.store)) == begun
    assert not (await provisioning.get(STATION)).passive


async def test_each_change_of_a_token_leaves_an_entry_without_its_whole_value(store):
    service = AuthorizationService(
        store.begin,
        store.read,
        clock,
        lambda _: None,
        UnknownTokenService(store.begin, store.read, CheckedOutbound(), clock),
    )
    token = Token(id_token=CARD, group="FLEET", note="of Ada", created_at=NOON)
    await service.save(TENANT, token)
    await service.save(TENANT, structs.replace(token, max_active=0, expires_at=NOON, group=None))
    await service.block(TENANT, CARD, blocked=True)
    await service.block(TENANT, CARD, blocked=False)
    await service.remove(TENANT, CARD)

    found = await deeds(store)
    free = "any number at once, expires 2026-01-01T12:00:00Z"
    assert [(deed.action, deed.before, deed.after) for deed in found] == [
        ("token.added", "", "1 at once, in a group"),
        ("token.changed", "1 at once, in a group", free),
        ("token.blocked", free, f"{free}, blocked"),
        ("token.unblocked", f"{free}, blocked", free),
        ("token.removed", free, ""),
    ]
    assert {deed.object for deed in found} == {"…E680"}


async def test_each_command_of_a_person_leaves_an_entry_with_what_became_of_it(
    store, stations, answers, provisioning
):
    control = RemoteControlService(store.begin, store.read, stations, clock)
    await control.start(STATION, CARD, None)
    answers.says = Outcome(accepted=False, status="Rejected")
    await control.stop(STATION, TransactionRef("1"))
    answers.says = StationSilent()
    with pytest.raises(StationSilent):
        await control.trigger(STATION, Triggered.HEARTBEAT)
    with pytest.raises(StationSilent):
        await provisioning.reset(STATION, ResetKind.IMMEDIATE)

    assert [(deed.action, deed.after, deed.result) for deed in await deeds(store)] == [
        ("command.sent", "StartTransaction", "Accepted"),
        ("command.sent", "StopTransaction", "Rejected"),
        ("command.sent", "Trigger", "silent"),
        ("command.sent", "Reset", "silent"),
    ]


async def test_of_a_raw_message_only_its_name_is_kept(store, stations):
    """It may set a key."""
    control = RemoteControlService(store.begin, store.read, stations, clock)
    for force in (False, True):
        payload = b'{"value":"SECRET"}'
        await control.send_raw(STATION, "ChangeConfiguration", payload, force=force)

    found = await deeds(store)
    assert [each.after for each in found] == ["ChangeConfiguration", "ChangeConfiguration, forced"]
    assert "SECRET" not in repr(found)


async def test_a_command_that_nobody_waited_for_leaves_an_entry_too(store, stations, answers):
    answers.says = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await stations.send(STATION, RawCommand(action="Reset", payload=b"{}"))
    assert [deed.result for deed in await deeds(store)] == ["given up"]


async def test_a_command_that_does_not_fit_was_never_sent(store, stations, answers):
    answers.says = CommandUnfit("no such message")
    with pytest.raises(CommandUnfit):
        await stations.send(STATION, RawCommand(action="Reset", payload=b"{}"))
    assert await deeds(store) == []


async def test_the_services_of_an_installation_audit_what_people_ask():
    csms = Csms()
    await csms.add("CS-1")
    with acting_as(ADA), pytest.raises(StationOffline):
        await csms.remote_control.trigger(STATION, Triggered.HEARTBEAT)

    entries = await csms.services.audit.entries(TENANT)
    assert (entries[-1].actor, entries[-1].deed.result) == (ADA, "offline")
    assert await csms.services.audit.verify() == []


# The chain.


async def fill(store, count=5, tenant=TENANT):
    async with store.begin() as work:
        for n in range(1, count + 1):
            deed = Deed(action="did", object=f"CS-{n}")
            await audit(work, tenant, NOON + timedelta(hours=n), deed)


def tamper(store, seq, tenant=TENANT, **changes):
    """As somebody with the rights of the database might."""
    entries = store._state.audit
    entries[tenant, seq] = structs.replace(entries[tenant, seq], **changes)


async def test_a_log_that_nobody_touched_is_in_order_over_many_pages(store, service, monkeypatch):
    monkeypatch.setattr("voltkeep.services.audit._PAGE", 2)
    await fill(store)
    await fill(store, 3, ACME)

    assert await service.verify() == []
    assert await service.verify(TENANT) == []
    assert [(head.tenant, head.seq) for head in await service.heads()] == [(ACME, 3), (TENANT, 5)]


@pytest.mark.parametrize(
    "change",
    [
        {"deed": Deed(action="did", object="CS-9")},
        {"deed": Deed(action="did", object="CS-3", result="refused")},
        {"actor": ADA},
        {"at": NOON + timedelta(hours=3, microseconds=1)},
        {"hash": "f" * 64},
        {"before_hash": "f" * 64},
    ],
)
async def test_an_entry_that_was_changed_is_found(store, service, change):
    await fill(store)
    tamper(store, 3, **change)

    problems = await service.verify()
    what = "its content is not what its hash says"
    assert problems[0] == Problem(tenant=TENANT, seq=3, what=what)


async def test_an_entry_that_was_changed_with_its_hash_is_found_by_the_next(store, service):
    await fill(store)
    entry = store._state.audit[TENANT, 3]
    forged = Deed(action="did", object="CS-9")
    tamper_with = chained(TENANT, 3, entry.at, entry.actor, forged, entry.before_hash)
    store._state.audit[TENANT, 3] = tamper_with

    assert await service.verify() == [
        Problem(tenant=TENANT, seq=4, what="it does not follow the entry before it")
    ]


async def test_entries_that_were_removed_are_found(store, service):
    await fill(store)
    await fill(store, 3, ACME)
    del store._state.audit[TENANT, 3]
    del store._state.audit[ACME, 1]

    assert await service.verify() == [
        Problem(tenant=ACME, seq=2, what="the beginning of the log is missing"),
        Problem(tenant=TENANT, seq=4, what="entry 3 is missing"),
    ]


async def test_an_end_that_was_told_outside_shows_what_the_log_alone_cannot(store, service):
    await fill(store)
    [head] = await service.heads()
    known = Head(head.seq, head.hash)
    assert await service.verify(TENANT, known=known) == []

    rewritten = await _rewritten()
    found = await AuditService(rewritten.read).verify(TENANT, known=known)
    assert [(each.seq, each.what) for each in found] == [(5, "it is not the entry that it was")]
    del store._state.audit[TENANT, 5]
    assert await service.verify(TENANT) == []
    assert await service.verify(TENANT, known=known) == [
        Problem(tenant=TENANT, seq=4, what="the log ended at 5 once, and ends at 4 now")
    ]


async def _rewritten():
    other = MemoryStore()
    async with other.begin() as work:
        for _ in range(6):
            await audit(work, TENANT, NOON, Deed(action="forged", object="x"))
    return other


async def test_not_more_is_told_than_a_person_reads(store, service):
    entries = store._state.audit
    for seq in range(1, 300):
        entry = chained(TENANT, seq, NOON, SYSTEM, Deed(action="a", object="b"), GENESIS)
        entries[TENANT, seq] = structs.replace(entry, hash="0" * 64)

    assert len(await service.verify()) == 100


async def test_entries_are_found_by_time_object_and_actor(store, service, monkeypatch):
    monkeypatch.setattr("voltkeep.services.audit._PAGE", 2)
    await fill(store)
    with acting_as(ADA):
        await fill(store, 2)

    async def seqs(**filters):
        return [entry.seq for entry in await service.entries(TENANT, **filters)]

    assert await seqs() == [1, 2, 3, 4, 5, 6, 7]
    assert await seqs(limit=2) == [6, 7]
    assert await seqs(about="CS-2") == [2, 7]
    assert await seqs(actor="ada") == [6, 7]
    assert await seqs(since=NOON + timedelta(hours=4)) == [4, 5]
    assert await service.entries(DEFAULT_TENANT, actor="nobody") == []


async def test_the_end_of_each_log_is_told_outside_again_and_again(store, service, monkeypatch):
    await fill(store)
    [head] = await service.heads()
    monkeypatch.setattr("voltkeep.services.audit._ANCHOR_EVERY_S", 0.001)

    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(service.run())
        await until(lambda: len(lines) > 1)
        task.cancel()

    told = {"event": "audit head", "tenant": TENANT, "seq": 5, "hash": head.hash}
    assert told.items() <= lines[1].items()
