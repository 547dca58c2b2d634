"""Why a station is refused: every reason has words, and every page says what to do next."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.barriers import Barrier, meaning, remedy
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.domain.stations import Registration, SecurityProfile, Station, Trust
from voltkeep.services.addresses import Addresses
from voltkeep.services.explain import ExplainService
from voltkeep.services.refusals import NOBODY, Refusals
from voltkeep.store import MemoryStore

CS = station_id("CS-1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class World:
    def __init__(self, **settings):
        self.now = NOON
        self.store = MemoryStore()
        self.refusals = Refusals(self.store.begin, self.clock, lambda _: None)
        where = Settings(data=Path("/nonexistent"), public_host="csms.example", **settings)
        self.service = ExplainService(self.store.read, self.clock, Addresses(where))

    def clock(self):
        return self.now

    async def add(self, name="CS-1", **fields):
        fields = {"key_hash": "x", **fields}
        async with self.store.begin() as work:
            await work.stations.add(Station(id=station_id(name), created_at=NOON, **fields))

    async def refuse(self, reason, host="192.0.2.1", station=CS):
        self.refusals.note(station, f"{host}:1", reason)
        await self.refusals.flush()

    async def explain(self, name="CS-1"):
        return await self.service.explain(station_id(name))

    async def said(self, name="CS-1"):
        """Everything on the page."""
        found = await self.explain(name)
        lines = [found.summary]
        for each in found.findings:
            lines += [each.topic, each.text, each.do]
        for each in found.refusals:
            lines += [each.reason, each.means, each.do, each.host]
        return "\n".join(lines)


@pytest.fixture
def world():
    return World()


REASONS = [*Verdict, *TlsFault, *Barrier]
SAY_NO_MORE = {Verdict.ADMITTED, Barrier.MORE}
NOTHING_TO_DO = {*SAY_NO_MORE, Barrier.LINE, Barrier.BROWSER}


@pytest.mark.parametrize("reason", [each for each in REASONS if each not in SAY_NO_MORE])
def test_every_reason_has_a_meaning(reason):
    assert meaning(reason).endswith(".")


@pytest.mark.parametrize("reason", [each for each in REASONS if each not in NOTHING_TO_DO])
def test_every_reason_has_a_remedy(reason):
    assert remedy(reason, CS)
    assert "{" not in remedy(reason, CS)


@pytest.mark.parametrize(
    "reason", [each for each in REASONS if each not in {*NOTHING_TO_DO, Barrier.TOKEN}]
)
async def test_a_refusal_is_explained_with_count_time_and_place(world, reason):
    await world.add()
    await world.refuse(reason)
    world.now += HOUR
    await world.refuse(reason)

    found = await world.explain()
    (refusal,) = found.refusals
    assert found.summary == f"CS-1 is refused: {reason.value}."
    assert (refusal.count, refusal.host) == (2, "192.0.2.1")
    assert (refusal.first_at, refusal.at) == (NOON, NOON + HOUR)
    assert refusal.means
    assert refusal.do


async def test_an_id_that_nobody_registered(world):
    await world.add("cs-1")
    said = await world.said()

    assert "nobody has tried" in said
    assert "voltkeep station add CS-1" in said
    assert "There is cs-1" in said
    await world.refuse(Verdict.UNKNOWN_STATION)
    assert "CS-1 is refused: unknown station" in await world.said()


async def test_a_name_that_a_shell_would_take_for_more_is_quoted(world):
    assert "voltkeep station add 'A (1)#'" in await world.said("A (1)#")


@pytest.mark.parametrize(
    ("profile", "url"),
    [
        (0, "ws://csms.example:9000/ocpp/CS%201"),
        (1, "ws://csms.example:9000/ocpp/CS%201"),
        (2, "wss://csms.example:9443/ocpp/CS%201"),
        (3, "wss://csms.example:9444/ocpp/CS%201"),
    ],
)
async def test_it_says_where_the_station_must_connect(world, profile, url):
    await world.add("CS 1", security_profile=SecurityProfile(profile))

    assert url in await world.said("CS 1")


async def test_it_says_when_nothing_listens_for_its_profile():
    world = World(ocpp_tls="off")
    await world.add(security_profile=SecurityProfile.TLS_BASIC)

    assert "nothing listens for that" in await world.said()


async def test_one_port_may_serve_profiles_2_and_3():
    world = World(ocpp_mtls="off", ocpp_tls_client_certificates=True)
    await world.add(security_profile=SecurityProfile.TLS_CERTIFICATE)

    assert "wss://csms.example:9443/ocpp/CS-1" in await world.said()


async def test_a_station_that_never_came_does_not_reach_us(world):
    await world.add()

    assert "does not reach this server" in (await world.explain()).summary


async def test_a_connected_station_is_well_though_somebody_else_was_refused(world):
    await world.add(connected_at=NOON, remote_address="192.0.2.1:4711")
    assert (await world.explain()).summary == "CS-1 is connected."

    world.now += HOUR
    await world.refuse(Verdict.WRONG_PASSWORD, host="198.51.100.7")
    found = await world.explain()
    assert found.is_connected
    assert "Somebody else was refused since: wrong password" in found.summary


async def test_a_refusal_before_the_last_good_connection_is_history(world):
    await world.refuse(Verdict.WRONG_PASSWORD)
    await world.add(connected_at=NOON + HOUR, disconnected_at=NOON + 2 * HOUR)

    found = await world.explain()
    assert "is refused" not in found.summary
    assert [each.reason for each in found.refusals] == ["wrong password"]


async def test_tls_that_failed_where_it_last_was_may_be_its(world):
    await world.add(connected_at=NOON, disconnected_at=NOON, remote_address="[2001:db8::1]:4711")
    await world.refuse(TlsFault.OUR_AUTHORITY_UNKNOWN, host="[2001:db8::1]", station=NOBODY)
    await world.refuse(TlsFault.HTTP, host="198.51.100.7", station=NOBODY)

    found = await world.explain()
    assert [(each.reason, each.is_surely_its) for each in found.refusals] == [
        (TlsFault.OUR_AUTHORITY_UNKNOWN, False)
    ]
    assert "voltkeep ca export root" in await world.said()


async def test_tls_that_failed_today_may_be_of_one_that_never_came(world):
    await world.add()
    await world.refuse(TlsFault.UNTRUSTED, station=NOBODY)
    assert "fails before saying who it is" in (await world.explain()).summary

    world.now += timedelta(days=2)
    assert (await world.explain()).refusals == ()


async def test_a_file_that_was_refused_is_told_and_keeps_no_station_out(world):
    await world.add()
    await world.refuse(Barrier.TOKEN)
    await world.refuse(Barrier.TOKEN, station=NOBODY)

    found = await world.explain()
    assert [each.reason for each in found.refusals] == [Barrier.TOKEN] * 2
    assert "does not reach this server" in found.summary


@pytest.mark.parametrize(
    ("seen", "heard"), [(None, "12:00:00"), (NOON - HOUR, "12:00:00"), (NOON + HOUR, "13:00:00")]
)
async def test_a_connection_that_said_nothing_was_heard_all_the_same(world, seen, heard):
    """It may be over before anybody has noted when it was seen."""
    end = NOON + 2 * HOUR
    await world.add(connected_at=NOON, disconnected_at=end, last_seen_at=seen)

    assert f"last heard 2026-01-01 {heard}Z" in await world.said()


@pytest.mark.parametrize("reason", [Barrier.CONNECTED, Barrier.QUARANTINED])
def test_nobody_is_advised_to_lower_a_profile_because_of_a_second_connection(reason):
    assert "--security-profile" not in remedy(reason, CS)


@pytest.mark.parametrize("reason", [Verdict.CERTIFICATE_UNTRUSTED, TlsFault.UNTRUSTED])
def test_who_trusts_a_maker_is_told_to_import_its_issuing_certificate(reason):
    assert "issuing certificate" in remedy(reason, CS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key_hash": None}, ["It has no key", "voltkeep station rotate-key CS-1"]),
        ({"registration": Registration.PENDING}, ["pending", "voltkeep station accept CS-1"]),
        (
            {"trust": Trust(next_key_hash="y", next_key_at=NOON)},
            ["A new key was sent at 2026-01-01 12:00:00Z"],
        ),
        (
            {"trust": Trust(next_profile=SecurityProfile.TLS_BASIC, next_profile_at=NOON)},
            ["security profile 2 at 2026-01-01 12:00:00Z"],
        ),
        (
            {"trust": Trust(quarantined_until=NOON + HOUR)},
            ["Until 2026-01-01 13:00:00Z", "voltkeep station release CS-1"],
        ),
    ],
)
async def test_what_is_not_settled_is_said(world, fields, words):
    await world.add(**fields)

    said = await world.said()
    assert [each for each in words if each not in said] == []


async def test_a_quarantine_that_is_over_is_not_said(world):
    await world.add(trust=Trust(quarantined_until=NOON))

    assert "Quarantine" not in await world.said()


async def test_its_certificate_is_said_and_when_it_has_expired(world):
    await world.add(security_profile=SecurityProfile.TLS_CERTIFICATE)
    assert "We have issued none to it" in await world.said()

    certificate = IssuedCertificate(
        station=CS,
        id="abc123",
        state=CertificateState.ACTIVE,
        at=NOON,
        profile="station",
        issuer="ec",
        subject="CN=1",
        fingerprint="f",
        key_fingerprint="k",
        not_before=NOON,
        not_after=NOON + HOUR,
        pem="",
    )
    async with world.store.begin() as work:
        await work.certificates.put(certificate)
        await work.certificates.put(structs.replace(certificate, id="old", not_after=NOON - HOUR))
    said = await world.said()
    assert "Serial abc123, active, valid until 2026-01-01 13:00:00Z" in said
    assert "EXPIRED" not in said

    world.now += 2 * HOUR
    said = await world.said()
    assert "EXPIRED" in said
    assert "voltkeep certificate renew CS-1" in said
