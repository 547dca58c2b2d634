"""The description of the API (OpenAPI 3.1): what Litestar makes of the routes, made complete."""

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, inspect, json, to_builtins
from msgspec.json import schema_components

from voltkeep.web.auth import NEEDS, PUBLIC
from voltkeep.web.openapi_headers import HEADERS, PARAMETERS, describe_answers, described
from voltkeep.web.problems import MEDIA_TYPE, FieldProblem, ProblemDetails
from voltkeep.web.reading import choice_of, kind_of

TAKES = "takes"
"""The option of a route that reads its body itself: the types that it may be."""

MEDIA = "media"
"""The option of a route that streams a file: an example of it by each of its media types."""

STATES = "states"
"""The option of a route that lists records: the states that its parameter `state` may name."""

CONTENT = "content"
"""The option of a route that takes a file: an example of it by each of its media types."""

_JSON = "application/json"
_PROBLEM = "ProblemDetails"
_METHODS = ("get", "put", "post", "delete", "patch", "head")


class ApiSchema(Struct, frozen=True):
    """The finished description, and what is looked up in it.

    ``parameters`` has by ``METHOD /path`` what kind the values of its query parameters are of,
    ``choices`` what values there are of those that have few.
    """

    content: bytes
    document: dict[str, Any]
    parameters: dict[str, dict[str, str]]
    choices: dict[str, dict[str, list[str]]]
    methods: dict[str, list[str]]


@get("/openapi.json", needs=PUBLIC, include_in_schema=False, media_type=_JSON)
async def schema_route(state: State) -> Response[bytes]:
    """This description."""
    schema: ApiSchema = state.schema
    return Response(schema.content, media_type=_JSON, headers={"cache-control": "no-cache"})


