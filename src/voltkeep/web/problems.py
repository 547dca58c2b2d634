"""Problem details (RFC 9457): what went wrong, in the words of whoever can mend it."""

import math
import re
from typing import Any, cast

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from msgspec import Struct

from voltkeep.domain.accounts import Principal
from voltkeep.domain.campaigns import BadTerms
from voltkeep.domain.device_model import BadVariable
from voltkeep.domain.identity import BadName
from voltkeep.domain.sites import BadSite
from voltkeep.domain.telling import UnknownEventType
from voltkeep.services.accounts import (
    BadAccount,
    NotAllowed,
    NotAuthenticated,
    UnknownKey,
    UnknownTenant,
)
from voltkeep.services.authority import BadCertificate, FileTooLarge
from voltkeep.services.authorization import TokenExists, UnknownToken
from voltkeep.services.availability_plans import BadPlan, UnknownPlan
from voltkeep.services.batches import UnknownBatch
from voltkeep.services.campaigns import CampaignConflict, UnknownCampaign
from voltkeep.services.certificates import UnknownCertificate
from voltkeep.services.closing import NotClosable
from voltkeep.services.configuration import UnknownReport, UnsafeWrite
from voltkeep.services.diagnostics import UnknownLog
from voltkeep.services.firmware import UnknownUpdate, UnsoundUpdate
from voltkeep.services.images import BadImage, ImageExists, UnknownImage
from voltkeep.services.imports import ImportOver, TooManyImports, UnknownImport
from voltkeep.services.order_keys import KeyReused
from voltkeep.services.order_limits import TooManyWait
from voltkeep.services.orders import (
    BadExpiry,
    OrderConflict,
    TooManyOrders,
    UnknownOrder,
)
from voltkeep.services.outbound import OutboundRefused
from voltkeep.services.passwords import TooManyTries
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.provisioning import BadPolicy, StationExists, UnknownStation
from voltkeep.services.reservations import UnknownReservation
from voltkeep.services.roots import UnknownRoot, UnsafeDeletion
from voltkeep.services.security import TooBusy
from voltkeep.services.security_events import UnknownAlert
from voltkeep.services.sessions import UnknownSession
from voltkeep.services.sign_in import CodeNeeded, ProviderAway
from voltkeep.services.sites import SiteExists, SiteInUse, UnknownSite
from voltkeep.services.templates import BadTemplate, TemplateExists, UnknownTemplate
from voltkeep.services.tenants import TenantExists, TenantInUse
from voltkeep.services.token_groups import GroupExists, UnknownGroup
from voltkeep.services.transactions import UnknownTransaction
from voltkeep.services.transfers import BadLocation, NoRoom
from voltkeep.services.unknown_tokens import NotSeen
from voltkeep.services.users import (
    LastAdministrator,
    UnknownUser,
    UserExists,
    WrongCode,
    WrongPassword,
)
from voltkeep.services.webhooks import (
    EventsNotAllowed,
    TooManyWebhooks,
    UnknownDelivery,
    UnknownWebhook,
)
from voltkeep.web.bodies import TooSlow

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = 2
_MOST_WORDS = 500
_FIELD = re.compile(
    r"Object (?P<how>contains unknown|missing required) field `(?P<name>[^`]*)`"
    r"(?: - at `\$\.?(?P<path>[^`]*)`)?"
)
_NO_BODY = "'data'"  # Litestar's words for it, of a KeyError
_HOW = {"contains unknown": "there is no such field", "missing required": "is missing"}
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object with fields",
    "null": "nothing",
}
_PARSERS_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Expected `str` of length <= (?P<most>\d+)", "has to be at most {most} characters long"),
        (r"Expected `str` of length >= 1", "has to be filled in"),
        (
            r"Expected `str` of length >= (?P<least>\d+)",
            "has to be at least {least} characters long",
        ),
        (r"Expected `array` of length <= (?P<most>\d+)", "has to be a list of at most {most}"),
        (r"Expected `array` of length >= (?P<least>\d+)", "has to be a list of at least {least}"),
        (r"Expected `(?:int|float)` <= (?P<most>[-\d.e+]+)", "has to be at most {most}"),
        (r"Expected `(?:int|float)` >= (?P<least>[-\d.e+]+)", "has to be at least {least}"),
        (r"Expected `(?:int|float)` > (?P<least>[-\d.e+]+)", "has to be more than {least}"),
        (
            r"Expected `(?P<wanted>\w+)(?: \| null)?`, got `(?P<sent>\w+)`",
            "has to be {wanted}, and is {sent}",
        ),
        (r"Invalid RFC3339 encoded datetime", "is not a time, such as 2026-01-31T12:00:00Z"),
        (r"Invalid enum value (?P<sent>.*)", "cannot be {sent}"),
    )
)
_TITLES = {
    400: "The request cannot be understood",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "It clashes with what there is",
    412: "It has been changed meanwhile",
    413: "Too large",
    414: "The address is too long",
    415: "Unsupported media type",
    422: "The request does not fit",
    428: "Say which version you change",
    429: "Too many requests",
    431: "The headers are too large",
    500: "This failed here",
    502: "Another server failed",
    503: "Busy; try again",
    507: "No room",
}

