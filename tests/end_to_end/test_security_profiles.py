"""The security whitepaper against a running server: its use cases, done as operators do them."""

import base64
from contextlib import AsyncExitStack

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.end_to_end.server import CommandFailed
from tests.sim.pki import Authority
from voltkeep.sim import Credentials, SimStation, StationSpec
from voltkeep.sim.trust import parse

NAME = "CS-1"
SPEED = 10.0  # a reboot takes five seconds
IMAGE = b"firmware " * 100_000
QUICK = {
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "0",
    "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
}


@pytest.fixture
async def start(server, version):
    """Start a station, and wait until the server has let it in."""
    async with AsyncExitStack() as stack:

        async def start(profile=1, *, booted=True, **spec):
            spec = {
                "id": NAME,
                "version": version,
                "url": server.urls[profile],
                "urls": server.urls,
                "profile": profile,
                "configuration": QUICK,
            } | spec
            station = await stack.enter_async_context(SimStation(StationSpec(**spec), SPEED))
            if booted:
                await station.booted()
            return station

        yield start


async def add(server, version, profile=1):
    """Register the station; its key as it is used in HTTP Basic."""
    added = await server.voltkeep("station", "add", NAME, "--security-profile", str(profile))
    return as_used(version, added["key"])


def as_used(version, key):
    return bytes.fromhex(key) if version == "1.6" else key


async def root_of(server):
    return await server.say("ca", "export", "root")


async def enrolled(server, version, start, **spec):
    """A station that came in with a key over TLS, and now has a certificate."""
    password = await add(server, version, 2)
    roots = Credentials(roots=await root_of(server), **spec)
    station = await start(2, password=password, credentials=roots)
    await server.voltkeep("certificate", "renew", NAME)
    await station.until(lambda: station.core.trust.certificate)
    return station


async def shown(server):
    return await server.voltkeep("station", "show", NAME)


async def raised(server, station, to):
    """A05: raise the profile, and wait for the station on it."""
    answer = await server.voltkeep("station", "raise-profile", NAME, "--reset")
    assert (answer["profile"], answer["stage"]) == (to, "accepted")
    await station.until(lambda: station.core.slot.profile == to)
    # In 1.6 it comes back twice: as it raises its profile, and after the reset.
    await station.until(lambda: "RemoteReset" in station.core.boot_reason)
    await station.booted()
    assert (await shown(server))["security_profile"] == to


async def refused(start, profile, **spec):
    """Nobody is let in so; what the attempt ended with."""
    station = await start(profile, booted=False, **spec)
    await station.until(lambda: station.core.link.refusals > 1 or station.online)
    assert not station.online
    failure = station.core.link.failure
    await station.leave()
    return str(failure)


async def test_a_station_is_taken_from_a_key_to_a_certificate(server, start, version):
    """M05, A05 (1 to 2), A02, A05 (2 to 3), A05.FR.09 (and not back), over a restart of ours."""
    key = await add(server, version)
    station = await start(password=key)
    assert (await server.voltkeep("certificate", "install", NAME))["status"] == "Accepted"

    await raised(server, station, 2)
    assert "401" in await refused(start, 1, password=key)

    await server.voltkeep("certificate", "renew", NAME)
    await station.until(lambda: station.core.trust.certificate)
    await raised(server, station, 3)
    given = Credentials(roots=await root_of(server))
    assert "401" in await refused(start, 2, password=key, credentials=given)
    await station.settled()
    assert station.online

    assert server.stop() == 0
    await station.until(lambda: not station.online)
    await server.start()
    await station.settled()
    assert station.core.slot.profile == 3
    (certificate,) = await server.voltkeep("certificate", "list")
    assert certificate["state"] == "active"


async def test_a_key_is_changed_and_the_old_one_is_over(server, start, version):
    """A01.FR.02 and .03."""
    old = await add(server, version)
    station = await start(password=old)

    rotated = await server.voltkeep("station", "rotate-key", NAME)
    new = as_used(version, rotated["key"])
    await station.until(lambda: station.core.link.password == new)
    await station.settled()

    assert rotated["stage"] == "accepted"
    await station.leave()
    assert "401" in await refused(start, 1, password=old)
    await start(password=new)
    assert rotated["key"] not in server.output()


