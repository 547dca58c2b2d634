"""The console in German: nothing is left in English, and nothing that is filled in is lost."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "src" / "voltkeep" / "web" / "pages"
GERMAN = PAGES / "locale" / "de" / "LC_MESSAGES"
_FILLED_IN = re.compile(r"%\(\w+\)[a-z]|%%|\{\w+\}")


@pytest.fixture(scope="module")
def catalog():
    with (GERMAN / "voltkeep.po").open("rb") as file:
        return read_po(file, locale="de")


def texts(what):
    return what if isinstance(what, tuple | list) else (what,)


def filled_in(text):
    return set(_FILLED_IN.findall(text))


def test_every_text_of_a_page_is_in_german(catalog):
    """If not: `make words`, then translate what is empty in voltkeep.po, then `make words`."""
    with (ROOT / "tools" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    marked = {said for _, _, said, _, _ in extract_from_dir(PAGES, methods, options)}
    known = {each.id for each in catalog if all(texts(each.string)) and not each.fuzzy}

    assert len(marked) > 1000
    assert sorted(marked - known, key=str) == []


def test_what_is_filled_in_is_the_same(catalog):
    wrong = [
        each.id
        for each in catalog
        if each.id
        and any(
            filled_in(german) not in [filled_in(english) for english in texts(each.id)]
            for german in texts(each.string)
        )
    ]

    assert wrong == []


def test_what_is_compiled_is_what_was_translated(catalog):
    compiled = BytesIO()
    write_mo(compiled, catalog)

    assert (GERMAN / "voltkeep.mo").read_bytes() == compiled.getvalue(), "make words"
