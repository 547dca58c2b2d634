"""`voltkeep lab`: a folder to begin with, what is wrong in it, and the cases there are."""

import contextlib
import socket
from threading import Thread

import pytest
from cryptography import x509
from msgspec import toml
from typer.testing import CliRunner

from voltkeep.cli.__main__ import tree
from voltkeep.cli.errors import ExitCode
from voltkeep.lab.driver import OPERATIONS
from voltkeep.lab.drivers.load import load_driver
from voltkeep.lab.folder import driver_example
from voltkeep.lab.kept import KEPT, Kept
from voltkeep.lab.plan_file import load_plan

FILL_IN = {"product": ("name", "vendor", "version"), "laboratory": ("name",)}


@pytest.fixture
def folder(voltkeep, tmp_path):
    """A folder that has just been made."""
    path = tmp_path / "my csms"
    voltkeep.ok("lab", "init", str(path))
    return path


def fill_in(folder):
    """What a person must say, in lab.toml."""
    path = folder / "lab.toml"
    text = path.read_text()
    for fields in FILL_IN.values():
        for field in fields:
            text = text.replace(f'\n{field} = ""', f'\n{field} = "x"')
    path.write_text(text)


def test_a_folder_is_made_and_says_what_to_do_next(voltkeep, tmp_path):
    path = tmp_path / "my csms"

    made = voltkeep.ok("lab", "init", str(path))

    assert [line[:5] for line in made.lines[1:]] == [f"  {number}. " for number in range(1, 6)]
    assert f"lab check '{path}'" in made.out
    names = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    assert {"lab.toml", "driver.toml", "firmware.bin"} < names
    assert {"certificates/root.pem", "certificates/revocation-list.pem"} < names


def test_only_the_owner_reads_what_is_private(folder):
    for file in folder.rglob("*"):
        is_private = file.suffix == ".key" or file.name == "lab.toml"
        if file.is_file():
            assert (file.stat().st_mode & 0o077 == 0) is is_private, file


def test_nothing_is_overwritten(voltkeep, folder):
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    (folder / "lab.toml").unlink()
    del before[folder / "lab.toml"]

    again = voltkeep("lab", "init", str(folder))

    assert again.code == ExitCode.FAILED
    assert "is there already: nothing was written" in again.err
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_the_operator_is_in_the_plan_and_the_certificates(voltkeep, tmp_path):
    name = 'Ada\'s "Strom" & Söhne'
    voltkeep.ok("lab", "init", str(tmp_path / "f"), "--operator", name)
    fill_in(tmp_path / "f")

    plan, _ = load_plan(tmp_path / "f" / "lab.toml")

    certificate = x509.load_pem_x509_certificate(plan.stations["3"].certificate.encode())
    assert plan.cpo_name == name
    assert f"O={name}" in certificate.subject.rfc4514_string().replace("\\", "")


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
def test_an_operator_that_fits_no_certificate_is_refused(voltkeep, tmp_path, name):
    refused = voltkeep("lab", "init", str(tmp_path / "f"), "--operator", name)

    assert refused.code == ExitCode.USAGE
    assert not (tmp_path / "f").exists()


def test_a_folder_that_cannot_be_made_is_told_as_such(voltkeep, tmp_path):
    (tmp_path / "file").write_text("")

    assert "cannot be written" in voltkeep("lab", "init", str(tmp_path / "file" / "x")).err


def test_what_is_left_to_fill_in_is_told_with_its_line(voltkeep, folder):
    checked = voltkeep("lab", "check", str(folder))

    assert checked.code == ExitCode.USAGE
    lines = (folder / "lab.toml").read_text().splitlines()
    told = [f"{table}.{field} is empty." for table, names in FILL_IN.items() for field in names]
    assert [line.rpartition(": ")[2] for line in checked.lines] == told
    for line in checked.lines:
        number = int(line.removeprefix(f"{folder}/lab.toml:").partition(":")[0])
        assert lines[number - 1].endswith(' = ""')
    assert "Mend them, and check again." in checked.err
    as_json = voltkeep("lab", "check", str(folder), "--json").json
    assert [each["text"] for each in as_json["mistakes"]] == told


def test_a_folder_that_is_filled_in_has_no_mistake(voltkeep, folder):
    fill_in(folder)

    checked = voltkeep.ok("lab", "check", str(folder))

    assert checked.lines == ["No mistake. Security profiles that can be run: 1, 2, 3."]
    assert "the driver has no operation" in checked.err
    told = voltkeep.ok("lab", "check", str(folder), "--json").json
    assert (told["mistakes"], len(told["notes"])) == ([], 1)


def test_the_mistakes_of_both_files_are_told(voltkeep, folder):
    (folder / "driver.toml").write_text('base_url = "x"\n')

    checked = voltkeep("lab", "check", str(folder))

    assert f"{folder}/driver.toml:1: base_url is no URL" in checked.out
    assert f"{folder}/lab.toml:" in checked.out