@pytest.mark.parametrize("how", ["rejects-key", "no-key-change"])
async def test_a_key_that_is_not_taken_leaves_the_old_one(server, start, version, how):
    """A01.FR.04."""
    old = await add(server, version)
    station = await start(password=old, misbehave=(how,))

    with pytest.raises(CommandFailed):
        await server.voltkeep("station", "rotate-key", NAME)

    await station.drop(back_after_s=0.0)
    await station.settled()
    assert station.core.link.password == old


async def test_a_lost_answer_to_a_new_key_locks_nobody_out(server, start, version):
    """Both count until one of them is used: then the other is over."""
    old = await add(server, version)
    station = await start(password=old, misbehave=("lost-key-answer",))

    with pytest.raises(CommandFailed, match=r"[Bb]oth"):
        await server.voltkeep("station", "rotate-key", NAME)
    await station.settled()

    assert station.core.link.password != old
    await station.leave()
    assert "401" in await refused(start, 1, password=old)


async def test_a_station_that_falls_back_is_let_in(server, start, version):
    """A05.FR.08: it believes another root, so TLS comes to nothing."""
    roots = Credentials(roots=Authority("Another").pem)
    station = await start(password=await add(server, version), credentials=roots)

    await server.voltkeep("station", "raise-profile", NAME, "--reset", "--force")
    await station.until(lambda: station.core.boot_reason == "RemoteReset")
    await station.until(lambda: station.core.link.refusals == 0 and station.core.accepted)

    assert station.core.slot.profile == 1
    assert (await shown(server))["security_profile"] == 1


async def test_a_station_renews_its_certificate_by_itself(server, start, version):
    """A03, and A02.FR.08: from the next connection on it shows the new one."""
    station = await enrolled(server, version, start)
    await raised(server, station, 3)
    first = station.core.trust.certificate

    station.core.renew_certificate()
    await station.until(lambda: station.core.trust.certificate != first)
    await station.until(lambda: not station.online)
    await station.settled()

    found = {each["id"]: each["state"] for each in await server.voltkeep("certificate", "list")}
    new, old = (
        f"{parse(pem)[0].serial_number:x}" for pem in (station.core.trust.certificate, first)
    )
    assert (found[new], found[old]) == ("active", "superseded")


@pytest.mark.parametrize("how", ["no-client-certificate", "foreign-client-certificate"])
async def test_without_our_certificate_nobody_is_let_in_with_profile_3(server, start, version, how):
    """A00.FR.401, .414."""
    station = await enrolled(server, version, start)
    await raised(server, station, 3)
    trust = station.core.trust
    given = Credentials(roots=await root_of(server), certificate=trust.certificate, key=trust.key)
    await station.leave()

    failure = await refused(start, 3, credentials=given, misbehave=(how,))

    assert "401" not in failure  # it does not come so far
    await start(3, credentials=given)


async def test_roots_are_listed_and_deleted(server, start, version):
    """M03 and M04; the root of the present connection stays (M04.FR.06)."""
    roots = Credentials(roots=await root_of(server))
    await start(2, password=await add(server, version, 2), credentials=roots)
    path = server.settings.data / "maker.pem"
    path.write_text(Authority("Maker").pem)
    await server.voltkeep("certificate", "install", NAME, str(path), "--use", "manufacturer")

    uses = {each["use"]: each for each in await installed(server)}
    assert set(uses) == {"CSMSRootCertificate", "ManufacturerRootCertificate"}
    ours, makers = (each["hash_data"]["serial_number"] for _, each in sorted(uses.items()))
    assert (await server.voltkeep("certificate", "delete", NAME, makers))["accepted"]
    with pytest.raises(CommandFailed):
        await server.voltkeep("certificate", "delete", NAME, ours, "--force")

    assert [each["use"] for each in await installed(server)] == ["CSMSRootCertificate"]


async def installed(server):
    found = await server.voltkeep("certificate", "installed", NAME)
    return [each for each in found if each["state"] == "listed"]


