"""What is wrong with a request is said of the field, as whoever asks wrote it."""

import re

import pytest

from voltkeep.domain.accounts import Permission
from voltkeep.web.problems import in_plain_words

RESET = {"command": "Reset", "kind": "Immediate"}
COMMANDS, BULK = "/stations/CP1/commands", "/commands/bulk"
CLOSE = "/stations/CP1/transactions/1/close"


@pytest.fixture(autouse=True)
async def station(api):
    await api.add("CP1", site="north")


async def errors(api, method, path, status=400, **options):
    """The fields that were wrong, and why."""
    problem = await api.request(method, path, status, **options)
    return {each["field"]: each["problem"] for each in problem["errors"]}


@pytest.mark.parametrize("path", [COMMANDS, BULK, CLOSE, "/sites"])
async def test_a_body_that_is_missing_is_needed(api, path):
    assert await errors(api, "POST", path) == {"body": "a body is needed"}


@pytest.mark.parametrize(
    ("path", "body", "field", "problem"),
    [
        (CLOSE, {"note": "x"}, "note", "there is no such field"),
        (COMMANDS, {"command": "RemoteStart"}, "id_token", "is missing"),
        (COMMANDS, {"foo": 1}, "command", "is missing"),
        (COMMANDS, RESET | {"x": 1}, "x", "there is no such field"),
        (COMMANDS, RESET | {"evse": {"id": 1, "x": 1}}, "evse.x", "there is no such field"),
        (BULK, {"which": {}}, "ask", "is missing"),
        (BULK, {"ask": RESET | {"x": 1}, "which": {}}, "ask.x", "there is no such field"),
        (BULK, {"ask": RESET, "which": {"x": 1}}, "which.x", "there is no such field"),
        (COMMANDS, RESET | {"kind": "Hard"}, "kind", "'Hard' is none of: Immediate, OnIdle"),
        (
            BULK,
            {"ask": RESET, "which": {"registration": "x"}},
            "which.registration",
            "'x' is none of: Accepted, Pending, Rejected",
        ),
    ],
)
async def test_a_field_is_named_and_so_is_what_may_be_there(api, path, body, field, problem):
    assert await errors(api, "POST", path, json=body) == {field: problem}


async def test_an_unknown_command_is_told_which_there_are(api):
    said = await errors(api, "POST", COMMANDS, json={"command": "Dance"})

    assert said["command"].startswith("'Dance' is none of: RemoteStart, RemoteStop, Reset")


@pytest.mark.parametrize(
    ("path", "field", "choice"),
    [
        ("/commands?state=nope", "state", "pending, queued, running, done"),
        ("/commands?result=nope", "result", "accepted, busy, cancelled"),
        ("/batches?state=nope", "state", "filling, running, done, cancelled"),
        ("/alerts?state=nope", "state", "open, acknowledged"),
        ("/security-events?state=nope", "state", "critical, noted"),
        ("/certificates?state=nope", "state", "issued, sent"),
        ("/firmware-updates?state=nope", "state", "requested, refused"),
        ("/campaigns?state=nope", "state", "filling, running"),
        ("/campaigns/x/stations?state=nope", "state", "waiting, preparing"),
        ("/logs?state=nope", "state", "requested, uploading"),
        ("/imports?state=nope", "state", "running, done"),
        ("/reservations?state=nope", "state", "requested, active"),
        ("/availability-plans?state=nope", "state", "planned, done"),
        ("/charging-profiles?state=nope", "state", "sent, unknown"),
        ("/transactions/unended?state=nope", "state", "newer transaction"),
        ("/users?state=nope", "state", "active"),
        ("/exports/transactions?format=nope", "format", "csv, jsonl"),
        ("/commands?sort=nope", "sort", "at, -at"),
    ],
)
async def test_a_parameter_with_few_values_names_them(api, path, field, choice):
    said = await errors(api, "GET", path)

    assert list(said) == [field]
    assert said[field].startswith("'nope' is none of: ")
    assert choice in said[field]


async def test_a_header_is_named_as_it_was_written(api):
    headers = {"Idempotency-Key": "x" * 201}

    assert list(await errors(api, "POST", COMMANDS, json=RESET, headers=headers)) == [
        "Idempotency-Key"
    ]


async def test_what_cannot_be_waited_for_is_said_of_its_field(api):
    past = "2020-01-01T00:00:00Z"
    batch = {"ask": RESET, "which": {}, "queue_until": past}
    params = {"queue_until": past}
    for path, options in ((COMMANDS, {"json": RESET, "params": params}), (BULK, {"json": batch})):
        assert list(await errors(api, "POST", path, 422, **options)) == ["queue_until"]


async def test_a_batch_is_seen_by_those_who_see_all_that_it_reaches(api):
    await api.add("CP2", site="south")
    south = {"ask": RESET, "which": {"sites": ["south"]}}
    whole = {"ask": RESET, "which": {}}
    made = [await api.request("POST", BULK, 202, json=body) for body in (south, whole)]
    async with api.by(await api.key(Permission.SEND_COMMANDS, sites=("north",))) as limited:
        for batch in made:
            assert (await limited.get(f"/batches/{batch['id']}")).status_code == 404
            assert (await limited.delete(f"/batches/{batch['id']}")).status_code == 404
            found = await limited.get("/commands", params={"batch": batch["id"]})
            assert found.json()["items"] == []
        mine = await limited.post(BULK, json=whole)
        assert (await limited.get(f"/batches/{mine.json()['id']}")).status_code == 200
        refused = await limited.post(BULK, json=south)

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "which.sites")


async def test_every_type_that_the_description_names_is_described(api):
    schema = api.app.state.schema
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', schema.content.decode()))

    assert named <= schema.document["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Expected `str` of length <= 20", "has to be at most 20 characters long"),
        ("Expected `str` of length >= 1", "has to be filled in"),
        ("Expected `array`, got `object`", "has to be a list, and is an object with fields"),
        ("Expected `int | null`, got `str`", "has to be a whole number, and is text"),
        ("Expected `int` >= 0", "has to be at least 0"),
        (
            "Invalid RFC3339 encoded datetime",
            "is not a time, such as 2026-01-31T12:00:00Z",
        ),
        ("Invalid enum value 'x'", "cannot be 'x'"),
        ("something else", "something else"),
    ],
)
def test_what_a_parser_found_is_said_in_plain_words(said, words):
    assert in_plain_words(said) == words


async def test_no_type_of_a_program_is_told_of_a_field(api):
    stations = await errors(api, "POST", "/stations", json={"id": "CS-1", "vendor": 5})
    messages = await errors(api, "GET", "/messages?since=notadate")

    assert [each for each in (*stations.values(), *messages.values()) if "`" in each] == []
    assert "RFC3339" not in messages["since"]


async def test_an_id_that_no_station_can_have_is_told_at_its_field(api):
    found = await errors(api, "POST", "/stations", 422, json={"id": "CS/1"})

    assert list(found) == ["id"]
