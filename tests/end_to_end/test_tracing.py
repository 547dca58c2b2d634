"""What others follow: spans, whoever collects them, and the log lines of one command."""

import asyncio
import gzip
import json
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.gateway.csms import BOOTS
from voltkeep.app import App
from voltkeep.bus.tracing import Tracing
from voltkeep.config import Address, ConfigError, Settings
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.web.server import HttpServer

OFF = dict.fromkeys(("ocpp_tls", "ocpp_mtls", "files", "files_tls", "ftp"), "off")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
RESET = {"command": "Reset", "kind": "Immediate"}
ALL = Principal(
    actor=SYSTEM, tenant=DEFAULT_TENANT, permissions=frozenset(Permission), is_everywhere=True
)


@asynccontextmanager
async def installation(directory, version="ocpp1.6", **more):
    """A server with one station that is connected and has booted, and a client of its API."""
    addresses = {"ocpp": "127.0.0.1:0", "http": "127.0.0.1:0"} | OFF
    settings = Settings(data=directory, **addresses | more)
    async with App(settings).running(serve=True) as app:
        station = Station(
            id=station_id("CS-1"),
            security_profile=SecurityProfile.NONE,
            created_at=datetime.now(UTC),
        )
        await app.services.provisioning.add(station)
        _, token = await app.services.accounts.create_key(
            ALL, "test", tuple(Permission), tenant=None
        )
        bound = app.services.addresses.settings
        headers = {"authorization": f"Bearer {token}"}
        async with (
            connect(f"ws://{bound.ocpp}/ocpp/CS-1", subprotocols=[Subprotocol(version)]) as socket,
            httpx.AsyncClient(base_url=f"http://{bound.http}/api/v1", headers=headers) as client,
        ):
            await socket.send(json.dumps([2, "boot-1", "BootNotification", BOOTS[version]]))
            assert json.loads(await socket.recv())[2]["status"] == "Accepted"
            yield SimpleNamespace(app=app, socket=socket, client=client)


async def ask(place, query="wait=10", answered=True, **headers):
    """Have the station reset itself; the order, and the id of the message."""
    path = f"/stations/CS-1/commands?{query}"
    asking = asyncio.create_task(place.client.post(path, json=RESET, headers=headers))
    _, message_id, action, _ = json.loads(await place.socket.recv())
    assert action == "Reset"
    if answered:
        await place.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    answer = await asking
    assert answer.status_code == 202, answer.text
    return answer.json(), message_id


@pytest.fixture
def collected(monkeypatch):
    """Whatever spans there are, once they are flushed."""
    exporter = InMemorySpanExporter()
    made = []

    def tracing(_):
        made.append(Tracing(exporter))
        return made[0]

    monkeypatch.setattr("voltkeep.app.make_tracing", tracing)

    def spans():
        made[0]._provider.force_flush()
        return {span.name: span for span in exporter.get_finished_spans()}

    return spans


@pytest.mark.parametrize("version", BOOTS)
async def test_a_request_is_the_parent_of_the_command_it_sends(tmp_path, collected, version):
    async with installation(tmp_path / "data", version) as place:
        _, message_id = await ask(place, **TRACEPARENT)
        spans = collected()

    asked, sent = spans["POST /api/v1/stations/{station}/commands"], spans["OCPP Reset"]
    assert f"{asked.context.trace_id:032x}" == TRACE
    assert f"{asked.parent.span_id:016x}" == PARENT
    assert (asked.kind, asked.attributes["http.response.status_code"]) == (SpanKind.SERVER, 202)
    assert sent.parent.span_id == asked.context.span_id
    assert sent.kind is SpanKind.CLIENT
    assert sent.attributes == {
        "ocpp.action": "Reset",
        "ocpp.version": version,
        "ocpp.station.id": "CS-1",
        "ocpp.tenant": "default",
        "ocpp.message.id": message_id,
        "ocpp.result": "ok",
    }
    assert sent.end_time > sent.start_time
    boot = spans["OCPP BootNotification"]
    assert (boot.kind, boot.parent) == (SpanKind.SERVER, None)
    assert boot.attributes["ocpp.message.id"] == "boot-1"


