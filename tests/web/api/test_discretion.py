"""Tokens are shown in full to those who may read them, and to nobody else."""

import json
from datetime import UTC, datetime

import pytest

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.services.ports import Exchange
from voltkeep.web.discretion import shown, shown_json

TOKEN, GROUP = "04A1B2C3D4E5F6", "FLEET-990017"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOMEBODY = Principal(actor=SYSTEM, tenant=DEFAULT_TENANT, permissions=frozenset())
ASKS = [
    {"command": "RemoteStart", "id_token": {"value": TOKEN}},
    {
        "command": "Reserve",
        "id_token": {"value": TOKEN},
        "expires_at": "2099-05-01T08:00:00Z",
        "evse": {"id": 1},
    },
    {
        "command": "SendLocalList",
        "entries": [{"id_token": {"value": TOKEN}, "group": GROUP}],
    },
    {"action": "RemoteStartTransaction", "payload": {"idTag": TOKEN}},
    {
        "action": "SendLocalList",
        "payload": {
            "localAuthorizationList": [{"idTag": TOKEN, "idTagInfo": {"parentIdTag": GROUP}}]
        },
    },
    {
        "action": "RequestStartTransaction",
        "payload": {
            "idToken": {"idToken": TOKEN, "type": "ISO14443"},
            "groupIdToken": {"idToken": GROUP, "type": "Central"},
        },
    },
    {"action": "DataTransfer", "payload": {"data": json.dumps({"idTag": TOKEN})}},
]


@pytest.fixture(params=ASKS, ids=lambda ask: ask.get("command") or ask["action"])
def ask(request):
    return request.param


async def test_a_command_shows_tokens_to_whoever_may_read_them(api, ask):
    await api.add("CP1", site="north")
    given = await api.request("POST", "/stations/CP1/commands", 202, json=ask)
    batch = {"ask": ask, "which": {"stations": ["CP1"], "sites": ["north"]}}
    made = await api.request("POST", "/commands/bulk", 202, json=batch)
    needed = (Permission.SEND_COMMANDS, Permission.SEND_TECHNICAL)
    hotline = await api.key(*needed, sites=("north",))

    async with api.by(hotline) as client:
        answers = [
            await client.post("/stations/CP1/commands", json=ask),
            await client.get(f"/commands/{given['id']}"),
            await client.get("/commands"),
            await client.get(f"/batches/{made['id']}"),
            await client.post("/commands/bulk", json=batch),
        ]

    for answer in answers:
        assert answer.is_success, answer.text
        assert (TOKEN in answer.text, GROUP in answer.text) == (False, False)
        assert "…E5F6" in json.dumps(answer.json(), ensure_ascii=False)
    assert TOKEN in json.dumps(await api.request("GET", f"/commands/{given['id']}"))


@pytest.mark.parametrize(
    "message",
    [
        {"idTag": TOKEN},
        {"idtag": TOKEN},
        [2, "1", "StartTransaction", {"idTag": TOKEN, "connectorId": 1}],
        [3, "1", {"idTagInfo": {"status": "Accepted", "parentIdTag": TOKEN}}],
        {"idToken": {"idToken": TOKEN, "additionalInfo": [{"additionalIdToken": TOKEN}]}},
        {"idToken": TOKEN},
        {"data": f'{{"a": "{{\\"idTag\\": \\"{TOKEN}\\"}}"}}'},
        f'[2,"1","Authorize",{{"idTag":"{TOKEN}"}}',
        f'[2,"1","Authorize",{{"idTag" : "{TOKEN}',
    ],
)
def test_every_version_has_its_own_word_for_a_token(message):
    text = message if isinstance(message, str) else json.dumps(message)

    assert TOKEN not in str(shown(SOMEBODY, message))
    assert TOKEN not in bytes(shown_json(SOMEBODY, text)).decode()


def test_what_is_no_token_is_shown_as_it_is():
    message = {"idTagInfo": {"status": "Accepted"}, "value": TOKEN, "group": GROUP, "idTag": None}

    assert shown(SOMEBODY, json.loads(json.dumps(message))) == message


async def test_the_message_log_shows_tokens_to_whoever_may_read_them(api):
    await api.add("CP1", site="north")
    call = [2, "1", "StartTransaction", {"idTag": TOKEN}]
    answer = [3, "1", {"idTagInfo": {"status": "Accepted", "parentIdTag": GROUP}}]
    api.store.journal.exchange(
        Exchange(
            station=station_id("CP1"),
            direction="in",
            message_id="1",
            action="StartTransaction",
            call=json.dumps(call).encode(),
            called_at=NOON,
            answer=json.dumps(answer).encode(),
            answered_at=NOON,
            verdict="ok",
        )
    )
    async with api.by(await api.key(Permission.READ_MESSAGES, sites=("north",))) as client:
        [masked] = (await client.get("/messages")).json()["items"]
    [full] = (await api.request("GET", "/messages"))["items"]

    assert masked["call"] == [2, "1", "StartTransaction", {"idTag": "…E5F6"}]
    assert masked["answer"][2]["idTagInfo"] == {"status": "Accepted", "parentIdTag": "…0017"}
    assert (full["call"], full["answer"]) == (call, answer)