Asked = Request[Principal | None, Any, State]


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field of the request: of its body, query, header or path."""

    field: str
    problem: str


class ProblemDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer that is an error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()


class Problem(Exception):
    """Answers the request with problem details; ``code`` ends their ``type``."""

    def __init__(  # each is a field of the answer
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        field: str = "",
        errors: tuple[FieldProblem, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or _slug(_TITLES.get(status, "problem"))
        self.errors = errors or ((FieldProblem(field, detail),) if field else ())
        self.headers = headers or {}


class NotThere(Problem):
    """There is nothing of that name, or not for whoever asks: nobody learns which."""

    def __init__(self, what: str) -> None:
        super().__init__(404, what, code="not-found")


class Conflict(Problem):
    """What is asked for clashes with what there is."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(409, detail, code="conflict", field=field)


class Unfit(Problem):
    """The request is well-formed, and says what cannot be."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(422, detail, code="unfit", field=field)


# What services raise, and how that is told. The first that fits counts.
KNOWN: list[tuple[type[Exception], int, str]] = [
    (NotAuthenticated, 401, "not-authenticated"),
    (NotAllowed, 403, "not-allowed"),
    (UnknownTenant, 404, "not-found"),
    (UnknownStation, 404, "not-found"),
    (UnknownTransaction, 404, "not-found"),
    (UnknownToken, 404, "not-found"),
    (UnknownGroup, 404, "not-found"),
    (NotSeen, 404, "not-found"),
    (UnknownReservation, 404, "not-found"),
    (UnknownReport, 404, "not-found"),
    (UnknownTemplate, 404, "not-found"),
    (TemplateExists, 409, "conflict"),
    (BadTemplate, 422, "unfit"),
    (UnsafeWrite, 422, "unfit"),
    (BadVariable, 422, "unfit"),
    (TokenExists, 409, "conflict"),
    (GroupExists, 409, "conflict"),
    (UnknownPlan, 404, "not-found"),
    (NotClosable, 409, "not-closable"),
    (UnknownUser, 404, "not-found"),
    (UnknownKey, 404, "not-found"),
    (UnknownSession, 404, "not-found"),
    (UnknownOrder, 404, "not-found"),
    (UnknownBatch, 404, "not-found"),
    (UnknownCampaign, 404, "not-found"),
    (CampaignConflict, 409, "conflict"),
    (BadTerms, 422, "unfit"),
    (OrderConflict, 409, "conflict"),
    (KeyReused, 422, "idempotency-key-reused"),
    (BadExpiry, 422, "unfit"),
    (TooManyOrders, 503, "busy"),
    (TooManyWait, 409, "queue-full"),
    (StationExists, 409, "conflict"),
    (UnknownSite, 404, "not-found"),
    (SiteExists, 409, "conflict"),
    (SiteInUse, 409, "in-use"),
    (UnknownImport, 404, "not-found"),
    (ImportOver, 409, "conflict"),
    (TooManyImports, 503, "busy"),
    (UserExists, 409, "conflict"),
    (TenantExists, 409, "conflict"),
    (TenantInUse, 409, "in-use"),
    (LastAdministrator, 409, "last-administrator"),
    (CodeNeeded, 401, "code-needed"),
    (WrongPassword, 403, "wrong-password"),
    (WrongCode, 403, "wrong-code"),
    (ProviderAway, 502, "provider-away"),
    (UnknownCertificate, 404, "not-found"),
    (UnknownRoot, 404, "not-found"),
    (UnsafeDeletion, 409, "conflict"),
    (UnknownLog, 404, "not-found"),
    (UnknownImage, 404, "not-found"),
    (ImageExists, 409, "conflict"),
    (BadImage, 422, "unfit"),
    (UnknownUpdate, 404, "not-found"),
    (UnsoundUpdate, 422, "unfit"),
    (UnknownAlert, 404, "not-found"),
    (NoRoom, 507, "no-room"),
    (BadLocation, 422, "unfit"),
    (BadCertificate, 422, "unfit"),
    (FileTooLarge, 413, "too-large"),
    (UnknownWebhook, 404, "not-found"),
    (UnknownDelivery, 404, "not-found"),
    (TooManyWebhooks, 409, "conflict"),
    (EventsNotAllowed, 403, "not-allowed"),
    (UnknownEventType, 422, "unfit"),
    (OutboundRefused, 422, "unfit"),
    (BadName, 422, "unfit"),
]

_FIELDS: dict[type[Exception], str] = {
    BadExpiry: "queue_until",
    KeyReused: "Idempotency-Key",
}
"""Which field of a request is wrong if a service raises this."""


def problem_of(error: Exception) -> Problem:
    """Any error as a problem; what nobody expected is told as no more than that."""
    match error:
        case Problem():
            return error
        case BadAccount() | BadSite() | BadPlan() | BadPolicy():
            return Problem(422, str(error), code="unfit", field=error.field)
        case StoreUnavailable() | TooSlow() | TooManyTries() | TooBusy():
            return _with_more(error)
        case ValidationException():
            return _invalid(error)
        case SerializationException() | HTTPException(__cause__=SerializationException()):
            return Problem(
                400, f"the body is not JSON: {_words(error.detail)}", code="invalid", field="body"
            )
        case NotFoundException():
            return Problem(404, "there is nothing at this address", code="not-found")
        case MethodNotAllowedException():
            return Problem(405, "not with this method", headers=dict(error.headers or {}))
        case HTTPException() if error.status_code < 500:
            headers = {name: str(value) for name, value in (error.headers or {}).items()}
            return Problem(error.status_code, _words(error.detail), headers=headers)
    for kind, status, code in KNOWN:
        if isinstance(error, kind):
            field = _FIELDS.get(kind, "")
            return Problem(status, _words(str(error)), code=code, field=field)
    return Problem(500, "this failed here; the log of the server says more", code="failed")


def _with_more(
    error: StoreUnavailable | TooSlow | TooManyTries | TooBusy,
) -> Problem:
    """Those that are told with a header."""
    again = {"retry-after": str(_RETRY_AFTER_S)}
    match error:
        case TooManyTries():
            headers = {"retry-after": str(math.ceil(error.wait_s))}
            return Problem(429, str(error), code="too-many-tries", headers=headers)
        case TooSlow():
            headers = {"connection": "close"}
            return Problem(408, "the body comes too slowly", field="body", headers=headers)
        case TooBusy():
            words = "too many passwords are being checked; try again"
            return Problem(503, words, headers=again)
        case StoreUnavailable():
            return Problem(503, "the database is away; try again", headers=again)


def _invalid(error: ValidationException) -> Problem:
    """What Litestar found, with the name of each field: of the body in dots, as in `evse.id`."""
    found = []
    for each in cast("list[dict[str, Any]]", error.extra if isinstance(error.extra, list) else []):
        source, key = str(each.get("source", "body")), str(each.get("key", ""))
        message = str(each.get("message", error.detail))
        if message == _NO_BODY:
            message = "a body is needed"
        at = _FIELD.fullmatch(message) or _PATH.search(message)
        inner = (at["path"] or "").removeprefix(".") if at else ""
        if at is not None and at.re is _FIELD:
            inner = ".".join(filter(None, [inner, at["name"]]))
            message = _HOW[at["how"]]
        inside = key not in {"data", ""} or source != "body"
        if each.get("source") == "header":
            key = "-".join(word.capitalize() for word in key.split("_"))
        name = ".".join(filter(None, [key if inside and key != "data" else "", inner]))
        found.append(FieldProblem(name or "body", _words(in_plain_words(_PATH.sub("", message)))))
    if not found:
        return Problem(400, _words(error.detail))
    detail = "; ".join(f"{each.field}: {each.problem}" for each in found)
    return Problem(400, _words(detail), code="invalid", errors=tuple(found))


def in_plain_words(text: str) -> str:
    """What a parser found, without the names of its types; as it was, if it is not known."""
    for pattern, words in _PARSERS_WORDS:
        found = pattern.fullmatch(text)
        if found is not None:
            named = {key: _TYPES.get(each, each) for key, each in found.groupdict().items()}
            return words.format(**named)
    return text


def told(request: Asked, error: Exception) -> Response[ProblemDetails]:
    """Answer an error. For an exception handler of Litestar."""
    problem = problem_of(error)
    note(request, error, problem)
    return Response(
        details_of(problem, request.url.path),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def note(request: Asked, error: Exception, problem: Problem) -> None:
    """Write down what nobody expected."""
    if problem.status >= 500 and not isinstance(error, StoreUnavailable | Problem):
        log.error("an API request failed", path=request.url.path, exc_info=error)


def details_of(problem: Problem, path: str) -> ProblemDetails:
    """What is told of a problem."""
    return ProblemDetails(
        type=f"urn:voltkeep:problem:{problem.code}",
        title=_TITLES.get(problem.status, "Problem"),
        status=problem.status,
        detail=_plain(problem.detail),
        instance=path,
        errors=problem.errors,
    )


def _words(text: str) -> str:
    """Somebody's words, short, and without what could disguise them."""
    plain = _plain(text)
    return plain if len(plain) <= _MOST_WORDS else plain[:_MOST_WORDS] + "…"


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
