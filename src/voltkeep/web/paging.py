"""Pages of a list: as many as asked for, and a cursor to where the next one begins."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

from litestar.params import QueryParameter
from msgspec import DecodeError, Struct, ValidationError, json

from voltkeep.services import lists
from voltkeep.services.lists import Place
from voltkeep.services.records import Look, Record
from voltkeep.web.problems import Asked, Problem

T = TypeVar("T")
Out = TypeVar("Out")
R = TypeVar("R", bound=Record)

_MOST = 500
_SIGNED_BYTES = 16
_LONGEST = 2000

Limit = Annotated[
    int, QueryParameter(ge=1, le=_MOST, description=f"How many at most, 1 to {_MOST}.")
]
Cursor = Annotated[
    str | None,
    QueryParameter(description="`next` of the page before; the other parameters as they were."),
]
DEFAULT_LIMIT = 100


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list. ``next`` is the cursor of the page after it; null: this is the last."""

    items: Sequence[T]
    next: str | None = None


class Cursors:
    """Makes cursors that fit one list and its filters, and that nobody else can make."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def after(self, request: Asked, place: Any) -> str:
        """The cursor to what comes after ``place``, in the list that was asked for."""
        content = json.encode(place)
        return base64.urlsafe_b64encode(self._signed(request, content) + content).decode()

    def place(self, request: Asked, cursor: str | None, kind: Any) -> Any:
        """Where a list goes on. Raises Problem if the cursor is not one of this list."""
        if cursor is None:
            return None
        try:
            if len(cursor) > _LONGEST:
                raise ValueError(cursor)
            octets = base64.b64decode(cursor, altchars=b"-_", validate=True)
            signed, content = octets[:_SIGNED_BYTES], octets[_SIGNED_BYTES:]
            if not hmac.compare_digest(signed, self._signed(request, content)):
                raise ValueError(cursor)
            return json.decode(content, type=kind)
        except (ValueError, binascii.Error, DecodeError, ValidationError) as error:
            raise Problem(
                400,
                "not a cursor of this list: take `next` of the page before, and leave the other "
                "parameters as they were",
                code="bad-cursor",
                field="cursor",
            ) from error

    def _signed(self, request: Asked, content: bytes) -> bytes:
        principal = request.user
        whose = principal.tenant if principal is not None else ""
        of = json.encode([whose, request.url.path, _filters(request.query_params)])
        return hmac.new(self._key, of + b"\0" + content, hashlib.sha256).digest()[:_SIGNED_BYTES]


async def page_of(
    request: Asked,
    cursors: Cursors,
    cursor: str | None,
    fetch: Callable[[Place | None], Awaitable[lists.Page[T]]],
    out: Callable[[T], Out],
) -> Page[Out]:
    """A page of one of `services.lists.Lists`, as the API shows it."""
    found = await fetch(cursors.place(request, cursor, Place))
    following = None if found.next is None else cursors.after(request, found.next)
    return Page(items=[out(row) for row in found.rows], next=following)


def page_of_records(
    request: Asked, cursors: Cursors, look: Look, found: Sequence[R], out: Callable[[R], Out]
) -> Page[Out]:
    """A page of `Records.page`, which was asked for with the ``look`` of `web.looks`."""
    rows, following = found[: look.limit - 1], None
    if len(found) == look.limit:
        last = rows[-1]
        following = cursors.after(request, (last.at, last.station.name, last.id))
    return Page(items=[out(row) for row in rows], next=following)


def _filters(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for, but for how much of it."""
    items = query.multi_items() if hasattr(query, "multi_items") else query.items()
    return sorted((name, str(value)) for name, value in items if name not in {"cursor", "limit"})
