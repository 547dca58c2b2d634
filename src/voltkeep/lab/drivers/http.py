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
the operation have kept, with ``values`` of the file and with ``environ``, the environment. A table
``[login]`` holds requests that come before all others; what they keep is ``login``.
`load.load_driver` reads a file and finds its mistakes.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import httpx
import msgspec
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Meta, Struct

from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.drivers.masking import NAMES, NAMES_IN_ORDERS, Environ, Mask, in_base64
from voltkeep.ocpp.errors import plain

_LONGEST_ANSWER = 300  # characters of it that a refusal repeats
_LARGEST_ANSWER = 1 << 20  # bytes of it that are read

# What goes wrong when a template is filled that is sound as such.
UNFILLED = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Kept = dict[str, Any]  # of answers, by the names in ``keep``


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
    """A driver's file. An operation is a request, or several that are made one after the other.

    ``login`` is the same, made before the first operation and whenever the API answers 401.
    ``headers`` are those of every request but its own.
    """

    base_url: str
    headers: dict[str, str] = {}
    values: dict[str, Any] = {}
    verify: bool | str = True  # a file of roots, to believe an API with a certificate of its own
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0  # of an operation
    login: Request | tuple[Request, ...] = ()
    operations: dict[str, Request | tuple[Request, ...]] = {}

    def requests(self, operation: str) -> tuple[Request, ...]:
        """Those of an operation; none if it is not mapped."""
        return _each(self.operations.get(operation, ()))

    @property
    def login_requests(self) -> tuple[Request, ...]:
        """Those that come before all others."""
        return _each(self.login)


class _NotLetIn(Refused):
    """The API wants a login."""


class _Missing(StrictUndefined):
    """A placeholder without a value: it cannot be written, and one may ask whether it is there."""

    def __bool__(self) -> bool:  # type: ignore[override]  # there it raises
        return False


def templates() -> SandboxedEnvironment:
    """What fills the texts of a driver's file. A time in JSON is as ISO 8601 writes it.

    ``b64encode`` is a filter beyond those of Jinja2.
    """
    environment = SandboxedEnvironment(undefined=_Missing, autoescape=False)
    environment.policies["json.dumps_kwargs"] = {"default": _in_json}
    environment.filters["b64encode"] = in_base64
    return environment


class HttpDriver(Driver):
    """Asks a CSMS over its API, as a driver's file says.

    No refusal repeats a secret: neither what the file calls by such a name, nor what it took from
    the environment, nor what a login or a part with such a name has kept of an answer.
    """

    def __init__(self, file: HttpDriverFile, environ: Mapping[str, str] | None = None) -> None:
        self.file = file
        self._templates = templates()
        self._mask = Mask()
        self._mask.hide_named(file.values)
        self._given = {
            "values": file.values,
            "environ": Environ(dict(os.environ if environ is None else environ), self._mask),
        }
        self._door = asyncio.Lock()
        self._login: Kept | None = None  # as long as it counts
        verify: bool | ssl.SSLContext = file.verify is True
        if isinstance(file.verify, str):
            verify = ssl.create_default_context(cafile=file.verify)
        self._client = httpx.AsyncClient(
            base_url=self._text(file.base_url, {}),
            timeout=file.timeout_s,
            verify=verify,
            trust_env=False,
        )
        userinfo = unquote(self._client.base_url.userinfo.decode())
        if userinfo:
            self._mask.hide(userinfo.partition(":")[2])
            self._mask.hide(in_base64(userinfo))

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        requests = self.file.requests(operation)
        if not requests:
            raise NotMapped(f"the driver's file has no [operations.{operation}]")
        values = {"station": station, **arguments}
        try:
            async with asyncio.timeout(self.file.timeout_s):
                for request in requests:
                    values |= await self._ask_let_in(f"operations.{operation}", request, values)
        except TimeoutError:
            raise Refused(f"no answer of the API in {self.file.timeout_s:g} s") from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask_let_in(self, table: str, request: Request, values: Kept) -> Kept:
        """Make a request after the login, if there is one, and anew after another if need be."""
        if not self.file.login_requests:
            return await self._ask(table, request, values, self.file.headers)
        login = await self._logged_in()
        try:
            return await self._ask(table, request, {**values, "login": login}, self.file.headers)
        except _NotLetIn:
            login = await self._logged_in(instead_of=login)
        return await self._ask(table, request, {**values, "login": login}, self.file.headers)

    async def _logged_in(self, instead_of: Kept | None = None) -> Kept:
        """What the login that counts has kept. Raises Refused and NotMapped."""
        async with self._door:  # one for all who wait for it
            if self._login is None or self._login is instead_of:
                self._login = None
                kept: Kept = {}
                for request in self.file.login_requests:
                    try:
                        kept |= await self._ask("login", request, kept, {})
                    except Refused as refusal:
                        raise Refused(f"at the login: {refusal}") from None
                self._mask.hide_named({"secret": kept})
                self._login = kept
            return self._login

    async def _ask(
        self, table: str, request: Request, values: Kept, headers: Mapping[str, str]
    ) -> Kept:
        """Make a request; what is kept of its answer. Raises Refused and NotMapped."""
        try:
            ready = self._made(request, values, headers)
        except (*UNFILLED, httpx.InvalidURL) as error:
            words = f"[{table}] cannot be filled: {error}"
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
            kind = _NotLetIn if answer.status_code == httpx.codes.UNAUTHORIZED else Refused
            raise kind(self._harmless(f"the API answered {answer.status_code}: {words}"))
        return {
            name: self._kept(name, source, answer, content) for name, source in request.keep.items()
        }

    def _made(self, request: Request, values: Kept, headers: Mapping[str, str]) -> httpx.Request:
        sent = httpx.Headers(self._texts(headers, values))
        sent.update(self._texts(request.headers, values))
        body = self._text(request.body, values) if request.body else None
        form = self._texts(request.form, values)
        self._mask.hide_named(dict(sent.items()), NAMES)
        self._mask.hide_named([form, _as_json(body)], NAMES_IN_ORDERS)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        return self._client.build_request(
            request.method,
            self._text(request.path, values),
            content=body,
            data=form or None,
            headers=sent,
        )

    def _kept(self, name: str, source: str, answer: httpx.Response, content: bytes) -> Any:
        kind, colon, part = source.partition(":")
        if colon and kind in {"header", "cookie"}:
            found: Any = (
                answer.headers.get(part) if kind == "header" else _cookie(self._client, part)
            )
        else:
            found = _part(source, content)
        if found is None:
            raise Refused(f"the API's answer {answer.status_code} has no {source}")
        self._mask.hide_named({"secret" if colon else f"{name} {source}": found})
        return found

    def _text(self, template: str, values: Mapping[str, Any]) -> str:
        return self._templates.from_string(template).render(self._given, **values)

    def _texts(self, texts: Mapping[str, str], values: Kept) -> dict[str, str]:
        return {name: self._text(text, values) for name, text in texts.items()}

    def _harmless(self, words: str) -> str:
        return plain(self._mask(words), _LONGEST_ANSWER)


def _each(mapped: Request | tuple[Request, ...]) -> tuple[Request, ...]:
    return (mapped,) if isinstance(mapped, Request) else mapped


def _in_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _as_json(body: str | None) -> Any:
    """What a body holds; None if it is no JSON."""
    try:
        return msgspec.json.decode(body or "null")
    except (ValueError, RecursionError):
        return None


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