def test_a_folder_without_a_plan_is_told_as_such(voltkeep, tmp_path):
    checked = voltkeep("lab", "check", str(tmp_path))

    assert checked.code == ExitCode.USAGE
    assert "lab.toml: cannot be read: No such file or directory. `voltkeep lab init`" in checked.out
    assert "1 mistake in" in checked.err
    assert "Mend it, and check again." in checked.err


def test_cases_that_will_have_no_verdict_are_noted(voltkeep, folder):
    fill_in(folder)
    text = (folder / "lab.toml").read_text()
    (folder / "lab.toml").write_text(
        text.replace('[stations."2-to-3"]', '[stations."x"]').partition("[shown.")[0]
    )
    assert "stations.x" in voltkeep("lab", "check", str(folder)).out
    begin = text.index('[stations."1-to-2"]')
    rest = text[text.index("# ---- Tokens") : text.index('[shown."revoked"]')]
    (folder / "lab.toml").write_text(text[:begin] + rest)
    (folder / "driver.toml").write_text(
        'base_url = "http://csms.example"\n[operations.reset]\npath = "/"\n'
    )

    notes = voltkeep.ok("lab", "check", str(folder), "--json").json["notes"]

    assert "unlock, read_configuration" in notes[0]
    assert "reset" not in notes[0]
    assert [note.split('"')[1] for note in notes[1:]] == [
        *("1-to-2", "2-to-3", "revoked", "of another station")
    ]


@pytest.mark.parametrize("driver", ["manual", "voltkeep"])
def test_other_drivers_can_be_begun_with(voltkeep, tmp_path, driver, monkeypatch):
    monkeypatch.setenv("VOLTKEEP_API_KEY", "k")
    path = tmp_path / "f"
    voltkeep.ok("lab", "init", str(path), "--driver", driver)
    fill_in(path)

    plan, file = load_plan(path / "lab.toml")

    assert plan.stations.keys() == {"1", "2", "3", "1-to-2", "2-to-3"}
    if driver == "manual":
        assert file is None
        assert not (path / "driver.toml").exists()
        voltkeep.ok("lab", "check", str(path))
    else:
        environ = {"VOLTKEEP_SERVER": "http://127.0.0.1:8080", "VOLTKEEP_API_KEY": "k"}
        assert set(load_driver(file, environ).file.operations) == set(OPERATIONS)


@pytest.fixture
def kept(folder):
    """What an earlier run has changed: the key of one station, and the profile of another."""
    fill_in(folder)
    plan, _ = load_plan(folder / "lab.toml")
    now = Kept.load(folder, plan.stations).credentials(pytest.fail)
    now["1"].take_key(b"NEWKEY" * 3)
    now["1-to-2"].raise_to(2)
    return folder / KEPT


def test_a_check_tells_that_earlier_runs_count(voltkeep, folder, kept):
    told = voltkeep.ok("lab", "check", str(folder))

    assert f"Note: {kept}: used for LAB-1, LAB-1-TO-2, with what" in told.err
    notes = voltkeep.ok("lab", "check", str(folder), "--json").json["notes"]
    assert any("LAB-1, LAB-1-TO-2" in note for note in notes)


def test_a_check_tells_that_a_changed_plan_counts(voltkeep, folder, kept):
    text = (folder / "lab.toml").read_text()
    (folder / "lab.toml").write_text(text.replace('identity = "LAB-1"\n', 'identity = "LAB-ONE"\n'))
    before = kept.read_bytes()

    told = voltkeep.ok("lab", "check", str(folder))

    assert "lab.toml was changed for LAB-ONE: what earlier runs kept is forgotten" in told.err
    assert "used for LAB-1-TO-2," in told.err
    assert kept.read_bytes() == before  # a check changes nothing


@pytest.mark.parametrize("action", ["check", "run"])
def test_a_broken_file_of_earlier_runs_is_a_mistake(voltkeep, folder, kept, action, monkeypatch):
    monkeypatch.chdir(folder)
    kept.write_text("{NEWKEY")

    told = voltkeep("lab", action, str(folder))

    assert told.code == ExitCode.USAGE
    assert f"{kept}: it is broken" in told.out + told.err
    assert "NEWKEY" not in told.out + told.err


def test_what_earlier_runs_kept_can_be_forgotten(voltkeep, folder, kept):
    unknown = voltkeep("lab", "forget", str(folder), "LAB-1-TO-2", "LAB-7")
    assert (unknown.code, "LAB-7" in unknown.err) == (ExitCode.NOT_FOUND, True)

    one = voltkeep.ok("lab", "forget", str(folder), "LAB-1-TO-2")
    assert one.lines == ["Forgot LAB-1-TO-2: lab.toml counts again."]
    assert "used for LAB-1," in voltkeep.ok("lab", "check", str(folder)).err
    assert voltkeep.ok("lab", "forget", str(folder), "--json").json == {"forgotten": ["LAB-1"]}
    assert voltkeep.ok("lab", "forget", str(folder)).lines == ["Nothing was kept."]
    assert not kept.exists()


