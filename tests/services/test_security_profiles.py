"""Security profiles over OCPP: up by one, and nobody is locked out on the way."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from tests.services.credentials import (
    BASIC,
    CERTIFICATE,
    NO,
    NONE,
    NOW,
    REBOOT,
    SETTINGS,
    STATION,
    TLS,
    YES,
    Here,
)
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
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import Trust
from voltkeep.services.credentials import Stage
from voltkeep.services.network_profiles import Route, Unready
from voltkeep.services.ports import (
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
)

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
    assert here.told[-1][1]


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


@pytest.mark.parametrize(
    "failure", [StationOffline("x"), StationLeft("x")], ids=["offline", "left"]
)
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


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (TLS, "wss://csms.example:9444/ocpp/CS-1 in it, or set ocpp_tls_client_certificates"),
        (BASIC, "wss://csms.example:9443/ocpp/CS-1 in it"),
    ],
)
async def test_whose_ocpp_carries_no_address_must_be_given_it_by_hand(profile, words):
    """1.6 A05: a profile is all that it is told, and each has a port of its own here."""
    here = Here(CHANGES_BY_ITSELF, profile=profile)
    assert (await here.service.raise_profile(STATION, force=True)).warnings[-1].endswith(words)

    told = Here(ACCEPTS, profile=profile)
    assert (await told.service.raise_profile(STATION, force=True)).warnings == ()


async def test_who_may_show_a_certificate_where_it_is_needs_no_other_address():
    shared = structs.replace(SETTINGS, ocpp_tls_client_certificates=True)
    here = Here(CHANGES_BY_ITSELF, profile=TLS, settings=shared)

    assert (await here.service.raise_profile(STATION, force=True)).warnings == ()


async def test_an_address_given_by_the_operator_is_the_one_to_enter():
    here = Here(CHANGES_BY_ITSELF, profile=TLS)
    route = Route(url="wss://proxy.example/ocpp")

    raised = await here.service.raise_profile(STATION, force=True, route=route)
    assert "wss://proxy.example/ocpp/CS-1 in it" in raised.warnings[-1]
