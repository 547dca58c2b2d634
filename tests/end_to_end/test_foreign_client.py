"""The security whitepaper, spoken by a station of someone else's making."""

import asyncio
import base64
from datetime import UTC, datetime

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from websockets.exceptions import InvalidStatus

from tests.end_to_end.foreign import foreign, tls_client

NAME = "CS-1"
IMAGE = b"firmware " * 100_000


@pytest.fixture
async def root(server):
    return await server.say("ca", "export", "root")


@pytest.fixture
async def password(server, version):
    """Register the station for profile 2; its key as HTTP Basic wants it."""
    added = await server.voltkeep("station", "add", NAME, "--security-profile", "2")
    return bytes.fromhex(added["key"]) if version == "1.6" else added["key"].encode()


@pytest.fixture
async def station(server, version, root, password):
    """Connected over TLS with its key, and booted."""
    tls = tls_client(root)
    async with foreign(version, server.urls[2], NAME, password=password, tls=tls) as station:
        assert await station.boot() == "Accepted"
        yield station


def make_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return key, key.private_bytes(*form).decode()


async def test_a_wrong_password_is_refused(server, version, root, password):
    """A00.FR.306 (Basic over TLS)."""
    for wrong in (b"", b"wrong", password + b"x"):
        with pytest.raises(InvalidStatus) as refused:
            async with foreign(version, server.urls[2], NAME, password=wrong, tls=tls_client(root)):
                pass
        assert refused.value.response.status_code == 401


