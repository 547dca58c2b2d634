"""What is installed: a wheel with all the program reads, and locked dependencies."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
PINNED = {
    name: dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))
    for name, text in LOCKS.items()
}

with (ROOT / "pyproject.toml").open("rb") as _file:
    PYPROJECT = tomllib.load(_file)


def wanted(requirements):
    """The normalised names of requirements."""
    names = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in names if match}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: setuptools writes beside the sources."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", source / "dist", source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = (source / "dist").glob("voltkeep-*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_the_wheel_holds_every_file_of_the_package(wheel):
    package = ROOT / "src" / "voltkeep"
    files = (path for path in package.rglob("*") if path.is_file())
    sources = {
        f"voltkeep/{path.relative_to(package)}" for path in files if "__pycache__" not in path.parts
    }

    packed = {name for name in wheel.namelist() if name.startswith("voltkeep/")}
    assert packed == sources


def test_the_wheel_carries_the_licence_and_the_command(wheel):
    described = f"voltkeep-{PYPROJECT['project']['version']}.dist-info"

    assert wheel.read(f"{described}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert b"voltkeep = voltkeep.cli.__main__:main" in wheel.read(f"{described}/entry_points.txt")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_with_hashes_and_names_no_place(lock):
    entries = re.split(r"^(?=[a-z0-9-]+==)", LOCKS[lock], flags=re.MULTILINE)[1:]

    assert len(entries) == len(PINNED[lock])
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?:|file:|^-.*|(?<!\w)/\w+/.*", LOCKS[lock], re.MULTILINE) == []


def test_the_lock_files_are_of_this_pyproject():
    """Else: `make lock`."""
    groups = PYPROJECT["dependency-groups"]
    run = wanted([*PYPROJECT["project"]["dependencies"], *groups["build"]])

    assert run - PINNED["requirements.lock"].keys() == set()
    assert wanted(groups["dev"]) - PINNED["requirements-dev.lock"].keys() == set()


def test_tests_run_on_what_is_shipped():
    run, dev = PINNED["requirements.lock"], PINNED["requirements-dev.lock"]

    assert {name: dev.get(name) for name in run} == run
