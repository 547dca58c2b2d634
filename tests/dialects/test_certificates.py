"""How each version says what concerns certificates; the conversations are `tests/stories`."""

import pytest
from msgspec import Raw, json

from tests.dialects.recorder import Recorder, answer
from voltkeep.dialects import DIALECTS
from voltkeep.domain.certificates import HashAlgorithm, HashData, RootUse
from voltkeep.domain.commands import (
    CertificatesTold,
    DeleteCertificate,
    GetInstalledCertificates,
    InstallCertificate,
    SendCertificate,
)
from voltkeep.ocpp.errors import Refusal
from voltkeep.services.ports import CommandUnfit

NEWER = ("ocpp2.0.1", "ocpp2.1")
HASHED = {
    "hashAlgorithm": "SHA384",
    "issuerNameHash": "AbCd",
    "issuerKeyHash": "00ff",
    "serialNumber": "0A",
}
READ = HashData(HashAlgorithm.SHA384, "AbCd", "00ff", "0A")


class Certificates(Recorder):
    """Takes every request, or none."""

    def __init__(self, problem=""):
        super().__init__()
        self.certificates = self
        self.problem = problem

    async def requested(self, sender, request, *, use="", request_id=None):
        self.heard.append((request, use, request_id))
        return self.problem


def asked(version, command):
    said = DIALECTS[version].request(command)
    assert said is not None
    return said[0], json.decode(said[1])


async def said(version, action, payload, problem=""):
    """What we answer, and what the service has heard."""
    services = Certificates(problem)
    answered = await answer(DIALECTS[version], action, payload, services)
    return json.decode(answered.payload), services.heard


@pytest.mark.parametrize("version", DIALECTS)
async def test_a_request_reaches_the_service_letter_by_letter(version):
    request = "-----BEGIN CERTIFICATE REQUEST-----\r\n…"

    answered, heard = await said(version, "SignCertificate", {"csr": request})

    assert answered == {"status": "Accepted"}
    assert heard == [(request, "", None)]


async def test_what_it_is_for_and_its_number_are_read_where_they_can_be_said():
    payload = {"csr": "x", "certificateType": "V2GCertificate"}
    assert (await said("ocpp2.0.1", "SignCertificate", payload))[1] == [
        ("x", "V2GCertificate", None)
    ]

    _, heard = await said("ocpp2.1", "SignCertificate", payload | {"requestId": 7})
    assert heard == [("x", "V2GCertificate", 7)]


@pytest.mark.parametrize("version", DIALECTS)
async def test_a_refusal_says_why_where_it_can_and_fits(version):
    answered, _ = await said(version, "SignCertificate", {"csr": "x"}, problem="w" * 2000)

    assert answered["status"] == "Rejected"
    if "statusInfo" in answered:
        assert answered["statusInfo"]["reasonCode"] == "InvalidCSR"


@pytest.mark.parametrize("version", DIALECTS)
async def test_a_request_over_the_limit_is_no_message(version):
    """Whitepaper 5.17: at most 5500 characters."""
    with pytest.raises(Refusal):
        await said(version, "SignCertificate", {"csr": "x" * 5501})


@pytest.mark.parametrize("version", NEWER)
async def test_no_address_that_a_station_names_is_asked(version):
    """M06.FR.04: not successful, said truly, at once."""
    data = HASHED | {"responderURL": "http://169.254.169.254/"}

    answered, _ = await said(version, "GetCertificateStatus", {"ocspRequestData": data})

    assert answered["status"] == "Failed"


async def test_each_certificate_of_a_chain_is_answered_for():
    """M07.FR.08."""
    ask = {"certificateHashData": HASHED, "source": "CRL", "urls": ["http://127.0.0.1/"]}

    answered, _ = await said(
        "ocpp2.1", "GetCertificateChainStatus", {"certificateStatusRequests": [ask, ask]}
    )

    assert [each["status"] for each in answered["certificateStatus"]] == ["Failed", "Failed"]
    assert answered["certificateStatus"][0]["certificateHashData"] == HASHED


@pytest.mark.parametrize("version", NEWER)
async def test_there_are_no_contract_certificates(version):
    payload = {"iso15118SchemaVersion": "urn:x", "action": "Install", "exiRequest": "x"}

    answered, _ = await said(version, "Get15118EVCertificate", payload)

    assert answered["status"] == "Failed"


