"""The authority's files: made once, kept encrypted, renewed in time (A00.FR.501 to 602, 701)."""

import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import structs

from tests.pki.making import (
    NOON,
    PASSPHRASE,
    SETTINGS,
    YEAR,
    Party,
    client,
    ec_key,
    name,
    openssl,
    request,
    rsa_key,
)
from voltkeep.config import KeyFiles
from voltkeep.pki.authority import CertificateAuthority
from voltkeep.pki.vault import UnusableFile
from voltkeep.services.authority import BadCertificate

FILES = {
    *("root.pem", "root.key", "issuer-rsa.pem", "issuer-ec.pem"),
    *("server-rsa.pem", "server-ec.pem"),
}


def servers(authority):
    return {each.fingerprint for each in authority.certificates() if each.profile == "server"}


def test_the_first_start_makes_a_root_issuers_and_server_certificates(authority, files):
    assert set(files.names()) == FILES
    own = [(each.profile, each.issuer, each.subject) for each in authority.certificates()]
    assert own == [
        ("root", "root", "CN=Operator Root CA,O=Operator"),
        ("issuer", "root", "CN=Operator Issuing CA RSA 1,O=Operator"),
        ("issuer", "root", "CN=Operator Issuing CA EC 1,O=Operator"),
        ("server", "rsa", "CN=csms.example,O=Operator"),
        ("server", "ec", "CN=csms.example,O=Operator"),
    ]


def test_the_next_start_makes_nothing(opened, files):
    before = {name: files.read(name) for name in files.names()}

    again = opened(at=NOON + timedelta(days=1))

    assert not again.is_new
    assert {name: files.read(name) for name in files.names()} == before


def test_every_private_key_is_encrypted_and_nobody_elses_to_read(files):
    for file in FILES:
        assert b"BEGIN PRIVATE KEY" not in files.read(file)
        assert files.path(file).stat().st_mode & 0o077 == 0
    for file in FILES - {"root.pem"}:
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in files.read(file)


def test_a_new_directory_is_its_owners_only(tmp_path):
    CertificateAuthority.open(KeyFiles(tmp_path / "new"), PASSPHRASE, SETTINGS, NOON)

    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("family", ["rsa", "ec"])
def test_openssl_verifies_what_we_show(authority, family, tmp_path):
    (held,) = [each for each in authority.server_files() if each.family == family]
    (tmp_path / "root.pem").write_text(authority.root.pem)
    options = ("-attime", int(NOON.timestamp()), "-x509_strict", "-purpose", "sslserver")

    said = openssl(
        *("verify", "-CAfile", tmp_path / "root.pem", "-untrusted", held.chain, *options),
        *("-verify_hostname", "csms.example", held.chain),
    )
    text = openssl("x509", "-in", held.chain, "-noout", "-text")

    assert said.endswith(": OK\n")
    assert "DNS:csms.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0" in text
    assert ("Key Encipherment" in text) == (family == "rsa")


@pytest.mark.parametrize("key", [ec_key(), rsa_key()], ids=["ec", "rsa"])
def test_openssl_verifies_what_stations_get(authority, key, tmp_path):
    issued = authority.sign_station(
        request(key=key), organization="Operator", common_name="SN-1", at=NOON
    )
    (tmp_path / "chain.pem").write_text(issued.pem)
    (tmp_path / "root.pem").write_text(authority.root.pem)
    options = ("-attime", int(NOON.timestamp()), "-x509_strict", "-purpose", "sslclient")

    said = openssl(
        *("verify", "-CAfile", "root.pem", "-untrusted", "chain.pem", *options, "chain.pem"),
        cwd=tmp_path,
    )

    assert said == "chain.pem: OK\n"
    assert issued.pem.count("BEGIN CERTIFICATE") == 2
    assert "\r" not in issued.pem
    assert (issued.profile, issued.state, issued.station.name) == ("station", "issued", "")


def test_the_server_files_are_what_ssl_loads(authority):
    for each in authority.server_files():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(each.chain, each.key, each.passphrase)
    context.load_verify_locations(cadata=authority.ca_bundle())

    assert "a passphrase" not in repr(authority.server_files())


