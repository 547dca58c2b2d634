"""What both clients have in common: requests, answers, errors, pages and events, without I/O."""

import secrets
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from msgspec import DecodeError, Struct, json

T = TypeVar("T")

PREFIX = "/api/v1"
Content = bytes | str | Iterable[bytes] | AsyncIterable[bytes]

_JSON = "application/json"
_LONGEST_WAIT_S = 60.0
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})  # RFC 9110, 9.2.2
_BUSY = frozenset({429, 503})
_LARGEST_EVENT = 4 * 1024 * 1024
_FIRST_PAUSE_S = 0.5


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field of a request."""

    field: str
    problem: str


class _Details(Struct, frozen=True):
    """RFC 9457."""

    type: str = ""
    title: str = ""
    status: int = 0
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()


class ProblemError(Exception):
    """The server refused, or failed: problem details (RFC 9457)."""

    def __init__(self, status: int, details: _Details, retry_after_s: float | None) -> None:
        super().__init__(details.detail or details.title or f"the server answered {status}")
        self.status = status
        self.type = details.type
        self.title = details.title
        self.detail = details.detail
        self.fields = details.errors
        self.retry_after_s = retry_after_s


class NotReached(Exception):
    """The server cannot be reached, or the connection broke."""


class Page(Struct, Generic[T], frozen=True):
    """A part of a list; ``next`` is the cursor of the page after it."""

    items: tuple[T, ...]
    next: str | None = None


class Event(Struct, frozen=True):
    """Something that happened. One without an id was told live only and is not kept."""

    type: str
    data: Any
    id: int | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One call of the API."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    content: Content | None = None
    media_type: str = _JSON
    has_key: bool = False  # it is made once, however often it is asked for

    @property
    def is_repeatable(self) -> bool:
        """Whether asking again does no harm, and the body can be sent again."""
        again = self.content is None or isinstance(self.content, bytes | str)
        return again and (self.method in _REPEATABLE or self.has_key)

    @property
    def patience_s(self) -> float:
        """How much longer than usual the server may take: so long it was told to wait."""
        return float(self.query.get("wait") or 0)

    @property
    def parameters(self) -> dict[str, str]:
        """The query, without what was not said."""
        return {name: _word(each) for name, each in self.query.items() if each is not None}


def request(
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str | None] | None = None,
    body: Any = None,
) -> Request:
    """A call with a JSON body, or none. A header ``Idempotency-Key`` of "" is made up here."""
    said = {name: value for name, value in (headers or {}).items() if value is not None}
    key = "Idempotency-Key"
    if key in said and not said[key]:
        said[key] = secrets.token_hex(16)
    return Request(
        method=method,
        path=PREFIX + path if not path.startswith("//") else path[1:],
        query=query or {},
        headers=said,
        content=None if body is None else json.encode(body),
        has_key=key in said,
    )


def upload(
    method: str, path: str, content: Content, media_type: str, query: Mapping[str, Any]
) -> Request:
    """A call with a file."""
    return Request(
        method=method, path=PREFIX + path, query=query, content=content, media_type=media_type
    )


def headers_of(asked: Request) -> dict[str, str]:
    """What a request says of itself."""
    headers = {"accept": "application/json, */*;q=0.5", **asked.headers}
    if asked.content is not None:
        headers["content-type"] = asked.media_type
    return headers


def part(value: object) -> str:
    """A value as one segment of a path."""
    return quote(str(value), safe="")


def problem_of(status: int, headers: Mapping[str, str], content: bytes) -> ProblemError:
    """What an answer that is an error says."""
    try:
        details = json.decode(content, type=_Details)
    except (DecodeError, UnicodeError):
        details = _Details(title=f"the server answered {status}")
    return ProblemError(status, details, _retry_after_s(headers.get("retry-after")))


def pause_s(asked: Request, tried: int, error: Exception) -> float | None:
    """How long to wait before asking again; None: do not. ``tried`` counts from 0."""
    if not asked.is_repeatable:
        return None
    usual: float = _FIRST_PAUSE_S * 2**tried
    if isinstance(error, NotReached):
        return usual
    if isinstance(error, ProblemError) and error.status in _BUSY:
        wanted = usual if error.retry_after_s is None else error.retry_after_s
        return wanted if wanted <= _LONGEST_WAIT_S else None
    return None


def _retry_after_s(text: str | None) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at: datetime = parsedate_to_datetime(text)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def decoded(content: bytes, kind: Any) -> Any:
    """The body of an answer."""
    return None if kind is None else _decoder(kind).decode(content)


@cache
def _decoder(kind: Any) -> json.Decoder[Any]:
    return json.Decoder(kind)


def _word(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


class EventReader:
    """Server-sent events (WHATWG HTML, 9.2.6), from lines; ``last_id`` is where to go on."""

    def __init__(self, last_id: int | None = None) -> None:
        self.last_id = last_id
        self.retry_s = 2.0
        self._type = ""
        self._id: int | None = None
        self._data: list[str] = []
        self._length = 0

    def line(self, line: str) -> Event | None:
        """Read a line without its end. Raises NotReached for an event that never ends."""
        if not line:
            return self._told()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
                self._length += len(value)
                if self._length > _LARGEST_EVENT:
                    raise NotReached("an event is larger than any should be")
            case "id" if value.isascii() and value.isdigit():
                self._id = int(value)
            case "retry" if value.isascii() and value.isdigit():
                self.retry_s = min(int(value) / 1000, _LONGEST_WAIT_S)
        return None

    def broken(self) -> None:
        """The connection ended: what was not told whole is not told."""
        self._type, self._id, self._data, self._length = "", None, [], 0

    def _told(self) -> Event | None:
        type, id, data = self._type, self._id, "\n".join(self._data)
        self.broken()
        if not data:
            return None
        if id is not None:
            self.last_id = id
        try:
            return Event(type=type, data=json.decode(data), id=id)
        except DecodeError as error:
            raise NotReached("an event is not JSON") from error
