"""Write the client's models and methods from the description of the API.

Usage: python -m tools.generate_client [--check]
"""

import argparse
import json
import keyword
import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tools.generate_reference import openapi_page

TARGET = pathlib.Path(__file__).parent.parent / "src" / "voltkeep" / "client"
PREFIX = "/api/v1"
_JSON = "application/json"
METHODS = ("get", "put", "post", "delete", "patch")
_PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}

Schema = Mapping[str, Any]
_PAGED = "self, path: str, kind: Any, query: Mapping[str, Any]"


def type_of(schema: Schema, prefix: str = "") -> str:
    """A schema as a type; ``prefix`` is where the names of components are."""
    if "$ref" in schema:
        return prefix + class_of(schema["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = dict.fromkeys(type_of(each, prefix) for each in schema[several])
            return " | ".join(sorted(kinds, key="None".__eq__))
    if "allOf" in schema:
        return type_of(schema["allOf"][0], prefix)
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    return _plain(schema, prefix)


def _plain(schema: Schema, prefix: str) -> str:
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return "datetime"
        case "array" if "prefixItems" in schema:
            return f"tuple[{', '.join(type_of(each, prefix) for each in schema['prefixItems'])}]"
        case "array":
            return f"tuple[{type_of(schema.get('items', {}), prefix)}, ...]"
        case "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {type_of(more, prefix) if isinstance(more, dict) else 'Any'}]"
        case list() as several:
            return " | ".join(_PLAIN[each] for each in several)
        case str() as plain:
            return _PLAIN[plain]
    return "Any"


def class_of(name: str) -> str:
    """The name of a component; of two of one name, each bears that of its module as well."""
    *modules, own = name.split(".")
    return modules[-1].title().replace("_", "") + own if modules else own


def models(document: Schema) -> str:
    """Every schema, as a struct or another name of a type."""
    schemas = document["components"]["schemas"]
    first: list[str] = []
    structs: list[str] = []
    last: list[str] = []
    for name, schema in sorted(schemas.items()):
        if name.startswith("Page_") or name == "ProblemDetails":
            continue
        if schema.get("type") == "object" and "properties" in schema:
            structs.append(_struct(class_of(name), schema))
        else:
            kind = type_of(schema)
            (first if "enum" in schema else last).append(f"{class_of(name)} = {kind}")
    more = ", field" if any("field(" in each for each in structs) else ""
    head = '"""What the API takes and returns. Written by tools/generate_client.py."""\n'
    imports = (
        "from __future__ import annotations\n\nfrom datetime import datetime\n"
        f"from typing import Any, Literal\n\nfrom msgspec import UNSET, Struct, UnsetType{more}\n"
    )
    return "\n".join([head, imports, *first, "", *structs, "", *last, ""])


def _tag(schema: Schema) -> tuple[str, str] | None:
    """The field by which a struct is told from others, and what it says there."""
    for name, of in schema["properties"].items():
        if name in schema.get("required", ()) and len(of.get("enum", ())) == 1:
            return name, of["enum"][0]
    return None


def _struct(name: str, schema: Schema) -> str:
    tag = _tag(schema)
    options = ["frozen=True", "kw_only=True"]
    if tag is not None:
        options += [f"tag_field={tag[0]!r}", f"tag={tag[1]!r}"]
    lines = [f"class {name}(Struct, {', '.join(options)}):"]
    if about := schema.get("description"):
        lines.append(_doc(about, 4) + "\n")
    required = set(schema.get("required", ()))
    for each, of in schema["properties"].items():
        if tag is not None and each == tag[0]:
            continue
        kind, word = type_of(of), _word(each)
        renamed = f"name={each!r}" if word != each else ""
        if each in required:
            lines.append(f"    {word}: {kind}" + (f" = field({renamed})" if renamed else ""))
        else:
            default = f"field(default=UNSET, {renamed})" if renamed else "UNSET"
            if kind.endswith(" | None"):
                plain = kind.removesuffix(" | None")
                kind = f"{plain} | UnsetType | None"
                lines.append(f"    {word}: {kind} = {default}")
                continue
            lines.append(f"    {word}: {kind} | UnsetType = {default}")
    if len(lines) == 1:
        lines.append("    pass")
    return "\n".join(lines) + "\n\n"


def _doc(text: str, indent: int) -> str:
    about = text.strip().replace("\\", "\\\\")
    end = "\n" if "\n" in about else ""
    return textwrap.indent(f'"""{about}{end}"""', " " * indent)


def _word(name: str) -> str:
    plain = name.replace("-", "_").lower() if "-" in name else name
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def operations(document: Schema, *, is_async: bool) -> str:
    """A method for every operation that a program has a use for."""
    word = "async" if is_async else "sync"
    iterator = "AsyncIterator" if is_async else "Iterator"
    pages = "AsyncPages" if is_async else "Pages"
    module = "asynchronous" if is_async else "synchronous"
    wait = "async " if is_async else ""
    call = "await self._call" if is_async else "self._call"
    methods = [
        _method(
            path, method, operation, document, pages=pages, iterator=iterator, wait=wait, call=call
        )
        for path, method, operation in operations_of(document)
    ]
    return "\n".join(
        [
            f'"""Every operation of the API, {word}. Written by tools/generate_client.py."""',
            "",
            "from __future__ import annotations",
            "",
            f"from collections.abc import {iterator}, Mapping",
            "from datetime import datetime",
            "from typing import Any, Literal",
            "",
            "from voltkeep.client import models",
            "from voltkeep.client.core import Content, Event, Request, part, request, upload",
            f"from voltkeep.client.pages import {pages}",
            "",
            "class Operations:",
            f'    """What `voltkeep.client.{module}` can ask."""',
            "",
            f"    {wait}def _call(self, asked: Request, kind: Any) -> Any:",
            "        raise NotImplementedError",
            "",
            f"    def _pages({_PAGED}) -> {pages}[Any]:",
            "        raise NotImplementedError",
            "",
            f"    def _file(self, asked: Request) -> {iterator}[bytes]:",
            "        raise NotImplementedError",
            "",
            f"    def _events(self, asked: Request, *, resume: bool) -> {iterator}[Event]:",
            "        raise NotImplementedError",
            "",
            *methods,
        ]
    )


def operations_of(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Path, method and description of each, but for those that send a browser elsewhere."""
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            operation = item.get(method)
            if operation is not None and not any(
                each.startswith("3") for each in operation["responses"]
            ):
                yield path, method, operation


def _method(  # one branch for each kind of answer
    path: str,
    method: str,
    operation: Schema,
    document: Schema,
    *,
    pages: str,
    iterator: str,
    wait: str,
    call: str,
) -> str:
    answer = next(each for status, each in operation["responses"].items() if status[0] == "2")
    answered = answer.get("content", {})
    arguments, query, headers = _arguments(path, method, operation)
    where, queried = _where(path, operation), f"{{{', '.join(query)}}}"
    asked = _asked(path, method, operation, query, headers)
    name, args = operation["operationId"], ", ".join(arguments)
    doc = _doc(operation.get("description") or "", 8)
    if "text/event-stream" in answered:
        head = f"    def {name}({args}) -> {iterator}[Event]:"
        end = f"        return self._events({asked}, resume=resume)"
    elif _JSON in answered and "'cursor'" in str(operation.get("parameters")):
        kind = _page_of(answered[_JSON]["schema"], document)
        head = f"    def {name}({args}) -> {pages}[{kind}]:"
        end = f"        return self._pages({where}, {kind}, {queried})"
    elif _JSON in answered:
        kind = type_of(answered[_JSON]["schema"], "models.")
        head = f"    {wait}def {name}({args}) -> {kind}:"
        end = f"        result: {kind} = {call}({asked}, {kind})\n        return result"
    elif answered:
        head = f"    def {name}({args}) -> {iterator}[bytes]:"
        end = f"        return self._file({asked})"
    else:
        head = f"    {wait}def {name}({args}) -> None:"
        end = f"        {call}({asked}, None)"
    return f"{head}\n{doc}\n{end}\n"


def _at(place: str, operation: Schema) -> list[Schema]:
    """The parameters at a place, but for what the client sees to itself."""
    ours = {"cursor", "content-length"}
    return [
        each
        for each in operation.get("parameters", ())
        if each.get("in") == place and each["name"].lower() not in ours
    ]


def _arguments(path: str, method: str, operation: Schema) -> tuple[list[str], list[str], list[str]]:
    """What a method takes, and from it the query and the headers."""
    arguments = ["self", *(f"{_word(each['name'])}: str" for each in _at("path", operation))]
    body = operation.get("requestBody", {}).get("content", {})
    if _is_upload(path, method, operation):
        arguments.append("content: Content")
    elif body:
        kind = type_of(body[_JSON]["schema"], "models.")
        optional = "" if operation["requestBody"].get("required", True) else " | None = None"
        arguments.append(f"body: {kind}{optional}")
    named, query, headers = [], [], []
    for each in sorted(_at("query", operation), key=lambda each: not each.get("required")):
        word, kind = _word(each["name"]), type_of(each["schema"], "models.")
        maybe = "" if "None" in kind else " | None"
        named.append(f"{word}: {kind}" + ("" if each.get("required") else f"{maybe} = None"))
        query.append(f"{each['name']!r}: {word}")
    for each in _at("header", operation):
        word = _word(each["name"])
        is_key = each["name"] == "Idempotency-Key"
        named.append(f'{word}: str = ""' if is_key else f"{word}: str | None = None")
        headers.append(f"{each['name']!r}: {word}")
    if "text/event-stream" in str(operation["responses"]):
        named.append("resume: bool = True")
    return [*arguments, *(["*", *named] if named else [])], query, headers


def _is_upload(path: str, method: str, operation: Schema) -> bool:
    body = operation.get("requestBody", {}).get("content", {})
    return (bool(body) and _JSON not in body) or (method == "put" and path.endswith("/content"))


def _where(path: str, operation: Schema) -> str:
    spot = path.removeprefix(PREFIX) if path.startswith(PREFIX) else "/" + path
    for each in _at("path", operation):
        spot = spot.replace(f"{{{each['name']}}}", f"{{part({_word(each['name'])})}}")
    return f"f{spot!r}" if "{" in spot else repr(spot)


def _asked(path: str, method: str, operation: Schema, query: list[str], headers: list[str]) -> str:
    where, queried = _where(path, operation), f"{{{', '.join(query)}}}"
    body = operation.get("requestBody", {}).get("content", {})
    if _is_upload(path, method, operation):
        media = "'application/octet-stream'"
        if "text/csv" in body:
            media = "'application/jsonl' if format == 'jsonl' else 'text/csv'"
        return f"upload({method.upper()!r}, {where}, content, {media}, {queried})"
    more = f", query={queried}" if query else ""
    more += f", headers={{{', '.join(headers)}}}" if headers else ""
    more += ", body=body" if body else ""
    return f"request({method.upper()!r}, {where}{more})"


def _page_of(schema: Schema, document: Schema) -> str:
    page = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return type_of(page["properties"]["items"]["items"], "models.")


def formatted(text: str) -> str:
    """As ruff would have it."""
    ruff = pathlib.Path(sys.executable).parent / "ruff"
    command = [str(ruff), "format", "--stdin-filename", str(TARGET / "models.py"), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def written() -> dict[pathlib.Path, str]:
    """Every file that is written here, and its content."""
    document = json.loads(openapi_page())
    return {
        TARGET / "models.py": formatted(models(document)),
        TARGET / "sync_operations.py": formatted(operations(document, is_async=False)),
        TARGET / "async_operations.py": formatted(operations(document, is_async=True)),
    }


def main() -> int:
    """Write, or with ``--check`` compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    stale = []
    for path, text in written().items():
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.write_text(text)
    for path in stale:
        print(f"{path.name}: {'is stale: run `make generate`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
