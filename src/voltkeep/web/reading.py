"""What requests say is read strictly: as the description of the API has it, and not more kindly."""

import json as builtin_json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import ValidationException
from litestar.handlers.base import BaseRouteHandler
from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import fields

from voltkeep.domain.accounts import Principal
from voltkeep.web.choices import none_of, with_choice
from voltkeep.web.problems import FieldProblem, Problem

T = TypeVar("T")

_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # in any zone; and whatever stores them can store those
_MOST_INT = 2**63 - 1
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,19})?([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = ("true", "false")
_OF = ("oneOf", "anyOf", "allOf")
_MOST_TEXT = 8192  # of a parameter; there is a head of 16 KiB around it


class StrictRequest(Request[Principal | None, Any, State]):
    """A body is read as the type that its handler takes: nothing is taken for something else."""

    async def json(self) -> Any:
        """The body as the handler takes it; as it is, where a handler reads it by itself."""
        self.check_type()
        body = await self.body()
        taken = self.route_handler.parsed_data_field
        return read_json(body or b"null", Any if taken is None else taken.annotation)

    def check_type(self) -> None:
        """Raises Problem 415 if the body says that it is not JSON; saying nothing is allowed."""
        said, _, _ = self.headers.get("content-type", "").partition(";")
        kind = said.strip().lower()
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise Problem(
                415,
                "send JSON, and say so: `Content-Type: application/json` (curl: --json)",
                code="unsupported-media-type",
                field="Content-Type",
            )


def read_json(body: bytes, kind: type[T], *, within: str = "") -> T:
    """The body as a value of this type. Raises ValidationException, with the field, or Problem."""
    if not body.strip():
        raise Problem(400, "a body is needed", code="invalid", field=within or "body")
    try:
        value = json.decode(body, type=kind)
        plain = builtin_json.loads(body, object_pairs_hook=_once)
    except ValidationError as error:
        raise _invalid(with_choice(str(error), body, kind), within) from error
    except RecursionError as error:
        raise Problem(400, "the body is nested too deeply", code="invalid", field="body") from error
    except (DecodeError, ValueError) as error:  # also of what msgspec skips
        raise Problem(
            400, f"the body is not JSON: {error}", code="invalid", field=within or "body"
        ) from error
    for at, problem in _faults(plain, value, "$"):
        raise _invalid(f"{problem} - at `{at}`", within)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers of JSON do not agree which of two counts (RFC 8259, 4)."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"`{name[:60]}` is there twice")
        found[name] = value
    return found


def _invalid(message: str, within: str) -> ValidationException:
    extra = [{"message": message, "key": within or "data", "source": "body"}]
    return ValidationException(message, extra=extra)


def _faults(plain: Any, value: Any, at: str) -> Iterator[tuple[str, str]]:
    """What is wrong though msgspec takes it: where, and what."""
    match plain:
        case dict():
            yield from _faults_of_object(plain, value, at)
        case list():
            inner: Iterable[Any] = plain
            if isinstance(value, list | tuple) and len(value) == len(plain):
                inner = value
            for place, (each, as_read) in enumerate(zip(plain, inner, strict=True)):
                yield from _faults(each, as_read, f"{at}[{place}]")
        case str():
            if "\0" in plain:
                yield at, "a text has no NUL in it"
            if isinstance(value, datetime) and (problem := _fault_of_time(plain, value)):
                yield at, problem
        case int() if abs(plain) > _MOST_INT:
            yield at, f"a whole number is at most {_MOST_INT}"


def _faults_of_object(plain: dict[str, Any], value: Any, at: str) -> Iterator[tuple[str, str]]:
    names: Mapping[str, str] | None = None
    if isinstance(value, Struct):
        names = {each.encode_name: each.name for each in fields(value)}
        config = value.__struct_config__
        known = {*names, config.tag_field}
        for name in plain:
            if name not in known:
                yield at, f"Object contains unknown field `{name[:60]}`"
    for name, each in plain.items():
        inside = f"{at}.{name[:60]}"
        if "\0" in name:
            yield at, "a name has no NUL in it"
        elif names is not None and name in names:
            yield from _faults(each, getattr(value, names[name]), inside)
        elif isinstance(value, Mapping):
            yield from _faults(each, value.get(name), inside)
        else:
            yield from _faults(each, None, inside)


def _fault_of_time(said: str, at: datetime) -> str:
    if _TIME.fullmatch(said) is None:
        return "a time is RFC 3339 and has a zone, as in 2026-05-01T12:00:00Z"
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        return f"a time is between the years {_FIRST_YEAR} and {_LAST_YEAR}"
    return ""


async def known_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard for all routes: a parameter that a route does not know is a mistake, and is said.

    Unless the route takes whatever others make up. Raises Problem.
    """
    for name, value in connection.path_params.items():
        if isinstance(value, str) and "\0" in value:
            raise _wrong(name, "a text has no NUL in it")
    if not connection.query_params or handler.opt.get("takes_any_query"):
        return
    schema = connection.app.state.schema
    operation = f"{connection.scope.get('method')} {connection.scope.get('path_template', '')}"
    known: dict[str, str] | None = schema.parameters.get(operation)
    choices: dict[str, list[str]] = schema.choices.get(operation, {})
    seen: set[str] = set()
    for name, value in connection.query_params.multi_items():
        if known is None:
            continue
        if name not in known:
            choice = ", ".join(sorted(known)) or "none"
            raise _wrong(name, f"there is no such parameter; there are: {choice}")
        if name in seen and known[name] != "array":
            raise _wrong(name, "say it once")
        seen.add(name)
        if problem := _fault_of_parameter(known[name], value):
            raise _wrong(name, problem)
        if name in choices and value not in choices[name]:
            raise _wrong(name, none_of(repr(value[:60]), choices[name]))


def _wrong(name: str, problem: str) -> Problem:
    shown = "".join(each if each.isprintable() else "?" for each in name[:60])
    return Problem(
        400, f"{shown}: {problem}", code="invalid", errors=(FieldProblem(shown, problem),)
    )


def _fault_of_parameter(kind: str, value: str) -> str:
    """Why this cannot be the value of a parameter of this kind; "" if it can."""
    if "\0" in value:
        return "a text has no NUL in it"
    if len(value) > _MOST_TEXT:
        return f"a parameter has at most {_MOST_TEXT} characters"
    match kind:
        case "integer":
            if _INTEGER.fullmatch(value) is None or abs(int(value)) > _MOST_INT:
                return "expected a whole number"
        case "number":
            if _NUMBER.fullmatch(value) is None or not math.isfinite(float(value)):
                return "expected a number"
        case "boolean":
            if value not in _BOOLEANS:
                return "expected true or false"
        case "date-time":
            if _TIME.fullmatch(value) is None:
                return "expected a time with a zone, as in 2026-05-01T12:00:00Z"
            if not _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
                return f"expected a time between the years {_FIRST_YEAR} and {_LAST_YEAR}"
    return ""


def kind_of(schema: Mapping[str, Any]) -> str:
    """What the values of a parameter with this schema are; "" for texts."""
    for each in (schema, *(inner for of in _OF for inner in schema.get(of, ()))):
        types = each.get("type", "")
        for kind in (types,) if isinstance(types, str) else types:
            if kind in {"integer", "number", "boolean", "array"}:
                return str(kind)
            if kind == "string" and each.get("format") == "date-time":
                return "date-time"
    return ""


def choice_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> list[str]:
    """The values that a parameter with this schema may have; none: any."""
    for each in (schema, *(inner for of in _OF for inner in schema.get(of, ()))):
        named = components.get(str(each.get("$ref", "")).rpartition("/")[2], each)
        if "enum" in named and all(isinstance(value, str | None) for value in named["enum"]):
            return [value for value in named["enum"] if value is not None]
    return []
