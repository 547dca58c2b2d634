"""The HTTP API: its routes, who may use them, and how errors are told."""

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import json

from voltkeep.services.audit import act_as
from voltkeep.web import routes
from voltkeep.web.access import DEPENDENCIES, ApiServices
from voltkeep.web.auth import AuthenticationMiddleware, allowed
from voltkeep.web.bodies import paced
from voltkeep.web.openapi import ApiSchema, finished, schema_route
from voltkeep.web.pages.errors import shown
from voltkeep.web.paging import Cursors
from voltkeep.web.problems import MEDIA_TYPE, Problem, details_of
from voltkeep.web.reading import StrictRequest, known_parameters
from voltkeep.web.slashes import restored, with_slashes_kept

PREFIX = "/api/v1"
_LARGEST_BODY = 1024 * 1024
_LONGEST_TARGET = 16 * 1024
_MOST_HEADERS = 100
_LARGEST_HEAD = 16 * 1024
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


_DESCRIBED: list[ApiSchema] = []  # once it was made, which takes half a second


def make_api(services: ApiServices, key: bytes, state: Mapping[str, Any] | None = None) -> Litestar:
    """The application. ``key`` signs cursors; ``state`` is what some routes need besides."""
    app = Litestar(
        route_handlers=[
            Router(PREFIX, route_handlers=[*routes.ROUTES, schema_route]),
            *routes.AT_THE_ROOT,
        ],
        middleware=[AuthenticationMiddleware],
        guards=[restored, allowed, known_parameters],
        request_class=StrictRequest,
        before_request=_act,
        dependencies=DEPENDENCIES,
        exception_handlers={Exception: shown},
        state=State(
            {
                "services": services,
                "accounts": services.accounts,
                "sessions": services.people.sessions,
                "oidc": None,
                "public_url": "",
                "cursors": Cursors(key),
                "throttle": None,
                "streams": Counter(),
                **(state or {}),
            }
        ),
        openapi_config=OpenAPIConfig(
            title="Voltkeep",
            version=version("voltkeep"),
            description=_ABOUT,
            security=[{"key": []}],
            components=Components(
                security_schemes={
                    "key": SecurityScheme(
                        type="http", scheme="bearer", description="An API key: `vk_...`."
                    )
                }
            ),
            use_handler_docstrings=True,
            render_plugins=(),  # what they serve is not complete; and they load scripts of others
        ),
        logging_config=None,
        request_max_body_size=_LARGEST_BODY,
        debug=False,
    )
    app.state.schema = _described(app)
    return app


def _described(app: Litestar) -> ApiSchema:
    """The description of the routes, which are the same in every application of a process."""
    if not _DESCRIBED:
        _DESCRIBED.append(finished(app, routes.EXAMPLES))
    return _DESCRIBED[0]


_ABOUT = """\
Everything an operator can do, for programs. Times are RFC 3339 in UTC; units are in the names.
Errors are problem details (RFC 9457). Lists come in pages: `next` of one is `cursor` of the
following. An account of several tenants names one with the header `Voltkeep-Tenant`.
"""


async def _act(request: Request[Any, Any, State]) -> Response[None] | None:
    """Whatever is audited while this request is handled is the deed of who asks."""
    if request.method == "OPTIONS":  # Litestar's own answer knows one method of each path
        methods = request.app.state.schema.methods.get(request.scope["path_template"], ())
        return Response(None, status_code=204, headers={"allow": ", ".join(methods)})
    if request.user is not None:
        act_as(request.user.actor)
    return None


def hardened(app: ASGIApp) -> ASGIApp:
    """The application, with the headers that every answer has, and a pace that bodies must keep."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                message["headers"] = headers + [each for each in _ALWAYS if each[0] not in there]
            await send(message)

        problem = _too_large(scope)
        if problem is None:
            await app(with_slashes_kept(scope), paced(receive), with_headers)
            return
        body = json.encode(details_of(problem, ""))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        start: Any = {"type": "http.response.start", "status": problem.status, "headers": headers}
        await with_headers(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return guarded


def _too_large(scope: Any) -> Problem | None:
    """A head that has arrived in one piece may be larger than one that is waited for."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_TARGET:
        words = f"an address has at most {_LONGEST_TARGET} characters"
        return Problem(414, words, code="address-too-long")
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > _MOST_HEADERS or size > _LARGEST_HEAD:
        words = f"at most {_MOST_HEADERS} headers of together {_LARGEST_HEAD} bytes"
        return Problem(431, words, code="headers-too-large")
    return None
