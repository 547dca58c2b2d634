"""The client of the API, against the API."""

import asyncio
import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import UNSET
from standardwebhooks.webhooks import Webhook
from tools.generate_client import operations_of
from tools.generate_reference import openapi_page

from tests.web.api.conftest import running_api
from voltkeep import client
from voltkeep.client import AsyncClient, Client, models
from voltkeep.client.core import EventReader, NotReached, ProblemError, request

DOCUMENT = json.loads(openapi_page())


@pytest.fixture
async def api():
    async with running_api() as api:
        yield api


@pytest.fixture
async def asking(api):
    """A client of a running API."""
    http = api.by(None)
    http.base_url = "http://voltkeep.test"
    async with AsyncClient("http://voltkeep.test", await api.key(), http=http) as asking:
        yield asking


def answering(*answers, seen=None):
    """A client of a server that gives these answers, one after the other."""
    left = list(answers)

    def handle(asked):
        if seen is not None:
            seen.append(asked)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(handle)
    http = httpx.Client(transport=transport, base_url="http://voltkeep.test")
    return Client("http://voltkeep.test", "vk_1_2", http=http)


BUSY = {"type": "urn:voltkeep:problem:busy", "title": "Busy", "status": 503}
STATION = {"site": "", "note": "x"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_operation_has_a_method(kind):
    for path, method, operation in operations_of(DOCUMENT):
        found = getattr(kind, operation["operationId"], None)
        assert found is not None, f"{method} {path}: run `make generate`"
        known = set(inspect.signature(found).parameters)
        for each in operation.get("parameters", ()):
            name = each.get("name", "")
            if "in" not in each or name in {"cursor", "Content-Length"}:
                continue
            word = name.replace("-", "_").lower() if "-" in name else name
            assert {word, f"{word}_"} & known, f"{method} {path}: {name}: run `make generate`"


def test_both_clients_ask_the_same():
    def names(kind):
        return {
            name: str(inspect.signature(each))
            .replace("AsyncIterator", "Iterator")
            .replace("AsyncPages", "Pages")
            for name, each in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_") and name != "close"
        }

    assert names(Client) == names(AsyncClient)


async def test_stations_are_added_listed_page_by_page_changed_and_removed(asking):
    for number in range(5):
        added = await asking.add_station(models.NewStation(id=f"CP-{number}", note="x"))
        assert (added.id, added.security_profile) == (f"CP-{number}", 1)
    found = [each.id async for each in asking.list_stations(limit=2)]
    assert found == [f"CP-{number}" for number in range(5)]
    page = await asking.list_stations(limit=2).page()
    assert (len(page.items), page.next is None) == (2, False)
    changed = await asking.change_station("CP-1", models.StationChange(note="new"))
    assert (changed.note, changed.passive) == ("new", False)
    await asking.remove_station("CP-1")
    with pytest.raises(ProblemError) as caught:
        await asking.show_station("CP-1")
    assert (caught.value.status, caught.value.type) == (404, "urn:voltkeep:problem:not-found")


async def test_names_are_quoted_in_addresses(asking):
    await asking.add_station(models.NewStation(id="CP #1 (north)"))
    assert (await asking.show_station("CP #1 (north)")).id == "CP #1 (north)"
    with pytest.raises(ProblemError) as caught:
        await asking.show_station("../tokens")
    assert caught.value.status == 404


async def test_a_problem_names_the_fields(asking):
    with pytest.raises(ProblemError) as caught:
        await asking.add_station(models.NewStation(id="CP1", note="x" * 3000))
    assert [each.field for each in caught.value.fields] == ["note"]


async def test_a_command_is_sent_once_and_waited_for(api, asking):
    await api.add("CP1")
    body = models.Reset(kind="OnIdle")
    first = await asking.give_command("CP1", body, wait=5, idempotency_key="k1")
    again = await asking.give_command("CP1", body, wait=5, idempotency_key="k1")
    other = await asking.give_command("CP1", body, wait=5)
    assert first.id == again.id != other.id
    assert len(api.stations.asked) == 2


async def test_an_export_is_read_in_blocks(asking):
    await asking.add_token(models.NewToken(value="04AA"))
    blocks = [block async for block in asking.export_tokens(format="jsonl")]
    assert json.loads(b"".join(blocks))["value"] == "04AA"


def test_a_busy_server_is_asked_again_as_late_as_it_says():
    seen: list[httpx.Request] = []
    busy = httpx.Response(503, json=BUSY, headers={"retry-after": "0"})
    site: dict[str, Any] = {
        **dict.fromkeys(("id", "name", "country", "time_zone", "note"), "x"),
        "address": [],
    }
    site |= {"latitude": None, "longitude": None}
    site |= dict.fromkeys(("created_at", "changed_at"), "2026-05-01T08:00:00Z")
    with answering(busy, busy, httpx.Response(200, json=site), seen=seen) as asking:
        assert asking.show_site("x").id == "x"
    assert len(seen) == 3
    assert {each.headers["authorization"] for each in seen} == {"Bearer vk_1_2"}


def test_what_may_not_be_repeated_is_asked_once():
    seen: list[httpx.Request] = []
    busy = httpx.Response(503, json=BUSY, headers={"retry-after": "0"})
    with answering(busy, seen=seen) as asking, pytest.raises(ProblemError):
        asking.add_station(models.NewStation(id="CP1"))
    with answering(httpx.ConnectError("away"), seen=seen) as asking, pytest.raises(NotReached):
        asking.add_site(models.NewSite(id="x"))
    assert len(seen) == 2


def test_a_command_is_repeated_under_one_key():
    seen: list[httpx.Request] = []
    busy = httpx.Response(429, json=BUSY | {"status": 429}, headers={"retry-after": "0"})
    refused = httpx.Response(404, json={"status": 404, "title": "no"})
    with answering(busy, refused, seen=seen) as asking, pytest.raises(ProblemError):
        asking.give_command("CP1", models.Reset(kind="OnIdle"))
    keys = [each.headers["idempotency-key"] for each in seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32


def test_a_server_that_asks_for_an_hour_is_not_waited_for():
    for when in ("3600", (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %T GMT")):
        away = httpx.Response(503, json=BUSY, headers={"retry-after": when})
        with answering(away) as asking, pytest.raises(ProblemError) as caught:
            asking.show_site("x")
        assert caught.value.retry_after_s == pytest.approx(3600, abs=5)


def test_an_answer_that_is_no_problem_document_is_told_all_the_same():
    bad = httpx.Response(502, text="<html>Bad gateway")
    with answering(bad) as asking, pytest.raises(ProblemError, match="the server answered 502"):
        asking.show_site("x")


def test_an_event_stream_goes_on_where_it_broke():
    seen: list[httpx.Request] = []
    first = b'retry: 0\n\nid: 7\nevent: a\ndata: {"n": 1}\n\nid: 8\ndata: {"n":'
    second = b': quiet\n\nid: 8\nevent: b\ndata: {"n":\ndata: 2}\n\n'
    answers = (httpx.Response(200, content=first), httpx.Response(200, content=second))
    with answering(*answers, seen=seen) as asking:
        events = asking.stream_events(types="a,b")
        told = [next(events), next(events)]
    assert [(each.id, each.type, each.data) for each in told] == [
        (7, "a", {"n": 1}),
        (8, "b", {"n": 2}),
    ]
    assert [each.headers.get("last-event-id") for each in seen] == [None, "7"]


def test_an_event_that_never_ends_is_given_up():
    reader = EventReader()
    for _ in range(40):
        reader.line("data: " + "x" * 100_000)
    with pytest.raises(NotReached):
        reader.line("data: " + "x" * 1_000_000)


def test_a_webhook_is_believed_if_it_was_signed():
    secret, body, now = "whsec_" + "QUJDREVGR0hJSktMTU5PUA==", '{"type": "x"}', datetime.now(UTC)
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", now, body),
    }
    assert client.verified(secret, body.encode(), headers) == {"type": "x"}
    for wrong in (b'{"type": "y"}', b""):
        with pytest.raises(client.WebhookRefused):
            client.verified(secret, wrong, headers)
    with pytest.raises(client.WebhookRefused):
        client.verified(secret, body.encode(), {})


def test_what_is_left_out_is_not_sent():
    assert models.StationChange().note is UNSET
    asked = request("PATCH", "/stations/x", body=models.StationChange(note="x"))
    assert asked.content == b'{"note":"x"}'


async def test_the_example_of_the_guide_runs(api, asking, monkeypatch):
    """What docs/howto/use-the-python-client.md shows, word by word."""
    await api.add("CP-1001")
    text = (Path(__file__).parents[2] / "docs/howto/use-the-python-client.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.setattr(client, "AsyncClient", lambda *_, **__: asking)
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    await asyncio.wait_for(names["main"](), 10)