async def test_it_gets_a_certificate_and_comes_in_with_it(server, version, root, station):
    """A02, then A05 to profile 3."""
    trigger = "ExtendedTriggerMessage" if version == "1.6" else "TriggerMessage"
    station.answers |= {
        trigger: {"status": "Accepted"},
        "CertificateSigned": {"status": "Accepted"},
        "ChangeConfiguration": {"status": "Accepted"},
        "SetNetworkProfile": {"status": "Accepted"},
    }
    key, pem = make_key()
    names = ((NameOID.ORGANIZATION_NAME, "Voltkeep"), (NameOID.COMMON_NAME, "SN-1"))
    subject = x509.Name([x509.NameAttribute(*name) for name in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    csr = request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    await server.voltkeep("certificate", "renew", NAME)
    asked = await station.hear(trigger)
    assert asked["requested_message"].startswith("SignCharg")
    assert (await station.ask("SignCertificate", csr=csr)).status == "Accepted"
    chain = (await station.hear("CertificateSigned"))["certificate_chain"]
    assert "\r" not in chain
    assert len(x509.load_pem_x509_certificates(chain.encode())) == 2  # without the root

    await raise_profile(server, version, station)
    files = server.settings.data / "chain.pem", server.settings.data / "key.pem"
    for file, text in zip(files, (chain, pem), strict=True):
        file.write_text(text)
    tls = tls_client(root, *files)
    async with foreign(version, server.urls[3], NAME, tls=tls) as secured:
        assert await secured.boot() == "Accepted"
        assert (await server.voltkeep("station", "show", NAME))["security_profile"] == 3
    assert [each["state"] for each in await server.voltkeep("certificate", "list")] == ["active"]


async def raise_profile(server, version, station):
    """A05; a 2.x station is asked first which network profiles it has."""
    component = {"name": "OCPPCommCtrlr"}
    priority = {"component": component, "variable": {"name": "NetworkConfigurationPriority"}}
    active = {"component": component, "variable": {"name": "ActiveNetworkProfile"}}
    said = {"attribute_status": "Accepted", "attribute_value": "1"}
    station.answers |= {
        "GetVariables": {"get_variable_result": [active | said, priority | said]},
        "SetVariables": {"set_variable_result": [priority | {"attribute_status": "Accepted"}]},
    }
    raised = await server.voltkeep("station", "raise-profile", NAME)
    assert raised["stage"] == "accepted"
    if version == "1.6":
        asked = await station.hear("ChangeConfiguration")
        assert asked == {"key": "SecurityProfile", "value": "3"}
        return
    asked = await station.hear("SetNetworkProfile")
    assert asked["connection_data"]["ocpp_csms_url"] == server.urls[3]
    (data,) = (await station.hear("SetVariables"))["set_variable_data"]
    assert data["attribute_value"] == f"{asked['configuration_slot']},1"


async def test_roots_are_installed_listed_and_deleted(server, version, root, station):
    """M05, M03, M04.FR.07: deleted under the very name that the station gave."""
    certificate = x509.load_pem_x509_certificate(root.encode())
    builder = ocsp.OCSPRequestBuilder()
    named = builder.add_certificate(certificate, certificate, hashes.SHA384()).build()
    data = {
        "hash_algorithm": "SHA384",
        "issuer_name_hash": named.issuer_name_hash.hex(),
        "issuer_key_hash": named.issuer_key_hash.hex(),
        "serial_number": f"{certificate.serial_number:x}",
    }
    use = "CentralSystemRootCertificate" if version == "1.6" else "CSMSRootCertificate"
    listed = (
        {"certificate_hash_data": [data]}
        if version == "1.6"
        else {
            "certificate_hash_data_chain": [
                {"certificate_type": use, "certificate_hash_data": data}
            ]
        }
    )
    station.answers |= {
        "InstallCertificate": {"status": "Accepted"},
        "GetInstalledCertificateIds": {"status": "Accepted", **listed},
        "DeleteCertificate": {"status": "Accepted"},
    }

    await server.voltkeep("certificate", "install", NAME)
    installed = await station.hear("InstallCertificate")
    found = await server.voltkeep("certificate", "installed", NAME, "--use", "csms")
    serial = data["serial_number"]
    await server.voltkeep("certificate", "delete", NAME, serial, "--force")

    assert installed == {"certificate_type": use, "certificate": root}
    assert [each["hash_data"]["algorithm"] for each in found] == ["SHA384"]
    assert found[0]["pem"] == root  # known again by its hashes
    assert (await station.hear("DeleteCertificate"))["certificate_hash_data"] == data


async def test_a_security_event_is_heard(server, station):
    """A04.FR.03."""
    at = datetime.now(UTC).isoformat()

    await station.ask("SecurityEventNotification", type="Vendor's own", timestamp=at, tech_info="x")

    (event,) = await server.voltkeep("security", "events")
    assert (event["type"], event["tech_info"]) == ("Vendor's own", "x")


async def test_a_log_is_taken_over_https(server, station, root):
    """N01."""
    station.answers["GetLog"] = {"status": "Accepted", "filename": "../security.log"}
    asking = asyncio.create_task(
        server.voltkeep("log", "request", NAME, "--kind", "security", "--wait", "30")
    )
    asked = await station.hear("GetLog")
    location, id = asked["log"]["remote_location"], asked["request_id"]

    await station.ask("LogStatusNotification", status="Uploading", request_id=id)
    async with httpx.AsyncClient(verify=tls_client(root), trust_env=False) as client:
        sent = await client.put(location, content=b"what happened")
        again = await client.put(location, content=b"something else")
    await station.ask("LogStatusNotification", status="Uploaded", request_id=id)

    log = await asking
    out = server.settings.data / "log"
    await server.say("log", "get", NAME, log["number"], "--out", str(out))
    assert location.startswith("https://127.0.0.1:")
    assert (sent.is_success, again.status_code) == (True, 404)
    assert log["state"] == "uploaded"
    assert out.read_bytes() == b"what happened"


async def test_firmware_is_fetched_and_followed_over_a_reboot(server, version, root, password):
    """L01, with a signature by a key of our own authority."""
    folder = server.settings.data
    (folder / "image.bin").write_bytes(IMAGE)
    made = await server.voltkeep("firmware", "make-key", "--out", str(folder / "signing"))
    await server.voltkeep("firmware", "add", "2.1.0", str(folder / "image.bin"))
    by = ("--key", made["key"], "--certificate", made["certificate"])
    await server.voltkeep("firmware", "sign", "2.1.0", *by)
    tls = tls_client(root)
    spec = {"password": password, "tls": tls}
    action = "SignedUpdateFirmware" if version == "1.6" else "UpdateFirmware"
    status = "SignedFirmwareStatusNotification" if version == "1.6" else FIRMWARE_STATUS

    async with foreign(version, server.urls[2], NAME, **spec) as station:
        await station.boot()
        station.answers[action] = {"status": "Accepted"}
        updating = asyncio.create_task(
            server.voltkeep("firmware", "update", NAME, "2.1.0", "--wait", "60")
        )
        asked = await station.hear(action)
        firmware, id = asked["firmware"], asked["request_id"]
        async with httpx.AsyncClient(verify=tls, trust_env=False) as client:
            image = (await client.get(firmware["location"])).content
        for word in ("Downloading", "Downloaded", "SignatureVerified", "InstallRebooting"):
            await station.ask(status, status=word, request_id=id)
    async with foreign(version, server.urls[2], NAME, **spec) as station:
        await station.ask(status, status="Installed", request_id=id)
        await station.boot()
        updated = await updating

    assert image == IMAGE
    assert is_signed(firmware, image)
    assert updated["state"] == "installed"


FIRMWARE_STATUS = "FirmwareStatusNotification"


def is_signed(firmware, image):
    """L01.FR.04, by RSA-PSS or ECDSA. Raises InvalidSignature."""
    certificate = x509.load_pem_x509_certificate(firmware["signing_certificate"].encode())
    key, signature = certificate.public_key(), base64.b64decode(firmware["signature"])
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        key.verify(signature, image, pss, hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, image, ec.ECDSA(hashes.SHA256()))
    return True
