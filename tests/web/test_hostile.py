"""Hostile requests, over a real listener: each is refused in words, and the server goes on.

docs/reference/hostile-input.md says which row of the list each test stands for.
"""

import json
import re
import socket

import httpx
import pytest

from tests.web.api.whole import ID, OTHER, Running
from voltkeep.domain.identity import TenantId
from voltkeep.web import bodies
from voltkeep.web.throttle import Throttle

THEIRS = TenantId("acme")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("hostile"))
    running.run(running.api.fill(OTHER, THEIRS))
    yield running
    running.close()


@pytest.fixture
def client(running):
    headers = {"authorization": f"Bearer {running.token}"}
    with httpx.Client(base_url=f"{running.url}/api/v1", headers=headers, timeout=20) as client:
        yield client
        assert client.get("/stations").status_code == 200, "the server goes on"


def said(running, request: bytes):
    """Everything that comes back, until the server closes."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(request)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    return answer


def statuses(answer: bytes):
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d+)", answer)]


def refused(answer, status, field=None):
    """That it is a problem of this status, which names this field."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    if field is not None:
        assert [each["field"] for each in problem["errors"]] == [field], problem
    return problem


def command(client, **more):
    options = {"json": {"command": "Reset"}} | more
    return client.post(f"/stations/{ID}/commands", **options)


# The wire

_HEAD = b"POST /api/v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_SMUGGLED = b"0\r\n\r\nGET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
_MALFORMED = {
    "two lengths": _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + _SMUGGLED,
    "a length that is none": _HEAD + b"Content-Length: +5\r\n\r\n" + _SMUGGLED,
    "a length below zero": _HEAD + b"Content-Length: -1\r\n\r\n" + _SMUGGLED,
    "a coding that is none": _HEAD + b"Transfer-Encoding: chunked, xchunked\r\n\r\n" + _SMUGGLED,
    "a chunk without a size": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n" + _SMUGGLED,
    "a chunk of 2^64": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 21 + b"\r\nx\r\n",
    "a space before the colon": _HEAD + b"Content-Length : 5\r\n\r\n" + _SMUGGLED,
    "a NUL in a header": _HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "no Host": b"GET /api/v1/openapi.json HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "HTTP/0.9": b"GET /api/v1/openapi.json\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(64) + b"\r\n\r\n",
}
_HUGE = {
    "a header of 64 KiB": b"Host: x\r\nX: " + b"x" * 65_536 + b"\r\n",
    "a header of 20 KB": b"Host: x\r\nX: " + b"x" * 20_000 + b"\r\n",
    "a header without end": b"Host: x\r\nX: " + b"x" * 1_000_000,
    "a thousand headers": b"Host: x\r\n" + b"X-Header: 12345678\r\n" * 1000,
    "a hundred and one headers": b"Host: x\r\n" + b"X: 1\r\n" * 100,
}


@pytest.mark.parametrize("request_", _MALFORMED.values(), ids=_MALFORMED)
def test_what_is_no_http_is_answered_once_and_closed(running, client, request_):
    """What follows it is nobody's request: nothing can be smuggled."""
    try:
        answer = said(running, request_)
    except ConnectionResetError:  # it was still being sent
        return
    assert statuses(answer) in ([400], []), answer[:200]


@pytest.mark.parametrize("head", _HUGE.values(), ids=_HUGE)
def test_a_head_that_is_too_large_is_refused_and_closed(running, client, head):
    """In one piece, or in pieces."""
    line = b"GET /api/v1/openapi.json HTTP/1.1\r\n"
    try:
        answer = said(running, line + head + b"\r\n")
    except (ConnectionResetError, BrokenPipeError):  # it was still being sent
        return
    assert statuses(answer) in ([431], [400]), answer[:200]


def test_an_address_that_is_too_long_is_refused_and_closed(running, client):
    line = b"GET /api/v1/stations?prefix=" + b"x" * 17_000
    answer = said(running, line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(answer) in ([414], [400])


def test_the_greeting_of_http2_is_refused_and_closed(running, client):
    answer = said(running, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert statuses(answer)
    assert min(statuses(answer)) >= 400


def test_a_length_beside_chunks_smuggles_nothing(running, client):
    """RFC 9112, 6.3: chunks count, and the connection is over."""
    answer = said(
        running, _HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + _SMUGGLED
    )
    assert all(status >= 400 for status in statuses(answer)) or len(statuses(answer)) <= 2
    assert b"\r\n0\r\n" not in answer


def test_http_10_is_answered_and_closed(running, client):
    assert statuses(said(running, b"GET /health/live HTTP/1.0\r\n\r\n")) == [200]


def test_a_body_that_comes_slowly_is_cut_off(running, client, monkeypatch):
    monkeypatch.setattr(bodies, "_PAUSE_S", 0.2)
    answer = said(running, _HEAD + b"Content-Length: 1000\r\n\r\n{")
    assert statuses(answer) == [408]
    assert b"too-slow" in answer


def test_a_body_that_is_too_large_is_refused(client):
    refused(client.post("/stations", content=b" " * (1024 * 1024 + 1)), 413)

    def endless():
        for _ in range(64):
            yield b" " * 65536

    try:
        answer = client.post("/stations", content=endless())
    except httpx.WriteError:  # it was closed while we were still sending
        return
    refused(answer, 413)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "BREW"])
