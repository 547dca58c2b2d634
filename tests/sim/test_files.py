"""Logs and firmware of a simulated station: really uploaded, really fetched and checked."""

import asyncio
import base64
import datetime as dt
from contextlib import AsyncExitStack
from http import HTTPStatus

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sim.conftest import FAST
from tests.sim.csms import Csms
from tests.sim.files import ftp_files, http_files
from tests.sim.pki import Authority
from voltkeep.sim import Credentials, SimStation, StationSpec

TESTED: set[str] = set()
IMAGE = b"firmware " * 1000
NAME = "/device-2.1.0.bin"


def misbehaves(name):
    """A test of one misbehaviour; see test_behaviour."""
    TESTED.add(name)
    return pytest.mark.parametrize("name", [name])


@pytest.fixture(scope="module")
def maker():
    return Authority("Maker")


@pytest.fixture
async def csms():
    async with Csms() as csms:
        yield csms


@pytest.fixture
async def start(version, csms, maker):
    async with AsyncExitStack() as stack:

        async def start(speed=FAST, **spec):
            given = Credentials(manufacturer_roots=maker.pem)
            spec = {
                "id": "CS-1",
                "version": version,
                "url": csms.url,
                "credentials": given,
            } | spec
            station = await stack.enter_async_context(SimStation(StationSpec(**spec), speed))
            await station.booted()
            return station

        yield start


@pytest.fixture
def files():
    with http_files() as files:
        yield files


async def get_log(csms, location, id=7, kind="SecurityLog"):
    log = {"remote_location": location}
    return await csms.call("GetLog", log=log, log_type=kind, request_id=id)


def statuses(csms, action, id=7):
    return [each["status"] for each in csms.of(action) if each.get("requestId", id) == id]


# Logs


@pytest.mark.parametrize("by", ["PUT", "POST", "form"])
async def test_a_log_is_uploaded_over_http(csms, start, files, by):
    """N01.FR.01-.03 and .05-.09."""
    station = await start(upload_by=by)
    station.core.note("TamperDetectionActivated", "door")

    answer = await get_log(csms, f"{files.url}/here")
    await station.settled()

    assert answer["status"] == "Accepted"
    assert answer["filename"].endswith(".log")
    assert statuses(csms, "LogStatusNotification") == ["Uploading", "Uploaded"]
    assert b"TamperDetectionActivated door" in files.uploaded["/here"]
    assert files.methods == ["PUT" if by == "PUT" else "POST"]
    assert (b"filename=" in files.uploaded["/here"]) is (by == "form")


async def test_a_log_is_uploaded_over_https_to_whom_the_station_believes(csms, start, maker):
    known = Credentials(roots=maker.pem)
    with http_files(maker.context()) as files:
        good = await start(credentials=known)
        await get_log(csms, f"{files.url}/good")
        await good.settled()
        await good.leave()
        bad = await start(id="CS-2", credentials=Credentials(roots=Authority("Other").pem))
        await get_log(csms, f"{files.url}/bad", 8)
        await bad.settled()

    assert list(files.uploaded) == ["/good"]
    assert statuses(csms, "LogStatusNotification", 8) == ["Uploading", "UploadFailure"]


async def test_a_log_is_uploaded_over_ftp(csms, start, tmp_path):
    station = await start()
    with ftp_files(tmp_path) as url:
        answer = await get_log(csms, f"{url}/", kind="DiagnosticsLog")
        await station.settled()

    assert statuses(csms, "LogStatusNotification") == ["Uploading", "Uploaded"]
    content = (tmp_path / answer["filename"]).read_text()
    assert content.startswith("DiagnosticsLog of CS-1")
    assert len(content.splitlines()) > 5  # the frames so far


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (HTTPStatus.FORBIDDEN, "PermissionDenied"),
        (HTTPStatus.BAD_REQUEST, "BadMessage"),
        (HTTPStatus.INSUFFICIENT_STORAGE, "UploadFailure"),
    ],
)
async def test_a_failed_upload_says_why(csms, start, files, status, word):
    """N01.FR.10."""
    files.status = status
    station = await start()

    await get_log(csms, f"{files.url}/here")
    await station.settled()

    assert statuses(csms, "LogStatusNotification") == ["Uploading", word]


async def test_an_unknown_way_is_not_supported(csms, start):
    station = await start()

    await get_log(csms, "gopher://127.0.0.1/")
    await station.settled()

    assert statuses(csms, "LogStatusNotification")[-1] == "NotSupportedOperation"


