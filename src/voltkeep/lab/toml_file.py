"""TOML files that people write: read, checked, and each mistake told with its line."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct, ValidationError

Keys = tuple[str | int, ...]  # the way to a value: names of tables and keys, places in lists
S = TypeVar("S", bound=Struct)

_LARGEST = 1 << 20  # bytes
_AT = re.compile(r" \(at line (\d+), column \d+\)$")
_OF_VALUE = re.compile(r" - at `.*`$")


class Mistake(NamedTuple):
    """What is wrong in a file; line 0 is the file as such."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class Mistakes(Exception):
    """All that is wrong in files, in their order."""

    def __init__(self, found: Iterable[Mistake]) -> None:
        self.found = tuple(sorted(found))
        super().__init__("\n".join(map(str, self.found)))


class Document:
    """A TOML file, and what was found wrong in it."""

    def __init__(self, path: Path) -> None:
        """Raises Mistakes: it cannot be read, or is no TOML."""
        self.path = path
        self.mistakes: list[Mistake] = []
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise Mistakes([Mistake(path, 0, "it is too large.")])
            self._text = content.decode()
            self.table = tomllib.loads(self._text)
        except OSError as error:
            raise Mistakes([Mistake(path, 0, f"cannot be read: {error.strerror}.")]) from None
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise Mistakes([Mistake(path, line, "it is not UTF-8.")]) from None
        except (ValueError, RecursionError) as error:
            raise Mistakes([_no_toml(path, content, error)]) from None
        self._lines: dict[Keys, int] | None = None

    def wrong(self, text: str, *keys: str | int, line: int = 1) -> None:
        """Note a mistake, at a key; ``line`` counts within a text of several lines."""
        self.mistakes.append(Mistake(self.path, self.line(*keys) + self._within(keys, line), text))

    def line(self, *keys: str | int) -> int:
        """Where a key stands, or what of the way to it is there."""
        if self._lines is None:
            self._lines = _lines(self._text)
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines[keys]

    def read(self, type_: type[S], *left_out: str) -> S:
        """What it holds, but for keys left out.

        Raises:
            Mistakes: what is unknown, missing or of a wrong kind.
        """
        table = {name: value for name, value in self.table.items() if name not in left_out}
        self._check(type_, table, ())
        self.finish()
        return msgspec.convert(table, type_, str_keys=True)

    def finish(self) -> None:
        """Raises Mistakes, if there are any."""
        if self.mistakes:
            raise Mistakes(self.mistakes)

    def _check(self, type_: Any, value: Any, at: Keys) -> None:
        fitting = _alternative(type_, value)
        if isinstance(fitting, type) and issubclass(fitting, Struct) and isinstance(value, dict):
            self._check_table(fitting, value, at)
        elif get_origin(fitting) is dict and isinstance(value, dict):
            kind, inner = get_args(fitting)
            for name, each in value.items():
                self._convert(dict[kind, Any], {name: None}, (*at, name))  # type: ignore[valid-type]  # known at run time only
                self._check(inner, each, (*at, name))
        elif get_origin(fitting) is tuple and isinstance(value, list):
            for place, each in enumerate(value):
                self._check(get_args(fitting)[0], each, (*at, place))
        else:
            self._convert(type_, value, at)

    def _check_table(self, type_: type[Struct], table: dict[str, Any], at: Keys) -> None:
        known = {field.encode_name: field for field in msgspec.structs.fields(type_)}
        for name in table.keys() - known.keys():
            self.wrong(f"unknown field {shown(name)}.{nearest(name, known)}", *at, name)
        for name, field in known.items():
            if name in table:
                self._check(field.type, table[name], (*at, name))
            elif field.required:
                self.wrong(f"{dotted(*at, name)} is missing.", *at)

    def _convert(self, type_: Any, value: Any, at: Keys) -> None:
        try:
            msgspec.convert(value, type_, str_keys=True)
        except ValidationError as error:
            if value == "":
                self.wrong(f"{dotted(*at)} is empty.", *at)
                return
            words = _OF_VALUE.sub("", str(error))
            if words.startswith("Expected `str`") and not isinstance(value, dict | list | str):
                words += ": put it in quotes"
            self.wrong(f"{dotted(*at)}: {words[:1].lower()}{words[1:]}.", *at)

    def _within(self, keys: Keys, line: int) -> int:
        """How many lines below its key a line of a text stands."""
        first = self._text.split("\n")[self.line(*keys) - 1]
        quoted = re.search(r"'''|\"\"\"", first)
        if quoted is None:
            return 0
        # TOML leaves out a line break that follows the quotes.
        return line if not first[quoted.end() :].strip() else line - 1


def nearest(name: str, names: Iterable[str]) -> str:
    """A question whether another name was meant, if one is near."""
    close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def dotted(*keys: str | int) -> str:
    """The way to a value, as one says it."""
    return ".".join(map(str, keys))


def shown(name: str) -> str:
    """A name that somebody chose, cut and quoted."""
    return repr(name[:80])


def _no_toml(path: Path, content: bytes, error: Exception) -> Mistake:
    words = str(error)
    at = _AT.search(words)
    line = int(at[1]) if at else content.count(b"\n") + 1
    reason = _AT.sub("", words).removesuffix(" (at end of document)")
    if not at and "end of document" in words:
        reason += ", and the file ends"
    return Mistake(path, line, f"it is no TOML: {reason}.")


def _alternative(type_: Any, value: Any) -> Any:
    """Of a union, what fits a table or a list; the type itself where that is no question."""
    for each in get_args(type_) if get_origin(type_) in {Union, UnionType} else ():
        if isinstance(value, dict) and isinstance(each, type) and issubclass(each, Struct):
            return each
        if isinstance(value, list) and get_origin(each) is tuple:
            return each
    return type_


def _lines(text: str) -> dict[Keys, int]:
    """The line of every table and key. tomllib does not tell, so statements are read one by one."""
    found: dict[Keys, int] = {(): 1}
    lists: Counter[Keys] = Counter()
    here: Keys = ()
    statement, begins = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            begins = number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        if parsed and statement.lstrip().startswith("["):
            here = _header(parsed, lists)
            for length in range(1, len(here) + 1):
                found.setdefault(here[:length], begins)
        else:
            for keys in _ways(parsed):
                found.setdefault((*here, *keys), begins)
        statement = ""
    return found


def _header(parsed: dict[str, Any], lists: Counter[Keys]) -> Keys:
    """The table that a header opens: `[a.b]`, or the next of `[[a.b]]`."""
    *_, way = _ways(parsed)
    names = [name for name in way if isinstance(name, str)]
    at: Keys = ()
    for place, name in enumerate(names, 1):
        at = (*at, name)
        if place == len(names) < len(way):
            lists[at] += 1
        if lists[at]:
            at = (*at, lists[at] - 1)
    return at


def _ways(value: Any) -> Iterator[Keys]:
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        yield (key,)
        for keys in _ways(each):
            yield (key, *keys)
