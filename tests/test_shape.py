"""The shape of the code: what a reviewer should not have to say twice."""

import ast
import itertools
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "voltkeep"
OCPP, DIALECTS, SIM = SOURCE / "ocpp", SOURCE / "dialects", SOURCE / "sim"
LAB = SOURCE / "lab"  # plays stations of one version at a time

GENERATED = {OCPP / f"{version}.py" for version in ("v16", "v201", "v21")} | {
    SOURCE / "client" / f"{name}.py" for name in ("models", "sync_operations", "async_operations")
}
MODULES = sorted(set(SOURCE.rglob("*.py")) - GENERATED)
OTHERS = sorted(
    path for folder in ("tests", "tools", "bench") for path in ROOT.glob(f"{folder}/**/*.py")
)

LONGEST_FILE = 500
LONGEST_FUNCTION = 60

# OCPP 2.1 part 2's functional blocks: a file of a layer that deals with one bears its name.
BLOCKS = {
    *("security", "provisioning", "authorization", "local_list", "transactions"),
    *("remote_control", "availability", "reservations", "tariffs", "meter_values"),
    *("smart_charging", "firmware", "certificates", "diagnostics", "display"),
    *("data_transfer", "bidirectional", "der", "battery_swap"),
}
BESIDE_BLOCKS = {
    "__init__",
    "configuration",
    "names",
}  # what else the package of a dialect may hold

WORDS_OF_16 = re.compile(
    r"charge[_ ]?point|id_?tag|central[_ ]?system|charge[_ ]?box", re.IGNORECASE
)
VERSION = re.compile(r"(ocpp)?(1\.6j?|2\.0\.1|2\.1)|.*ocpp(1\.6|2\.0\.1|2\.1).*", re.DOTALL)
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)(?P<rest>.*)")

with (ROOT / "pyproject.toml").open("rb") as _file:
    PYPROJECT = tomllib.load(_file)
CONTRACTS = {
    contract["name"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(path: Path) -> set[int]:
    """The ids of the nodes that are docstrings: prose, whatever it says."""
    return {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def test_there_is_code_to_judge():
    assert len(MODULES) > 10
    assert all(path.exists() for path in GENERATED)


@each(MODULES + OTHERS)
def test_a_module_says_what_it_is_for(path):
    assert not path.read_text() or ast.get_docstring(tree(path))


@each(MODULES + OTHERS)
def test_a_file_can_be_read_at_one_sitting(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@each(MODULES + OTHERS)
def test_a_function_fits_the_screen(path):
    lines = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}

    assert {name for name, length in lines.items() if length > LONGEST_FUNCTION} == set()


@each(
    [
        path
        for path in MODULES
        if not (
            path.is_relative_to(DIALECTS / "ocpp16")
            or path.is_relative_to(LAB)
            or "16" in path.stem
        )
    ]
)
def test_the_words_of_ocpp_16_stay_home(path):
    """Above the 1.6 dialect everyone speaks OCPP 2.1: docs/glossary.md has the right word."""
    assert WORDS_OF_16.findall(path.read_text()) == []


def test_only_dialects_and_stations_are_of_a_version():
    """Or the home of 1.6's words could be anywhere."""
    # A laboratory's case may have this number.
    named = [path for path in MODULES if "16" in path.stem and not path.is_relative_to(LAB)]
    homes = {path.parent for path in named}

    assert homes <= {DIALECTS / "ocpp16", SIM, *(path for path in SIM.rglob("*") if path.is_dir())}


def test_a_dialect_is_made_of_functional_blocks():
    names = {path.stem for path in DIALECTS.glob("ocpp*/*.py")}

    assert names - BLOCKS - BESIDE_BLOCKS == set()


def examples(path):
    """What stands in the list of examples of a module of the API."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == [
            "EXAMPLES"
        ]:
            yield from ast.walk(node.value)


@each([path for path in MODULES if not any(map(path.is_relative_to, (OCPP, DIALECTS, SIM, LAB)))])
def test_nobody_asks_for_the_version(path):
    """A version is a dialect, or a trait of one: never an `if`. Who lists versions imports them.

    What a station says may be shown in an example of the API.
    """
    prose = docstrings(path) | {id(node) for node in examples(path)}
    asked = [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]

    assert [text for text in asked if VERSION.fullmatch(text)] == []


@each([path for path in MODULES if not path.is_relative_to(SOURCE / "cli")])
def test_only_the_command_line_prints(path):
    printed = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert printed == []


@each(MODULES + OTHERS)
def test_a_suppression_says_why(path):
    """Its rule, and on the same line or the one above its reason; ruff and mypy hold the rule."""
    unexplained = []
    lines = path.read_text().splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        found = SUPPRESSION.search(line)
        if found is None:
            continue
        reason = re.sub(r"^\s*(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[\w, -]+\])?", "", found["rest"])
        if len(reason.split()) < 3 and not above.strip().startswith("#"):
            unexplained.append(line.strip())

    assert unexplained == []


def test_a_rule_that_ruff_does_not_hold_has_its_reason():
    """Each entry of `ignore` has a comment beside it, each per-file entry one above."""
    sections = re.split(
        r"^(?:\[|ignore = \[$)", (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE
    )
    ignored = next(text for text in sections if text.startswith("\n") and '"CPY",' in text)
    per_file = next(
        text for text in sections if text.startswith("tool.ruff.lint.per-file-ignores]")
    )

    rules = [line for line in ignored.splitlines() if line.strip().startswith('"')]
    assert [line for line in rules if "# " not in line] == []
    groups = per_file.splitlines()
    unexplained = [
        line
        for above, line in itertools.pairwise(groups)
        if line.startswith('"') and not above.startswith("#")
    ]
    assert unexplained == []


def test_time_is_aware_and_from_one_place():
    """DTZ is what finds `utcnow()` and its like: nobody may switch it off."""
    ruff = PYPROJECT["tool"]["ruff"]["lint"]

    ignored = {
        *ruff["ignore"],
        *(rule for rules in ruff["per-file-ignores"].values() for rule in rules),
    }
    assert ruff["select"] == ["ALL"]
    assert {rule for rule in ignored if rule.startswith(("DTZ", "T20"))} == {"T20"}


def packages() -> set[str]:
    """What is directly in voltkeep, whether a module or a package."""
    return {
        path.stem
        for path in SOURCE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem != "__init__"
    }


@pytest.mark.parametrize(
    ("contract", "known"),
    [
        ("A simulated station knows the wire and nothing of us", {"sim", "ocpp"}),
        ("The laboratory judges any CSMS: it knows stations and the wire", {"lab", "sim", "ocpp"}),
    ],
)
def test_a_stranger_is_told_of_every_package(contract, known):
    """Their contracts are lists: a new package must join them."""
    forbidden = {module.split(".")[1] for module in CONTRACTS[contract]["forbidden_modules"]}

    assert packages() - known <= forbidden


def test_contracts_name_packages_that_came():
    """A name ends in `.**` only until its package is there."""
    early = {
        module.removeprefix("voltkeep.").removesuffix(".**")
        for contract in CONTRACTS.values()
        for module in [*contract.get("source_modules", []), *contract.get("forbidden_modules", [])]
        if module.endswith(".**")
    }

    assert early & packages() == set()
