"""A small CSMS made of someone else's library, which checks each message against its schema."""

import asyncio
import itertools
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, NamedTuple, Self

from ocpp.exceptions import OCPPError
from ocpp.routing import on
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp import v16, v21, v201
from voltkeep.sim.spec import basic

LIBRARY: dict[str, ModuleType] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
INTERVAL_S = 300

Payload = dict[str, Any]


class Heard(NamedTuple):
    """A CALL of the station, as it came."""

    id: str
    action: str
    payload: Payload
    connection: int


class Csms:
    """Accepts everything, unless `answers` says otherwise: by action, in the library's words."""

    def __init__(
        self, password: str | bytes | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.password = password
        self.tls = tls
        self.heard: list[Heard] = []
        self.answered: list[list[Any]] = []  # CALLRESULTs and CALLERRORs of the station
        self.refused: list[list[Any]] = []  # CALLERRORs that the library had for the station
        self.frames: list[str | bytes] = []  # all that came
        self.strays: list[str | bytes] = []  # frames of the station that are none of these
        self.answers: dict[str, Payload | Callable[[Payload], Payload]] = {}
        self.mute: set[str] = set()  # actions that get no answer
        self.connections: list[ServerConnection] = []
        self.headers: list[str | None] = []
        self.open = True
        self.ids = itertools.count(1)
        self._peer: Any = None
        self._news = asyncio.Event()
        self._server: Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen; on the same port as before, if there was one."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self._port,
            subprotocols=[Subprotocol(name) for name in LIBRARY],
            process_request=self._admit,
            max_size=None,
            ping_interval=None,
            ssl=self.tls,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def down(self) -> None:
        """Close all connections, and listen no more."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where stations connect, without their id."""
        scheme = "ws" if self.tls is None else "wss"
        return f"{scheme}://127.0.0.1:{self._port}/ocpp"

    def of(self, action: str) -> list[Payload]:
        """The payloads heard of an action."""
        return [heard.payload for heard in self.heard if heard.action == action]

    def actions(self, connection: int | None = None) -> list[str]:
        """The actions heard, in order, on one connection or all."""
        return [h.action for h in self.heard if connection in {None, h.connection}]

    async def until(self, holds: Callable[[], Any], timeout: float = 20.0) -> None:
        """Wait until something holds of what was heard."""
        async with asyncio.timeout(timeout):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def hear(self, action: str, count: int = 1) -> Payload:
        """Wait for so many of an action; the last of them."""
        await self.until(lambda: len(self.of(action)) >= count)
        return self.of(action)[count - 1]

    async def call(self, action: str, **payload: Any) -> Payload:
        """Ask the station something; its answer is checked too. Raises OCPPError."""
        module = LIBRARY[self.connections[-1].subprotocol or ""]
        request = getattr(module.call, action)(**payload)
        answer = await self._peer.call(request, suppress=False)
        return {name: value for name, value in answer.__dict__.items() if value is not None}

    async def refusal(self, action: str, **payload: Any) -> str:
        """Ask the station something that it refuses; the code as it was spelled."""
        before = len(self.answered)
        try:
            answer = await self.call(action, **payload)
        except OCPPError:
            return str(self.answered[before][2])
        raise AssertionError(f"{action} was answered with {answer}")

    def note(self, connection: int, data: str | bytes) -> None:
        """A frame came in."""
        self.frames.append(data)
        try:
            frame = json.loads(data)
            kind = frame[0]
        except (ValueError, KeyError):
            frame, kind = [], None
        if kind == 2:
            self.heard.append(Heard(frame[1], frame[2], frame[3], connection))
        elif kind in {3, 4}:
            self.answered.append(frame)
        else:
            self.strays.append(data)
        self._news.set()

    def say(self, action: str, default: Payload, request: Payload) -> Payload:
        """How to answer."""
        said = self.answers.get(action, {})
        return default | (said(request) if callable(said) else said)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers.get("Authorization"))
        self._news.set()
        station = request.path.rpartition("/")[2]
        if not self.open:
            return connection.respond(503, "not now\n")
        if self.password is not None and self.headers[-1] != basic(station, self.password):
            return connection.respond(401, "who are you?\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.connections.append(socket)
        tap = _Tap(self, socket, len(self.connections))
        peer = _PEERS[socket.subprotocol or ""](socket.request and socket.request.path, tap)
        peer.csms = self
        self._peer = peer
        self._news.set()
        try:
            await peer.start()
        except ConnectionClosed:
            self._news.set()


class _Tap:
    """A connection that its CSMS listens in on."""

    def __init__(self, csms: Csms, socket: ServerConnection, number: int) -> None:
        self._csms = csms
        self._socket = socket
        self._number = number
        self._actions: dict[str, str] = {}

    async def recv(self) -> str | bytes:
        data = await self._socket.recv()
        self._csms.note(self._number, data)
        if self._csms.heard and self._csms.heard[-1].connection == self._number:
            last = self._csms.heard[-1]
            self._actions[last.id] = last.action
        return data

    async def send(self, data: str) -> None:
        frame = json.loads(data)
        if frame[0] == 3 and self._actions.get(frame[1]) in self._csms.mute:
            return
        if frame[0] == 4:
            self._csms.refused.append(frame)
        await self._socket.send(data)


def _now() -> str:
    return datetime.now(UTC).isoformat()


_COMMON: dict[str, Callable[[Csms], Payload]] = {
    "BootNotification": lambda _: {
        "current_time": _now(),
        "interval": INTERVAL_S,
        "status": "Accepted",
    },
    "Heartbeat": lambda _: {"current_time": _now()},
    "StatusNotification": lambda _: {},
    "MeterValues": lambda _: {},
    "FirmwareStatusNotification": lambda _: {},
    "LogStatusNotification": lambda _: {},
    "DataTransfer": lambda _: {"status": "UnknownVendorId"},
    "SecurityEventNotification": lambda _: {},
    "SignCertificate": lambda _: {"status": "Accepted"},
}
_OF_16: dict[str, Callable[[Csms], Payload]] = {
    "Authorize": lambda _: {"id_tag_info": {"status": "Accepted"}},
    "StartTransaction": lambda csms: {
        "transaction_id": next(csms.ids),
        "id_tag_info": {"status": "Accepted"},
    },
    "StopTransaction": lambda _: {},
    "DiagnosticsStatusNotification": lambda _: {},
    "SignedFirmwareStatusNotification": lambda _: {},
}
_OF_2: dict[str, Callable[[Csms], Payload]] = {
    "Authorize": lambda _: {"id_token_info": {"status": "Accepted"}},
    "TransactionEvent": lambda _: {},
    "NotifyReport": lambda _: {},
    "ReportChargingProfiles": lambda _: {},
    "ReservationStatusUpdate": lambda _: {},
    "PublishFirmwareStatusNotification": lambda _: {},
}


def _handler(module: ModuleType, action: str, default: Callable[[Csms], Payload]) -> Any:
    def handle(self: Any, **request: Any) -> Any:
        said = self.csms.say(action, default(self.csms), request)
        return getattr(module.call_result, action)(**said)

    handle.__name__ = f"on_{action}"  # the library finds handlers by name
    return on(action)(handle)


def _peer(name: str, module: ModuleType) -> Any:
    own = _OF_16 if module is v16 else _OF_2
    handlers = {
        f"on_{action}": _handler(module, action, default)
        for action, default in (_COMMON | own).items()
    }
    return type(name, (module.ChargePoint,), handlers)


_PEERS = {subprotocol: _peer(subprotocol, module) for subprotocol, module in LIBRARY.items()}