@pytest.mark.parametrize(
    ("version", "command", "expected"),
    [
        ("ocpp1.6", SendCertificate(chain="c", request_id=7, use="x"), {"certificateChain": "c"}),
        (
            "ocpp2.1",
            SendCertificate(chain="c", request_id=7, use="ChargingStationCertificate"),
            {
                "certificateChain": "c",
                "certificateType": "ChargingStationCertificate",
                "requestId": 7,
            },
        ),
        (
            "ocpp1.6",
            InstallCertificate(use=RootUse.CSMS_ROOT, certificate="c"),
            {"certificateType": "CentralSystemRootCertificate", "certificate": "c"},
        ),
        (
            "ocpp2.0.1",
            InstallCertificate(use=RootUse.MO_ROOT, certificate="c"),
            {"certificateType": "MORootCertificate", "certificate": "c"},
        ),
        (
            "ocpp1.6",
            GetInstalledCertificates(use=RootUse.MANUFACTURER_ROOT),
            {"certificateType": "ManufacturerRootCertificate"},
        ),
        ("ocpp2.0.1", GetInstalledCertificates(), {}),
        (
            "ocpp2.1",
            GetInstalledCertificates(use=RootUse.OEM_ROOT),
            {"certificateType": ["OEMRootCertificate"]},
        ),
        ("ocpp1.6", DeleteCertificate(hash_data=READ), {"certificateHashData": HASHED}),
        ("ocpp2.0.1", DeleteCertificate(hash_data=READ), {"certificateHashData": HASHED}),
    ],
)
def test_what_we_ask_is_said_as_the_version_has_it(version, command, expected):
    assert asked(version, command)[1] == expected


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("ocpp1.6", InstallCertificate(use=RootUse.V2G_ROOT, certificate="c")),
        ("ocpp1.6", GetInstalledCertificates(use=RootUse.MO_ROOT)),
        ("ocpp1.6", GetInstalledCertificates()),
        ("ocpp1.6", InstallCertificate(use=RootUse.CSMS_ROOT, certificate="c" * 5501)),
        ("ocpp2.0.1", InstallCertificate(use=RootUse.OEM_ROOT, certificate="c")),
        ("ocpp2.0.1", InstallCertificate(use=RootUse.CSMS_ROOT, certificate="c" * 5501)),
        ("ocpp2.1", InstallCertificate(use=RootUse.CSMS_ROOT, certificate="c" * 10_001)),
        ("ocpp1.6", SendCertificate(chain="c" * 10_001)),
        ("ocpp2.0.1", SendCertificate(chain="c", request_id=7)),
    ],
)
def test_what_a_version_cannot_say_is_not_sent(version, command):
    with pytest.raises(CommandUnfit):
        asked(version, command)


def outcome(version, payload, use=RootUse.CSMS_ROOT):
    return DIALECTS[version].outcome(
        GetInstalledCertificates(use=use),
        "GetInstalledCertificateIds",
        Raw(json.encode(payload)),
    )


def test_a_flat_list_has_the_use_that_was_asked_for():
    told = outcome("ocpp1.6", {"status": "Accepted", "certificateHashData": [HASHED]}).told

    assert told == CertificatesTold((("", READ),))


@pytest.mark.parametrize("version", NEWER)
def test_a_chain_is_told_certificate_by_certificate(version):
    """M03.FR.05."""
    chain = {
        "certificateType": "V2GCertificateChain",
        "certificateHashData": HASHED,
        "childCertificateHashData": [HASHED | {"serialNumber": "0B"}],
    }

    told = outcome(version, {"status": "Accepted", "certificateHashDataChain": [chain]}).told

    assert [(use, each.serial_number) for use, each in told.certificates] == [
        ("V2GCertificateChain", "0A"),
        ("V2GCertificateChain", "0B"),
    ]


@pytest.mark.parametrize("version", DIALECTS)
@pytest.mark.parametrize("status", ["Accepted", "NotFound"])
def test_a_list_may_be_missing(version, status):
    assert outcome(version, {"status": status}).told == CertificatesTold(())