async def test_an_upload_is_tried_again(csms, start, files):
    files.status = HTTPStatus.INSUFFICIENT_STORAGE
    station = await start()
    log = {"remote_location": f"{files.url}/here"}
    request = {"log": log, "log_type": "SecurityLog", "request_id": 7}

    await csms.call("GetLog", **request, retries=2, retry_interval=1)
    await station.settled()

    assert len(files.methods) == 3


async def test_a_second_request_ends_the_first(csms, start, files):
    """N01.FR.11; and a trigger meanwhile tells of the upload (N01.FR.12)."""
    files.go_on.clear()
    station = await start()
    await get_log(csms, f"{files.url}/one", 1)
    await csms.until(lambda: statuses(csms, "LogStatusNotification", 1))

    second = await get_log(csms, f"{files.url}/two", 2)
    await csms.until(lambda: statuses(csms, "LogStatusNotification", 2))
    files.go_on.set()
    await station.settled()

    assert second["status"] == "AcceptedCanceled"
    assert statuses(csms, "LogStatusNotification", 1) == ["Uploading"]
    assert statuses(csms, "LogStatusNotification", 2) == ["Uploading", "Uploaded"]


async def test_a_trigger_tells_of_the_upload_that_runs(csms, start, files, version):
    files.go_on.clear()
    await start()
    await get_log(csms, f"{files.url}/one")
    await csms.hear("LogStatusNotification")

    action = "ExtendedTriggerMessage" if version == "1.6" else "TriggerMessage"
    await csms.call(action, requested_message="LogStatusNotification")
    triggered = await csms.hear("LogStatusNotification", 2)

    assert triggered == {"status": "Uploading", "requestId": 7}


async def test_diagnostics_of_old(csms, start, files, version):
    """1.6 section 5.7."""
    if version != "1.6":
        return
    station = await start()

    answer = await csms.call("GetDiagnostics", location=f"{files.url}/here")
    await station.settled()

    assert "DiagnosticsLog" in answer["file_name"]
    assert statuses(csms, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]


@misbehaves("refuses-files")
async def test_no_files_at_all(csms, start, files, maker, version, name):
    station = await start(misbehave=(name,))

    assert (await get_log(csms, f"{files.url}/here"))["status"] == "Rejected"
    assert await update(csms, version, files, maker) == "Rejected"
    assert not station.core.jobs


# Firmware


