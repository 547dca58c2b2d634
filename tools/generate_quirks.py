"""Write docs/reference/quirks.md from the table of known misbehaviour.

``--check`` writes nothing and fails when the page is not what would be written.
"""

import argparse
import pathlib
import re
import sys

from voltkeep.dialects.mending import ANSWERS, ANYWHERE, ConnectionQuirks, Quirk
from voltkeep.dialects.quirks import QUIRKS

TARGET = pathlib.Path(__file__).parent.parent / "docs" / "reference" / "quirks.md"

_TOP = """\
# Quirks

<!-- Written by tools/generate_quirks.py: change src/voltkeep/dialects/quirks.py. -->

Stations in the field break their schema in known ways. A message that is refused when read strictly
is read once more as these rows explain it, from the first to the last; each use is logged as
`lenient`, and stands beside the message in `voltkeep station tail`. A message that no row explains
gets the CALLERROR of its version. No row makes up a token, a meter reading, a connector or the name
of a transaction.

"Any make" means that it was seen at several. In a path `*` is an element of a list and `**`
anything below.

## In messages
"""

_CONNECTIONS = """
## Of connections

The gateway knows these by the make that a station named at its last boot.
"""


def page() -> str:
    """The whole page."""
    parts = [_TOP]
    parts += [_message(row) for row in QUIRKS if not isinstance(row.mend, ConnectionQuirks)]
    parts.append(_CONNECTIONS)
    parts += [_connection(row) for row in QUIRKS if isinstance(row.mend, ConnectionQuirks)]
    return "\n".join(parts)


def _message(row: Quirk) -> str:
    kind = re.sub(r"(?<!^)([A-Z])", r" \1", type(row.mend).__name__).lower()
    explained = (type(row.mend).__doc__ or "").partition("\n")[0]
    return f"""\
### {row.id}

{row.why}

* In: {_actions(row)}, {_where(row)}
* Makes: {_makes(row)}
* Read as: {kind}. {explained}
* Source: {row.source}
"""


def _connection(row: Quirk) -> str:
    return f"""\
### {row.id}

{row.why}

* Makes: {_makes(row)}
* Source: {row.source}
"""


def _actions(row: Quirk) -> str:
    if ANYWHERE in row.actions:
        told = "every message"
    elif row.actions == (ANSWERS,):
        told = "answers to our requests"
    else:
        told = ", ".join(row.actions)
    versions = {"*": "", "ocpp1.6": " of OCPP 1.6", "ocpp2.*": " of OCPP 2.x"}
    return told + versions[row.subprotocol]


def _where(row: Quirk) -> str:
    return "anywhere" if row.paths == (ANYWHERE,) else ", ".join(f"`{path}`" for path in row.paths)


def _makes(row: Quirk) -> str:
    named = [
        f"{what} like `{pattern}`"
        for what, pattern in (
            ("vendor", row.vendor),
            ("model", row.model),
            ("firmware", row.firmware),
        )
        if pattern != "*"
    ]
    return ", ".join(named) or "any make"


def main() -> int:
    """Write or compare; the exit code says whether the page was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    text = page()
    if parser.parse_args().check:
        return int(not TARGET.exists() or TARGET.read_text() != text)
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
