"""A driver for any HTTP API: a TOML file says which request each operation is.

```toml
base_url = "https://csms.example/api"
headers = { Authorization = "Bearer {{ environ.LAB_API_KEY }}" }

[operations.reset]
method = "POST"
path = "/stations/{{ station | urlencode }}/reset"
body = '{"type": {{ kind | tojson }}}'

[[operations.remote_stop]]
method = "GET"
path = "/sessions?transaction={{ transaction }}"
keep = { session = "items.0.id" }

[[operations.remote_stop]]
path = "/sessions/{{ session }}/stop"
```

Texts are templates of Jinja2, filled with the operation's arguments, with what earlier requests of
the operation have kept, with ``values`` of the file and with ``environ``, the environment.
`load.load_driver` reads a file and finds its mistakes.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import httpx
import msgspec
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Meta, Struct

from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.ocpp.errors import plain

_LONGEST_ANSWER = 300  # characters of it that a refusal repeats
_LARGEST_ANSWER = 1 << 20  # bytes of it that are read
_MASK = "•••"
_SHORTEST_SECRET = 6  # characters; shorter ones would mask innocent words
_SECRET_NAME = re.compile(r"pass|secret|token|key|authorization|cookie|credential", re.IGNORECASE)
_SCHEME_OF_AUTHORIZATION = re.compile(r"^(Basic|Bearer|Token|ApiKey) ", re.IGNORECASE)
_ENVIRON = re.compile(r"\benviron\W+(\w+)")
_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")

# What goes wrong when a template is filled that is sound as such.
UNFILLED = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An HTTP request; without `accepted` any 2xx is a yes.

    ``body`` is JSON unless ``headers`` name another Content-Type; ``form`` is a form instead.
    ``keep`` names parts of the answer for the requests after it: a path of names and places in its
    JSON, as ``data.0.id`` or ``/data/0/id``, or ``header:NAME``, or ``cookie:NAME``.
    """

    path: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    form: dict[str, str] = {}
    accepted: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()
    keep: dict[str, str] = {}

    @property
    def is_json(self) -> bool:
        """Whether its body is to be JSON."""
        named = {name.lower(): text for name, text in self.headers.items()}
        return bool(self.body) and "json" in named.get("content-type", "application/json").lower()


class HttpDriverFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A driver's file. An operation is a request, or several that are made one after the other."""

    base_url: str
    headers: dict[str, str] = {}
    values: dict[str, Any] = {}
    verify: bool | str = True  # a file of roots, to believe an API with a certificate of its own
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0  # of an operation
    operations: dict[str, Request | tuple[Request, ...]] = {}

    def requests(self, operation: str) -> tuple[Request, ...]:
        """Those of an operation; none if it is not mapped."""
        found = self.operations.get(operation, ())
        return (found,) if isinstance(found, Request) else found


class _Missing(StrictUndefined):
    """A placeholder without a value: it cannot be written, and one may ask whether it is there."""

    def __bool__(self) -> bool:  # type: ignore[override]  # there it raises
        return False


def templates() -> SandboxedEnvironment:
    """What fills the texts of a driver's file. A time in JSON is as ISO 8601 writes it."""
    environment = SandboxedEnvironment(undefined=_Missing, autoescape=False)
    environment.policies["json.dumps_kwargs"] = {"default": _in_json}
    return environment


