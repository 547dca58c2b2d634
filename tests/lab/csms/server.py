"""The listeners of the small CSMS: plain, TLS, and TLS with the certificate of the station."""

import contextlib
import ssl
import tempfile
import warnings
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.lab.csms import door
from tests.lab.csms.certificates import Wish, load
from tests.lab.csms.compression import compressing
from tests.lab.csms.link import Link
from tests.lab.csms.state import State

SUITES = ":".join(
    (
        *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        *("AES128-GCM-SHA256", "AES256-GCM-SHA384"),
    )
)
_PROTOCOL = "ocpp1.6"


@contextlib.asynccontextmanager
async def listening(state: State, name: str, client_roots: str) -> AsyncIterator[dict[int, int]]:
    """Listen on a free port for each security profile, until the block ends: profile to port."""
    async with contextlib.AsyncExitStack() as stack:
        ports = {}
        for profile in (1, 2, 3):
            tls = None if profile == 1 else _context(state, name, profile, client_roots)
            server = await stack.enter_async_context(
                serve(
                    partial(_connected, state),
                    "127.0.0.1",
                    0,
                    ssl=tls,
                    process_request=partial(_upgrade, state, profile),
                    select_subprotocol=partial(_subprotocol, state),
                    compression=None,
                    ping_interval=None,
                    close_timeout=0.5,
                    server_header=None,
                )
            )
            port = next(iter(server.sockets)).getsockname()[1]
            if tls is not None and state.wishes.get("compresses"):
                port = await stack.enter_async_context(compressing(port))
            ports[profile] = port
        yield ports


def _context(state: State, name: str, profile: int, client_roots: str) -> ssl.SSLContext:
    wishes = state.wishes
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():  # of old versions, which a fault asks for
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = wishes.get("minimum_version", ssl.TLSVersion.TLSv1_2)
        if "maximum_version" in wishes:
            context.maximum_version = wishes["maximum_version"]
    context.set_ciphers(wishes.get("suites", SUITES) + wishes.get("level", ""))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    with tempfile.TemporaryDirectory() as folder:
        for kind, bits in (("rsa", 2048), ("ec", 256)):
            wish = Wish(name, kind, bits)._replace(**wishes.get(kind, {}))
            load(context, *state.authority.server(wish), Path(folder))
    if profile == 3 and wishes.get("asks_for_certificate", True):
        context.load_verify_locations(cadata=wishes.get("client_roots", client_roots))
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | wishes.get("verify_flags", 0)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _upgrade(
    state: State, profile: int, connection: ServerConnection, request: Request
) -> Response | None:
    response = _refusal(state, profile, connection, request)
    if response is not None and state.wishes.get("hangs_up"):
        connection.transport.abort()
    return response


def _refusal(
    state: State, profile: int, connection: ServerConnection, request: Request
) -> Response | None:
    offered, wishes = _offered(request), state.wishes
    if _PROTOCOL not in offered and not wishes.get("upgrades_all"):
        return connection.respond(HTTPStatus.BAD_REQUEST, "no subprotocol in common\n")
    if len(offered) > 1 and wishes.get("wants_one_version"):
        return connection.respond(HTTPStatus.BAD_REQUEST, "one at a time\n")
    tls = connection.transport.get_extra_info("ssl_object")
    if tls and tls.cipher()[0] in wishes.get("shut_to", ()):
        return connection.respond(HTTPStatus.FORBIDDEN, "not so\n")
    caller = door.Caller(
        identity=unquote(request.path.rpartition("/")[2]),
        profile=profile,
        authorization=request.headers.get("Authorization"),
        certificate=tls.getpeercert(binary_form=True) if tls else None,
    )
    status = door.refusal(state, caller)
    if status is None:
        return None
    response = connection.respond(state.wishes.get("refusal", status), "no\n")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="ocpp"'
    return response


def _offered(request: Request) -> set[str]:
    header = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    return {each.strip() for each in header.split(",")}


def _subprotocol(state: State, connection: ServerConnection, offered: list[str]) -> str | None:
    choice: str | None = state.wishes.get("chooses", _PROTOCOL)
    return choice


async def _connected(state: State, connection: ServerConnection) -> None:
    assert connection.request is not None
    identity = unquote(connection.request.path.rpartition("/")[2])
    await Link(state, state.stations[identity], connection).serve()
