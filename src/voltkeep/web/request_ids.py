"""A name for each request, in every log line of it and in its answer."""

import re
import secrets

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_HEADER = b"x-request-id"
_OURS_TO_KEEP = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# W3C Trace Context, 3.2: version, trace, parent, flags. The trace is what other logs have.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def identified(app: ASGIApp) -> ASGIApp:
    """The application; log lines of a request have its ``request_id``, and so has its answer.

    It is what the caller sent as ``x-request-id``, or the trace of ``traceparent``, or a new one.
    """

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        id = _named(dict(scope.get("headers", ())))

        async def with_name(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_HEADER, id)]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=id.decode()):
            await app(scope, receive, with_name)

    return named


def _named(headers: dict[bytes, bytes]) -> bytes:
    given = headers.get(_HEADER, b"")
    if _OURS_TO_KEEP.fullmatch(given):
        return given
    trace = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b""))
    return trace[1] if trace else secrets.token_hex(16).encode()
