"""Why a station is refused: every reason has words, and every page says what to do next."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.barriers import Barrier, meaning, remedy
from voltkeep.domain.certificates import (
    CertificateState,
    IssuedCertificate,
    RevocationReason,
)
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

CERTIFICATE = IssuedCertificate(
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
        fields = {"created_at": NOON, "key_hash": "x", **fields}
        async with self.store.begin() as work:
            await work.stations.add(Station(id=station_id(name), **fields))

    async def refuse(self, reason, host="192.0.2.1", station=CS, wait_s=0.0):
        self.refusals.note(station, f"{host}:1", reason, wait_s=wait_s)
        await self.refusals.flush()

    async def explain(self, name="CS-1", **how):
        return await self.service.explain(station_id(name), **how)

    async def do(self, reason):
        """What is advised after this refusal."""
        await self.refuse(reason)
        (found,) = [each for each in (await self.explain()).refusals if each.reason == reason]
        return found.do

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


async def test_a_station_that_never_came_is_waited_for(world):
    await world.add()

    summary = (await world.explain()).summary
    assert summary.startswith("CS-1 waits for its first attempt")
    assert "check its address" in summary


async def test_what_was_refused_before_it_was_registered_is_over(world):
    await world.refuse(Verdict.UNKNOWN_STATION)
    await world.add(created_at=NOON + HOUR)

    found = await world.explain()
    assert found.summary.startswith("CS-1 waits for its first attempt")
    assert [each.reason for each in found.refusals] == [Verdict.UNKNOWN_STATION]


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

    async with world.store.begin() as work:
        await work.certificates.put(CERTIFICATE)
        await work.certificates.put(structs.replace(CERTIFICATE, id="old", not_after=NOON - HOUR))
    said = await world.said()
    assert "Serial abc123, active, valid until 2026-01-01 13:00:00Z" in said
    assert "EXPIRED" not in said

    world.now += 2 * HOUR
    said = await world.said()
    assert "EXPIRED" in said
    assert "voltkeep certificate renew CS-1" in said


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {
                "state": CertificateState.REVOKED,
                "revoked_at": NOON,
                "revocation_reason": RevocationReason.KEY_COMPROMISE,
            },
            "was revoked at 2026-01-01 12:00:00Z (key compromise)",
        ),
        ({"state": CertificateState.REJECTED, "problem": "no room"}, "rejected, valid until"),
        ({"state": CertificateState.REJECTED, "problem": "no room"}, "no room."),
        ({"state": CertificateState.ISSUED}, "abc123, issued"),
        ({"state": CertificateState.REVOKED, "not_after": NOON - HOUR}, "EXPIRED"),
    ],
)
async def test_what_became_of_its_last_certificate_is_said(world, fields, words):
    await world.add(security_profile=SecurityProfile.TLS_CERTIFICATE)
    async with world.store.begin() as work:
        await work.certificates.put(structs.replace(CERTIFICATE, **fields))

    said = await world.said()
    assert "We have issued none" not in said
    assert words in said
    assert "voltkeep certificate renew CS-1" in said


# Told to wait.


async def test_who_is_held_back_is_said_with_how_long_and_why(world):
    await world.add()
    for _ in range(5):
        await world.refuse(Verdict.WRONG_PASSWORD)
    await world.refuse(Verdict.WRONG_PASSWORD, host="198.51.100.7")
    await world.refuse(Barrier.FAILED_TOO_OFTEN, wait_s=240)
    world.now += timedelta(seconds=1)

    said = await world.said()
    assert "For another 4 min, until 2026-01-01 12:04:00Z" in said
    assert "from 192.0.2.1: after wrong password (5)." in said
    assert "voltkeep station rotate-key CS-1" in said

    world.now += timedelta(minutes=4)
    assert "For another" not in await world.said()


async def test_nobody_is_held_back_once_let_in_or_forgiven_or_with_another_server(world):
    await world.add(connected_at=NOON + HOUR)
    await world.refuse(Barrier.FAILED_TOO_OFTEN, wait_s=2 * 3600)
    assert "For another" not in await world.said()

    world.now += 2 * HOUR
    await world.refuse(Barrier.FAILED_TOO_OFTEN, wait_s=3600)
    assert "For another" in await world.said()
    world.refusals.forgive(CS)
    await world.refusals.flush()
    assert "For another" not in await world.said()

    await world.refuse(Barrier.FAILED_TOO_OFTEN, wait_s=3600)
    assert "For another" in await world.said()
    await Refusals(world.store.begin, world.clock, lambda _: None).forget_waits()
    assert "For another" not in await world.said()


# Failures that may be anybody's.


async def test_a_failure_before_the_last_good_connection_is_not_its(world):
    """What fails at its router may be its neighbour."""
    await world.refuse(TlsFault.HTTP, station=NOBODY)
    world.now += HOUR
    left = {"connected_at": NOON + HOUR, "disconnected_at": NOON + HOUR}
    await world.add(remote_address="192.0.2.1:4711", **left)

    found = await world.explain()
    assert "nobody has been refused in its name since" in found.summary
    assert found.refusals == ()
    assert [each.reason for each in (await world.explain(is_all=True)).refusals] == [TlsFault.HTTP]

    world.now += timedelta(seconds=1)
    await world.refuse(TlsFault.HTTP, station=NOBODY)
    found = await world.explain()
    assert "fails before saying who it is" in found.summary
    assert len(found.refusals) == 1


async def test_a_failure_of_the_last_minutes_is_shown_whatever_was_before(world):
    await world.refuse(TlsFault.HTTP, station=NOBODY)
    world.now += timedelta(minutes=5)
    await world.add(remote_address="192.0.2.1:4711", connected_at=world.now)

    found = await world.explain()
    assert found.summary == "CS-1 is connected."
    assert [each.reason for each in found.refusals] == [TlsFault.HTTP]


# What to do, where more is known than the reason.


TLS, MTLS = "wss://csms.example:9443/ocpp/CS-1", "wss://csms.example:9444/ocpp/CS-1"


@pytest.mark.parametrize(
    ("reason", "profile", "url"),
    [
        (Verdict.TLS_REQUIRED, SecurityProfile.TLS_BASIC, TLS),
        (Verdict.CERTIFICATE_REQUIRED, SecurityProfile.TLS_CERTIFICATE, MTLS),
    ],
)
async def test_no_profile_is_lowered_of_a_station_that_has_connected(reason, profile, url):
    """A00.FR.005: somebody who shows less may have its name only."""
    new = World()
    await new.add(security_profile=profile)
    said = await new.do(reason)
    assert url in said
    assert f"--security-profile {profile - 1}" in said

    used = World()
    await used.add(security_profile=profile, connected_at=NOON, disconnected_at=NOON)
    said = await used.do(reason)
    assert url in said
    assert "somebody else may be using its name, or it was reset" in said
    assert "--security-profile" not in said


async def test_who_comes_to_the_wrong_address_for_profile_3_is_told_the_right_one(world):
    await world.add(
        security_profile=SecurityProfile.TLS_BASIC,
        trust=Trust(next_profile=SecurityProfile.TLS_CERTIFICATE, next_profile_at=NOON),
    )

    assert f"Security profile 3: it connects to {MTLS}" in await world.said()
    said = await world.do(Verdict.CERTIFICATE_AWAITED)
    assert f"Enter {MTLS} in it" in said
    assert "voltkeep station raise-profile CS-1 --cancel" in said


async def test_who_shows_no_certificate_is_told_the_address_of_its_profile(world):
    await world.add(remote_address="192.0.2.1:4711", security_profile=SecurityProfile.TLS_BASIC)
    await world.refuse(TlsFault.NO_CERTIFICATE, station=NOBODY)
    assert f"It has profile 2: enter {TLS} in it" in await world.said()

    third = World()
    await third.add(
        remote_address="192.0.2.1:4711", security_profile=SecurityProfile.TLS_CERTIFICATE
    )
    await third.refuse(TlsFault.NO_CERTIFICATE, station=NOBODY)
    assert "voltkeep certificate list --station CS-1" in await third.said()


@pytest.mark.parametrize(("policy", "is_advised"), [("modern", True), ("ocpp-legacy", False)])
async def test_older_suites_are_advised_only_where_they_are_off(policy, is_advised):
    world = World(tls_policy=policy)
    await world.add()
    await world.refuse(TlsFault.NO_SHARED_CIPHER, station=NOBODY)

    assert ("set tls_policy to ocpp-legacy" in await world.said()) is is_advised
