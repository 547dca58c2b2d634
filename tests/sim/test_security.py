"""Security profiles, keys and TLS of a simulated station, as the whitepaper has them."""

import asyncio
import ssl
from contextlib import AsyncExitStack

import pytest

from tests.sim.conftest import FAST
from tests.sim.csms import Csms
from tests.sim.pki import Authority
from voltkeep.sim import Credentials, SimStation, StationSpec

TESTED: set[str] = set()
KEY = "00112233445566778899aabbccddeeff"
OLD = "old-password-0001"


def misbehaves(name):
    """A test of one misbehaviour; see test_behaviour."""
    TESTED.add(name)
    return pytest.mark.parametrize("name", [name])


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
async def start(version):
    """Start a station without waiting for anything."""
    async with AsyncExitStack() as stack:

        async def start(**spec):
            spec = {"id": "CS-1", "version": version} | spec
            return await stack.enter_async_context(SimStation(StationSpec(**spec), FAST))

        yield start


@pytest.fixture
async def csmses(authority):
    """CSMSs that listen without TLS, with it, and with it for clients that have a certificate."""
    async with (
        Csms(OLD) as plain,
        Csms(OLD, authority.context()) as tls,
        Csms(None, authority.context(asks=True)) as mtls,
    ):
        yield {1: plain, 2: tls, 3: mtls}


async def set_key(csms, version, key):
    if version == "1.6":
        answer = await csms.call("ChangeConfiguration", key="AuthorizationKey", value=key)
        return answer["status"]
    return await set_variable(csms, "SecurityCtrlr", "BasicAuthPassword", key)


async def set_variable(csms, component, name, value):
    data = {
        "attribute_value": value,
        "component": {"name": component},
        "variable": {"name": name},
    }
    answer = await csms.call("SetVariables", set_variable_data=[data])
    return answer["set_variable_result"][0]["attribute_status"]


