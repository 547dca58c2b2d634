"""The file of a plan: what it becomes, and that each of its mistakes is told with its line."""

import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from voltkeep.lab.authority import Authority
from voltkeep.lab.folder import make_folder
from voltkeep.lab.kept import KEPT, Kept
from voltkeep.lab.plan import Shown
from voltkeep.lab.plan_certificates import ending
from voltkeep.lab.plan_file import load_plan
from voltkeep.lab.toml_file import Mistakes
from voltkeep.sim.trust import make_key


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder that is filled in."""
    folder = tmp_path_factory.mktemp("lab")
    make_folder(folder, "Laboratory", "http", datetime.now(UTC))
    path = folder / "lab.toml"
    path.write_text(
        re.sub(r'^(name|vendor|version) = ""', r'\1 = "x"', path.read_text(), flags=re.MULTILINE)
    )
    return folder


@pytest.fixture
def folder(sound, tmp_path):
    """One that a test may spoil."""
    return shutil.copytree(sound, tmp_path / "lab")


def change(folder, old, new, times=1):
    path = folder / "lab.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, times))


def mistakes(folder, profiles=None):
    with pytest.raises(Mistakes) as found:
        load_plan(folder / "lab.toml", profiles)
    return found.value.found


def line_of(folder, words):
    lines = (folder / "lab.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_a_plan_has_the_texts_of_its_pem_files(sound):
    plan, driver = load_plan(sound / "lab.toml")

    assert driver == sound / "driver.toml"
    assert plan.stations["3"].certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" in plan.stations["3"].private_key
    assert plan.shown.keys() == {"expired", "revoked", "of another station"}
    assert plan.files.signing_certificate.startswith("-----BEGIN")
    assert plan.csms.urls.keys() == {1, 2, 3}
    assert plan.csms.roots == ""
    assert len(plan.stations["1"].key_octets) == 20


def test_a_person_can_be_the_driver(folder):
    change(folder, 'driver = "driver.toml"', 'driver = "manual"')

    assert load_plan(folder / "lab.toml").driver is None


def test_roots_are_read_beside_the_plan(folder):
    change(folder, '# roots = "certificates/csms-root.pem"', 'roots = "certificates/root.pem"')

    assert load_plan(folder / "lab.toml").plan.csms.roots.startswith("-----BEGIN")


def test_only_profiles_that_are_run_need_a_station(folder):
    text = (folder / "lab.toml").read_text()
    (folder / "lab.toml").write_text(
        text.replace(text[text.index('[stations."2"]') : text.index("# ---- Tokens")], "")
        .replace('2 = "wss:', '# 2 = "wss:')
        .replace('3 = "wss:', '# 3 = "wss:')
    )
    assert load_plan(folder / "lab.toml").plan.stations.keys() == {"1"}
    told = [each.text for each in mistakes(folder, [1, 2])]
    assert told == [
        "csms.urls.2 is missing: security profile 2 is to be run.",
        "stations.2 is missing: security profile 2 is to be run.",
    ]


# What is changed, into what, the words in the line that is named, and what is told.
SPOILED = {
    "unknown field": ("connectors = 2", "conectors = 2", "conectors", "Did you mean connectors?"),
    "date without quotes": (
        '# date = "2030-01-31"',
        "date = 2030-01-31",
        "2030-01-31",
        "laboratory.date: expected `str`, got `date`: put it in quotes.",
    ),
    "number without quotes": ('version = "x"', "version = 1.0", "version", "`float`: put it in qu"),
    "core": ("unsupported = []", 'unsupported = ["Core"]', '["Core"]', "Core cannot be left out"),
    "security": ("unsupported = []", 'unsupported = ["Security"]', '["S', "are in [csms.urls]"),
    "kind": ("connectors = 2", 'connectors = "2"', "connectors =", "expected `int`, got `str`"),
    "range": (
        "connectors = 2",
        "connectors = 0",
        "connectors =",
        "connectors: expected `int` >= 1",
    ),
    "no TOML": ("connectors = 2", "connectors = ", "connectors = ", "it is no TOML: Invalid value"),
    "driver": ('driver = "driver.toml"', "driver = 1", "driver = 1", "driver is no path"),
    "missing": ('vendor = "x"\n', "", "[product]", "product.vendor is missing."),
    "empty": ('vendor = "x"', 'vendor = ""', "vendor", "product.vendor is empty."),
    "date": ('# date = "2030-01-31"', 'date = "31.1.2030"', "31.1.2030", "laboratory.date"),
    "scheme of 1": ('1 = "ws:', '1 = "wss:', '1 = "wss', "must begin with ws://"),
    "scheme of 2": ('2 = "wss:', '2 = "ws:', '2 = "ws', "must begin with wss://"),
    "scheme of 3": ('3 = "wss:', '3 = "https:', '3 = "https', "must begin with wss://"),
    "no host": ("ws://csms.example:8080/ocpp", "ws:///ocpp", "ws:///", "it is no URL"),
    "port": (":8080/", ":80800/", ":80800", "csms.urls.1: it is no URL"),
    "query": (":8080/ocpp", ":8080/ocpp?x=1", "?x=1", "stations add their identity"),
    "user": ("csms.example:8080", "u:hunter2@csms.example:8080", "8080", "have no user"),
    "profile": ('3 = "wss:', '4 = "wss:', '4 = "wss', "security profiles are 1, 2 and 3"),
    "profile, no number": ('3 = "wss:', 'x = "wss:', 'x = "wss', "csms.urls.x: expected `int`"),
    "station": ('[stations."1-to-2"]', '[stations."1to2"]', "1to2", "Did you mean 1-to-2?"),
    "same identity": ('identity = "LAB-2"', 'identity = "LAB-1"', "LAB-1", "has its own"),
    "no token": ('blocked = "LAB-BLOCKED"', "", "[tokens]", "tokens.blocked is missing"),
    "same token": ('"LAB-BLOCKED"', '"lab-expired"', "LAB-EXPIRED", "every token is another"),
    "long token": ('"LAB-BLOCKED"', f'"{"x" * 21}"', "x" * 21, "20 characters at most"),
    "algorithm": ('key_algorithm = "ec"', 'key_algorithm = "dsa"', "dsa", "ec or rsa"),
    "functionality": ("unsupported = []", 'unsupported = ["Reservations"]', "Reservations", "Did"),
    "signature": ('signature = "', 'signature = "ü', 'signature = "', "it is no base64"),
    "no roots": ('# roots = "', 'roots = "', "roots = ", "csms-root.pem cannot be read: No such"),
    "path": ("certificates/station-3.pem", "a\\u0000b", "u0000", "is no PEM file"),
    "folder": ('"certificates/station-3.pem"', '"certificates"', '"certificates"', "directory"),
    "no certificate": ("station-3.pem", "station-3.key", "station-3.key", "holds no certificate"),
    "no private key": (
        "station-3.key",
        "station-3.pem",
        '_key = "certificates/station-3.pem',
        "ho",
    ),
    "another key": ("station-3.key", "expired.key", "expired.key", "is not the key of"),
    "no certificate named": (
        'certificate = "certificates/station-3.pem"\n',
        "",
        '[stations."3"]',
        "stations.3.certificate is missing.",
    ),
    "half of what is shown": (
        'private_key = "certificates/revoked.key"',
        "",
        '[shown."revoked"]',
        "shown.revoked.private_key is missing.",
    ),
    "unknown certificate": ('"revoked"', '"revokd"', "revokd", "Did you mean revoked?"),
    "reservation": (
        "reservation_s = 60",
        "reservation_s = 61",
        "reservation_s =",
        "reservation_s: deadlines.case_s must be 120 s more at least.",
    ),
    "deadline": ("answer_s = 30.0", "answer_s = 0", "answer_s", "deadlines.answer_s: expected"),
}


@pytest.mark.parametrize(("old", "new", "where", "told"), SPOILED.values(), ids=SPOILED)
def test_a_mistake_is_told_with_its_line(folder, old, new, where, told):
    change(folder, old, new)

    found = mistakes(folder)

    assert all(each.text.endswith((".", "?")) for each in found)
    lines = {each.line: each.text for each in found}
    line = line_of(folder, where)
    assert line in lines, found
    assert told in lines[line]
    assert all(each.path == folder / "lab.toml" for each in found)
    assert "hunter2" not in str(found)


def key_of(folder):
    found = re.search(r'key = "([0-9a-f]{40})"', (folder / "lab.toml").read_text())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("key", ["", "ab" * 15, "ab" * 21, "short", "x" * 21])
def test_a_key_is_16_to_20_octets_and_is_not_told(folder, key):
    mine = key_of(folder)
    change(folder, mine, key)

    [found] = mistakes(folder)

    assert found.text.startswith("stations.1.key")
    assert not key or key not in found.text


@pytest.mark.parametrize("key", ["ab" * 16, "sixteen letters!", "x" * 20])
def test_a_key_is_hex_digits_or_text(folder, key):
    mine = key_of(folder)
    change(folder, mine, key)

    assert 16 <= len(load_plan(folder / "lab.toml").plan.stations["1"].key_octets) <= 20


def test_a_broken_certificate_is_told(folder):
    file = folder / "certificates" / "station-3.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")

    assert any("a certificate that is broken" in each.text for each in mistakes(folder))


def test_a_key_with_a_password_is_told(folder):
    pem = make_key("ec").private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"hunter2"),
    )
    (folder / "certificates" / "station-3.key").write_bytes(pem)

    [found] = mistakes(folder)
    assert found.text.endswith("it must be without a password.")


def test_a_file_that_is_no_text_is_told(folder):
    path = folder / "lab.toml"
    path.write_bytes(b"# one\n# \xff\n")

    [found] = mistakes(folder)
    assert (found.line, found.text) == (2, "it is not UTF-8.")


def test_a_file_that_is_too_large_is_told(folder):
    (folder / "lab.toml").write_text("#" * 2_000_000)

    [found] = mistakes(folder)
    assert found.text == "it is too large."


def test_all_mistakes_are_told_at_once(folder):
    change(folder, '1 = "ws:', '1 = "wss:')
    change(folder, '"LAB-BLOCKED"', f'"{"x" * 21}"')
    change(folder, "station-3.key", "expired.key")

    assert len(mistakes(folder)) == 3


def test_a_plan_that_is_not_there_tells_how_to_begin(tmp_path):
    [found] = mistakes(tmp_path)

    assert found.text.endswith(
        "No such file or directory. `voltkeep lab init` makes a folder with one."
    )


NOW = datetime.now(UTC)
AUTHORITY = Authority(NOW, "Laboratory")
LATER = Authority(NOW + timedelta(days=30), "Laboratory")

# The file that is replaced, by what, where that is told, and what.
CERTIFICATES = {
    "over": ("station-3", AUTHORITY.expired("LAB-3"), "stations.3", "it was valid until"),
    "too early": ("station-3", LATER.station("LAB-3"), "stations.3", "it is not valid before"),
    "of another": (
        "station-3",
        AUTHORITY.station("LAB-2"),
        "stations.3",
        "it names 'LAB-2' (CN), not the serial_number",
    ),
    "raised": ("station-2-to-3", AUTHORITY.expired("LAB-2-TO-3"), "stations.2-to-3", "it was"),
    "not over": ("expired", AUTHORITY.station("LAB-3"), "shown.expired", "and must be over"),
    "over and revoked": ("revoked", AUTHORITY.expired("LAB-3"), "shown.revoked", "it was valid"),
    "expired, of another": (
        "expired",
        AUTHORITY.expired("LAB-1"),
        "shown.expired",
        "it names 'LAB-1' (CN), and must name that of stations.3",
    ),
    "revoked, of another": ("revoked", AUTHORITY.station("x"), "shown.revoked", "and must name"),
    "not of another": (
        "another-station",
        AUTHORITY.station("LAB-3"),
        "shown.of another station",
        "must not name that of stations.3",
    ),
    "of another, over": (
        "another-station",
        AUTHORITY.expired("LAB-7"),
        "shown.of another station",
        "it was valid until",
    ),
}


def replace(folder, name, pair):
    (folder / "certificates" / f"{name}.pem").write_text(pair.certificate)
    (folder / "certificates" / f"{name}.key").write_text(pair.private_key)


@pytest.mark.parametrize(("name", "pair", "where", "told"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_that_proves_nothing_is_told(folder, name, pair, where, told):
    replace(folder, name, pair)

    [found] = mistakes(folder)

    assert found.text.startswith(f"{where}.certificate: it ")
    assert told in found.text
    lines = (folder / "lab.toml").read_text().splitlines()
    assert lines[found.line - 1] == f'certificate = "certificates/{name}.pem"'


def test_a_certificate_that_no_run_shows_may_be_anything(folder):
    for name in ("station-3", "station-2-to-3", "revoked"):
        replace(folder, name, AUTHORITY.expired("whose"))

    assert load_plan(folder / "lab.toml", [1, 2])


def test_a_year_later_all_that_must_be_valid_is_told(sound):
    with pytest.raises(Mistakes) as found:
        load_plan(sound / "lab.toml", now=NOW + timedelta(days=366))

    told = {each.text.partition(".certificate: ")[0] for each in found.value.found}
    assert {"stations.3", "stations.2-to-3", "shown.revoked"} < told
    assert "shown.expired" not in told


@pytest.mark.parametrize("days", [300, 350])
def test_a_certificate_that_ends_soon_is_noted(folder, days):
    now = NOW + timedelta(days=days)
    plan, _ = load_plan(folder / "lab.toml", now=now)

    told = ending(plan, Kept.load(folder, plan.stations), now)

    assert [each.partition(" ends on ")[0] for each in told] == [
        f"the certificate of {name}" for name in ("LAB-2", "LAB-3", "LAB-2-TO-3") if days == 350
    ]


def test_what_a_station_was_given_by_the_csms_is_what_must_be_valid(folder):
    plan, _ = load_plan(folder / "lab.toml")
    third = Kept.load(folder, plan.stations).credentials(pytest.fail)["3"]
    renewed = Authority(NOW + timedelta(days=200), "Laboratory").station("LAB-3")
    third.take_certificate(Shown(certificate=renewed.certificate, private_key=renewed.private_key))

    def told(days):
        with pytest.raises(Mistakes) as found:
            load_plan(folder / "lab.toml", now=NOW + timedelta(days=days))
        return [(each.path, each.text) for each in found.value.found if "3" in each.text]

    assert not any("stations.3." in text for _, text in told(400))
    gone = [text for path, text in told(600) if path == folder / KEPT]
    assert [text.partition(" was ")[0] for text in gone] == ["the certificate of LAB-3: it"]
    kept = Kept.load(folder, plan.stations)
    soon = ending(plan, kept, NOW + timedelta(days=550))
    assert [each.partition(" ends ")[0] for each in soon] == ["the certificate of LAB-3"]


@pytest.mark.parametrize("name", ["csms_root", "manufacturer_root"])
def test_a_root_to_install_is_one_certificate(folder, name):
    (folder / "roots.pem").write_text((folder / "certificates" / "root.pem").read_text())
    change(folder, "[files]", f'[files]\n{name} = "roots.pem"')

    root = getattr(load_plan(folder / "lab.toml").plan.files, name)
    assert root.startswith("-----BEGIN CERTIFICATE-----")

    (folder / "roots.pem").write_text(root * 2)
    (mistake,) = mistakes(folder)
    assert f"files.{name}: it must be one certificate." in str(mistake)
