"""The headers of requests and answers, as the description of the API tells them."""

from collections.abc import Mapping, Sequence
from typing import Any

from voltkeep.web.auth import PUBLIC

HEADERS: dict[str, Any] = {
    "ETag": {
        "description": "Names this version of the document: send it as `If-Match` to change it.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Where what was made can be read.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "With 429 and 503: seconds until it may be tried again.",
        "schema": {"type": "integer"},
    },
    "X-Request-Id": {
        "description": "Names this request in the log of the server: the one that was sent, if "
        "that was plain, or a new one.",
        "schema": {"type": "string"},
    },
}

PARAMETERS: dict[str, Any] = {
    "Tenant": {
        "name": "Voltkeep-Tenant",
        "in": "header",
        "required": False,
        "description": "The tenant to act in. Only an account of several tenants needs it.",
        "schema": {"type": "string"},
    },
}

_FROM_SERVER = {"Content-Length"}  # a client sends it by itself
_REF = "$ref"


def described(parameters: Sequence[dict[str, Any]], needs: object) -> list[dict[str, Any]]:
    """The parameters of an operation, with what routes do not declare."""
    given = [each for each in parameters if each["name"] not in _FROM_SERVER]
    if needs != PUBLIC:
        given.append({_REF: "#/components/parameters/Tenant"})
    return given


def describe_answers(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Add the headers of every answer."""
    edited = {_returned(item["get"]) for item in paths.values() if _is_edited(item)}
    for operation in (each for item in paths.values() for each in item.values()):
        for status, response in operation["responses"].items():
            headers = response.setdefault("headers", {})
            headers["X-Request-Id"] = _header("X-Request-Id")
            if status in {"4XX", "5XX"}:
                headers["Retry-After"] = _header("Retry-After")
            elif _returned(operation) in edited - {""}:
                headers["ETag"] = _header("ETag")
            if status == "202":
                headers["Location"] = _header("Location")


def _returned(operation: Mapping[str, Any]) -> str:
    """The schema of what an operation answers when it goes well; "" if it has no name."""
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            media = response.get("content", {}).get("application/json", {})
            return str(media.get("schema", {}).get(_REF, ""))
    return ""


def _is_edited(item: Mapping[str, Any]) -> bool:
    """Whether what is at this path is read, and changed with `If-Match`."""
    return "get" in item and any(
        each.get("name") == "If-Match"
        for method in ("put", "patch", "delete")
        for each in item.get(method, {}).get("parameters", ())
    )


def _header(name: str) -> dict[str, str]:
    return {_REF: f"#/components/headers/{name}"}
