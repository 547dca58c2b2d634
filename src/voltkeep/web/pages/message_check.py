"""What our validator says of a frame now: of one in the message log, or of one that is pasted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

from litestar import Response, get, post
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import BadName
from voltkeep.services.checking import Checked, Place
from voltkeep.services.lists import MessageFilter
from voltkeep.services.ports import LoggedExchange
from voltkeep.web.access import ApiServices, Given, Who, named, seen_sites
from voltkeep.web.api.messages import frame_of
from voltkeep.web.discretion import shown
from voltkeep.web.looks import Time
from voltkeep.web.pages import frames
from voltkeep.web.pages.rendering import page
from voltkeep.web.problems import Asked, NotThere, Problem

_LONGEST_FRAME = 65_536
_LONGEST_ACTION = 64
_AT_ONCE = 50  # messages of one station within a millisecond

_Id = Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1)]


class Judged(Struct, frozen=True, kw_only=True):
    """A frame by one version, with its payload; ``paths`` are those of the violations.

    ``is_open``: it is the version that the frame is meant for, as far as one can tell.
    """

    name: str
    checked: Checked
    payload: frames.Side
    paths: Sequence[str]
    is_spoken: bool = False
    is_open: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """A frame with what each version says of it; ``what`` is call, answer or pasted."""

    what: str
    is_error: bool
    versions: Sequence[Judged]


def judged(
    services: ApiServices,
    principal: Principal,
    frame: bytes,
    what: str,
    action: str = "",
    spoken: str = "",
) -> Part:
    """What every version says of a frame: first the one that its station speaks."""
    read = frame_of(frame)
    if what != "pasted":
        read = shown(principal, read)
    content = frames.content_of(read)
    found = services.checker.check(frame, action)
    first = sorted(found, key=lambda each: each.subprotocol != spoken)
    is_known = bool(first) and first[0].subprotocol == spoken
    meant = first[0] if is_known else min(found, key=_strangeness)
    return Part(
        what=what,
        is_error=isinstance(read, list) and read[:1] in ([4], [5]),
        versions=[_judged(each, content, spoken, is_open=each is meant) for each in first],
    )


def _strangeness(checked: Checked) -> tuple[bool, int]:
    """How far a frame is from what a version knows."""
    return not checked.schema, len(checked.violations)


def _judged(checked: Checked, content: Any, spoken: str, *, is_open: bool) -> Judged:
    marks: dict[Place, list[int]] = {}
    for number, each in enumerate(checked.violations, 1):
        if each.marked is not None:
            marks.setdefault(each.marked, []).append(number)
    return Judged(
        name=checked.subprotocol.replace("ocpp", "OCPP "),
        checked=checked,
        payload=frames.marked(content, marks),
        paths=[
            "" if each.place is None else frames.path_of(each.place) for each in checked.violations
        ],
        is_spoken=checked.subprotocol == spoken,
        is_open=is_open,
    )


@get("/messages/check", needs=Permission.READ_MESSAGES, include_in_schema=False)
async def check_page(
    request: Asked,
    principal: Who,
    services: Given,
    station: FromQuery[str] = "",
    at: Time = None,
    id: _Id = None,
) -> Response[str]:
    """A form to check a frame with; or a message of the log, which an address names whole."""
    if not station or at is None or id is None:
        return page(
            request,
            "message_check.html",
            parts_found=[],
            longest=_LONGEST_FRAME,
            frame="",
            action="",
            logged=None,
        )
    if at.tzinfo is None:
        raise Problem(400, "`at` needs a time zone", code="invalid")
    found = await _logged(services, principal, station, at, id)
    exchange = found.exchange
    spoken = await _spoken(services, principal, station)
    parts = [judged(services, principal, exchange.call, "call", spoken=spoken)]
    if exchange.answer is not None:
        action = exchange.action
        parts.append(judged(services, principal, exchange.answer, "answer", action, spoken))
    return page(
        request,
        "message_check.html",
        parts_found=parts,
        longest=_LONGEST_FRAME,
        frame="",
        action="",
        logged=exchange,
    )


async def _logged(
    services: ApiServices, principal: Principal, station: str, at: datetime, id: int
) -> LoggedExchange:
    """The message that they may see. Raises NotThere."""
    which = MessageFilter(
        sites=seen_sites(principal, None),
        station=station,
        since=at,
        before=at + timedelta(milliseconds=1),
    )
    async with services.read() as work:
        found = await work.lists.messages(principal.tenant, which, "at", limit=_AT_ONCE)
    for each in found.rows:
        if each.id == id:
            return each
    raise NotThere("the message log no longer has that message")


async def _spoken(services: ApiServices, principal: Principal, station: str) -> str:
    """What the station speaks now, or spoke last; "" if nobody knows."""
    try:
        id = named(principal, station)
    except BadName:
        return ""
    async with services.read() as work:
        known = await work.stations.get(id)
    return (known.subprotocol if known is not None else "") or ""


@post("/messages/check", needs=Permission.READ_MESSAGES, include_in_schema=False, status_code=200)
async def check_frame(request: Asked, principal: Who, services: Given) -> Response[str]:
    """What is wrong with the frame in the form: it is not kept, and stands in no address."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
    frame = fields.get("frame", [""])[0].strip()
    action = fields.get("action", [""])[0].strip()
    if len(frame) > _LONGEST_FRAME or len(action) > _LONGEST_ACTION:
        words = f"a frame has at most {_LONGEST_FRAME} characters here"
        raise Problem(400, words, code="invalid")
    parts = [judged(services, principal, frame.encode(), "pasted", action)] if frame else []
    return page(
        request,
        "message_check.html",
        parts_found=parts,
        longest=_LONGEST_FRAME,
        frame=frame,
        action=action,
        logged=None,
    )


AT_THE_ROOT = [check_page, check_frame]
EXAMPLES: list[object] = []
