"""The page about hostile input names tests that there are, for every row of the list."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def rows():
    page = (ROOT / "docs" / "reference" / "hostile-input.md").read_text()
    return re.findall(r"^\| (\d+) \| .*? \| (.*) \|$", page, re.MULTILINE)


def test_every_row_of_the_list_has_its_tests():
    """Parts C, D and F of the list, and what of G is the API's or the console's."""
    wanted = {*range(26, 53), 54, *range(62, 69), 70, 71, 72}
    assert {int(number) for number, _ in rows()} == wanted
    for number, cell in rows():
        named = re.findall(r"`(tests/[\w/.]+)`(?:: `(\w+)`)?", cell)
        assert named, number
        for path, test in named:
            text = (ROOT / path).read_text()
            assert f"def {test}(" in text or not test, (number, path, test)