async def test_a_command_that_is_answered_too_late_is_still_of_its_request(tmp_path, collected):
    async with installation(tmp_path / "data") as place:
        order, message_id = await ask(place, "wait=10&timeout_s=0.2", answered=False)
        assert order["result"] == "silent"
        await place.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        await place.socket.send(json.dumps([2, "after", "Heartbeat", {}]))
        await place.socket.recv()
        spans = collected()

    asked, sent = spans["POST /api/v1/stations/{station}/commands"], spans["OCPP Reset"]
    assert sent.parent.span_id == asked.context.span_id


async def test_a_refused_call_is_an_error_and_a_made_up_action_no_name(tmp_path, collected):
    async with installation(tmp_path / "data") as place:
        await place.socket.send(json.dumps([2, "x", "MadeUp", {}]))
        await place.socket.recv()
        spans = collected()

    span = spans["OCPP other"]
    assert span.attributes["ocpp.action"] == "MadeUp"
    assert (span.status.is_ok, span.attributes["ocpp.result"]) == (False, "NotImplemented")


class Collector:
    """Takes OTLP over HTTP, as protobuf."""

    def __init__(self):
        self.spans = []
        self.paths = set()
        self.came = asyncio.Event()

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        self.paths.add(scope["path"])
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.service = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.spans += [span for each in resource.scope_spans for span in each.spans]
        self.came.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_a_collector_gets_the_spans_over_http(tmp_path):
    collector = Collector()
    server = HttpServer(collector)
    address = await server.listen(Address("127.0.0.1", 0))
    try:
        async with installation(tmp_path / "data", otlp_endpoint=f"http://{address}") as place:
            await ask(place)
        # What was left is sent before the server ends.
        names = {span.name for span in collector.spans}
    finally:
        await server.close(patience_s=0.1)

    assert collector.paths == {"/v1/traces"}
    assert collector.service["service.name"] == "voltkeep"
    assert {"OCPP Reset", "OCPP BootNotification"} <= names
    assert "POST /api/v1/stations/{station}/commands" in names


async def test_a_collector_that_is_away_stops_nobody(tmp_path, unused_tcp_port):
    endpoint = f"http://127.0.0.1:{unused_tcp_port}"
    async with installation(tmp_path / "data", otlp_endpoint=endpoint) as place:
        order, _ = await ask(place)

    assert order["result"] == "accepted"


async def test_without_an_endpoint_nothing_of_it_is_imported(tmp_path):
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from voltkeep.app import App\n"
        "from voltkeep.config import Settings\n"
        "async def main():\n"
        f"    off = dict.fromkeys({tuple(OFF)!r}, 'off')\n"
        "    listen = {'ocpp': '127.0.0.1:0', 'http': '127.0.0.1:0'}\n"
        f"    settings = Settings(data=Path({str(tmp_path / 'data')!r}), **off | listen)\n"
        "    async with App(settings).running(serve=True):\n"
        "        ours = 'opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.trace'\n"
        "        print([name for name in sys.modules if name.startswith(ours)])\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert output.decode().splitlines()[-1] == "[]"


async def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "voltkeep.bus.tracing", None)
    with pytest.raises(ConfigError, match=r"voltkeep\[otel\]"):
        async with installation(tmp_path / "data", otlp_endpoint="http://127.0.0.1:1"):
            pass


async def test_one_command_can_be_followed_through_the_log(tmp_path):
    lines = []

    def kept(_, level, event):
        lines.append(event | {"level": level})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, kept])
    try:
        async with installation(tmp_path / "data", log_level="debug") as place:
            order, message_id = await ask(place, **{"x-request-id": "mine-7"})
    finally:
        structlog.configure(**before)

    mine = [line for line in lines if line.get("request_id") == "mine-7"]
    assert [line["event"] for line in mine] == ["a command begins", "ocpp", "a command ends"]
    assert {(line["command_id"], line["station"]) for line in mine} == {(order["id"], "CS-1")}
    assert (mine[1]["message_id"], mine[1]["direction"], mine[1]["action"]) == (
        message_id,
        "out",
        "Reset",
    )
    assert mine[2]["result"] == "accepted"
    [boot] = [line for line in lines if line.get("message_id") == "boot-1"]
    assert "request_id" not in boot