def test_methods_that_nobody_needs_are_refused_and_nothing_is_echoed(client, method):
    answer = client.request(method, "/stations", headers={"x-secret": "9f3a"})
    refused(answer, 405)
    assert "9f3a" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_origin_may_read_or_be_framed(client, method):
    """CORS, CSRF and clickjacking: no page but our own gets anything out of it."""
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for path in ("/stations", "/nothing-here", "/openapi.json"):
        answer = client.request(method, path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers


def test_options_names_every_method_of_a_path(client):
    answer = client.options(f"/stations/{ID}")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "DELETE, GET, OPTIONS, PATCH"


# Addresses

_PATHS = {
    "up": "/stations/../../admin",
    "up, encoded": "/stations/%2e%2e%2f%2e%2e%2fadmin",
    "twice encoded": "/stations/%252e%252e%252f",
    "NUL": "/stations/a%00b",
    "no UTF-8": "/stations/%ff%fe",
    "long": "/stations/" + "x" * 4000,
    "markup": "/stations/%3Cscript%3Ealert(1)%3C/script%3E",
    "quotes": "/stations/'%20OR%201=1--",
    "right to left": "/stations/%E2%80%AE%E2%80%8B1007",
    "another script": "/stations/%EF%BC%91%EF%BC%90%EF%BC%90%EF%BC%97",
    "new lines": "/stations/a%0d%0aSet-Cookie:%20x=y",
    "escapes": "/stations/%1b%5b31m",
}


@pytest.mark.parametrize("path", _PATHS.values(), ids=_PATHS)
def test_an_address_of_nothing_is_not_found(running, client, path):
    request = f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    request += f"Authorization: Bearer {running.token}\r\n\r\n"
    answer = said(running, request.encode())
    assert statuses(answer) in ([404], [400]), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"set-cookie" not in head.lower()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f]|\xe2\x80\xae", json.loads(body)["detail"].encode())


# Queries

_QUERIES = {
    "limit=1e9": "limit",
    "limit=1000000000": "limit",
    "limit=0": "limit",
    "limit=-1": "limit",
    "limit=\u0661\u0660": "limit",
    "limit=10&limit=20": "limit",
    "limit=": "limit",
    "connected=1": "connected",
    "connected=yes": "connected",
    "sort=name;DROP TABLE stations": "sort",
    "sort=key_hash": "sort",
    "key_hash=x": "key_hash",
    "tenant=acme": "tenant",
    "include=transactions.station.transactions": "include",
    "last_heard_since=0": "last_heard_since",
    "last_heard_since=2026-05-01T12:00:00": "last_heard_since",
    "last_heard_since=0001-01-01T00:00:00%2B14:00": "last_heard_since",
    "last_heard_since=9999-12-31T23:59:59-14:00": "last_heard_since",
    "last_heard_since=2026-02-30T00:00:00Z": "last_heard_since",
    "prefix=a%00b": "prefix",
    "vendor=" + "x" * 9000: "vendor",
    "cursor=bm90IG91cnM=": "cursor",
    "cursor=" + "A" * 3000: "cursor",
    "cursor=%F0%9F%92%A9": "cursor",
}


@pytest.mark.parametrize("query", _QUERIES)
def test_a_parameter_that_cannot_be_is_named(client, query):
    refused(client.get(f"/stations?{query}"), 400, _QUERIES[query])


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "0x10", "1_0", "-1", "61"])
def test_a_number_is_a_number(client, number):
    refused(client.get(f"/commands/{ID}?wait={number}"), 400, "wait")


