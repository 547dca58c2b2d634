"""Valid payloads, and payloads with one thing wrong, made from a JSON schema."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from voltkeep.ocpp.errors import ErrorCode

Schema = dict[str, Any]
Path = tuple[str | int, ...]

DATE = "2026-01-01T00:00:00Z"

# What each type is not. A number without a fraction has its own test.
WRONG: dict[str, tuple[Any, ...]] = {
    "string": (12, True, [], {}),
    "integer": ("1", 1.5, True, []),
    "number": ("1.5", True, {}),
    "boolean": ("true", 0, 1),
    "array": ("x", {}),
    "object": ("x", 1, []),
}


class Mutation(NamedTuple):
    """A payload with one thing changed, and how we refuse it (None: it is still valid)."""

    what: str
    path: Path
    payload: Any
    code: ErrorCode | None


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema itself, or what its ``$ref`` names."""
    if "$ref" not in schema:
        return schema
    target: Schema = root["definitions"][schema["$ref"].rsplit("/", 1)[-1]]
    return target


def build(schema: Schema, root: Schema, *, full: bool) -> Any:
    """A valid value: with the required fields alone, or with every field, as long as may be."""
    schema = resolved(schema, root)
    if "enum" in schema:
        return schema["enum"][-1 if full else 0]
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            wanted = fields if full else schema.get("required", ())
            return {key: build(fields[key], root, full=full) for key in wanted}
        case "array":
            items = schema.get("maxItems", 2) if full else schema.get("minItems", 1)
            return [
                build(schema["items"], root, full=full and index == 0) for index in range(items)
            ]
        case "string" if schema.get("format") == "date-time":
            return DATE
        case "string":
            return "ü" * schema.get("maxLength", 3) if full else "a"
        case "integer":
            return int(schema.get("maximum" if full else "minimum", 1))
        case "number":
            limits = ("maximum", "minimum") if full else ("minimum", "maximum")
            return next((schema[limit] for limit in limits if limit in schema), 1.5)
        case "boolean":
            return full
        case _:
            return {"any": ["thing"]} if full else None


def fields(schema: Schema, root: Schema, path: Path = ()) -> Iterator[tuple[Path, Schema, bool]]:
    """Every field at every depth: its path, its schema, whether it is required."""
    schema = resolved(schema, root)
    for key, written in schema.get("properties", {}).items():
        sub = resolved(written, root)
        here = (*path, key)
        yield here, sub, key in schema.get("required", ())
        yield from fields(sub, root, here)
        if sub.get("type") == "array":
            items = resolved(sub["items"], root)
            yield (*here, 0), items, False
            yield from fields(items, root, (*here, 0))


def around(schema: Schema, root: Schema, path: Path, value: Any) -> Any:
    """The smallest valid payload with `value` at `path`; ``...`` leaves the field out."""
    if not path:
        return value
    schema = resolved(schema, root)
    key, *rest = path
    payload = build(schema, root, full=False)
    sub = schema["items"] if isinstance(key, int) else schema["properties"][key]
    inner = around(sub, root, tuple(rest), value)
    if inner is not ...:
        payload[key] = inner
    else:
        payload.pop(key, None)
    return payload


def mutations(root: Schema) -> Iterator[Mutation]:
    """Everything that can be wrong with a message, one thing at a time."""
    yield from _objects(root, root, ())
    for value in WRONG["object"]:
        yield Mutation("not an object", (), value, ErrorCode.FORMAT_VIOLATION)
    for path, schema, required in fields(root, root):

        def change(what: str, value: Any, code: ErrorCode | None, path: Path = path) -> Mutation:
            return Mutation(what, path, around(root, root, path, value), code)

        yield change("valid", build(schema, root, full=False), None)
        if required:
            yield change("missing", ..., ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION)
        if "type" in schema:
            yield change("null", None, ErrorCode.TYPE_CONSTRAINT_VIOLATION)
            for value in WRONG[schema["type"]]:
                yield change("wrong type", value, ErrorCode.TYPE_CONSTRAINT_VIOLATION)
        for what, value, code in _values(schema, root):
            yield change(what, value, code)
        yield from _objects(root, schema, path)


def _objects(root: Schema, schema: Schema, path: Path) -> Iterator[Mutation]:
    """A field that is not the schema's, where an object is closed."""
    if schema.get("type") == "object":
        value = build(schema, root, full=False) | {"surprise": 1}
        closed = schema.get("additionalProperties") is False
        code = ErrorCode.FORMAT_VIOLATION if closed else None
        yield Mutation("extra property", path, around(root, root, path, value), code)


def _values(schema: Schema, root: Schema) -> Iterator[tuple[str, Any, ErrorCode | None]]:
    """Values of the right type, at and past the limits."""
    if "enum" in schema:
        yield "bad enum", "NoSuchValue", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
        for value in schema["enum"][1:]:
            yield "enum", value, None
    if schema.get("format") == "date-time":
        yield "no date", "yesterday", ErrorCode.FORMAT_VIOLATION
    if "maxLength" in schema:
        yield "longest", "ü" * schema["maxLength"], None
        too_long = "a" * (schema["maxLength"] + 1)
        yield "too long", too_long, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    for key, step in (("minimum", -1), ("maximum", 1)):
        if key in schema:
            limit = int(schema[key])
            yield key, limit, None
            yield f"past {key}", limit + step, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    if schema.get("type") == "array":
        item = build(schema["items"], root, full=False)
        empty = ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION if schema.get("minItems") else None
        yield "empty array", [], empty
        if "maxItems" in schema:
            yield "most items", [item] * schema["maxItems"], None
            too_many = [item] * (schema["maxItems"] + 1)
            yield "too many items", too_many, ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION
