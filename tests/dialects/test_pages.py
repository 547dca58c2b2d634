"""What the documentation says of the dialects is so."""

import re
import subprocess
import sys
from pathlib import Path

from voltkeep.dialects import DIALECTS

ROOT = Path(__file__).parent.parent.parent
DIVERGENCES = (ROOT / "docs" / "divergences.md").read_text()


def test_the_page_of_quirks_is_made_from_the_table():
    """`make generate` writes it."""
    tool = [sys.executable, ROOT / "tools" / "generate_quirks.py", "--check"]

    assert subprocess.run(tool, check=False).returncode == 0


def test_what_is_said_to_be_not_supported_is_not():
    lists = DIVERGENCES.partition("## Not yet")[2].partition("So a station")[0]
    named = set(re.findall(r"`(\w+)`", lists)) - {"NotSupported"}
    known = {action for dialect in DIALECTS.values() for action in dialect.actions}
    handled = {action for dialect in DIALECTS.values() for action in dialect.handlers}

    assert len(named) > 10
    assert named <= known
    assert named & handled == set()