@pytest.mark.parametrize("prefix", ["%", "_", "%' OR 1=1 --", "\\", "100_"])
def test_a_filter_is_compared_and_not_run(client, prefix):
    answer = client.get("/stations", params={"prefix": prefix})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_a_cursor_is_good_for_its_own_list_only(running, client):
    """Forged, altered, of other filters, of another list, of another tenant."""
    for number in range(3):
        client.post("/stations", json={"id": f"CURSOR-{number}"})
    asked = {"limit": 1, "prefix": "CURSOR"}
    cursor = client.get("/stations", params=asked).json()["next"]
    assert client.get("/stations", params={**asked, "cursor": cursor}).status_code == 200
    altered = cursor[:-6] + ("AAAAA=" if cursor[-6:] != "AAAAA=" else "BBBBB=")
    for wrong in (altered, cursor[4:], cursor + "AAAA", cursor.lower()):
        refused(client.get("/stations", params={**asked, "cursor": wrong}), 400, "cursor")
    other = {**asked, "prefix": "CURSO", "cursor": cursor}
    refused(client.get("/stations", params=other), 400, "cursor")
    refused(client.get("/tokens", params={**asked, "cursor": cursor}), 400, "cursor")
    headers = {"authorization": f"Bearer {running.run(running.api.key(tenant=THEIRS))}"}
    answer = client.get("/stations", params={**asked, "cursor": cursor}, headers=headers)
    refused(answer, 400, "cursor")


# Bodies

_BODIES = {
    "nothing": (b"", 400),
    "null": (b"null", 400),
    "a list": (b"[]", 400),
    "half": (b'{"id": "A"', 400),
    "two": (b'{"id": "A"} {}', 400),
    "deep": (b'{"id": "A", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "no UTF-8": (b'{"id": "\xff"}', 400),
    "a mark of byte order": (b'\xef\xbb\xbf{"id": "A"}', 400),
    "half a surrogate": (b'{"id": "\\ud800"}', 400),
    "NUL": (b'{"id": "A\\u0000B"}', 400),
    "NUL in a name": (b'{"id": "A", "a\\u0000b": 1}', 400),
    "NaN": (b'{"id": "A", "security_profile": NaN}', 400),
    "infinite": (b'{"id": "A", "security_profile": 1e999}', 400),
    "a number of 200,000 digits": (
        b'{"id": "A", "security_profile": ' + b"9" * 200_000 + b"}",
        400,
    ),
    "a number in a text": (b'{"id": "A", "security_profile": "1"}', 400),
    "a number for a text": (b'{"id": 7}', 400),
    "a million elements": (b'{"id": [' + b"1," * 400_000 + b"1]}", 400),
    "a name of 100 KB": (b'{"id": "' + b"A" * 100_000 + b'"}', 422),
    "polluting": (b'{"id": "A", "__proto__": {"admin": true}}', 400),
    "a patch": (b'[{"op": "add", "path": "/x", "value": 1}]', 400),
}


@pytest.mark.parametrize(("body", "status"), _BODIES.values(), ids=_BODIES)
def test_a_body_that_cannot_be_is_refused(client, body, status):
    refused(client.post("/stations", content=body), status)
    assert client.get("/stations", params={"prefix": "A"}).json()["items"] == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/xml"]
)
def test_a_body_that_is_not_said_to_be_json_is_refused(client, kind):
    """Pages of others can send these without being asked for leave."""
    for path in ("/stations", f"/stations/{ID}/commands", "/sign-in"):
        answer = client.post(path, content=b"{}", headers={"content-type": kind})
        refused(answer, 415, "Content-Type")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/stations", {"id": "MASS", "tenant": "acme"}, "tenant"),
        ("POST", "/stations", {"id": "MASS", "key_hash": "argon2"}, "key_hash"),
        ("PATCH", f"/stations/{ID}", {"id": "OTHER"}, "id"),
        ("PATCH", f"/stations/{ID}", {"key_hash": ""}, "key_hash"),
        ("PATCH", f"/stations/{ID}", {"policy": {"is_admin": True}}, "is_admin"),
        ("PATCH", f"/users/{ID}", {"is_admin": True}, "is_admin"),
        ("PATCH", f"/users/{ID}", {"password_hash": "x"}, "password_hash"),
        (
            "POST",
            "/api-keys",
            {"name": "k", "scopes": ["stations:read"], "permissions": ["x"]},
            "permissions",
        ),
        ("PATCH", f"/tokens/{ID}", {"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
        ("POST", f"/stations/{ID}/commands", {"command": "Reset", "issued_by": "me"}, "issued_by"),
        (
            "POST",
            f"/stations/{ID}/commands",
            {"command": "RemoteStart", "id_token": {"value": "A", "admin": 1}},
            "admin",
        ),
    ],
)
def test_what_is_not_theirs_to_say_is_named(client, method, path, body, field):
    """Mass assignment, also inside of what is inside."""
    problem = refused(client.request(method, path, json=body), 400)
    assert field in problem["detail"]