def test_each_operation_is_in_the_example_and_sound_once_it_is_uncommented(tmp_path):
    example = driver_example()
    uncommented = [
        line[1:] if line.startswith("#") and line[1:2] not in {"", " "} else line
        for line in example.splitlines()
        if not line.startswith("#verify")
    ]
    path = tmp_path / "driver.toml"
    path.write_text("\n".join(uncommented))

    driver = load_driver(path, {"LAB_API_KEY": "k"})

    assert set(driver.file.operations) == set(OPERATIONS)
    assert "operations" not in toml.decode(example)


def test_every_case_is_listed(voltkeep):
    listed = voltkeep.ok("lab", "list", "--json").json

    assert {"TC_001", "TC_013"} < {each["case"] for each in listed}
    assert len(voltkeep.ok("lab", "list").lines) == len(listed) + 1
    assert all(each["name"] and each["profiles"] for each in listed)


def test_security_is_named_as_the_summary_of_a_report_names_it(voltkeep):
    shown = voltkeep.ok("lab", "show", "TC_086")

    assert "Security Profile 2, 3" in shown.out
    assert any("Security Profile 1, 2" in line for line in voltkeep.ok("lab", "list").lines)


@pytest.mark.parametrize("name", ["TC_013", "tc_013", "TC_013_CSMS"])
def test_a_case_is_shown_with_its_steps(voltkeep, name):
    shown = voltkeep.ok("lab", "show", name)

    assert "Hard reset without transaction" in shown.out
    assert "sections 5.14" in shown.out
    assert any(line.startswith("  1. ") for line in shown.lines)
    assert voltkeep.ok("lab", "show", name, "--json").json["steps"]


def test_a_case_that_is_not_there_is_told_as_such(voltkeep):
    shown = voltkeep("lab", "show", "TC_999")

    assert shown.code == ExitCode.NOT_FOUND
    assert "lab list" in shown.err


IDLE = {
    "--server": "http://127.0.0.1:1",
    "--api-key": "@none",
    "--data": "none",
    "--config": "none",
    "--database": "sqlite:///none",
}


@pytest.mark.parametrize("option", IDLE)
def test_what_names_an_installation_is_refused(voltkeep, option, tmp_path):
    behind = voltkeep("lab", "list", option, IDLE[option])
    before = CliRunner().invoke(tree, [option, IDLE[option], "lab", "list"])

    assert behind.code == ExitCode.USAGE
    assert "No such option" in behind.err
    assert before.exit_code == ExitCode.USAGE
    assert option in before.stderr


def test_a_database_is_for_a_server_of_our_own(voltkeep, folder):
    fill_in(folder)

    refused = voltkeep("lab", "run", str(folder), "--database", "sqlite:///none")

    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert "--database is for --against" in refused.err


def test_a_person_is_asked_at_a_terminal_only(voltkeep, tmp_path):
    path = tmp_path / "by hand"
    voltkeep.ok("lab", "init", str(path), "--driver", "manual")
    fill_in(path)

    refused = voltkeep("lab", "run", str(path), "--report", str(tmp_path / "report"))

    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert "there is no terminal" in refused.err
    assert "Have the CSMS send" not in refused.err
    assert not (tmp_path / "report").exists()


@pytest.fixture
def stranger(folder):
    """A CSMS that knows no station of a folder. Its answers are to be given until the test ends."""
    fill_in(folder)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n")

    thread = Thread(target=answer)
    thread.start()
    path = folder / "lab.toml"
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/ocpp"
    path.write_text(path.read_text().replace("ws://csms.example:8080/ocpp", url))
    yield folder
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def played(voltkeep, folder, tmp_path):
    report = ("--report", str(tmp_path / "report"))
    run = ("lab", "run", str(folder), "--profiles", "1", "--cases", "TC_001,TC_013,TC_061")
    return voltkeep(*run, *report).err


def test_who_is_refused_from_the_first_case_on_is_told_once_why_that_may_be(
    voltkeep, stranger, tmp_path
):
    told = played(voltkeep, stranger, tmp_path)

    assert told.count("Hint: HTTP 401") == 1
    assert "than lab.toml does" in told
    plan, _ = load_plan(stranger / "lab.toml")
    Kept.load(stranger, plan.stations).credentials(pytest.fail)["1"].take_key(b"NEWKEY" * 3)
    again = played(voltkeep, stranger, tmp_path)
    assert again.count("Hint: HTTP 401") == 1
    assert "credentials.json does, which counts for LAB-1: `voltkeep lab forget " in again
