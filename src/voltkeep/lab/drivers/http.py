"""A driver for any HTTP API: a TOML file says which request each operation is.

```toml
base_url = "https://csms.example/api"
headers = { Authorization = "Bearer {{ environ.LAB_API_KEY }}" }

[operations.reset]
method = "POST"
path = "/stations/{{ station | urlencode }}/reset"
body = '{"type": {{ kind | tojson }}}'
```

Texts are templates of Jinja2, filled with the operation's arguments, with ``values`` of the file
and with ``environ``, the environment.
"""

import os
from collections.abc import Mapping
from typing import Any, Literal

import httpx
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.ocpp.errors import plain

_LONGEST_ANSWER = 300  # characters of it that a refusal repeats


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP request that an operation is; without `accepted` any 2xx is a yes."""

    path: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: str = ""
    accepted: tuple[int, ...] = ()


class HttpDriverFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A driver's file."""

    base_url: str
    headers: dict[str, str] = {}
    values: dict[str, Any] = {}
    verify: bool | str = True  # a file of roots, to believe an API with a certificate of its own
    timeout_s: float = 60.0
    operations: dict[str, Request] = {}


class HttpDriver(Driver):
    """Asks a CSMS over its API, as a driver's file says."""

    def __init__(self, file: HttpDriverFile, environ: Mapping[str, str] | None = None) -> None:
        self._file = file
        self._templates = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._given = {
            "values": file.values,
            "environ": dict(os.environ if environ is None else environ),
        }
        self._client = httpx.AsyncClient(
            base_url=self._text(file.base_url, {}),
            headers={name: self._text(text, {}) for name, text in file.headers.items()},
            timeout=file.timeout_s,
            verify=file.verify,
            trust_env=False,
        )

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        request = self._file.operations.get(operation)
        if request is None:
            raise NotMapped(f"the driver's file has no [operations.{operation}]")
        values = {"station": station, **arguments}
        body = self._text(request.body, values) if request.body else None
        try:
            answer = await self._client.request(
                request.method,
                self._text(request.path, values),
                content=body,
                headers={"Content-Type": "application/json"} if body else None,
            )
        except httpx.HTTPError as error:
            raise Refused(f"no answer of the API: {error!r}") from None
        fits = answer.status_code in request.accepted if request.accepted else answer.is_success
        if not fits:
            words = plain(answer.text, _LONGEST_ANSWER)
            raise Refused(f"the API answered {answer.status_code}: {words}")

    async def close(self) -> None:
        await self._client.aclose()

    def _text(self, template: str, values: Mapping[str, Any]) -> str:
        return self._templates.from_string(template).render(self._given, **values)
