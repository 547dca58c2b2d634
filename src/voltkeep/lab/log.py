"""The wire log of one case: all that was sent, received, ordered and noted, without secrets."""

import re
import time
from typing import Any

from msgspec import DecodeError, json

from voltkeep.lab.verdicts import Entry, Kind
from voltkeep.ocpp.errors import plain

_LONGEST = 12_000  # characters of an entry
_MOST = 2_000  # entries of a case
_MASK = "•••"
_SECRETS = {"authorizationkey"}  # configuration keys, in lower case
_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


class WireLog:
    """What one case has seen. Keeps so many entries, and says how many it left out."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._entries: list[Entry] = []
        self._names: dict[str, str] = {}
        self._left_out = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, the first first."""
        if not self._left_out:
            return tuple(self._entries)
        last = Entry(self.seconds, Kind.NOTE, f"{self._left_out} more entries were left out")
        return (*self._entries, last)

    @property
    def seconds(self) -> float:
        """Since the case began."""
        return time.monotonic() - self._began

    def add(self, kind: Kind, text: str) -> None:
        """Write a line; what a peer said is made harmless."""
        if len(self._entries) >= _MOST:
            self._left_out += 1
            return
        self._entries.append(Entry(self.seconds, kind, plain(text, _LONGEST)))

    def frame(self, kind: Kind, data: str | bytes) -> None:
        """Write a frame that went over the wire, with its message id called by a short name."""
        self.add(kind, self._shown(data, kind))

    def _shown(self, data: str | bytes, kind: Kind) -> str:
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        try:
            frame = json.decode(text)
        except (DecodeError, RecursionError):
            return text
        if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[1], str):
            return text
        is_call = frame[0] == 2
        by_station = (kind is Kind.SENT) is is_call
        frame[1] = self._name(frame[1], "s" if by_station else "c")
        if is_call and len(frame) > 3:
            frame[3] = _masked(frame[2], frame[3])
        return json.encode(frame).decode()

    def _name(self, id: str, prefix: str) -> str:
        """`s1` for the station's first CALL and its answer, `c1` for the first of the CSMS."""
        if id not in self._names:
            count = sum(name.startswith(prefix) for name in self._names.values())
            self._names[id] = f"{prefix}{count + 1}"
        return self._names[id]


def _masked(action: Any, payload: Any) -> Any:
    """Without the key that a station is given, and without passwords in addresses."""
    if not isinstance(payload, dict):
        return payload
    if str(payload.get("key", "")).lower() in _SECRETS and "value" in payload:
        payload = payload | {"value": _MASK}
    return {
        name: _IN_URL.sub(f"{_MASK}@", value) if isinstance(value, str) else value
        for name, value in payload.items()
    }
