"""`voltkeep ca`: what an operator sees and replaces of the authority."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.pki.making import CA, CLIENT, SERVER, YEAR, Party, ec_key, name, openssl, rsa_key, usage

NOW = datetime.now(UTC)
LIFE = {"begins": NOW - YEAR, "ends": NOW + YEAR}
ROOT = Party(name("Other Root", "Other"), **LIFE)
HOST = "csms.example"


@pytest.fixture
def ca(voltkeep, monkeypatch):
    """`voltkeep ca`, at a host with a name."""
    monkeypatch.setenv("VOLTKEEP_PUBLIC_HOST", HOST)
    return lambda *words: voltkeep("ca", *map(str, words))


def ok(result):
    assert result.code == 0, result.err
    return result


def server(host=HOST, *, key=None, extra=(), **others):
    san = x509.SubjectAlternativeName([x509.DNSName(host)])
    extensions = ((SERVER, False), (san, False), *extra)
    return Party(name(host), ROOT, key=key, extensions=extensions, **(LIFE | others))


def written(path: Path, *parties, key=None, password=None):
    """A chain in a file, and the key of its first certificate in another."""
    chain, private = path / "chain.pem", path / "key.pem"
    chain.write_text("".join(each.pem for each in parties))
    sealed = BestAvailableEncryption(password) if password else NoEncryption()
    private.write_bytes(
        (key or parties[0].key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    )
    return "--certificate", chain, "--key", private


def shown(ca):
    return {each["name"]: each for each in ok(ca("show", "--json")).json["certificates"]}


def test_the_first_look_makes_the_authority_and_says_so(ca, voltkeep):
    first = ok(ca("show"))

    assert f"Made a certificate authority in {voltkeep.data / 'pki'}" in first.err
    assert [line.split()[0] for line in first.lines[1:6]] == [
        *("root", "issuer-rsa", "server-rsa", "issuer-ec", "server-ec")
    ]
    assert "Made" not in ok(ca("show")).err


def test_a_root_kept_elsewhere_is_told(ca, voltkeep):
    ok(ca("show"))
    (voltkeep.data / "pki" / "root.key").unlink()

    assert shown(ca)["root"]["has_key"] is False
    assert "kept elsewhere" in ok(ca("show")).out
    refused = ca("new-issuer", "--key-kind", "ec")
    assert (refused.code, "put it back" in refused.err) == (1, True)


def test_the_root_is_exported(ca, tmp_path):
    pem = ok(ca("export")).out
    out = tmp_path / "root.der"
    ok(ca("export", "root", "--der", "--out", out))

    root = x509.load_pem_x509_certificate(pem.encode())
    assert out.read_bytes() == root.public_bytes(Encoding.DER)
    assert shown(ca)["root"]["sha256"] == root.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize(
    ("what", "number"), [("chain", 3), ("server-rsa", 2), ("server-ec", 2), ("issuer-rsa", 1)]
)
def test_chains_are_exported_without_keys(ca, what, number):
    out = ok(ca("export", what)).out

    assert out.count("BEGIN CERTIFICATE") == number
    assert "KEY" not in re.sub(r"[A-Za-z0-9+/=]{64}", "", out)


@pytest.mark.parametrize("words", [("nothing",), ("root", "--der"), ("chain", "--der")])
def test_what_cannot_be_exported_is_told(ca, words):
    assert ca("export", *words).code == 2


@pytest.mark.parametrize("key", [ec_key("their server"), rsa_key()], ids=["ec", "rsa"])
@pytest.mark.parametrize("password", [None, b"of the key"])
def test_a_certificate_from_elsewhere_takes_the_place_of_its_kind(ca, tmp_path, key, password):
    usable = (usage(digital_signature=True, key_encipherment=True), True)
    brought = server(key=key, extra=(usable,))
    words = written(tmp_path, brought, ROOT, password=password)
    before = shown(ca)
    if password:
        (tmp_path / "password").write_bytes(password + b"\n")
        words = (*words, "--password-file", tmp_path / "password")

    done = ok(ca("replace-server", *words))

    family = "ec" if key is ec_key("their server") else "rsa"
    after = shown(ca)[f"server-{family}"]
    assert f"server's {family.upper()} certificate" in done.out
    assert "Warning" not in done.err
    assert after["sha256"] == brought.certificate.fingerprint(hashes.SHA256()).hex()
    assert not after["is_ours"]
    other = f"server-{'rsa' if family == 'ec' else 'ec'}"
    assert shown(ca)[other]["sha256"] == before[other]["sha256"]


def test_its_key_is_kept_encrypted(ca, tmp_path, voltkeep):
    ok(ca("replace-server", *written(tmp_path, server())))

    kept = (voltkeep.data / "pki" / "server-ec.pem").read_text()
    assert "BEGIN ENCRYPTED PRIVATE KEY" in kept
    assert "BEGIN PRIVATE KEY" not in kept


def test_a_chain_in_any_order_is_put_in_order(ca, tmp_path):
    between = Party(name("Between"), ROOT, **LIFE)
    leaf = Party(name(HOST), between, extensions=((SERVER, False),), **LIFE)

    ok(ca("replace-server", *written(tmp_path, ROOT, between, leaf, key=leaf.key)))

    sent = x509.load_pem_x509_certificates(ok(ca("export", "server-ec")).out.encode())
    assert sent == [leaf.certificate, between.certificate]


@pytest.mark.parametrize(
    ("brought", "words"),
    [
        (server("other.example"), "other.example"),
        (server(ends=NOW + timedelta(days=3)), "expires on"),
        (server(key=rsa_key(), extra=((usage(digital_signature=True), True),)), "encipherment"),
        (Party(name("x"), ROOT, extensions=(
            (x509.SubjectAlternativeName([x509.DNSName(HOST)]), False),), **LIFE), "A00.FR.510"),
    ],
)  # fmt: skip
def test_what_some_stations_may_not_take_is_warned_of(ca, tmp_path, brought, words):
    assert words in ok(ca("replace-server", *written(tmp_path, brought))).err


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ((server(ends=NOW - timedelta(days=1)),), "is valid from"),
        ((server(begins=NOW + timedelta(days=1)),), "is valid from"),
        ((Party(name(HOST), ROOT, extensions=CA, **LIFE),), "certificate authority's"),
        (
            (Party(name(HOST), ROOT, extensions=((CLIENT, False),), **LIFE),),
            "not made for a server",
        ),
        ((Party(name(HOST), ROOT, extensions=((CLIENT, False),), **LIFE),), "for a server"),
        ((server(), Party(name("Stranger"), **LIFE)), "Not every certificate"),
        ((server(key=rsa_key(1024)),), "1024 bits"),
    ],
)
def test_what_no_station_would_take_is_refused(ca, tmp_path, brought, why):
    before = shown(ca)

    refused = ca("replace-server", *written(tmp_path, *brought))

    assert (refused.code, why in refused.err) == (1, True), refused.err
    assert shown(ca) == before


def test_a_key_of_another_certificate_is_refused(ca, tmp_path):
    words = written(tmp_path, server(), key=ec_key("another"))

    assert "belongs to the key" in ca("replace-server", *words).err


def test_a_key_that_cannot_be_read_is_refused(ca, tmp_path):
    words = written(tmp_path, server(), password=b"of the key")
    assert "password is needed" in ca("replace-server", *words).err

    (tmp_path / "key.pem").write_text("junk")
    assert "private key" in ca("replace-server", *words).err
    (tmp_path / "key.pem").unlink()
    assert ca("replace-server", *words).code == 2


@pytest.mark.parametrize("family", ["rsa", "ec"])
def test_another_authority_signs_our_request(ca, tmp_path, family, voltkeep):
    csr, signed = tmp_path / "server.csr", tmp_path / "signed.pem"
    (tmp_path / "ca.pem").write_text(ROOT.pem)
    written(tmp_path, ROOT)
    ok(ca("request", "--key-kind", family, "--out", csr))
    assert ok(ca("show", "--json")).json["requested"] == [family]
    openssl(
        *("x509", "-req", "-in", csr, "-CA", tmp_path / "ca.pem", "-CAkey", tmp_path / "key.pem"),
        *("-days", 90, "-copy_extensions", "copy", "-set_serial", 4711, "-out", signed),
    )

    ok(ca("install", signed))

    after = shown(ca)[f"server-{family}"]
    assert (after["serial"], after["is_ours"]) == (format(4711, "x"), False)
    assert ok(ca("show", "--json")).json["requested"] == []
    assert ca("install", signed).code == 1


def test_asking_again_asks_for_the_same_key(ca):
    def asked():
        return x509.load_pem_x509_csr(ok(ca("request")).out.encode()).public_key()

    assert asked() == asked()


def test_an_answer_to_another_request_is_refused(ca, tmp_path):
    ok(ca("request"))
    written(tmp_path, server())

    assert "belongs to the key" in ca("install", tmp_path / "chain.pem").err


def test_the_way_back_is_renewal(ca, tmp_path):
    ok(ca("replace-server", *written(tmp_path, server())))
    assert not shown(ca)["server-ec"]["is_ours"]

    ok(ca("renew-server"))

    assert shown(ca)["server-ec"]["is_ours"]


def test_a_new_issuer_stands_beside_the_old_one(ca):
    ok(ca("new-issuer", "--key-kind", "ec"))

    assert {"issuer-ec", "issuer-ec-2"} <= set(shown(ca))


def issuing(root=ROOT, *, identifier=True):
    key = ec_key("their issuer")
    known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extra = ((known, False),) if identifier else ()
    return Party(name("Their Issuer"), root, key=key, extensions=(*CA, *extra), **LIFE)


def test_an_issuer_below_another_root_is_taken_by_whoever_means_it(ca, tmp_path):
    words = written(tmp_path, issuing(), ROOT)

    refused = ca("replace-issuer", *words)
    assert (refused.code, "stations must trust" in refused.err) == (2, True)
    ok(ca("replace-issuer", *words, "--yes"))

    assert not shown(ca)["issuer-ec-2"]["is_ours"]
    ok(ca("renew-server"))
    assert shown(ca)["server-ec"]["is_ours"]


@pytest.mark.parametrize(
    ("parties", "why"),
    [
        ((issuing(),), "up to its root"),
        ((issuing(identifier=False), ROOT), "key identifier"),
        ((server(), ROOT), "may sign"),
        ((ROOT,), "t is a root: an issuer"),
    ],
)
def test_what_cannot_issue_is_refused(ca, tmp_path, parties, why):
    refused = ca("replace-issuer", *written(tmp_path, *parties), "--yes")

    assert (refused.code, why in refused.err) == (1, True), refused.err


def test_our_own_root_is_no_issuer_either(ca, tmp_path):
    """It would sign in the place of both, and be shown as a chain of nothing."""
    root = ok(ca("export", "root")).out
    key, words = ec_key("the root's"), ("--certificate", tmp_path / "root.pem", "--key")
    again = Party(x509.load_pem_x509_certificate(root.encode()).subject, None, key=key, **LIFE)
    (tmp_path / "root.pem").write_text(again.pem)
    written(tmp_path, again)

    refused = ca("replace-issuer", *words, tmp_path / "key.pem", "--yes")
    assert "t is a root: an issuer" in refused.err


def test_a_root_that_an_older_release_took_is_shown_and_told(ca, voltkeep):
    ok(ca("show"))
    voltkeep.inside(import_root)

    assert shown(ca)["issuer-ec-2"]["subject"] == ROOT.certificate.subject.rfc4514_string()
    doctor = {each["check"]: each for each in voltkeep("doctor", "--json").json}
    assert doctor["authority"]["state"] == "bad"
    assert "ca new-issuer --key-kind ec" in doctor["authority"]["next_step"]


async def import_root(app):
    app.authority.vault.import_issuer(ROOT.key, (ROOT.certificate,))


def test_a_doctor_sees_a_damaged_authority_and_leaves_it(ca, voltkeep):
    ok(ca("show"))
    pki = voltkeep.data / "pki"

    def told():
        return {each["check"]: each for each in voltkeep("doctor", "--json").json}["authority"]

    assert told()["state"] == "good"
    (pki / "server-ec.pem").unlink()
    assert "server-ec.pem is missing" in told()["found"]
    (pki / "server-rsa.pem").write_text("junk")
    assert "server-rsa.pem is damaged" in told()["found"]
    (pki / "root.key").chmod(0o644)
    assert told()["next_step"] == f"chmod 600 {pki / 'root.key'}"
    assert not (pki / "server-ec.pem").exists()


def test_a_key_given_as_certificate_is_named(ca, tmp_path):
    written(tmp_path, server())
    key = tmp_path / "key.pem"

    refused = ca("replace-server", "--certificate", key, "--key", key)
    swapped = ca("replace-server", "--certificate", tmp_path / "chain.pem", "--key", __file__)

    assert (refused.code, f"{key} holds no certificate" in refused.err) == (2, True)
    assert (swapped.code, f"{__file__}: " in swapped.err) == (1, True)


def test_each_change_is_in_the_audit_log(ca, tmp_path, voltkeep):
    ok(ca("replace-server", *written(tmp_path, server())))
    ok(ca("request"))
    ok(ca("new-issuer", "--key-kind", "rsa"))

    deeds = [each["deed"]["action"] for each in voltkeep.ok("audit", "list", "--json").json]

    assert sorted(deeds) == ["certificate.replaced", "certificate.requested", "issuer.made"]


def test_a_damaged_file_is_named(ca, voltkeep):
    ok(ca("show"))
    (voltkeep.data / "pki" / "issuer-ec.pem").write_text("junk")

    refused = ca("show")

    assert refused.code == 1
    assert "issuer-ec.pem is damaged" in refused.err


def test_the_calendar_begins_with_what_expires_first(ca, tmp_path, voltkeep):
    ok(ca("replace-server", *written(tmp_path, server(ends=NOW + timedelta(days=3)))))
    (tmp_path / "root.pem").write_text(ROOT.pem)
    voltkeep.ok("station", "add", "CS-1", "--security-profile", "3")
    use = ("--use", "manufacturer", "--station", "CS-1")
    ok(ca("roots", "add", tmp_path / "root.pem", *use))

    lines = ok(ca("calendar", "--json")).json
    ends = [each["not_after"] for each in lines]

    assert ends == sorted(ends)
    assert [each["kind"] for each in lines] == ["own", "own", "anchor", "own", "own", "own"]
    assert {each["kind"]: each["station"] for each in lines} == {"own": None, "anchor": "CS-1"}
    assert len(ok(ca("calendar", "--json", "--days", 4)).json) == 1
    assert "in 2 d" in ok(ca("calendar")).lines[1]
    assert "Nothing expires" in ok(ca("calendar", "--days", 0)).err


def test_who_lets_a_makers_stations_in_need_not_say_more(ca, tmp_path):
    """What a refusal advises can be typed as it stands."""
    (tmp_path / "root.pem").write_text(ROOT.pem)

    refused = ca("roots", "add", tmp_path / "root.pem")
    assert (refused.code, "--use" in refused.err) == (2, True)
    ok(ca("roots", "add", tmp_path / "root.pem", "--for-clients"))

    (listed,) = ok(ca("roots", "list", "--json")).json
    assert (listed["use"], listed["for_clients"]) == ("ManufacturerRootCertificate", True)


def test_foreign_roots_are_trusted_listed_and_forgotten(ca, voltkeep, tmp_path):
    voltkeep.ok("station", "add", "CS-1", "--security-profile", "3")
    (tmp_path / "root.pem").write_text(ROOT.pem)
    root = ("roots", "add", tmp_path / "root.pem", "--use", "manufacturer")
    urls = ("--crl-url", "http://pki.example/a.crl", "--ocsp-url", "http://ocsp.example/")

    ok(ca(*root, "--for-clients", *urls))
    ok(ca(*root, "--station", "CS-1"))

    listed = ok(ca("roots", "list", "--json")).json
    fingerprint = ROOT.certificate.fingerprint(hashes.SHA256()).hex()
    assert {each["id"] for each in listed} == {fingerprint}
    assert {each["station"]: each["for_clients"] for each in listed} == {None: True, "CS-1": False}
    assert "manufacturer" in ok(ca("roots", "list")).out.lower()
    assert ca("roots", "remove", fingerprint[:12]).code == 2
    ok(ca("roots", "remove", fingerprint[:12], "--yes"))
    ok(ca("roots", "remove", fingerprint[:12], "--station", "CS-1", "--yes"))
    assert "roots add" in ok(ca("roots", "list")).err


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_revocation_list_is_kept_with_its_root(ca, tmp_path, encoding):
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ROOT.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + YEAR)
        .sign(ROOT.key, hashes.SHA256())
    )
    (tmp_path / "root.pem").write_text(ROOT.pem)
    (tmp_path / "crl").write_bytes(crl.public_bytes(encoding))
    root = ("roots", "add", tmp_path / "root.pem", "--use", "manufacturer", "--for-clients")

    assert ok(ca(*root, "--crl", tmp_path / "crl", "--json")).json["has_crl"]
    assert "revocation_check" in ok(ca(*root)).err
    (tmp_path / "crl").write_text("junk")
    assert ca(*root, "--crl", tmp_path / "crl").code == 2


def test_a_root_that_is_none_is_refused(ca, tmp_path):
    (tmp_path / "root.pem").write_text(server().pem)

    refused = ca("roots", "add", tmp_path / "root.pem", "--use", "v2g")

    assert (refused.code, "authority" in refused.err) == (1, True)