async def raise_profile(csmses, now, to, version, url=None):
    """A05: how the first step was answered."""
    csms = csmses[now]
    if version == "1.6":
        answer = await csms.call("ChangeConfiguration", key="SecurityProfile", value=str(to))
        return answer["status"]
    data = {
        "ocpp_version": "OCPP20",
        "ocpp_transport": "JSON",
        "ocpp_csms_url": url or csmses[to].url,
        "message_timeout": 30,
        "security_profile": to,
        "ocpp_interface": "Wired0",
    }
    answer = await csms.call("SetNetworkProfile", configuration_slot=2, connection_data=data)
    if answer["status"] != "Accepted":
        return answer["status"]
    status = await set_variable(csms, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2")
    if status == "Accepted":
        await csms.call("Reset", type="OnIdle")
    return status


def urls(csmses):
    return {profile: csms.url for profile, csms in csmses.items()}


# Keys


async def test_a_new_key_is_used_from_the_next_connection_on(start, csmses, version):
    """A01.FR.02, .03, .11 and .12; 1.6 writes it in hexadecimal."""
    csms = csmses[1]
    station = await start(url=csms.url, password=OLD)
    await station.booted()
    csms.password = bytes.fromhex(KEY) if version == "1.6" else KEY

    status = await set_key(csms, version, KEY)
    await csms.until(lambda: len(csms.connections) == 2)

    assert status == "Accepted"
    await station.until(lambda: station.online)
    log = station.core.security_log
    assert [event.type for event in log] == ["ReconfigurationOfSecurityParameters"]
    assert KEY not in str(log)


@misbehaves("rejects-key")
async def test_a_rejected_key(start, csmses, version, name):
    """A01.FR.04."""
    station = await start(url=csmses[1].url, password=OLD, misbehave=(name,))
    await station.booted()

    assert await set_key(csmses[1], version, KEY) == "Rejected"
    assert station.core.link.password == OLD


@misbehaves("no-key-change")
async def test_a_key_that_cannot_be_changed(start, csmses, version, name):
    station = await start(url=csmses[1].url, password=OLD, misbehave=(name,))
    await station.booted()

    status = await set_key(csmses[1], version, KEY)

    assert status == ("NotSupported" if version == "1.6" else "UnknownVariable")


@misbehaves("lost-key-answer")
async def test_a_key_whose_answer_is_lost(start, csmses, version, name):
    csms = csmses[1]
    station = await start(url=csms.url, password=OLD, misbehave=(name,))
    await station.booted()
    csms.password = bytes.fromhex(KEY) if version == "1.6" else KEY

    asking = asyncio.ensure_future(set_key(csms, version, KEY))
    await csms.until(lambda: len(csms.connections) == 2)
    asking.cancel()

    assert csms.answered == []


# TLS


async def test_a_server_is_believed_under_the_given_root_only(start, csmses, authority):
    """A00.FR.307: the station verifies the server's certificate."""
    known = Credentials(roots=authority.pem)
    other = Credentials(roots=Authority("Other").pem)

    good = await start(url=csmses[2].url, password=OLD, credentials=known)
    await good.booted()
    stranger = await start(id="CS-2", url=csmses[2].url, password=OLD, credentials=other)
    await stranger.until(lambda: stranger.core.link.failure is not None)

    assert good.core.link.root == ssl.PEM_cert_to_DER_cert(authority.pem)
    assert isinstance(stranger.core.link.failure, ssl.SSLCertVerificationError)
    assert stranger.core.security_log[0].type == "InvalidCsmsCertificate"


async def test_whoever_verifies_nothing_believes_anybody(start, csmses):
    careless = Credentials(verify=False)

    station = await start(url=csmses[2].url, password=OLD, credentials=careless)

    await station.booted()


async def test_a_station_resumes_its_session(start, csmses, authority):
    """What a thousand stations need after a restart of their CSMS."""
    known = Credentials(roots=authority.pem)
    station = await start(url=csmses[2].url, password=OLD, credentials=known)
    await station.booted()
    assert not station.core.link.resumed

    await station.drop(abrupt=False, back_after_s=0.0)
    await station.until(lambda: station.online)

    assert station.core.link.resumed


async def test_stations_of_one_root_share_their_context(start, csmses, authority):
    known = Credentials(roots=authority.pem)
    specs = {"url": csmses[2].url, "password": OLD, "credentials": known}

    one, other = await start(**specs), await start(id="CS-2", **specs)

    assert one.core.way().ssl is other.core.way().ssl


async def test_profile_3_shows_the_certificate_and_no_password(start, csmses, authority):
    """A00.FR.402."""
    held = authority.issue("CS-1")
    given = Credentials(roots=authority.pem, certificate=held.pem, key=held.key)

    station = await start(url=csmses[3].url, password=OLD, credentials=given)
    await station.booted()

    assert csmses[3].headers == [None]
    assert station.core.slot.profile == 3


@misbehaves("no-client-certificate")
async def test_no_client_certificate(start, csmses, authority, name):
    await _refused(start, csmses[3], authority, name)


@misbehaves("foreign-client-certificate")
async def test_a_foreign_client_certificate(start, csmses, authority, name):
    await _refused(start, csmses[3], authority, name)


async def _refused(start, csms, authority, name):
    held = authority.issue("CS-1")
    given = Credentials(roots=authority.pem, certificate=held.pem, key=held.key)

    station = await start(url=csms.url, credentials=given, misbehave=(name,))
    await station.until(lambda: station.core.link.refusals > 0)

    assert csms.connections == []


@misbehaves("old-tls")
async def test_old_tls(start, csmses, authority, name):
    """A00.FR.312: below 1.2 nothing is spoken."""
    await _no_words(start, csmses[2], authority, name)


@misbehaves("weak-ciphers")
async def test_weak_ciphers(start, authority, name):
    context = authority.context()
    context.set_ciphers("ECDHE+AESGCM")
    async with Csms(OLD, context) as csms:
        await _no_words(start, csms, authority, name)


async def _no_words(start, csms, authority, name):
    known = Credentials(roots=authority.pem)

    station = await start(url=csms.url, password=OLD, credentials=known, misbehave=(name,))
    await station.until(lambda: station.core.link.failure is not None)

    assert isinstance(station.core.link.failure, OSError)  # an alert, or the end
    assert csms.headers == []


@misbehaves("any-host")
async def test_any_host(start, csmses, authority, name):
    """A00.FR.309: the name in the certificate is that of the CSMS, unless nobody looks."""
    known = Credentials(roots=authority.pem)
    url = csmses[2].url.replace("127.0.0.1", "localhost")
    careful = await start(id="CS-2", url=url, password=OLD, credentials=known)
    await careful.until(lambda: careful.core.link.failure is not None)

    station = await start(url=url, password=OLD, credentials=known, misbehave=(name,))
    await station.booted()

    assert "mismatch" in str(careful.core.link.failure).lower()


# A05: raising the profile


async def test_the_profile_is_raised_one_after_the_other(start, csmses, authority, version):
    """A05.FR.05-.07, and the lower one is forgotten (2.x A05.FR.06)."""
    held = authority.issue("CS-1")
    given = Credentials(roots=authority.pem, certificate=held.pem, key=held.key)
    station = await start(
        url=csmses[1].url, password=OLD, credentials=given, urls=urls(csmses), profile=1
    )
    await station.booted()

    for now, to in ((1, 2), (2, 3)):
        assert await raise_profile(csmses, now, to, version) == "Accepted"
        await csmses[to].until(lambda to=to: csmses[to].of("BootNotification"))
        await station.booted()

        assert station.core.slot == (to, csmses[to].url)
        assert {slot.profile for slot in station.core.slots.values()} == {to}
        assert station.core.configuration.text("SecurityCtrlr.SecurityProfile") == str(to)


async def test_a_lower_or_equal_profile_is_rejected(start, csmses, authority, version):
    """A05.FR.01; B09.FR.04. A 2.x station may be given another address of its own profile."""
    known = Credentials(roots=authority.pem)
    station = await start(url=csmses[2].url, password=OLD, credentials=known, urls=urls(csmses))
    await station.booted()

    assert await raise_profile(csmses, 2, 1, version) == "Rejected"
    if version == "1.6":
        assert await raise_profile(csmses, 2, 2, version) == "Rejected"
    assert station.online


@pytest.mark.parametrize(("now", "to"), [(1, 2), (2, 3)])
async def test_a_profile_without_what_it_needs_is_rejected(
    start, csmses, authority, version, now, to
):
    """A05.FR.03 (no root) and .04 (no certificate); 2.x A05.FR.02 and .03."""
    known = Credentials(roots=authority.pem if now == 2 else "")
    station = await start(url=csmses[now].url, password=OLD, credentials=known, urls=urls(csmses))
    await station.booted()

    assert await raise_profile(csmses, now, to, version) == "Rejected"
    assert station.online


async def test_a_profile_without_a_key_is_rejected(start, version):
    """A05.FR.02."""
    async with Csms() as csms:
        station = await start(url=csms.url)
        await station.booted()
        answer = (
            await csms.call("ChangeConfiguration", key="SecurityProfile", value="1")
            if version == "1.6"
            else {"status": "Rejected"}
        )

    assert answer["status"] == "Rejected"


async def test_a_station_falls_back_where_the_higher_profile_does_not_connect(
    start, csmses, authority, version
):
    """A05.FR.08; B10.FR.03 and .10."""
    known = Credentials(roots=Authority("Not the one").pem)
    station = await start(
        url=csmses[1].url,
        password=OLD,
        credentials=known,
        urls=urls(csmses),
        configuration={
            "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "2",
            "OCPPCommCtrlr.RetryBackOffWaitMinimum": "0",
            "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
        },
    )
    await station.booted()

    assert await raise_profile(csmses, 1, 2, version) == "Accepted"
    await csmses[1].until(lambda: len(csmses[1].connections) == 2)
    await station.booted()

    assert csmses[2].headers == []
    assert station.core.slot.profile == 1
    assert station.core.configuration.text("SecurityProfile") == "1"


@misbehaves("returns-to-lower")
async def test_a_return_to_the_lower_profile(start, csmses, authority, version, name):
    known = Credentials(roots=authority.pem)
    station = await start(
        url=csmses[1].url,
        password=OLD,
        credentials=known,
        urls=urls(csmses),
        misbehave=(name,),
    )
    await station.booted()

    await raise_profile(csmses, 1, 2, version)
    await csmses[2].until(lambda: csmses[2].connections)
    await csmses[1].until(lambda: len(csmses[1].connections) == 2)

    assert station.core.slot.profile == 1


# Security events


async def test_security_events_are_kept_while_there_is_no_connection(start, csmses):
    """A04.FR.02: queued, in order, and told once there is one."""
    csms = csmses[1]
    station = await start(url=csms.url, password=OLD, reports_startup=True)
    await station.booted()
    await csms.hear("SecurityEventNotification")

    await station.drop(stay_away=True)
    station.core.event("TamperDetectionActivated", "door")
    station.core.event("MemoryExhaustion")
    await station.reconnect()
    await station.settled()

    told = csms.of("SecurityEventNotification")
    assert [(each["type"], each.get("techInfo")) for each in told] == [
        ("StartupOfTheDevice", None),
        ("TamperDetectionActivated", "door"),
        ("MemoryExhaustion", None),
    ]


async def test_an_event_whose_answer_was_lost_is_told_again_under_its_id(start, csmses):
    csms = csmses[1]
    csms.mute.add("SecurityEventNotification")
    station = await start(url=csms.url, password=OLD)
    await station.booted()
    station.core.event("TamperDetectionActivated")
    await csms.hear("SecurityEventNotification")

    csms.mute.clear()
    await station.drop(back_after_s=0.0)
    await csms.hear("SecurityEventNotification", 2)

    ids = {heard.id for heard in csms.heard if heard.action == "SecurityEventNotification"}
    assert len(ids) == 1
