"""Each request has a name, in the logs and in the answer."""

import httpx
import pytest
import structlog

from voltkeep.web.request_ids import identified

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def application(scope, receive, send):
    seen = structlog.contextvars.get_contextvars()["request_id"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": seen})


async def name(**headers):
    """What the answer says, which is what the logs have."""
    transport = httpx.ASGITransport(app=identified(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = await client.get("/", headers=sent)
    assert answer.text == answer.headers["x-request-id"]
    assert "request_id" not in structlog.contextvars.get_contextvars()
    return answer.text


async def test_a_name_that_was_sent_is_kept():
    assert await name(x_request_id="order-17.retry_2") == "order-17.retry_2"


async def test_the_trace_of_the_caller_is_the_name():
    assert await name(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE
    assert await name(x_request_id="mine", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == "mine"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "ä".encode(), "a\tb", "../../etc"])
async def test_what_could_disguise_a_log_line_is_no_name(sent):
    assert len(await name(x_request_id=sent)) == 32
    assert len(await name(traceparent=sent)) == 32


async def test_names_differ():
    assert await name() != await name()
