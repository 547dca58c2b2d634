"""`voltkeep certificate`: what we have issued, and the roots that stations have."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from tests.cli.conftest import connected
from tests.services.authority import request, root
from voltkeep.domain.certificates import HashAlgorithm, HashData, InstalledCertificate, RootUse
from voltkeep.domain.identity import station_id
from voltkeep.domain.stations import Trust

ONE = station_id("CS-1")


@pytest.fixture
def issued(voltkeep):
    """The serial number of a certificate that CS-1 asked for, and that waits to be sent."""
    voltkeep.ok("station", "add", "CS-1")

    async def ask(app):
        async with app.store.begin() as work:
            await work.stations.set_trust(ONE, Trust(serial_number="SN-1"))
            sender = await connected(work, "CS-1")
        problem = await app.services.certificates.requested(
            sender, request("SN-1", app.settings.cpo_name)
        )
        assert problem == ""
        # There is no server to send it: it is signed, and waits.
        await app.services.certificates._issuing._sign(ONE)
        (certificate,) = await app.services.certificates.all(station=ONE)
        return certificate.id

    return voltkeep.inside(ask)


def test_what_was_issued_is_listed_and_shown(voltkeep, issued):
    (listed,) = voltkeep.ok("certificate", "list", "--json").json
    assert (listed["id"], listed["station"], listed["state"]) == (issued, "CS-1", "issued")
    assert issued in voltkeep.ok("certificate", "list", "--station", "CS-1").out

    assert "SN-1" in voltkeep.ok("certificate", "show", issued).out
    pem = voltkeep.ok("certificate", "show", issued, "--pem").out
    assert len(x509.load_pem_x509_certificates(pem.encode())) == 2
    assert voltkeep.ok("certificate", "requests", "--json").json[0]["state"] == "signed"
    assert "signed" in voltkeep.ok("certificate", "requests", "--station", "CS-1").out


def test_a_certificate_is_revoked_with_a_reason_and_a_record(voltkeep, issued):
    revoke = ("certificate", "revoke", issued, "--reason", "key-compromise")
    assert voltkeep.ok(*revoke, "--json").json["revocation_reason"] == "key_compromise"
    assert issued in voltkeep.ok(*revoke, "--disconnect").out

    async def deeds(app):
        async with app.store.read() as work:
            return await work.audit.last(ONE.tenant, limit=100)

    (entry,) = [
        each for each in voltkeep.inside(deeds) if each.deed.action == "certificate.revoked"
    ]
    assert entry.actor.kind == "cli"


def test_the_names_that_a_certificate_must_bear_are_set_one_by_one(voltkeep):
    voltkeep.ok("station", "add", "CS-1")
    voltkeep.ok("certificate", "expect", "CS-1", "--serial-number", "SN-1")

    said = voltkeep.ok("certificate", "expect", "CS-1", "--name", "off", "--json").json

    assert (said["serial_number"], said["common_name"]) == ("SN-1", "off")
    assert "next_key_hash" not in said
    assert "SN-1" in voltkeep.ok("certificate", "expect", "CS-1", "--forget-pin").out


def test_what_is_only_looked_at_is_no_deed(voltkeep):
    voltkeep.ok("station", "add", "CS-1")
    voltkeep.ok("certificate", "expect", "CS-1", "--serial-number", "SN-1")
    done = voltkeep.ok("audit", "list", "--json").json

    assert "SN-1" in voltkeep.ok("certificate", "expect", "CS-1").out

    assert voltkeep.ok("audit", "list", "--json").json == done


def test_a_root_that_is_not_in_the_station_is_named(voltkeep):
    voltkeep.ok("station", "add", "CS-1")

    refused = voltkeep("certificate", "delete", "CS-1", "xyz")

    assert refused.code == 3
    assert "No certificate is known to be in it that is called 'xyz'" in refused.err


def test_what_is_not_there_is_said_so(voltkeep):
    assert "No certificate" in voltkeep.ok("certificate", "list").err
    assert "No request" in voltkeep.ok("certificate", "requests").err
    for words in (
        ("show", "abc"),
        ("revoke", "abc"),
        ("list", "--station", "CS-9"),
        ("renew", "CS-9"),
        ("expect", "CS-9"),
        ("install", "CS-9"),
        ("installed", "CS-9"),
        ("delete", "CS-9", "abc"),
    ):
        assert voltkeep("certificate", *words).code == 3, words


def test_a_station_that_is_not_there_cannot_be_asked(voltkeep, tmp_path):
    voltkeep.ok("station", "add", "CS-1")
    path = tmp_path / "root.pem"
    path.write_text(root(at=datetime.now(UTC) - timedelta(days=1)))

    for words in (
        ("renew", "CS-1", "--prepare"),
        ("install", "CS-1"),
        ("install", "CS-1", str(path), "--use", "manufacturer"),
        ("installed", "CS-1"),
    ):
        assert voltkeep("certificate", *words).code == 4, words


def test_a_root_is_read_before_anybody_is_asked(voltkeep, tmp_path):
    voltkeep.ok("station", "add", "CS-1")
    path = tmp_path / "root.pem"
    path.write_text("no PEM")

    assert voltkeep("certificate", "install", "CS-1", str(tmp_path / "none")).code == 2
    assert voltkeep("certificate", "install", "CS-1", "--use", "v2g").code == 2
    assert voltkeep("certificate", "install", "CS-1", str(path)).code == 1


def test_the_last_root_of_a_station_is_not_deleted_by_accident(voltkeep):
    voltkeep.ok("station", "add", "CS-1")

    async def install(app):
        data = HashData(HashAlgorithm.SHA256, "aa", "bb", "0c")
        async with app.store.begin() as work:
            await work.installed.put(
                InstalledCertificate(
                    station=ONE,
                    id=f"{RootUse.CSMS_ROOT}:{data.key}",
                    state="listed",
                    at=datetime.now(UTC),
                    use=RootUse.CSMS_ROOT,
                    hash_data=data,
                )
            )

    voltkeep.inside(install)

    (known,) = voltkeep.ok("certificate", "installed", "CS-1", "--known", "--json").json
    assert known["hash_data"]["serial_number"] == "0c"
    assert "0c" in voltkeep.ok("certificate", "installed", "CS-1", "--known").out
    assert "None" in voltkeep.ok("certificate", "installed", "CS-1", "--known", "--use", "mo").err
    refused = voltkeep("certificate", "delete", "CS-1", "0c")
    assert (refused.code, "--force" in refused.err) == (1, True)
    assert voltkeep("certificate", "delete", "CS-1", "0c", "--force").code == 4