@pytest.mark.parametrize(
    ("common_name", "organization", "why"),
    [
        ("SN-2", "Operator", "CN"),
        ("SN-1", "Other", "O"),
        ("sn-1", "Operator", "CN"),
    ],
)
def test_nothing_is_signed_but_the_names_that_were_checked(
    authority, common_name, organization, why
):
    with pytest.raises(BadCertificate, match=f"its {why} is not"):
        authority.sign_station(
            request(), organization=organization, common_name=common_name, at=NOON
        )


@pytest.mark.parametrize("host", ["csms.example", "CSMS.example", "localhost"])
def test_no_station_gets_a_servers_name(authority, host):
    with pytest.raises(BadCertificate, match="this server"):
        authority.sign_station(
            request(name(host)), organization="Operator", common_name=host, at=NOON
        )


def test_a_station_certificate_never_outlives_its_issuer(authority):
    late = NOON + 9.5 * YEAR
    issued = authority.sign_station(request(), organization="Operator", common_name="SN-1", at=late)

    issuer = x509.load_pem_x509_certificates(issued.pem.encode())[1]
    assert issued.not_after == issuer.not_valid_after_utc


# Renewal.


def test_server_certificates_are_renewed_at_two_thirds_of_their_life(authority):
    before = servers(authority)

    assert not authority.renew_server(NOON + timedelta(days=59))
    assert servers(authority) == before
    assert authority.renew_server(NOON + timedelta(days=60))
    assert not servers(authority) & before
    assert authority.generation == 1
    assert not authority.renew_server(NOON + timedelta(days=60))


def test_another_host_name_gets_certificates_of_its_own(opened):
    authority = opened(structs.replace(SETTINGS, public_host="new.example"))

    assert authority.renew_server(NOON)
    assert {each.subject for each in authority.certificates() if each.profile == "server"} == {
        "CN=new.example,O=Operator"
    }


def test_a_host_name_too_long_for_a_common_name_stands_beside_it(tmp_path):
    host = ".".join(["a" * 30] * 3)
    settings = structs.replace(SETTINGS, public_host=host)

    authority = CertificateAuthority.open(KeyFiles(tmp_path), PASSPHRASE, settings, NOON)

    text = openssl("x509", "-in", authority.server_files()[0].chain, "-noout", "-text")
    assert "CN = localhost" in text
    assert f"DNS:{host}" in text


def test_a_server_certificate_of_others_is_never_renewed(authority):
    other = Party(name("Other CA"))
    theirs = Party(name("csms.example"), other, extensions=(), ends=NOON + timedelta(hours=1))
    authority.vault.put_server(theirs.key, (theirs.certificate, other.certificate))

    assert authority.refresh(NOON)
    assert not authority.renew_server(NOON + timedelta(minutes=59))
    assert [each.issuer for each in authority.certificates()][-1] == "external"


def test_what_another_process_has_changed_is_taken_up(authority, opened):
    assert not authority.refresh(NOON)
    opened().renew_server(NOON + timedelta(days=60))

    assert authority.refresh(NOON)
    assert authority.generation == 1
    assert not authority.refresh(NOON)


def test_what_cannot_be_used_does_not_replace_what_is_in_use(authority, files):
    before = servers(authority)
    files.write("server-rsa.pem", b"junk")

    with pytest.raises(UnusableFile):
        authority.refresh(NOON)

    assert servers(authority) == before


# Issuers, and a root kept elsewhere.


def test_without_the_roots_key_everything_goes_on(files, opened):
    files.remove("root.key")
    authority = opened()

    authority.sign_station(request(), organization="Operator", common_name="SN-1", at=NOON)
    assert authority.renew_server(NOON + timedelta(days=60))
    with pytest.raises(UnusableFile, match=r"put it back as .*root\.key"):
        authority.vault.add_issuer("ec", NOON)


def test_a_new_issuer_signs_from_then_on_and_the_old_one_stays_trusted(authority, opened):
    def issue():
        return authority.sign_station(
            request(), organization="Operator", common_name="SN-1", at=NOON
        )

    def standing(issued):
        leaf = x509.load_pem_x509_certificate(issued.pem.encode())
        return opened().judge(leaf.public_bytes(Encoding.DER), (), NOON).standing

    old = issue()
    authority.vault.add_issuer("ec", NOON)
    new = issue()

    assert (old.issuer, new.issuer) == ("ec", "ec-2")
    assert (standing(old), standing(new)) == ("trusted", "trusted")
    opened().crl("ec", [], NOON)
    opened().crl("ec-2", [], NOON)