def signed(held, image=IMAGE):
    signature = held.private.sign(image, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(signature).decode()


async def update(csms, version, files, maker, by=None, id=7, image=IMAGE, **firmware):
    """Ask for an update, signed as it should be unless said otherwise."""
    held = by or maker.issue("Signer")
    files.offered.setdefault(NAME, IMAGE)
    now = dt.datetime.now(dt.UTC).isoformat()
    firmware = {
        "location": f"{files.url}{NAME}",
        "retrieve_date_time": now,
        "signing_certificate": held.pem,
        "signature": signed(held, image),
    } | firmware
    action = "SignedUpdateFirmware" if version == "1.6" else "UpdateFirmware"
    return (await csms.call(action, request_id=id, firmware=firmware))["status"]


def told(csms, version, id=7):
    action = "SignedFirmwareStatusNotification" if version == "1.6" else FIRMWARE_STATUS
    return statuses(csms, action, id)


FIRMWARE_STATUS = "FirmwareStatusNotification"
UP_TO_DATE = [
    *("Downloading", "Downloaded", "SignatureVerified"),
    *("Installing", "InstallRebooting", "Installed"),
]


async def test_firmware_is_fetched_checked_and_started(csms, start, files, maker, version):
    """L01.FR.01, .04, .05, .10, .12, .15 and .23."""
    station = await start()

    status = await update(csms, version, files, maker)
    await csms.until(lambda: told(csms, version)[-1:] == ["Installed"])
    await station.settled()

    boot = csms.of("BootNotification")[-1]
    assert status == "Accepted"
    assert told(csms, version) == UP_TO_DATE
    assert len(csms.connections) == 2
    if version == "1.6":
        assert boot["firmwareVersion"] == "2.1.0"
    else:
        assert boot["chargingStation"]["firmwareVersion"] == "2.1.0"
        assert boot["reason"] == "FirmwareUpdate"
    assert csms.of("SecurityEventNotification")[-1]["type"] == "FirmwareUpdated"


async def test_a_wrong_signature_is_told_of_twice(csms, start, files, maker, version):
    """L01.FR.03."""
    station = await start()

    status = await update(csms, version, files, maker, image=b"another")
    event = await csms.hear("SecurityEventNotification")
    await station.settled()

    assert status == "Accepted"
    assert told(csms, version) == ["Downloading", "Downloaded", "InvalidSignature"]
    assert event["type"] == "InvalidFirmwareSignature"


@pytest.mark.parametrize("wrong", ["issuer", "expired", "text"])
async def test_a_wrong_certificate_is_refused(csms, start, files, maker, version, wrong):
    """L01.FR.02, .23 and .24."""
    await start()
    by = {"issuer": Authority("Other").held, "expired": maker.issue("Signer", days=-1)}.get(wrong)
    text = {"signing_certificate": "no certificate"} if wrong == "text" else {}

    status = await update(csms, version, files, maker, by=by, **text)
    event = await csms.hear("SecurityEventNotification")

    assert status == "InvalidCertificate"
    assert event["type"] == "InvalidFirmwareSigningCertificate"


async def test_a_missing_image_fails(csms, start, files, maker, version):
    station = await start()

    await update(csms, version, files, maker, location=f"{files.url}/none")
    await station.settled()

    assert told(csms, version) == ["Downloading", "DownloadFailed"]


@misbehaves("installation-fails")
async def test_an_installation_that_fails(csms, start, files, maker, version, name):
    station = await start(misbehave=(name,))

    await update(csms, version, files, maker)
    await station.settled()

    assert told(csms, version)[-2:] == ["Installing", "InstallationFailed"]


async def test_an_update_waits_for_its_times_and_its_drivers(csms, start, files, maker, version):
    """L01.FR.06, .13 and .16."""
    station = await start()
    await station.plug(1)
    await station.authorize(1, "TOKEN")
    await station.charging(1)
    soon = station.core.wall(station.core.clock.now())
    times = {
        "retrieve_date_time": _iso(soon + 30),
        "install_date_time": _iso(soon + 120),
    }

    await update(csms, version, files, maker, **times)
    await csms.until(lambda: "InstallScheduled" in told(csms, version))
    await asyncio.sleep(3)  # three minutes
    waiting = told(csms, version)
    await station.stop(1)
    await station.unplug(1)
    await csms.until(lambda: "Installed" in told(csms, version))

    assert waiting == [
        *("DownloadScheduled", "Downloading", "Downloaded", "SignatureVerified"),
        "InstallScheduled",
    ]


def _iso(at):
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat()


async def test_a_second_update_ends_the_first(csms, start, files, maker, version):
    """L01.FR.26; and a trigger tells of the state it is in (L01.FR.29)."""
    station = await start(speed=1.0)
    later = _iso(station.core.clock.now() + 3600)
    await update(csms, version, files, maker, retrieve_date_time=later)
    await csms.until(lambda: told(csms, version) == ["DownloadScheduled"])
    action = "ExtendedTriggerMessage" if version == "1.6" else "TriggerMessage"
    await csms.call(action, requested_message="FirmwareStatusNotification")
    await csms.until(lambda: told(csms, version) == ["DownloadScheduled"] * 2)

    second = await update(csms, version, files, maker, id=8, retrieve_date_time=later)

    assert second == "AcceptedCanceled"


@misbehaves("no-security-extensions")
async def test_firmware_the_old_way(csms, start, files, maker, version, name):
    """1.6 section 5.19 and TC_044; 2.x leaves the signature out (L02)."""
    station = await start(misbehave=(name,))
    files.offered[NAME] = IMAGE
    now = dt.datetime.now(dt.UTC).isoformat()
    location = f"{files.url}{NAME}"

    if version == "1.6":
        assert await csms.refusal("GetLog", log={"remote_location": "x"}, **LOG) == "NotSupported"
        await csms.call("UpdateFirmware", location=location, retrieve_date=now)
    else:
        firmware = {"location": location, "retrieve_date_time": now}
        await csms.call("UpdateFirmware", request_id=7, firmware=firmware)
    await csms.until(lambda: statuses(csms, FIRMWARE_STATUS)[-1:] == ["Installed"])

    assert station.core.firmware == "2.1.0"
    assert "SignatureVerified" not in statuses(csms, FIRMWARE_STATUS)


LOG = {"log_type": "SecurityLog", "request_id": 1}