async def test_a_security_event_is_told_although_it_happened_offline(server, start, version):
    """A04, over a restart of ours."""
    station = await start(password=await add(server, version), reports_startup=True)
    await station.drop(stay_away=True)
    station.core.event("TamperDetectionActivated", "door")
    assert server.stop() == 0
    await server.start()
    await station.reconnect()
    await station.settled()

    told = await server.voltkeep("security", "events")
    assert [each["type"] for each in told] == ["TamperDetectionActivated", "StartupOfTheDevice"]
    alerts = {each["kind"] for each in await server.voltkeep("security", "alerts")}
    assert alerts == {"TamperDetectionActivated", "stations restarted"}


# Logs and firmware


@pytest.mark.parametrize("via", ["http", "https"])
async def test_a_log_arrives(server, start, version, via):
    """N01."""
    roots = Credentials(roots=await root_of(server))
    station = await start(password=await add(server, version), credentials=roots)
    station.core.note("TamperDetectionActivated", "door")

    asked = await server.voltkeep(
        "log", "request", NAME, "--kind", "security", "--via", via, "--wait", "30"
    )
    out = server.settings.data / "security.log"
    await server.say("log", "get", NAME, asked["number"], "--out", str(out))

    assert out.read_text().endswith("TamperDetectionActivated door\n")
    assert asked["state"] == "uploaded"


@pytest.fixture
def maker():
    return Authority("Maker")


async def offered(server, maker, content=IMAGE):
    """An image of the maker's, signed as it should be if the content is the file's."""
    held = maker.issue("Signer")
    folder = server.settings.data
    signature = held.private.sign(content, ec.ECDSA(hashes.SHA256()))
    files = {
        "station-2.1.0.bin": IMAGE,
        "station.sig": base64.b64encode(signature),
        "signer.pem": held.pem.encode(),
    }
    for name, text in files.items():
        (folder / name).write_bytes(text)
    image, signed, certificate = (str(folder / name) for name in files)
    by = ("--signature", signed, "--certificate", certificate)
    if content == IMAGE:
        await server.voltkeep("firmware", "add", "2.1.0", image, *by)
        return ()
    await server.voltkeep("firmware", "add", "2.1.0", image)
    return (*by, "--force")


@pytest.mark.parametrize("via", ["http", "https"])
async def test_firmware_is_installed_through_a_reboot(server, start, version, maker, via):
    """L01."""
    roots = Credentials(roots=await root_of(server), manufacturer_roots=maker.pem)
    station = await start(password=await add(server, version), credentials=roots)
    await offered(server, maker)

    updated = await server.voltkeep(
        "firmware", "update", NAME, "2.1.0", "--via", via, "--wait", "60"
    )
    await station.settled()

    assert updated["state"] == "installed"
    assert [each["status"] for each in updated["said"]] == [
        *("Downloading", "Downloaded", "SignatureVerified"),
        *("Installing", "InstallRebooting", "Installed"),
    ]
    assert station.core.firmware.startswith("2.1.0")
    assert (await shown(server))["make"]["firmware"] == station.core.firmware
    assert [each["type"] for each in await server.voltkeep("security", "events")] == [
        "FirmwareUpdated"
    ]


async def test_firmware_with_a_wrong_signature_is_not_installed(server, start, version, maker):
    """L01.FR.03 and TC_081: an operator insists, the station refuses."""
    roots = Credentials(manufacturer_roots=maker.pem)
    station = await start(password=await add(server, version), credentials=roots)
    wrong = await offered(server, maker, b"another")

    with pytest.raises(CommandFailed, match="InvalidSignature"):
        await server.voltkeep("firmware", "update", NAME, "2.1.0", *wrong, "--wait", "60")
    await station.settled()

    (update,) = await server.voltkeep("firmware", "status")
    assert (update["state"], update["status"]) == ("failed", "InvalidSignature")
    assert station.core.firmware == "1.0.0"


async def test_a_signer_of_another_maker_is_told_of(server, start, version, maker):
    """L01.FR.02 and .24."""
    roots = Credentials(manufacturer_roots=Authority("Another").pem)
    station = await start(password=await add(server, version), credentials=roots)
    await offered(server, maker)

    with pytest.raises(CommandFailed, match="InvalidCertificate"):
        await server.voltkeep("firmware", "update", NAME, "2.1.0", "--force")
    await station.settled()

    (event,) = await server.voltkeep("security", "events")
    assert event["type"] == "InvalidFirmwareSigningCertificate"