def test_a_field_that_is_there_twice_is_refused(client):
    """Whoever read the other one before us would have let something else pass."""
    for body in (b'{"id": "TWICE-1", "id": "TWICE-2"}', b'{"id": "T", "x": {"y": 1, "y": 2}}'):
        refused(client.post("/stations", content=body), 400)
    body = b'{"command": "RemoteStop", "command": "Reset", "transaction": "1"}'
    problem = refused(command(client, json=None, content=body), 400)
    assert "`command` is there twice" in problem["detail"]


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-05-01T12:00:00", "2026-05-01", 0]
)
def test_a_time_has_a_zone_and_a_year_that_can_be(client, at):
    body = {"value": "TIMED", "expires_at": at}
    refused(client.post("/tokens", json=body), 400, "expires_at")
    refused(command(client, params={"queue_until": at}), 400, "queue_until")


def test_a_number_that_no_database_holds_is_refused(client):
    refused(client.post("/tokens", json={"value": "LARGE", "max_active": 2**63}), 400)
    refused(command(client, json={"action": "Reset", "payload": {"x": 2**70}}), 400)


# Whose it is


@pytest.mark.parametrize("path", ["/stations/{}", "/tokens/{}", "/commands/{}", "/webhooks/{}"])
def test_what_is_another_tenants_looks_like_what_is_not_there(client, path):
    theirs, nothing = client.get(path.format(OTHER)), client.get(path.format("nothing-9f3a"))
    assert refused(theirs, 404)["detail"].replace(OTHER, "") == refused(nothing, 404)[
        "detail"
    ].replace("nothing-9f3a", "")


def test_a_tenant_that_is_not_theirs_is_refused_and_made_up_ones_too(running, client):
    token = running.run(running.api.key(tenant=TenantId("default")))
    for tenant in ("acme", "nobody", "../acme", "a" * 5000):
        headers = {"authorization": f"Bearer {token}", "voltkeep-tenant": tenant}
        answer = client.get("/stations", headers=headers)
        assert answer.status_code in {403, 404}, answer.text


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer vk_", "Bearer " + "x" * 9000, "Basic eDp5", "\xff"]
)
def test_a_key_that_is_none_opens_nothing(running, client, shown):
    with httpx.Client(base_url=f"{running.url}/api/v1") as stranger:
        answer = stranger.get("/stations", headers={"authorization": shown.encode("latin-1")})
    refused(answer, 401)


def test_an_idempotency_key_with_another_body_is_refused(client):
    once = {"idempotency-key": "hostile-1"}
    first = command(client, headers=once)
    assert command(client, headers=once).json()["id"] == first.json()["id"]
    refused(command(client, headers=once, json={"command": "ClearCache"}), 422)
    refused(command(client, headers={"idempotency-key": ""}), 400, "Idempotency-Key")
    refused(command(client, headers={"idempotency-key": "x" * 201}), 400, "Idempotency-Key")


@pytest.mark.parametrize("tag", ['"0123"', "W/x", "\xff", '"' + "x" * 9000, ",,,,"])
def test_a_version_that_is_not_there_changes_nothing(client, tag):
    answer = client.patch(
        f"/stations/{ID}", json={"note": "x"}, headers={"if-match": tag.encode("latin-1")}
    )
    refused(answer, 412, "If-Match")


# Too much, and what fails here


def test_who_asks_too_often_is_told_when_to_come_back(running, client):
    running.api.app.state.throttle = Throttle(0.5)
    try:
        answers = [client.get("/stations") for _ in range(7)]
        assert [each.status_code for each in answers] == [200] * 5 + [429] * 2
        refused(answers[-1], 429)
        assert int(answers[-1].headers["retry-after"]) > 0
        other = {"authorization": f"Bearer {running.run(running.api.key(tenant=THEIRS))}"}
        with httpx.Client(base_url=f"{running.url}/api/v1") as stranger:
            assert stranger.get("/stations", headers=other).status_code == 200
            wrong = [stranger.get("/stations").status_code for _ in range(7)]
        assert wrong == [401] * 5 + [429] * 2
    finally:
        running.api.app.state.throttle = None


def test_what_fails_here_tells_nothing_of_the_inside(running, client, monkeypatch):
    async def fail(*_, **__):
        raise RuntimeError("the password is 9f3a")

    monkeypatch.setattr(type(running.api.services.provisioning), "get", fail)
    answer = client.get(f"/stations/{ID}")
    problem = refused(answer, 500)
    assert "9f3a" not in answer.text
    assert "Traceback" not in answer.text
    assert problem["type"] == "urn:voltkeep:problem:failed"
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
