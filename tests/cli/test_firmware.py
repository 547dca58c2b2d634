"""`voltkeep firmware` and `voltkeep log`: what an operator types about files."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.pki.making import CA, YEAR, Party, ec_key, name
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import station_id
from voltkeep.services.ports import StationUnreachable

STATION = station_id("CS-1")
CONTENT = b"firmware " * 100_000


@pytest.fixture
def image(voltkeep, tmp_path):
    """An image that is kept, and the file it came from."""
    path = tmp_path / "station 2.1.bin"
    path.write_bytes(CONTENT)
    voltkeep.ok("firmware", "add", "v2.1", str(path))
    return path


def test_an_image_is_kept_listed_and_removed(voltkeep, image):
    [listed] = voltkeep.ok("firmware", "list", "--json").json
    assert (listed["image"], listed["filename"], listed["size"]) == (
        "v2.1",
        "station 2.1.bin",
        len(CONTENT),
    )
    assert "no" in voltkeep.ok("firmware", "list").lines[1].split()
    assert voltkeep("firmware", "add", "v2.1", str(image)).code == 1

    voltkeep.ok("firmware", "remove", "v2.1")

    assert voltkeep.ok("firmware", "list", "--json").json == []
    assert not any((voltkeep.data / "files").iterdir())
    assert voltkeep("firmware", "remove", "v2.1").code == 3


def test_a_key_of_ours_signs_and_openssl_agrees(voltkeep, image, tmp_path):
    """L01.FR.04: RSA-PSS with SHA-256 over the whole file."""
    out = tmp_path / "signing"
    made = voltkeep.ok("firmware", "make-key", "--out", str(out), "--json").json
    key, certificate = made["key"], made["certificate"]
    assert (tmp_path / "signing.key").stat().st_mode & 0o077 == 0

    signed = voltkeep.ok(
        "firmware", "sign", "v2.1", "--key", key, "--certificate", certificate, "--json"
    ).json

    signature = tmp_path / "signature"
    subprocess.run(
        ["openssl", "base64", "-d", "-A", "-out", signature],
        input=signed["signature"].encode(),
        check=True,
    )
    public = subprocess.run(
        ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
        capture_output=True,
        check=True,
    ).stdout
    (tmp_path / "public.pem").write_bytes(public)
    verify = ["openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-verify"]
    said = subprocess.run(
        [*verify, tmp_path / "public.pem", "-signature", signature, image],
        capture_output=True,
        check=True,
    )
    assert said.stdout == b"Verified OK\n"
    assert voltkeep("firmware", "make-key", "--out", str(out)).code == 1  # never over another


def test_a_key_of_ours_says_whom_stations_must_trust(voltkeep, image, tmp_path, monkeypatch):
    """And the commands that it names can be typed as they stand."""
    monkeypatch.chdir(tmp_path)

    said = voltkeep.ok("firmware", "make-key", "--out", "signing")

    assert "signed by issuer-rsa." in said.out
    assert "certificate install STATION issuer-rsa.pem --use manufacturer" in said.err
    voltkeep.ok("ca", "export", "issuer-rsa", "--out", "issuer-rsa.pem")
    voltkeep.ok("ca", "roots", "add", "issuer-rsa.pem", "--use", "manufacturer")
    voltkeep.ok("firmware", "sign", "v2.1", "--key", "signing.key", "--certificate", "signing.pem")


def test_a_signature_is_replaced_by_whoever_means_it(voltkeep, image, tmp_path):
    signed = []
    for each in "ab":
        voltkeep.ok("firmware", "make-key", "--out", str(tmp_path / each))
        signed.append(
            (
                *("firmware", "sign", "v2.1", "--key", str(tmp_path / f"{each}.key")),
                *("--certificate", str(tmp_path / f"{each}.pem"), "--json"),
            )
        )
    first = voltkeep.ok(*signed[0]).json

    refused = voltkeep(*signed[1])

    assert (refused.code, "--replace" in refused.err) == (2, True)
    [kept] = voltkeep.ok("firmware", "list", "--json").json
    assert kept["signature"] == first["signature"]
    assert voltkeep.ok(*signed[1], "--replace").json["signature"] != first["signature"]


def test_an_authority_signs_no_firmware(voltkeep, image, tmp_path):
    key, root = ec_key("an authority"), tmp_path / "root.pem"
    now = datetime.now(UTC)
    ours = Party(name("Maker"), key=key, extensions=CA, begins=now - YEAR, ends=now + YEAR)
    root.write_text(ours.pem)
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    (tmp_path / "root.key").write_bytes(key.private_bytes(*form))
    words = ("--key", str(tmp_path / "root.key"), "--certificate", str(root))

    refused = voltkeep("firmware", "sign", "v2.1", *words)

    assert (refused.code, "certificate authority's" in refused.err) == (2, True)


def test_who_must_have_issued_a_signing_certificate_is_named(voltkeep, image, tmp_path):
    now = datetime.now(UTC)
    (tmp_path / "maker.pem").write_text(
        Party(name("Maker"), begins=now - YEAR, ends=now + YEAR).pem
    )
    voltkeep.ok("ca", "roots", "add", str(tmp_path / "maker.pem"), "--use", "manufacturer")
    voltkeep.ok("firmware", "make-key", "--out", str(tmp_path / "s"))
    words = ("--key", str(tmp_path / "s.key"), "--certificate", str(tmp_path / "s.pem"))

    refused = voltkeep("firmware", "sign", "v2.1", *words)

    assert refused.code == 2
    assert "ca roots add ISSUER.pem --use manufacturer" in refused.err


def test_a_signature_that_came_with_it_is_checked(voltkeep, image, tmp_path):
    voltkeep.ok("firmware", "make-key", "--out", str(tmp_path / "s"))
    key, certificate = str(tmp_path / "s.key"), str(tmp_path / "s.pem")
    seal = voltkeep.ok(
        "firmware", "sign", "v2.1", "--key", key, "--certificate", certificate, "--json"
    ).json
    (tmp_path / "sig").write_text(seal["signature"])
    other = tmp_path / "other.bin"
    other.write_bytes(b"something else")
    words = ("--signature", str(tmp_path / "sig"), "--certificate", certificate)

    voltkeep.ok("firmware", "add", "again", str(image), *words)
    result = voltkeep("firmware", "add", "other", str(other), *words)

    assert result.code == 2
    assert "not made over this file" in result.err
    assert {each["image"] for each in voltkeep.ok("firmware", "list", "--json").json} == {
        "v2.1",
        "again",
    }


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("add", "x"), 2),
        (("add", "x", "/nonexistent"), 2),
        (("add", "../x", "{file}"), 2),
        (("add", "x", "--url", "no address"), 2),
        (("sign", "v2.1", "--key", "{file}", "--certificate", "{file}"), 2),
        (("sign", "none", "--key", "{file}", "--certificate", "{file}"), 3),
        (("update", "CS-1", "v2.1"), 3),  # no such station
        (("status", "CS-1"), 3),
    ],
)
def test_mistakes_are_named(voltkeep, image, args, code):
    result = voltkeep("firmware", *(each.replace("{file}", str(image)) for each in args))

    assert (result.code, "Error: " in result.err) == (code, True), result.err


def test_without_a_server_nothing_is_asked(voltkeep, image):
    voltkeep.ok("station", "add", "CS-1", "--security-profile", "0")

    assert voltkeep("firmware", "update", "CS-1", "none").code == 3
    assert voltkeep("firmware", "update", "CS-1", "v2.1", "--via", "ftp").code == 2  # it is off
    assert voltkeep("log", "request", "CS-1", "--to", "nowhere").code == 2
    assert voltkeep.ok("firmware", "status", "--json").json == []


def test_a_log_that_has_come_is_written_to_a_file(voltkeep, tmp_path, monkeypatch):
    voltkeep.ok("station", "add", "CS-1", "--security-profile", "0")

    async def arrive(app):
        tokens = []

        async def send(station, command, timeout=None):
            tokens.append(command.location.rpartition("/")[2])
            raise StationUnreachable

        app.services.diagnostics._stations.send = send
        with pytest.raises(StationUnreachable):
            await app.services.diagnostics.request_log(STATION, LogKind.SECURITY)
        async with app.services.diagnostics.receiving(tokens[0], "h", name="../../x") as file:
            await file.write(b"what it logged")
            await file.keep()

    voltkeep.inside(arrive)
    [log] = voltkeep.ok("log", "list", "CS-1", "--json").json
    assert (log["is_here"], log["filename"], log["size"]) == (True, "../../x", 14)
    assert "here" in voltkeep.ok("log", "list").lines[1]
    monkeypatch.chdir(tmp_path)

    written = voltkeep.ok("log", "get", "CS-1", log["number"], "--json").json

    assert written["file"] == f"CS-1-{log['number']}.log"
    assert (tmp_path / written["file"]).read_bytes() == b"what it logged"
    assert voltkeep("log", "get", "CS-1", log["number"]).code == 1  # never over another file
    voltkeep.ok("log", "remove", "CS-1", log["number"])
    assert voltkeep("log", "get", "CS-1", log["number"]).code == 3
    assert not any((voltkeep.data / "files").iterdir())
