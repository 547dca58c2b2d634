"""Files of rows: CSV (RFC 4180) and JSON Lines, read and written without holding them in memory.

What a spreadsheet would take for a formula (OWASP, CSV injection) is written with an apostrophe
before it, which reading takes away again.
"""

import codecs
import csv
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import DecodeError, Struct, json

from voltkeep.domain.imports import Format

MEDIA_TYPES = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}
LONGEST_ROW = 64 * 1024
"""Characters of one row, whatever lines it has."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_DELIMITERS = (",", ";", "\t")  # a spreadsheet uses that of its country
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOM = "\ufeff"


class BadFile(ValueError):
    """The file cannot be read, from some line on."""


class Row(Struct, frozen=True, kw_only=True):
    """A row of a file, which begins at a line. With a ``problem`` it has no values."""

    line: int
    position: int  # bytes of the file that have been read
    values: dict[str, Any]
    problem: str = ""
    field: str = ""


# Writing.


async def written(
    pages: AsyncIterable[Sequence[Mapping[str, Any]]], columns: Sequence[str], form: Format
) -> AsyncIterator[bytes]:
    """Rows as the content of a file, a page at a time."""
    if form is Format.CSV:
        yield _csv([columns])
    async for page in pages:
        if form is Format.CSV:
            yield _csv([[cell(row[name]) for name in columns] for row in page])
        elif page:
            yield b"".join(json.encode(row) + b"\n" for row in page)


def cell(value: object) -> str:
    """A value as it stands in CSV."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case str():
            return "'" + value if _FORMULA.match(value) else str(value)
        case _:
            return str(value)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    # A lone surrogate cannot be written: it would be an error of the reader's.
    return text.getvalue().encode("utf-8", "replace")


# Reading.


async def rows_of(
    content: AsyncIterable[bytes], form: Format, columns: Collection[str]
) -> AsyncIterator[Row]:
    """The rows of a file, with no other names of values than ``columns``. Raises BadFile."""
    if form is Format.JSONL:
        async for line, position, text in _lines(content):
            if text.strip():
                yield _object(line, position, text, columns)
        return
    names: list[str] = []
    delimiter = ","
    async for line, position, text in _records(content):
        if not names:
            delimiter = max(_DELIMITERS, key=text.count)
            names = _header(_cells(text, delimiter, line), columns)
        elif text.strip():
            yield _cells_row(line, position, text, delimiter, names)
    if not names:
        raise BadFile("the file is empty: its first line names the columns")


def _cells_row(line: int, position: int, text: str, delimiter: str, names: list[str]) -> Row:
    try:
        cells = _cells(text, delimiter, line)
    except BadFile as error:
        return Row(line=line, position=position, values={}, problem=str(error))
    if len(cells) != len(names):
        problem = f"it has {len(cells)} cells, and the first line names {len(names)} columns"
        return Row(line=line, position=position, values={}, problem=problem)
    values = {
        name: text[1:] if _GUARDED.match(text) else text
        for name, text in zip(names, cells, strict=True)
    }
    return Row(line=line, position=position, values=values)


def _header(cells: list[str], columns: Collection[str]) -> list[str]:
    names = [each.strip() for each in cells]
    for name in names:
        if name not in columns:
            known = ", ".join(columns)
            raise BadFile(f"line 1: there is no column {_shown(name)}; there are: {known}")
        if names.count(name) > 1:
            raise BadFile(f"line 1: the column {name} is there twice")
    return names


def _cells(text: str, delimiter: str, line: int) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadFile(f"line {line}: it is not CSV: {error}") from error


def _object(line: int, position: int, text: str, columns: Collection[str]) -> Row:
    try:
        values = json.decode(text)
    except (DecodeError, RecursionError, UnicodeError) as error:
        return Row(line=line, position=position, values={}, problem=f"it is not JSON: {error}")
    if not isinstance(values, dict):
        return Row(line=line, position=position, values={}, problem="it is not a JSON object")
    for name in values:
        if name not in columns:
            shown, known = _shown(name), ", ".join(columns)
            problem = f"there is no field {shown}; there are: {known}"
            return Row(line=line, position=position, values={}, problem=problem, field=shown)
    return Row(line=line, position=position, values=values)


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:60])


async def _records(content: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, int, str]]:
    """Lines; those that are in one quoted cell, together."""
    begun, quotes, parts, length, position = 0, 0, [], 0, 0
    async for line, position, text in _lines(content):
        begun = begun or line
        parts.append(text)
        quotes += text.count('"')
        length += len(text)
        if length > LONGEST_ROW:
            raise BadFile(f"line {begun}: a quote is not closed, or the row is too long")
        if quotes % 2 == 0:
            yield begun, position, "\n".join(parts).removesuffix("\r")
            begun, quotes, parts, length = 0, 0, [], 0
    if parts:
        raise BadFile(f"line {begun}: a quote is not closed")


async def _lines(content: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, int, str]]:
    """Each line, its number, and how many bytes have been read. Raises BadFile."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, position, rest, is_begin = 0, 0, "", True
    async for block in content:
        if is_begin and block.startswith(_WIDE):
            raise BadFile("the file is UTF-16: save it as UTF-8")
        text = _decoded(decoder, block, line, final=False)
        if is_begin and text:
            text, is_begin = text.removeprefix(_BOM), False
        position += len(block)
        *whole, rest = (rest + text).split("\n")
        for each in whole:
            line += 1
            yield line, position, _checked(line, each)
        _checked(line + 1, rest)
    rest += _decoded(decoder, b"", line, final=True)
    if rest:
        yield line + 1, position, _checked(line + 1, rest)


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, line: int, *, final: bool) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as error:
        raise BadFile(f"after line {line}: the file is not UTF-8: save it as UTF-8") from error


def _checked(line: int, text: str) -> str:
    if len(text) > LONGEST_ROW:
        raise BadFile(f"line {line}: it is longer than {LONGEST_ROW} characters")
    if "\0" in text:
        raise BadFile(f"line {line}: it has a NUL character: this is no file of rows")
    return text
