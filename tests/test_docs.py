"""What the pages say is so: links, names and commands."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").iterdir() if path.name[0] != ".")
SOURCE = ROOT / "src" / "voltkeep"

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name)


@cache
def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    found = LINK.findall(prose(page))
    return [link for link in found if not link.startswith(("http:", "https:", "mailto:"))]


@cache
def anchors(page: Path) -> set[str]:
    """What GitHub and its like make of headings."""
    words = (re.sub(r"[^\w\- ]", "", heading).lower() for heading in HEADING.findall(prose(page)))
    return {text.strip().replace(" ", "-") for text in words}


@each_page
def test_a_page_begins_with_its_one_title(page):
    titles = re.findall(r"^# .+$", prose(page), re.MULTILINE)

    assert len(titles) == 1
    assert prose(page).startswith(titles[0])


@each_page
def test_links_lead_somewhere(page):
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_page = target.suffix == ".md" and target.exists()
        if not target.exists() or (anchor and is_page and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


def test_the_index_links_every_page():
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(INDEX)}

    assert [name(page) for page in DOCS.rglob("*.md") if page not in linked | {INDEX}] == []


def test_the_reference_says_what_the_code_says():
    """Every command, setting and event has its heading, since these pages are made from them."""
    tool = [sys.executable, "-m", "tools.generate_reference", "--check"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(tool, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("", "")


@each_page
def test_commands_of_make_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = [*FENCE.findall(page.read_text()), *SPAN.findall(prose(page))]
    said = {target for text in code for target in re.findall(r"^make ([a-z]+)", text, re.MULTILINE)}

    assert said - targets == set()


@each_page
def test_files_that_a_page_names_exist(page):
    paths = re.compile(r"(?:src|tests|docs|tools|bench|\.ci)/[\w./-]+")
    named = [span for span in SPAN.findall(prose(page)) if paths.fullmatch(span)]

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_make_lists_what_a_page_may_name():
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))

    assert {"run", "test", "check", "bench", "generate", "lock", "help"} <= listed


def test_ci_runs_what_a_newcomer_runs():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line.split(" ||")[0] for line in lines if line.startswith("make")]

    assert commands == ["make --keep-going check", "make test", "make lab"]


def test_decisions_are_numbered_without_a_gap():
    numbers = [path.name[:5] for path in DECISIONS]

    assert numbers == [f"{number:04}-" for number in range(len(DECISIONS))]


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_says_why_and_what_follows(page):
    text = page.read_text()

    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.search(r"^\* Status: (proposed|accepted|superseded)", text, re.MULTILINE)
    assert re.search(r"^\* Date: (\d{4}-\d\d-\d\d$|YYYY)", text, re.MULTILINE)
    headings = HEADING.findall(text)
    for section in ("Context", "Decision", "Consequences", "What we gave up"):
        assert section in headings


def test_fragments_of_the_changelog_are_of_a_known_type():
    towncrier = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
    types = "|".join(kind["directory"] for kind in towncrier["type"])
    pattern = re.compile(rf"(\d+|\+[a-z0-9-]+)\.({types})(\.\d+)?\.md")

    misnamed = [path.name for path in FRAGMENTS if not pattern.fullmatch(path.name)]
    assert misnamed == []
    assert [path.name for path in FRAGMENTS if not path.read_text().strip()] == []


@cache
def symbols() -> set[str]:
    """What domain, services and the wire define, with the members of classes."""
    found = set()
    for package in ("domain", "services", "ocpp"):
        for path in (SOURCE / package).glob("*.py"):
            for node in ast.parse(path.read_text()).body:
                found |= _defined(node)
                if isinstance(node, ast.ClassDef):
                    members = {target for part in node.body for target in _defined(part)}
                    found |= {f"{node.name}.{member}" for member in members}
    return found


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.ClassDef(name=defined):
            return {defined}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=defined)):
            return {defined}
        case _:
            return set()


def test_the_glossary_names_types_that_exist():
    rows = [line for line in prose(DOCS / "glossary.md").splitlines() if line.startswith("| ")]
    first = [span for row in rows for span in SPAN.findall(row.split("|")[1])]
    types = [
        span for span in first if re.fullmatch(r"[A-Z][a-z]\w*(\.\w+)?", span) and span != "None"
    ]

    assert len(types) > 20
    assert [name for name in types if name not in symbols()] == []


def test_the_whitepaper_page_names_tests_that_exist():
    page = (DOCS / "reference" / "security-whitepaper.md").read_text()
    named = [name for name in SPAN.findall(page) if "/" in name]
    missing = []
    for name in named:
        path, _, function = name.partition("::")
        if path.startswith("stories/"):
            exists = any((ROOT / "tests").glob(f"{path}.ocpp*"))
        else:
            file = ROOT / "tests" / path
            exists = file.exists() and f"def {function}(" in file.read_text()
        if not exists:
            missing.append(name)

    assert len(named) > 50
    assert missing == []
