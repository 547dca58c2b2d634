"""Secrets of a driver's file, and words that must not repeat them, in whatever form."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

_MASK = "•••"
_SHORTEST_SECRET = 6  # characters; shorter ones would mask innocent words
_MOST_WORDS = 1 << 16  # characters that are looked through
_SCHEME_OF_AUTHORIZATION = re.compile(r"^(Basic|Bearer|Token|ApiKey) ", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_ENTITIES = {'"': "&quot;", "&": "&amp;", "'": "&apos;", "<": "&lt;", ">": "&gt;"}
_ESCAPES = {"\n": r"\\+n", "\r": r"\\+r", "\t": r"\\+t", " ": r"\+"}

NAMES = re.compile(r"pass|secret|token|key|authorization|cookie|credential", re.IGNORECASE)
"""What secrets are called in headers, and in tables of the file."""
NAMES_IN_ORDERS = re.compile(r"pass|secret|credential", re.IGNORECASE)
"""The same in orders, whose tokens and configuration keys are none."""


class Mask:
    """Hides secrets in a peer's words: as they are, and as JSON, HTML, URLs and base64 do."""

    def __init__(self) -> None:
        self._patterns: dict[str, str] = {}  # by the secret
        self._any = re.compile(r"(?!)")

    def hide(self, secret: str) -> None:
        """It is a secret, unless it is so short that it could be any word."""
        for each in {secret.strip(), _SCHEME_OF_AUTHORIZATION.sub("", secret.strip())}:
            if len(each) < _SHORTEST_SECRET or each in self._patterns:
                continue
            self._patterns[each] = "|".join(_forms(each))
            longest_first = sorted(self._patterns.items(), key=lambda item: -len(item[0]))
            self._any = re.compile("|".join(form for _, form in longest_first), re.IGNORECASE)

    def hide_named(self, value: Any, names: re.Pattern[str] = NAMES) -> None:
        """Hide the texts in there whose names say that they are secret."""
        for each in _named(value, names, ""):
            self.hide(each)

    def __call__(self, words: str) -> str:
        """The words without any secret, nor what stands before the host in a URL."""
        return _IN_URL.sub(f"{_MASK}@", self._any.sub(_MASK, words[:_MOST_WORDS]))


class Environ(Mapping[str, str]):
    """The environment, all of it secret that is read."""

    def __init__(self, environ: Mapping[str, str], mask: Mask) -> None:
        self._environ = environ
        self._mask = mask

    def __getitem__(self, name: str) -> str:
        self._mask.hide(self._environ[name])
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def in_base64(text: object) -> str:
    """A text as HTTP Basic has it."""
    return base64.b64encode(str(text).encode()).decode()


def _named(value: Any, names: re.Pattern[str], name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _named(each, names, f"{name} {inner}")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _named(each, names, name)
    elif isinstance(value, str) and names.search(name):
        yield value


def _forms(secret: str) -> Iterator[str]:
    yield "".join(f"(?:{'|'.join(_spellings(each))})" for each in secret)
    octets = secret.encode(errors="surrogateescape")
    for each in {base64.b64encode(octets), base64.urlsafe_b64encode(octets)}:
        yield re.escape(each.decode().rstrip("="))


def _spellings(character: str) -> Iterator[str]:
    """All that a character is written as, within escapes of escapes too."""
    before = "" if character.isalnum() else r"\\*"
    yield before + re.escape(character)
    octets = character.encode(errors="surrogateescape")
    yield "".join(f"%(?:25)*{octet:02x}" for octet in octets)
    units = character.encode("utf-16-be", errors="surrogatepass")
    yield "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    yield f"&#(?:0*{ord(character)}|x0*{ord(character):x});"
    for named in (_ENTITIES.get(character), _ESCAPES.get(character)):
        if named:
            yield named
