"""Certificates in a simulated station: its roots, and its own (whitepaper A02, A03, M03-M05)."""

from contextlib import AsyncExitStack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from tests.sim.csms import Csms
from tests.sim.pki import Authority
from voltkeep.sim import Credentials, SimStation, StationSpec

PASSWORD = "password-of-sixteen"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
async def csms(authority):
    async with Csms(None, authority.context()) as csms:
        yield csms


@pytest.fixture
async def start(version, csms, authority):
    """Start a station that believes the authority, and wait until it is booted."""
    async with AsyncExitStack() as stack:

        async def start(**spec):
            spec = {
                "id": "CS-1",
                "version": version,
                "url": csms.url,
                "credentials": Credentials(roots=authority.pem),
            } | spec
            station = await stack.enter_async_context(SimStation(StationSpec(**spec)))
            await station.booted()
            return station

        yield start


def use(version, name="CSMS"):
    if version == "1.6" and name == "CSMS":
        return "CentralSystemRootCertificate"
    return f"{name}RootCertificate"


async def install(csms, version, pem, name="CSMS"):
    request = {"certificate_type": use(version, name), "certificate": pem}
    return (await csms.call("InstallCertificate", **request))["status"]


async def installed(csms, version, name="CSMS"):
    asked = use(version, name)
    answer = await csms.call(
        "GetInstalledCertificateIds", certificate_type=asked if version == "1.6" else [asked]
    )
    if answer["status"] == "NotFound":
        return []
    if version == "1.6":
        return answer["certificate_hash_data"]
    return [each["certificate_hash_data"] for each in answer["certificate_hash_data_chain"]]


async def delete(csms, hash_data):
    return (await csms.call("DeleteCertificate", certificate_hash_data=hash_data))["status"]


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
async def test_a_root_is_named_by_the_hashes_of_rfc_6960(
    csms, start, version, authority, algorithm
):
    """M03.FR.03 and .04; M04.FR.07 names it the same way."""
    await start(hash_algorithm=algorithm)
    other = Authority("Other")
    certificate = other.held.certificate
    builder = ocsp.OCSPRequestBuilder()
    named = builder.add_certificate(certificate, certificate, getattr(hashes, algorithm)()).build()

    assert await install(csms, version, other.pem) == "Accepted"
    _, data = await installed(csms, version)

    assert data == {
        "hash_algorithm": algorithm,
        "issuer_name_hash": named.issuer_name_hash.hex(),
        "issuer_key_hash": named.issuer_key_hash.hex(),
        "serial_number": f"{certificate.serial_number:x}",
    }
    shouted = {**data, "issuer_key_hash": data["issuer_key_hash"].upper()}
    assert await delete(csms, shouted) == "Accepted"
    assert await delete(csms, data) == "NotFound"


async def test_there_may_be_none_of_a_use(csms, start, version):
    """M03.FR.02."""
    await start()

    assert await installed(csms, version, "Manufacturer") == []


async def test_the_root_of_the_present_connection_is_not_deleted(csms, start, version):
    """M04.FR.06."""
    await start()
    await install(csms, version, Authority("Other").pem)
    in_use, other = await installed(csms, version)

    assert await delete(csms, in_use) == "Failed"
    assert await delete(csms, other) == "Accepted"


async def test_what_is_no_valid_root_is_rejected(csms, start, version, authority):
    """M05.FR.06."""
    await start()

    for pem in (
        "no certificate",
        Authority("Old", valid=-1).pem,
        authority.issue("no authority").pem,
        authority.pem + authority.pem,
    ):
        assert await install(csms, version, pem) == "Rejected"
    assert await install(csms, version, authority.pem) == "Accepted"  # it has it (2.x M05.FR.17)
    assert len(await installed(csms, version)) == 1


async def test_a_full_store_rejects(csms, start, version):
    """M05.FR.03."""
    await start(configuration={"SecurityCtrlr.CertificateEntries": "2"})

    assert await install(csms, version, Authority("1").pem, "Manufacturer") == "Accepted"
    assert await install(csms, version, Authority("2").pem, "Manufacturer") == "Rejected"


async def test_with_the_additional_check_a_root_follows_from_the_former(
    csms, start, version, authority
):
    """M05.FR.08-.12: signed by it, replacing it, and the former goes once the new one is proved."""
    await start(configuration={"SecurityCtrlr.AdditionalRootCertificateCheck": "true"})
    successor = Authority("Next", by=authority)

    assert await install(csms, version, Authority("Other").pem) == "Rejected"
    assert await install(csms, version, successor.pem) == "Accepted"

    assert len(await installed(csms, version)) == 1


