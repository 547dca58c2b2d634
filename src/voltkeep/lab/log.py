"""The wire log of one case: all that was sent, received, ordered and noted, without secrets.

Two things keep secrets out. What the laboratory knows to be secret, or learns to be from a frame,
is masked wherever it turns up. And what a frame calls a secret is masked though nobody knows it.

What is another in each run (ids, serial numbers, keys) has a short name instead, so that two runs
of which nothing else differs have the same log. All else of a frame stands as it was written.
"""

import base64
import re
import time
from collections.abc import Iterable, Iterator

from msgspec import DecodeError, json

from voltkeep.lab import pem, written
from voltkeep.lab.names import Names
from voltkeep.lab.verdicts import Entry, Kind
from voltkeep.lab.written import Change, Part

MASK = "•••"
_LONGEST = 12_000  # characters of an entry
_LONGEST_READ = 60_000  # characters of a frame that is looked into
_MOST = 2_000  # entries of a case
_MOST_CHARACTERS = 600_000  # of all entries of a case
_SHORTEST_SECRET = 6  # characters; what is shorter would be found everywhere
_SECRETS = {"authorizationkey", "basicauthpassword"}  # configuration keys, as `_folded` has them
_OF_USER = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_NOTHING = re.compile(r"(?!)")
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_HEAD = re.compile(r'(\s*\[\s*([234])\s*,\s*)("(?:[^"\\]|\\.){0,400}")')
_BREAKS = str.maketrans("\r\n\t", "   ")
_NOT_IN_A_NAME = re.compile(r"[\W_]+")


class WireLog:
    """What one case has seen. Keeps so many entries, and says how many it left out."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._began = time.monotonic()
        self._entries: list[Entry] = []
        self._names = Names()
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

    def told(self, text: str) -> str:
        """The same, with the names that this log has for what the words are of."""
        text = self.safe(text)
        if len(text) > _LONGEST_READ:
            return text
        return self._names.put_into(pem.described(text, self._names.serial_number))

    def quoted(self, data: str | bytes, kind: Kind = Kind.RECEIVED) -> str:
        """A frame as it was written, without what is secret in it, and with the log's names."""
        text = self._with_name(_text(data), kind)
        top = written.parsed(text) if len(text) <= _LONGEST_READ else None
        if top is None:
            return self._unread(text)
        changes = self._masks(text, top) + [
            Change(value, json.encode(name).decode()) for value, name in self._named(text, top)
        ]
        changes += self._respelled(text, top)
        return self.told(written.changed(text, changes).translate(_BREAKS))

    def called(self, id: str, *, by_station: bool) -> str:
        """A message id as this log has it; as it is, if it is of no CALL."""
        return self._names.known("s" if by_station else "c", id) or id

    def add(self, kind: Kind, text: str) -> None:
        """Write a line; what a peer said is made harmless."""
        if self._is_full:
            self._left_out += 1
            return
        text = harmless(self.told(text)[:_LONGEST])[:_LONGEST]
        self._characters += len(text)
        self._entries.append(Entry(self.seconds, kind, text))

    def frame(self, kind: Kind, data: str | bytes) -> None:
        """Write a frame that went over the wire."""
        if self._is_full:
            self._left_out += 1
            return
        self.add(kind, self.quoted(data, kind))

    @property
    def _is_full(self) -> bool:
        return len(self._entries) >= _MOST or self._characters >= _MOST_CHARACTERS

    def _with_name(self, text: str, kind: Kind) -> str:
        """The frame with the name of its id. An answer to nothing keeps what it has."""
        head = _HEAD.match(text)
        if head is None:
            return text
        is_call = head[2] == "2"
        prefix = "s" if (kind is Kind.SENT) is is_call else "c"
        try:
            id = written.string(head[3])
        except (DecodeError, UnicodeError):
            return text
        name = self._names.of(prefix, id) if is_call else self._names.known(prefix, id)
        if name is None:
            return text
        return f'{head[1]}"{name}"{text[head.end() :]}'

    def _unread(self, text: str) -> str:
        """What is broken cannot be searched: a secret may stand before or after its name."""
        said = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
        if any(each in _folded(said) for each in _SECRETS):
            return f"{MASK} (it cannot be read, and has the name of a secret)"
        if said != text and self.safe(said) != said:
            return f"{MASK} (it cannot be read, and has a secret)"
        return self.told(text)

    def _masks(self, text: str, top: Part) -> list[Change]:
        """What is secret by its name; it is known to be secret from now on."""
        changes = []
        for part in written.parts(top):
            for value in _secrets_of(part, text):
                spelled = text[value.start : value.end]
                if spelled.startswith('"'):
                    self.hide(*forms(written.string(spelled).encode()))
                changes.append(Change(value, f'"{MASK}"'))
        return changes

    def _named(self, text: str, top: Part) -> Iterator[tuple[Part, str]]:
        """What is another in each run, and its name."""
        for part in written.parts(top):
            fields = {name for name, _ in part.fields}
            for name, value in part.fields:
                called = self._names.of_field(name, text[value.start : value.end], fields)
                if called is not None:
                    yield value, called

    def _respelled(self, text: str, top: Part) -> Iterator[Change]:
        """Strings with a secret that only their escapes hide."""
        for part in written.parts(top):
            spelled = text[part.start : part.end]
            if spelled.startswith('"') and "\\" in spelled:
                said = written.string(spelled)
                if (safe := self.safe(said)) != said:
                    yield Change(part, json.encode(safe).decode())


def harmless(text: str) -> str:
    """Without what acts on a terminal or breaks a file: escapes, as JSON has them, in its place."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


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


def _secrets_of(part: Part, text: str) -> list[Part]:
    """The fields of an object that hold a secret: those so called, and all beside such a key."""
    fields = [(_folded(name), value) for name, value in part.fields]
    for name, value in fields:
        spelled = text[value.start : value.end]
        if name == "key" and spelled.startswith('"') and _is_secret(written.string(spelled)):
            return [
                each
                for beside, each in fields
                if beside != "key" and text[each.start : each.end] not in {"true", "false"}
            ]
    return [value for name, value in fields if name in _SECRETS]


def _is_secret(name: str) -> bool:
    return _folded(name) in _SECRETS


def _escape(character: str) -> str:
    octets = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{octets[at : at + 4]}" for at in range(0, len(octets), 4))