def test_whoever_signed_our_issuer_lets_nobody_else_in(authority, opened):
    """An issuer below a company's root does not make the company's other certificates good."""
    company = Party(name("Company Root"))
    ca = (
        (x509.BasicConstraints(True, 0), True),
        (x509.SubjectKeyIdentifier.from_public_key(ec_key("ours").public_key()), False),
    )
    ours = Party(name("Our Issuer"), company, key=ec_key("ours"), extensions=ca)
    authority.vault.import_issuer(ours.key, (ours.certificate, company.certificate))

    authority = opened()
    issued = authority.sign_station(request(), organization="Operator", common_name="SN-1", at=NOON)
    leaf = x509.load_pem_x509_certificate(issued.pem.encode()).public_bytes(Encoding.DER)

    assert authority.judge(leaf, (), NOON).standing == "trusted"
    assert authority.judge(client(company).der, (), NOON).standing != "trusted"


def test_an_interrupted_first_start_is_taken_up(files, opened):
    key = files.read("root.key")
    for file in FILES - {"root.key"}:
        files.remove(file)

    opened()

    assert files.read("root.key") == key
    assert set(files.names()) == FILES


# Files that cannot be used.


@pytest.mark.parametrize("file", sorted(FILES))
@pytest.mark.parametrize("content", [b"", b"junk", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_damaged_file_is_named_and_left_as_it_is(files, opened, file, content):
    others = {each: files.read(each) for each in FILES - {file}}
    files.write(file, content)

    with pytest.raises(UnusableFile, match=rf"{file}.*restore|{file}.*pki_key"):
        opened()

    assert files.read(file) == content
    assert {each: files.read(each) for each in FILES - {file}} == others


def test_another_passphrase_is_told(opened):
    with pytest.raises(UnusableFile, match="set `pki_key`"):
        opened(passphrase=b"another passphrase")


def test_a_key_of_another_certificate_is_told(files, opened):
    rsa, ec = files.read("server-rsa.pem"), files.read("server-ec.pem")
    certificate = ec[ec.index(b"-----BEGIN CERTIFICATE") :]
    files.write("server-rsa.pem", rsa[: rsa.index(b"-----BEGIN CERTIFICATE")] + certificate)

    with pytest.raises(UnusableFile, match=r"is not that of the certificate in .*server-rsa\.pem"):
        opened()


def test_a_lost_root_is_not_made_anew(files, opened):
    files.remove("root.pem")

    with pytest.raises(UnusableFile, match=r"root\.pem is missing"):
        opened()


def test_a_file_that_cannot_be_read_is_named(files, opened):
    files.remove("server-ec.pem")
    files.path("server-ec.pem").symlink_to(files.path("server-ec.pem"))

    with pytest.raises(UnusableFile, match="server-ec"):
        opened()


# Roots for stations.


def test_our_root_is_one_that_stations_take(authority):
    root = authority.read_root(authority.root.pem, NOON)

    assert root == authority.root
    assert root.is_self_signed
    assert len(root.pem) < 5500


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (client(Party(name("Root"))).pem, "authority"),
        (Party(name("Old"), ends=NOON - timedelta(days=1)).pem, "expired"),
        (Party(name("New"), begins=NOON + timedelta(days=1)).pem, "valid from"),
        (Party(name("False"), signed_by=ec_key("other")).pem, "signature"),
        (Party(name("One")).pem + Party(name("Two")).pem, "not one"),
        (Party(name("Junk")).pem + "junk", "not one"),
        (Party(name("Huge")).pem + "\n" * 6000, "5500"),
        (request(), "a certificate is needed"),
        ("", "not one"),
    ],
)
def test_what_no_station_should_trust_is_refused(authority, pem, why):
    """Hostile row 65."""
    with pytest.raises(BadCertificate, match=why):
        authority.read_root(pem, NOON)
