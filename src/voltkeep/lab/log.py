"""The wire log of one case: all that was sent, received, ordered and noted, without secrets.

Two things keep secrets out. What the laboratory knows to be secret, or learns to be from a frame,
is masked wherever it turns up. And what a frame calls a secret is masked though nobody knows it.
"""

import base64
import re
import time
from collections.abc import Iterable
from typing import Any

from msgspec import DecodeError, json

from voltkeep.lab.verdicts import Entry, Kind
from voltkeep.ocpp.errors import plain

MASK = "•••"
_LONGEST = 12_000  # characters of an entry
_MOST = 2_000  # entries of a case
_MOST_CHARACTERS = 600_000  # of all entries of a case
_SHORTEST_SECRET = 6  # characters; what is shorter would be found everywhere
_SECRETS = {"authorizationkey", "basicauthpassword"}  # configuration keys, as `_folded` has them
_OF_USER = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_NOTHING = re.compile(r"(?!)")
_NOT_IN_A_NAME = re.compile(r"[\W_]+")


class WireLog:
    """What one case has seen. Keeps so many entries, and says how many it left out."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._began = time.monotonic()
        self._entries: list[Entry] = []
        self._names: dict[str, str] = {}
        self._count = {"s": 0, "c": 0}
        self._characters = 0
        self._left_out = 0
        self._secrets: set[str] = set()
        self._secret = _NOTHING
        self.hide(*secrets)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, the first first."""
        # Once more: what is secret may have become known after it was written.
        entries = tuple(Entry(it.at, it.kind, self.safe(it.text)) for it in self._entries)
        if self._left_out:
            words = f"{self._left_out} more entries were left out"
            entries += (Entry(self.seconds, Kind.NOTE, words),)
        return entries

    @property
    def seconds(self) -> float:
        """Since the case began."""
        return time.monotonic() - self._began

    def hide(self, *secrets: str) -> None:
        """Mask these from now on, wherever they stand."""
        new = {each for each in secrets if len(each) >= _SHORTEST_SECRET} - self._secrets
        if new:
            self._secrets |= new
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._secret = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def safe(self, text: str) -> str:
        """Words that may quote a peer, without what is secret."""
        text = self._secret.sub(MASK, text)
        return _PRIVATE_KEY.sub(MASK, _OF_USER.sub(f"{MASK}@", text))

    def quoted(self, data: str | bytes) -> str:
        """A frame as it came, without what is secret in it."""
        text = _text(data)
        frame = self._decoded(text)
        if frame is None:
            # What is broken cannot be searched: a secret may stand before or after its name.
            named = any(each in _folded(text) for each in _SECRETS)
            return f"{MASK} (no JSON, and with the name of a secret)" if named else self.safe(text)
        rewritten = self._masks(frame) or "\\u" in text
        return self.safe(json.encode(frame).decode() if rewritten else text)

    def add(self, kind: Kind, text: str) -> None:
        """Write a line; what a peer said is made harmless."""
        if self._is_full:
            self._left_out += 1
            return
        written = plain(self.safe(text), _LONGEST)
        self._characters += len(written)
        self._entries.append(Entry(self.seconds, kind, written))

    def frame(self, kind: Kind, data: str | bytes) -> None:
        """Write a frame that went over the wire, with its message id called by a short name."""
        if self._is_full:
            self._left_out += 1
            return
        self.add(kind, self._shown(data, kind))

    @property
    def _is_full(self) -> bool:
        return len(self._entries) >= _MOST or self._characters >= _MOST_CHARACTERS

    def _shown(self, data: str | bytes, kind: Kind) -> str:
        frame = self._decoded(_text(data))
        if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[1], str):
            return self.quoted(data)
        self._masks(frame)
        by_station = (kind is Kind.SENT) is (frame[0] == 2)
        frame[1] = self._name(frame[1], "s" if by_station else "c")
        return json.encode(frame).decode()

    def _decoded(self, text: str) -> Any:
        """What is in JSON; None if that cannot be read."""
        try:
            return json.decode(text)
        except (DecodeError, RecursionError, UnicodeError):
            return None

    def _masks(self, frame: Any) -> bool:
        """Mask in a frame what is secret by its name, and know it from now on."""
        found = False
        waiting = [frame]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                for name in _secret_fields(part):
                    found = True
                    if isinstance(part[name], str):
                        self.hide(*forms(part[name].encode()))
                    part[name] = MASK
                waiting += part.values()
            elif isinstance(part, list):
                waiting += part
        return found

    def _name(self, id: str, prefix: str) -> str:
        """`s1` for the station's first CALL and its answer, `c1` for the first of the CSMS."""
        if id not in self._names:
            self._count[prefix] += 1
            self._names[id] = f"{prefix}{self._count[prefix]}"
        return self._names[id]


def forms(key: bytes, identity: str = "") -> tuple[str, ...]:
    """What a station's key may look like: text, in JSON, hex digits, base64, HTTP Basic."""
    if not key:
        return ()
    text = key.decode(errors="replace")
    headers = (base64.b64encode(before + key).decode() for before in (b"", f"{identity}:".encode()))
    return (text, json.encode(text).decode()[1:-1], key.hex(), *headers)


def _text(data: str | bytes) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data


def _folded(text: str) -> str:
    return _NOT_IN_A_NAME.sub("", text).casefold()


def _secret_fields(part: dict[str, Any]) -> list[str]:
    """The fields of an object that hold a secret: those so called, and all beside such a key."""
    names = {_folded(name): name for name in part}
    key = part.get(names.get("key", ""))
    if isinstance(key, str) and _folded(key) in _SECRETS:
        beside = (name for folded, name in names.items() if folded != "key")
        return [name for name in beside if not isinstance(part[name], bool)]
    return [name for folded, name in names.items() if folded in _SECRETS]