class HttpDriver(Driver):
    """Asks a CSMS over its API, as a driver's file says.

    No refusal repeats a secret: neither what the file calls by such a name, nor what it took from
    the environment, nor what it kept of an answer.
    """

    def __init__(self, file: HttpDriverFile, environ: Mapping[str, str] | None = None) -> None:
        self.file = file
        self._templates = templates()
        self._given = {
            "values": file.values,
            "environ": dict(os.environ if environ is None else environ),
        }
        headers = {name: self._text(text, {}) for name, text in file.headers.items()}
        self._secrets = {
            *_secrets(file.values),
            *_secrets(headers),
            *_secrets(self._used_environ(file)),
        }
        verify: bool | ssl.SSLContext = file.verify is True
        if isinstance(file.verify, str):
            verify = ssl.create_default_context(cafile=file.verify)
        self._client = httpx.AsyncClient(
            base_url=self._text(file.base_url, {}),
            headers=headers,
            timeout=file.timeout_s,
            verify=verify,
            trust_env=False,
        )

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        requests = self.file.requests(operation)
        if not requests:
            raise NotMapped(f"the driver's file has no [operations.{operation}]")
        values = {"station": station, **arguments}
        try:
            async with asyncio.timeout(self.file.timeout_s):
                for request in requests:
                    values |= await self._ask(operation, request, values)
        except TimeoutError:
            raise Refused(f"no answer of the API in {self.file.timeout_s:g} s") from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(
        self, operation: str, request: Request, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make a request; what is kept of its answer. Raises Refused and NotMapped."""
        try:
            ready = self._made(request, values)
        except UNFILLED as error:
            words = f"[operations.{operation}] cannot be filled: {error}"
            raise NotMapped(self._harmless(words)) from None
        try:
            answer = await self._client.send(ready, stream=True)
            try:
                content = await _read(answer)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = f"{type(error).__name__} {error}".rstrip()
            raise Refused(self._harmless(f"no answer of the API: {words}")) from None
        accepted = request.accepted
        if answer.status_code not in accepted if accepted else not answer.is_success:
            words = content.decode(errors="replace")
            raise Refused(self._harmless(f"the API answered {answer.status_code}: {words}"))
        return {name: self._kept(source, answer, content) for name, source in request.keep.items()}

    def _made(self, request: Request, values: Mapping[str, Any]) -> httpx.Request:
        headers = {name: self._text(text, values) for name, text in request.headers.items()}
        if request.body and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        return self._client.build_request(
            request.method,
            self._text(request.path, values),
            content=self._text(request.body, values) if request.body else None,
            data={name: self._text(text, values) for name, text in request.form.items()} or None,
            headers=headers,
        )

    def _kept(self, source: str, answer: httpx.Response, content: bytes) -> Any:
        kind, colon, name = source.partition(":")
        if colon and kind in {"header", "cookie"}:
            found: Any = (
                answer.headers.get(name) if kind == "header" else _cookie(self._client, name)
            )
        else:
            found = _part(source, content)
        if found is None:
            raise Refused(f"the API's answer {answer.status_code} has no {source}")
        if colon or _SECRET_NAME.search(source):
            self._secrets |= set(_secrets({"secret": found}))
        return found

    def _text(self, template: str, values: Mapping[str, Any]) -> str:
        return self._templates.from_string(template).render(self._given, **values)

    def _used_environ(self, file: HttpDriverFile) -> dict[str, str]:
        """What headers, bodies and forms take from the environment, under names of secrets."""
        texts = msgspec.json.encode([file.headers, file.operations]).decode()
        used = set(_ENVIRON.findall(texts))
        environ = self._given["environ"]
        return {f"key {name}": text for name, text in environ.items() if name in used}

    def _harmless(self, words: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            words = words.replace(secret, _MASK)
        return plain(_IN_URL.sub(f"{_MASK}@", words), _LONGEST_ANSWER)


def _in_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


async def _read(answer: httpx.Response) -> bytes:
    content = b""
    async for part in answer.aiter_bytes():
        content += part
        if len(content) >= _LARGEST_ANSWER:
            break
    return content


def _part(source: str, content: bytes) -> Any:
    """A part of an answer in JSON; None if there is no such thing."""
    pointer = source.startswith("/")
    names = source[1:].split("/") if pointer else source.split(".")
    try:
        found = msgspec.json.decode(content)
        for name in names:
            key = name.replace("~1", "/").replace("~0", "~") if pointer else name
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found


def _cookie(client: httpx.AsyncClient, name: str) -> str | None:
    try:
        return client.cookies.get(name)
    except httpx.CookieConflict:
        return next((each.value for each in client.cookies.jar if each.name == name), None)


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    """The texts in there whose names say that they are secret."""
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _secrets(each, f"{name} {inner}")
    elif isinstance(value, str) and _SECRET_NAME.search(name):
        for each in {value, _SCHEME_OF_AUTHORIZATION.sub("", value)}:
            if len(each) >= _SHORTEST_SECRET:
                yield each