async def test_it_falls_back_to_the_former_root(csms, start, version, authority):
    """M05.FR.11 and .13: the CSMS still has the certificate of the former hierarchy."""
    options = {"AdditionalRootCertificateCheck": "true"}
    station = await start(configuration=options)
    successor = Authority("Next", by=authority)
    await install(csms, version, successor.pem)

    await station.drop(back_after_s=0.0)
    await station.until(lambda: station.online)

    assert station.core.trust.former == [authority.held.certificate]
    assert station.core.security_log[0].type == "InvalidCsmsCertificate"


async def trigger(csms, version):
    if version == "1.6":
        request = {"requested_message": "SignChargePointCertificate"}
        return await csms.call("ExtendedTriggerMessage", **request)
    return await csms.call("TriggerMessage", requested_message="SignChargingStationCertificate")


@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_it_gets_a_certificate_and_connects_with_it(version, authority, kind):
    """A02.FR.02, .03, .06, .08 and .13."""
    former = authority.issue("CS-1")
    given = Credentials(roots=authority.pem, certificate=former.pem, key=former.key)
    async with Csms(None, authority.context(asks=True)) as csms:
        spec = StationSpec(
            id="CS-1",
            version=version,
            url=csms.url,
            credentials=given,
            serial="SN-77",
            key_kind=kind,
            configuration={"SecurityCtrlr.OrganizationName": "Operator"},
        )
        async with SimStation(spec) as station:
            await station.booted()
            assert (await trigger(csms, version))["status"] == "Accepted"
            said = await csms.hear("SignCertificate")
            await station.settled()  # before the connection ends, with whatever is under way
            request = x509.load_pem_x509_csr(said["csr"].encode())
            chain = authority.sign(said["csr"])
            answer = await csms.call("CertificateSigned", certificate_chain=chain)
            await csms.until(lambda: len(csms.connections) == 2)
            await station.until(lambda: station.online)

            shown = csms.connections[1].transport.get_extra_info("peercert")

    names = {each.oid: each.value for each in request.subject}
    kinds = {"ec": ec.EllipticCurvePublicKey, "rsa": rsa.RSAPublicKey}
    assert names == {NameOID.ORGANIZATION_NAME: "Operator", NameOID.COMMON_NAME: "SN-77"}
    assert isinstance(request.public_key(), kinds[kind])
    assert ("requestId" in said) is (version == "2.1")
    assert answer["status"] == "Accepted"
    serial = x509.load_pem_x509_certificate(chain.encode()).serial_number
    assert int(shown["serialNumber"], 16) == serial


@pytest.mark.parametrize("wrong", ["key", "root", "text", "length"])
async def test_a_wrong_certificate_is_discarded_and_told_of(csms, start, version, authority, wrong):
    """A02.FR.07."""
    limit = {"SecurityCtrlr.MaxCertificateChainSize": "10" if wrong == "length" else "10000"}
    station = await start(configuration=limit)
    await trigger(csms, version)
    csr = (await csms.hear("SignCertificate"))["csr"]
    chain = {
        "key": authority.issue("CS-1").pem,
        "root": Authority("Other").sign(csr),
        "text": "no certificate",
        "length": authority.sign(csr),
    }[wrong]

    answer = await csms.call("CertificateSigned", certificate_chain=chain)
    event = await csms.hear("SecurityEventNotification")

    name = "ChargePoint" if version == "1.6" else "ChargingStation"
    assert answer["status"] == "Rejected"
    assert event["type"] == f"Invalid{name}Certificate"
    assert station.core.trust.certificate == ""


async def test_a_chain_leads_to_a_root_by_way_of_its_issuer(csms, start, version, authority):
    station = await start()
    issuer = Authority("Issuer", by=authority)
    await trigger(csms, version)
    csr = (await csms.hear("SignCertificate"))["csr"]

    alone = await csms.call("CertificateSigned", certificate_chain=issuer.sign(csr))
    chain = issuer.sign(csr) + issuer.pem
    whole = await csms.call("CertificateSigned", certificate_chain=chain)

    assert (alone["status"], whole["status"]) == ("Rejected", "Accepted")
    assert station.core.trust.certificate == chain
