"""A wire log as the rows of a sequence diagram."""

from collections.abc import Sequence

from msgspec import DecodeError, Raw, Struct, json

from voltkeep.lab.pem import folded
from voltkeep.lab.verdicts import Entry, Kind
from voltkeep.ocpp.errors import plain

_MOST_FIRST, _MOST_LAST = 300, 100  # entries of a diagram: how it began, and how it ended
_LONGEST = 4_000  # characters of a payload
_ENOUGH = 100_000  # characters of a diagram; beyond, its payloads are cut shorter
_FOLDED = 240  # characters: what is longer is folded
_TEASER = 160


class Row(Struct, frozen=True, kw_only=True):
    """A row. ``style`` says how it is drawn: a kind of entry, or "answer" of either side.

    ``title`` is an action or what happened, ``id`` that of a frame as the log calls it, ``text``
    the payload, ``teaser`` its begin if folded.
    """

    at: float
    style: str
    title: str
    id: str = ""
    text: str = ""
    teaser: str = ""
    is_answer: bool = False
    is_error: bool = False


def rows(log: Sequence[Entry]) -> list[Row]:
    """The diagram of a wire log; of a very long one how it began and how it ended."""
    total = sum(len(entry.text) for entry in log)
    longest = _LONGEST if total <= _ENOUGH else max(200, _ENOUGH // len(log))
    asked: dict[str, str] = {}
    drawn = [_row(entry, asked, longest) for entry in _kept(log)]
    left_out = len(log) - len(drawn)
    if left_out > 0:
        title = f"{left_out:,} entries are left out here: report.json has them"
        drawn.insert(_MOST_FIRST, Row(at=drawn[_MOST_FIRST].at, style="note", title=title))
    return drawn


def _kept(log: Sequence[Entry]) -> list[Entry]:
    if len(log) <= _MOST_FIRST + _MOST_LAST:
        return list(log)
    return [*log[:_MOST_FIRST], *log[-_MOST_LAST:]]


def _row(entry: Entry, asked: dict[str, str], longest: int) -> Row:
    if entry.kind in {Kind.SENT, Kind.RECEIVED}:
        return _arrow(entry, asked, longest)
    return Row(at=entry.at, style=entry.kind, title=_cut(folded(entry.text), longest))


def _arrow(entry: Entry, asked: dict[str, str], longest: int) -> Row:
    """A frame; `asked` are the actions of the CALLs before it, by their ids."""
    title, id, is_answer, is_error = "Not a frame of OCPP-J", "", False, True
    payload = folded(entry.text)
    match _parts(entry.text):
        case ["2", id, action, body, *_]:
            asked[id] = _text(action)
            title, payload, is_error = f"{asked[id]}.req", _body(body), False
        case ["3", id, body, *_]:
            title, payload = f"{asked.get(id, 'Unasked')}.conf", _body(body)
            is_answer, is_error = True, id not in asked
        case ["4", id, code, *rest]:
            title, is_answer = f"CALLERROR {_text(code)} to {asked.get(id, 'nothing')}", True
            payload = " ".join(_body(each) for each in rest)
    return Row(
        at=entry.at,
        style=entry.kind,
        title=title,
        id=_text(id),
        text=_cut(payload, longest),
        teaser=f"{' '.join(payload[:_TEASER].split())} …" if len(payload) > _FOLDED else "",
        is_answer=is_answer,
        is_error=is_error,
    )


def _parts(text: str) -> list[str]:
    """The elements of a frame as they are written; of what is no array none."""
    try:
        return [bytes(part).decode() for part in json.decode(text, type=list[Raw])]
    except (DecodeError, RecursionError):
        return []


def _text(part: str) -> str:
    """A name as it is; what should be one and is not, as it is written."""
    try:
        return plain(json.decode(part, type=str), _TEASER)
    except DecodeError:
        return part[:_TEASER]


def _body(part: str) -> str:
    """A payload with room between its parts, and on several lines if it is long."""
    part = folded(part)
    try:
        return json.format(part, indent=2 if len(part) > _FOLDED else 0)
    except (DecodeError, RecursionError):
        return part


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters: report.json has more)"
