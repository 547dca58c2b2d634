"""Keys and security profiles over OCPP: whatever a station answers, it can connect again."""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voltkeep.config import Settings
from voltkeep.domain.certificates import (
    CertificateState,
    InstalledCertificate,
    IssuedCertificate,
    RootUse,
)
from voltkeep.domain.commands import (
    GetNetworkProfiles,
    NetworkProfilesTold,
    Outcome,
    Reset,
    ResetKind,
    SetKey,
    SetNetworkProfile,
    UseNetworkProfile,
)
from voltkeep.domain.events import KeyRotated, SecurityProfileRaised
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import SecurityProfile, Station, Trust
from voltkeep.services.credentials import CredentialsService, Stage
from voltkeep.services.network_profiles import Route, Unready
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
from voltkeep.services.security import Keys
from voltkeep.store import MemoryStore

STATION = station_id("CS-1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = "the hash of the old key"
NONE, BASIC, TLS, CERTIFICATE = SecurityProfile
YES = Outcome(accepted=True, status="Accepted")
REBOOT = Outcome(accepted=True, status="RebootRequired")
NO = Outcome(accepted=False, status="Rejected")
NOTHING_TO_SAY = Outcome(accepted=True)
SETTINGS = Settings(
    data=Path("/nonexistent"),
    public_host="csms.example",
    ocpp="127.0.0.1:9000",
    ocpp_tls="127.0.0.1:9443",
    ocpp_mtls="127.0.0.1:9444",
)


def clock():
    return NOW


class Scripted:
    """A station that answers by a script: by kind of command, an outcome or a failure."""

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.before = None  # what happens while the station makes up its mind

    async def send(self, station, command, timeout=None):
        self.asked.append(command)
        if self.before is not None:
            await self.before(command)
        answer = self.script.get(type(command), NOTHING_TO_SAY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def of(self, kind):
        return [command for command in self.asked if isinstance(command, kind)]


class Here:
    """A store with one station, and the service."""

    def __init__(self, script=None, *, profile=BASIC, settings=SETTINGS, **station):
        self.store = MemoryStore()
        self.stations = Scripted(script or {})
        self.keys = Keys(b"pepper")
        self.service = CredentialsService(
            self.store.begin, self.store.read, self.stations, self.keys, clock, settings
        )
        row = {"id": STATION, "security_profile": profile, "key_hash": OLD, "created_at": NOW}
        self.store._state.stations[STATION] = Station(**(row | station))

    @property
    def station(self):
        return self.store._state.stations[STATION]

    @property
    def trust(self):
        return self.station.trust

    @property
    def stages(self):
        kinds = KeyRotated | SecurityProfileRaised
        return [event.stage for event in self.store.published if isinstance(event, kinds)]

    @property
    def deeds(self):
        return [entry.deed for entry in self.store._state.audit.values()]

    async def change(self, **trust):
        async with self.store.begin() as work:
            await work.stations.set_trust(STATION, Trust(**trust))

    async def opens(self, key):
        """Whether this key is the one that counts."""
        return await self.keys.matches(self.station.key_hash, key.encode())


# --- keys ----------------------------------------------------------------------------------------


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
    assert here.stages == ["sent", "rejected"]


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
    "answer", [YES, REBOOT, NO, StationSilent("x"), StationOffline("x")], ids=str
)
async def test_a_rotation_is_audited_and_no_key_is_kept_anywhere(answer):
    """A01.FR.08, FR.09."""
    here = Here({SetKey: answer})

    with contextlib.suppress(StationOffline):
        await here.service.rotate_key(STATION)

    assert [deed.action for deed in here.deeds] == ["key.sent", "key.rotated"]
    assert here.stations.asked[0].key not in repr(here.store._state) + repr(here.store.published)


# --- security profiles ---------------------------------------------------------------------------

ACCEPTS = {SetNetworkProfile: YES, UseNetworkProfile: YES, Reset: YES}
CHANGES_BY_ITSELF = {SetNetworkProfile: YES}  # as 1.6 does


async def test_both_profiles_count_from_before_it_is_told_until_it_has_used_the_new_one():
    """A05.FR.08."""
    here = Here(CHANGES_BY_ITSELF)

    async def look(command):
        assert here.trust.next_profile == (TLS if isinstance(command, SetNetworkProfile) else None)
        here.stations.before = None

    async def skip(_):
        here.stations.before = look

    here.stations.before = skip  # it is first asked where there is room
    raised = await here.service.raise_profile(STATION)

    assert (raised.profile, raised.stage, raised.needs_reset) == (TLS, Stage.ACCEPTED, False)
    assert (here.station.security_profile, here.trust.next_profile) == (BASIC, TLS)
    assert here.stages == ["asked", "accepted"]
    assert [deed.result for deed in here.deeds] == ["asked", "accepted: Accepted"]


async def test_a_station_is_told_where_to_connect():
    """B09: the address is without the station's id, which it adds itself."""
    here = Here(ACCEPTS, subprotocol="a version")

    await here.service.raise_profile(STATION)

    assert here.stations.of(SetNetworkProfile) == [
        SetNetworkProfile(
            profile=TLS,
            url="wss://csms.example:9443/ocpp",
            slot=1,
            subprotocol="a version",
            message_timeout_s=30,
        )
    ]


@pytest.mark.parametrize(
    ("told", "slots"),
    [
        (NetworkProfilesTold(1, (1, 2)), (2, 1)),
        (NetworkProfilesTold(2, (1, 2)), (1, 2)),
        (NetworkProfilesTold(1, (1,)), (2, 1)),
        (NetworkProfilesTold(0, (0,)), (1, 0)),
        (NetworkProfilesTold(None, (1, 0)), (0, 1)),
        (NetworkProfilesTold(None, ()), (1,)),
        (None, (1,)),
    ],
)
async def test_the_profile_in_use_is_what_the_station_falls_back_to(told, slots):
    """A05: the new network profile comes first, and the existing one second."""
    asked = Outcome(accepted=True, told=told)
    here = Here(ACCEPTS | {GetNetworkProfiles: asked})

    raised = await here.service.raise_profile(STATION)

    assert here.stations.of(SetNetworkProfile)[0].slot == slots[0]
    assert here.stations.of(UseNetworkProfile) == [UseNetworkProfile(slots=slots)]
    assert raised.needs_reset


async def test_a_passive_station_is_asked_nothing_more_than_it_must():
    """A certification tool takes a message that it does not expect for a failure."""
    here = Here(ACCEPTS, passive=True)

    await here.service.raise_profile(STATION, route=Route(slots=(3, 2)))

    assert [type(command) for command in here.stations.asked] == [
        SetNetworkProfile,
        UseNetworkProfile,
    ]
    assert here.stations.of(SetNetworkProfile)[0].slot == 3


@pytest.mark.parametrize(
    "script",
    [
        {SetNetworkProfile: NO},
        {SetNetworkProfile: YES, UseNetworkProfile: NO},
        {SetNetworkProfile: StationRefused("NotSupported")},
        {SetNetworkProfile: YES, UseNetworkProfile: StationRefused("NotSupported")},
        {SetNetworkProfile: StationOffline("x")},
    ],
    ids=["rejected", "not used", "error", "error when used", "offline"],
)
async def test_a_profile_the_station_does_not_take_is_forgotten(script):
    here = Here(script)

    try:
        raised = await here.service.raise_profile(STATION)
    except (StationRefused, StationOffline):
        pass
    else:
        assert raised.stage is Stage.REJECTED

    assert (here.station.security_profile, here.trust) == (BASIC, Trust())
    assert here.stages == ["asked", "rejected"]


@pytest.mark.parametrize(
    "script",
    [
        {SetNetworkProfile: StationSilent("x")},
        {SetNetworkProfile: StationLeft("x")},
        {SetNetworkProfile: YES, UseNetworkProfile: StationSilent("x")},
    ],
    ids=["silent", "left", "silent when used"],
)
async def test_when_the_answer_is_lost_both_profiles_count(script):
    here = Here(script)

    raised = await here.service.raise_profile(STATION)

    assert raised.stage is Stage.UNANSWERED
    assert here.trust.next_profile is TLS


@pytest.mark.parametrize("failure", [StationOffline("x"), StationLeft("x")], ids=str)
async def test_a_station_that_leaves_at_once_to_change_is_expected_back(failure):
    """A05.FR.06: it disconnects, perhaps before we have said more than the first thing."""
    here = Here({SetNetworkProfile: YES, UseNetworkProfile: failure})

    raised = await here.service.raise_profile(STATION, reset=ResetKind.IMMEDIATE)

    assert raised.stage is Stage.ACCEPTED
    assert here.trust.next_profile is TLS


async def test_a_station_that_refuses_what_it_has_done_already_is_still_expected_back():
    """A05.FR.01: the answer to the first was lost, and an equal value is rejected."""
    here = Here({SetNetworkProfile: NO})
    await here.change(next_profile=TLS)

    raised = await here.service.raise_profile(STATION)

    assert raised.stage is Stage.REJECTED
    assert here.trust.next_profile is TLS


@pytest.mark.parametrize(
    ("now", "to", "words"),
    [
        (BASIC, BASIC, "has security profile 1 already"),
        (TLS, BASIC, "never lowers it"),
        (BASIC, NONE, "never lowers it"),
        (BASIC, CERTIFICATE, "the next one is 2"),
        (CERTIFICATE, None, "has the highest"),
    ],
)
async def test_a_profile_goes_up_by_one_and_never_down(now, to, words):
    """A00.FR.005."""
    here = Here(ACCEPTS, profile=now)

    with pytest.raises(Unready, match=words):
        await here.service.raise_profile(STATION, to, force=True)

    assert here.stations.asked == []
    assert here.trust == Trust()


@pytest.mark.parametrize("listener", ["off", "127.0.0.1:0"])
async def test_a_profile_that_nothing_listens_for_is_not_asked_for(listener):
    settings = Settings(data=Path("/nonexistent"), ocpp_tls=listener)
    here = Here(ACCEPTS, settings=settings)

    with pytest.raises(Unready, match="nothing that stations can be told listens"):
        await here.service.raise_profile(STATION)

    route = Route(url="wss://proxy.example/ocpp")
    await here.service.raise_profile(STATION, route=route)
    assert here.stations.of(SetNetworkProfile)[0].url == route.url


async def test_profile_3_may_be_on_the_port_of_profile_2():
    settings = Settings(
        data=Path("/nonexistent"),
        public_host="csms.example",
        ocpp_mtls="off",
        ocpp_tls_client_certificates=True,
    )
    here = Here(ACCEPTS, profile=TLS, settings=settings)

    await here.service.raise_profile(STATION, force=True)

    assert here.stations.of(SetNetworkProfile)[0].url == "wss://csms.example:9443/ocpp"


def issued(state, **changes):
    fields = {
        "station": STATION,
        "id": "1f",
        "state": state,
        "at": NOW,
        "profile": "station",
        "issuer": "ec",
        "subject": "CN=CS-1",
        "fingerprint": "",
        "key_fingerprint": "",
        "not_before": NOW,
        "not_after": NOW + timedelta(days=1),
        "pem": "",
    }
    return IssuedCertificate(**(fields | changes))


@pytest.mark.parametrize(
    ("certificate", "is_ready"),
    [
        (issued(CertificateState.ACCEPTED), True),
        (issued(CertificateState.ACTIVE), True),
        (issued(CertificateState.SENT), False),
        (issued(CertificateState.REVOKED), False),
        (issued(CertificateState.ACTIVE, not_after=NOW), False),
        (issued(CertificateState.ACTIVE, station=station_id("CS-2")), False),
    ],
)
async def test_profile_3_needs_a_certificate_that_the_station_has(certificate, is_ready):
    """A05.FR.04, as far as we can know it."""
    here = Here(ACCEPTS, profile=TLS)
    async with here.store.begin() as work:
        await work.certificates.put(certificate)

    if is_ready:
        assert (await here.service.raise_profile(STATION)).profile is CERTIFICATE
    else:
        with pytest.raises(Unready, match="has no certificate"):
            await here.service.raise_profile(STATION)
        assert here.trust == Trust()


async def test_a_station_that_may_not_trust_us_over_tls_is_asked_with_a_warning():
    """A05.FR.03: the station is the judge of it; its maker may have put our root in."""
    here = Here(ACCEPTS)

    assert "root certificate" in (await here.service.raise_profile(STATION)).warnings[0]

    root = InstalledCertificate(
        station=STATION, id="r", state="listed", at=NOW, use=RootUse.CSMS_ROOT
    )
    async with here.store.begin() as work:
        await work.installed.put(root)
    assert (await here.service.raise_profile(STATION)).warnings == ()


async def test_from_profile_0_the_station_gets_its_first_key():
    """A05.FR.02."""
    here = Here(CHANGES_BY_ITSELF | {SetKey: YES}, profile=NONE, key_hash=None)

    raised = await here.service.raise_profile(STATION)

    assert raised.profile is BASIC
    assert await here.opens(raised.key)
    assert here.trust.next_profile is BASIC


async def test_without_a_key_there_is_no_profile_1():
    here = Here(CHANGES_BY_ITSELF | {SetKey: NO}, profile=NONE, key_hash=None)

    with pytest.raises(Unready, match="needs a key"):
        await here.service.raise_profile(STATION)

    assert here.stations.of(SetNetworkProfile) == []


@pytest.mark.parametrize(
    ("script", "if_needed", "is_reset"),
    [
        (ACCEPTS, True, True),
        (CHANGES_BY_ITSELF, True, False),
        (CHANGES_BY_ITSELF | {Reset: YES}, False, True),
        ({SetNetworkProfile: REBOOT, Reset: YES}, True, True),
        ({SetNetworkProfile: NO}, False, False),
    ],
)
async def test_a_station_is_reset_when_it_took_the_profile(script, if_needed, is_reset):
    """TC_083; A05 of 2.x."""
    here = Here(script)

    await here.service.raise_profile(STATION, reset=ResetKind.IMMEDIATE, if_needed=if_needed)

    expected = [Reset(kind=ResetKind.IMMEDIATE)] if is_reset else []
    assert here.stations.of(Reset) == expected


async def test_a_raise_can_be_taken_back():
    here = Here(CHANGES_BY_ITSELF)
    await here.service.raise_profile(STATION)

    assert await here.service.cancel_raise(STATION) is TLS

    assert here.trust.next_profile is None
    with pytest.raises(Unready):
        await here.service.cancel_raise(STATION)
