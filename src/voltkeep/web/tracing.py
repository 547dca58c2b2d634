"""Spans of API requests. Imported only where spans are sent somewhere."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_W3C = TraceContextTextMapPropagator()


def traced(app: ASGIApp, tracer: Tracer) -> ASGIApp:
    """The application; each request is a span, and a child of the caller's if it says so.

    Named as the semantic conventions for HTTP say: method and route, never the query.
    """

    async def spanned(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        caller = {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]}
        with (
            tracer.start_as_current_span(
                method, _W3C.extract(caller), SpanKind.SERVER, {"http.request.method": method}
            ) as span,
            bound_contextvars(trace_id=format_trace_id(span.get_span_context().trace_id)),
        ):

            async def with_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await app(scope, receive, with_status)
            finally:
                # Known once it was routed; of an address that does not exist there is none.
                route = dict(scope).get("path_template")
                if isinstance(route, str) and route:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)

    return spanned
