"""Commands over the API: asked for, waited for, made once, and cancelled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from voltkeep.domain.accounts import Permission
from voltkeep.domain.asks import Ask
from voltkeep.domain.commands import Outcome, RawCommand
from voltkeep.services.asking import PERMISSIONS, table
from voltkeep.services.order_limits import Line
from voltkeep.services.ports import StationOffline, StationRefused, StationSilent

RESET = {"command": "Reset", "kind": "Immediate"}
PATH = "/stations/CP1/commands"


@pytest.fixture(autouse=True)
async def station(api):
    await api.add("CP1")


def soon(hours=1):
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def queued(api, **options):
    params = {"queue_until": soon()}
    return await api.request("POST", PATH, 202, json=RESET, params=params, **options)


async def test_a_command_is_answered_at_once_and_can_be_waited_for(api):
    answer = await api.client.post(PATH, json=RESET)
    given = answer.json()
    assert (answer.status_code, given["state"], given["result"]) == (202, "running", None)

    path = answer.headers["location"].removeprefix("/api/v1")
    done = await api.request("GET", f"{path}?wait=5")

    assert (done["state"], done["result"], done["status"]) == ("done", "accepted", "Accepted")
    assert done["ask"] == {"command": "Reset", "kind": "Immediate", "evse": None}
    assert (done["id"], done["station"], done["advice"]) == (given["id"], "CP1", None)


async def test_whoever_waits_is_shown_what_became_of_it(api):
    done = await api.request("POST", f"{PATH}?wait=5", 202, json=RESET)

    assert (done["state"], done["issued_by"]) == ("done", "test")


async def test_the_exact_message_can_be_sent(api):
    body = {"action": "ReserveNow", "payload": {"connectorId": -1}, "force": True}
    done = await api.request("POST", f"{PATH}?wait=5", 202, json=body)

    assert (done["command"], done["result"]) == ("ReserveNow", "accepted")
    [(_, command)] = api.stations.asked
    assert isinstance(command, RawCommand)
    assert (command.action, bytes(command.payload)) == ("ReserveNow", b'{"connectorId":-1}')
    assert command.force


@pytest.mark.parametrize(
    ("failure", "result", "word"),
    [
        (StationOffline("x"), "offline", "queue_until"),
        (StationSilent("x"), "silent", "may have done"),
        (StationRefused("NotSupported", "no"), "refused", "error"),
        (Outcome(accepted=False, status="Rejected"), "rejected", "will not"),
    ],
)
async def test_how_it_failed_is_said_with_what_to_do(api, failure, result, word):
    api.stations.outcome = failure

    done = await api.request("POST", f"{PATH}?wait=5", 202, json=RESET)

    assert (done["state"], done["result"]) == ("done", result)
    assert word in done["advice"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"command": "Dance"}, "command"),
        ({"command": "Reset", "kind": "Gentle"}, "kind"),
        ({"command": "Reset", "hurry": True}, "hurry"),
        ({"command": "RemoteStart"}, "id_token"),
        ({"action": "Reset", "payload": [1]}, "payload"),
        ({"action": "Reset", "shout": True}, "shout"),
        ({}, "command"),
        ([], "body"),
    ],
)
async def test_what_is_wrong_with_a_command_is_said_by_its_field(api, body, field):
    problem = await api.request("POST", PATH, 400, json=body)

    assert field in problem["detail"] + str(problem["errors"]), problem
    assert api.stations.asked == []


@pytest.mark.parametrize(
    "query", ["wait=61", "wait=-1", "queue_until=soon", "timeout_s=0", "queue_until=2999-01-01"]
)
async def test_a_parameter_out_of_bounds_is_said(api, query):
    answer = await api.client.post(f"{PATH}?{query}", json=RESET)

    assert answer.status_code in {400, 422}
    assert query.partition("=")[0] in answer.text


async def test_a_body_that_is_no_json_is_said(api):
    for content in (b"{", b'"' + b"\xff" + b'"', b"[" * 100_000):
        await api.request("POST", PATH, 400, content=content)
    await api.request("POST", PATH, 413, content=b" " * (1024 * 1024 + 1))


# Once.


async def test_twins_with_one_key_make_one_command(api):
    headers = {"idempotency-key": "k-1"}
    twins = await asyncio.gather(
        *(api.request("POST", PATH, 202, json=RESET, headers=headers) for _ in range(4))
    )
    waited = await api.request("POST", f"{PATH}?wait=1", 202, json=RESET, headers=headers)

    assert len({each["id"] for each in [*twins, waited]}) == 1
    assert len(api.stations.asked) == 1


async def test_a_key_with_another_body_is_refused(api):
    headers = {"idempotency-key": "k-1"}
    await api.request("POST", PATH, 202, json=RESET, headers=headers)
    other = RESET | {"kind": "OnIdle"}
    problem = await api.request("POST", PATH, 422, json=other, headers=headers)

    assert problem["type"] == "urn:voltkeep:problem:idempotency-key-reused"
    # Another's key of the same name is another key.
    other_key = await api.key()
    answer = await api.by(other_key).post(PATH, json=other, headers=headers)
    assert answer.status_code in {202, 422}


# Waiting, and lists.


async def test_a_command_that_waits_is_shown_and_cancelled(api):
    order = await queued(api)
    assert (order["state"], "waits" in order["advice"]) == ("queued", True)

    cancelled = await api.request("DELETE", f"/commands/{order['id']}")

    assert (cancelled["state"], cancelled["result"]) == ("cancelled", "cancelled")
    problem = await api.request("DELETE", f"/commands/{order['id']}", 409)
    assert "cancelled" in problem["detail"]
    assert api.stations.asked == []


async def test_a_line_that_is_full_is_said(api):
    api.services.orders.line = Line(for_a_station=2)
    for _ in range(2):
        await queued(api)
    problem = await api.request("POST", PATH, 409, json=RESET, params={"queue_until": soon()})

    assert problem["type"] == "urn:voltkeep:problem:queue-full"
    assert "2 commands wait for" in problem["detail"]


async def test_commands_are_listed_by_what_they_are(api):
    await api.add("CP2")
    for station in ("CP1", "CP2", "CP1"):
        path = f"/stations/{station}/commands?wait=5"
        await api.request("POST", path, 202, json=RESET)
    await queued(api)

    async def count(query):
        return len((await api.request("GET", f"/commands?{query}"))["items"])

    assert await count("station=CP1") == 3
    assert await count("state=queued") == 1
    assert await count("result=accepted") == 3
    assert await count("issued_by=nobody") == 0
    assert await count("batch=none") == 0
    page = await api.request("GET", "/commands?limit=3")
    rest = await api.request("GET", f"/commands?limit=3&cursor={page['next']}")
    assert len({each["id"] for each in page["items"] + rest["items"]}) == 4
    assert rest["next"] is None


# Who may.


async def test_nobody_sees_or_asks_what_is_not_theirs(api):
    order = await queued(api)
    await api.add("FAR", site="south")
    near = api.by(await api.key(sites=("north",)))
    for answer in (
        await near.post(PATH, json=RESET),
        await near.get(f"/commands/{order['id']}"),
        await near.delete(f"/commands/{order['id']}"),
    ):
        assert answer.status_code == 404
    assert (await near.get("/commands")).json()["items"] == []
    assert (await api.client.get("/commands/no")).status_code == 404


async def test_a_technical_command_takes_a_permission_of_its_own(api):
    hotline = api.by(await api.key(Permission.SEND_COMMANDS))
    assert (await hotline.post(PATH, json=RESET)).status_code == 202

    refused = await hotline.post(PATH, json={"action": "Reset", "payload": {"type": "Soft"}})

    assert (refused.status_code, "commands:technical" in refused.text) == (403, True)
    reader = api.by(await api.key(Permission.READ_STATIONS))
    assert (await reader.post(PATH, json=RESET)).status_code == 403


def test_of_every_ask_it_is_said_who_may_and_who_does_it(api):
    kinds = set(get_args(Ask))

    assert set(PERMISSIONS) == kinds
    security = Permission.WRITE_SECURITY
    everyday, technical = Permission.SEND_COMMANDS, Permission.SEND_TECHNICAL
    assert set(PERMISSIONS.values()) == {everyday, technical, security}
    assert set(table(api.services)) == kinds