def finished(app: Litestar, examples: Mapping[str, Any]) -> ApiSchema:
    """Add what routes do not say themselves: how errors look, who may ask, and examples.

    ``examples`` are values by the name of the schema they are examples of, as handlers return
    and take them; a page of a schema needs none of its own.
    """
    document: dict[str, Any] = app.openapi_schema.to_schema()
    plain = {name: json.decode(json.encode(value)) for name, value in examples.items()}
    handlers = {
        (path, method.lower()): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler) and handler.include_in_schema is not False
        for path in [route.path_format]
        for method in handler.http_methods
    }
    schemas = _Schemas(handlers.values())
    components = document["components"]["schemas"] | schemas.components
    document["components"]["schemas"] = schemas.components | {_PROBLEM: _problem_schema()}
    parameters: dict[str, dict[str, str]] = {}
    choices: dict[str, dict[str, list[str]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            handler = handlers[path, method]
            asked = operation.get("parameters", [])
            _name_states(asked, handler.opt.get(STATES, ()))
            queried = {each["name"]: each["schema"] for each in asked if each["in"] == "query"}
            name = f"{method.upper()} {path}"
            parameters[name] = {each: kind_of(schema) for each, schema in queried.items()}
            found = {each: choice_of(schema, components) for each, schema in queried.items()}
            choices[name] = {each: values for each, values in found.items() if values}
            schemas.put(operation, handler)
            _put_files(operation, handler)
            _name(operation, handler)
            _complete(operation, plain, handler.opt.get(NEEDS))
            operation["parameters"] = described(asked, handler.opt.get(NEEDS))
    describe_answers(document["paths"])
    document["components"].setdefault("headers", {}).update(HEADERS)
    document["components"].setdefault("parameters", {}).update(PARAMETERS)
    document = json.decode(json.encode(document, order="sorted"))
    methods = {
        path: sorted({*(each.upper() for each in item if each in _METHODS), "OPTIONS"})
        for path, item in document["paths"].items()
    }
    content = json.format(json.encode(document), indent=2)
    return ApiSchema(content, document, parameters, choices, methods)


def _name_states(parameters: Iterable[dict[str, Any]], states: Iterable[str]) -> None:
    """All lists share one filter, and each kind of record has states of its own."""
    values = [str(each) for each in states]
    for each in parameters:
        if values and each["name"] == "state":
            each["schema"] = {"oneOf": [{"type": "string", "enum": values}, {"type": "null"}]}


class _Schemas:
    """What handlers take and return, as msgspec reads and writes it: Litestar says less."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler]) -> None:
        types = {
            type_
            for each in handlers
            for type_ in (_taken(each), _returned(each), *each.opt.get(TAKES, ()))
            if type_
        }
        self._types = sorted(types, key=str)
        found, self.components = schema_components(
            self._types, ref_template="#/components/schemas/{name}"
        )
        self._of = dict(zip(self._types, found, strict=True))
        _say_times(self._types, self.components)

    def put(self, operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
        if (read := handler.opt.get(TAKES)) is not None:
            schema = {"anyOf": [self._of[each] for each in read]}
            operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
        if (taken := _taken(handler)) is not None:
            for media in operation["requestBody"]["content"].values():
                media["schema"] = self._of[taken]
        if (returned := _returned(handler)) is not None:
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    for media in response.get("content", {}).values():
                        media["schema"] = self._of[returned]


def _say_times(types: Sequence[Any], components: Mapping[str, Any]) -> None:
    """Times: msgspec says of one that it is a string, unless it must have a zone."""
    seen: dict[type, None] = {}

    def walk(found: object) -> None:
        if isinstance(found, inspect.StructType):
            if found.cls in seen:
                return
            seen[found.cls] = None
            names = {found.cls.__name__, f"{found.cls.__module__}.{found.cls.__qualname__}"}
            for name in names & components.keys():
                properties = components[name].get("properties", {})
                for field in found.fields:
                    if field.encode_name in properties:
                        _say_time(field.type, properties[field.encode_name])
        if isinstance(found, Struct):
            for name in found.__struct_fields__:
                walk(getattr(found, name))
        elif isinstance(found, tuple | list):
            for each in found:
                walk(each)

    walk(inspect.multi_type_info(types))


def _say_time(kind: inspect.Type, schema: dict[str, Any]) -> None:
    match kind:
        case inspect.DateTimeType() if schema.get("type") == "string":
            schema["format"] = "date-time"
        case inspect.UnionType():
            if any(isinstance(each, inspect.DateTimeType) for each in kind.types):
                for each in schema.get("anyOf", ()):
                    if each == {"type": "string"}:
                        each["format"] = "date-time"
        case inspect.Metadata():
            _say_time(kind.type, schema)


def _put_files(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Bodies that are files, whichever of some media types they are of."""
    if (given := handler.opt.get(CONTENT)) is not None:
        operation["requestBody"] = {"required": True, "content": _files(given)}
    if (taken := handler.opt.get(MEDIA)) is not None:
        operation["responses"]["200"]["content"] = _files(taken)


def _files(examples: Mapping[str, str]) -> dict[str, Any]:
    return {
        media: {"schema": {"type": "string"}, "example": example}
        for media, example in examples.items()
    }


def _taken(handler: HTTPRouteHandler) -> Any:
    field = handler.parsed_data_field
    return field.annotation if field is not None and _is_ours(field.annotation) else None


def _returned(handler: HTTPRouteHandler) -> Any:
    annotation = handler.parsed_return_field.annotation
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    return annotation if _is_ours(annotation) else None


def _is_ours(annotation: Any) -> bool:
    """Whether msgspec reads or writes it: a struct, or some made of structs."""
    inner = get_args(annotation)
    if inner and get_origin(annotation) in {list, Sequence, tuple, Union, UnionType}:
        return all(each in {type(None), Ellipsis} or _is_ours(each) for each in inner)
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, Struct)


def _name(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """As the code does: a handler says in a verb and a noun what it does."""
    operation["operationId"] = handler.handler_name
    operation["tags"] = [handler.fn.__module__.rpartition(".")[2].replace("_", " ")]
    first = (operation.get("description") or "").partition(".")[0]
    operation["summary"] = " ".join(first.split())


def _complete(operation: dict[str, Any], examples: Mapping[str, Any], needs: object) -> None:
    if needs == PUBLIC:
        operation["security"] = []
    elif needs is not None:
        words = operation.get("description", "").rstrip()
        each_of = needs if isinstance(needs, tuple) else (needs,)
        any_of = " or ".join(f"`{each}`" for each in each_of)
        operation["description"] = f"{words}\n\nNeeds: {any_of}.".strip()
    responses = operation["responses"]
    if "204" in responses:
        responses["204"].pop("content", None)
    for status in [each for each in responses if not each.startswith(("1", "2", "3"))]:
        del responses[status]
    for status, words in (("4XX", "The request was refused."), ("5XX", "It failed here.")):
        responses[status] = _problem_response(words)
    bodies = [operation.get("requestBody", {})]
    for body in [*bodies, *(each for status, each in responses.items() if status[0] == "2")]:
        for media in body.get("content", {}).values():
            found = _example(media.get("schema", {}), examples)
            if found is not None and "example" not in media and "examples" not in media:
                media["example"] = found


def _example(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> Any:
    """An example of a schema: its own, or that of what it is a page or a list of."""
    if schema.get("$ref", "").endswith("/Page_str_"):
        return {"items": ["CP-1001"], "next": None}
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in examples:
        return examples[name]
    if name.startswith("Page_"):
        inner = name.removeprefix("Page_").rstrip("_")
        return {"items": [examples[inner]], "next": None} if inner in examples else None
    if "anyOf" in schema:
        found = (_example(each, examples) for each in schema["anyOf"])
        return next((each for each in found if each is not None), None)
    if schema.get("type") == "array":
        inner_example = _example(schema.get("items", {}), examples)
        return None if inner_example is None else [inner_example]
    return None


def _problem_schema() -> dict[str, Any]:
    field = {
        "type": "object",
        "required": ["field", "problem"],
        "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
    }
    return {
        "title": _PROBLEM,
        "description": "Problem details (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "errors": {"type": "array", "items": field},
        },
    }


def _problem_response(words: str) -> dict[str, Any]:
    example = ProblemDetails(
        type="urn:voltkeep:problem:invalid",
        title="The request cannot be understood",
        status=400,
        detail="limit: Expected `int` <= 500",
        instance="/api/v1/stations",
        errors=(FieldProblem("limit", "Expected `int` <= 500"),),
    )
    content = {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}
    return {
        "description": words,
        "content": {MEDIA_TYPE: {**content, "example": to_builtins(example)}},
    }


def names_of(document: Mapping[str, Any]) -> Sequence[str]:
    """Every ``METHOD /path`` that is described."""
    return [
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in _METHODS
    ]
