"""The message inspector: who sees which messages, how a refusal is marked, and what is copied."""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.domain.identity import station_id
from voltkeep.services.ports import LoggedExchange
from voltkeep.services.rows import Exchange
from voltkeep.web.api.messages import MessageOut
from voltkeep.web.pages import frames

AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_ids = count(1)


def say(api, action="Heartbeat", payload=None, answer=None, station="CS-1", tenant=None, **more):
    id = next(_ids)
    whose = station_id(station, tenant) if tenant else station_id(station)
    at = AT + timedelta(seconds=id)
    replied = [3, f"m-{id}", {}] if answer is None else answer
    values = {
        "direction": "in",
        "message_id": f"m-{id}",
        "call": json.dumps([2, f"m-{id}", action, payload or {}]).encode(),
        "answer": json.dumps(replied).encode(),
        "answered_at": at + timedelta(milliseconds=12.5),
        **more,
    }
    exchange = Exchange(station=whose, action=action, called_at=at, **values)
    api.store.messages.append(LoggedExchange(id=id, exchange=exchange))
    return f"m-{id}"


def rows(text):
    return text.count("data-message=")


def made(call, answer, direction="in", verdict="ok", note=""):
    return MessageOut(
        id=1,
        station="CS-1",
        direction=direction,
        message_id="1",
        action="X",
        call=call,
        called_at=AT,
        answer=answer,
        answered_at=AT,
        latency_ms=1.0,
        verdict=verdict,
        note=note,
    )


def wrong(side):
    return [line.text.strip() for line in side.lines if line.is_wrong]


async def test_a_call_stands_with_its_answer_and_how_long_it_took(api):
    browser = await setup(api)
    await api.add("CS-1")
    say(api, "BootNotification", {"chargePointModel": "Wall 7"})
    text = (await see(browser, "/messages")).text

    assert rows(text) == 1
    assert "12.5 ms" in text
    assert "  &#34;chargePointModel&#34;: &#34;Wall 7&#34;" in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    check_forms(api, text)


async def test_a_long_outcome_may_part_between_its_words(api):
    ada = await setup(api)
    await api.add("CS-1")
    say(api, verdict="TypeConstraintViolation")
    text = (await see(ada, "/messages")).text
    assert "Type<wbr>Constraint<wbr>Violation</span>" in text


async def test_an_empty_log_says_so(api):
    browser = await setup(api)

    assert "No message fits." in (await see(browser, "/messages")).text
    assert (await see(browser, "/messages.jsonl")).text == ""


async def test_filters_stand_in_the_address_and_what_is_empty_is_none(api):
    browser = await setup(api)
    await api.add("CS-1", "CS-2")
    say(api)
    say(api, "StatusNotification", station="CS-2")
    say(api, "Reset", direction="out", verdict="no answer", answer=[3, "x", {}])

    async def found(query):
        answer = await see(browser, f"/messages?{query}")
        assert answer.status_code == 200
        return rows(answer.text)

    assert await found("station=&direction=&action=&since=&before=&site=") == 3
    assert await found("station=CS-2") == 1
    assert await found("direction=out") == 1
    assert await found("action=Heartbeat") == 1
    assert await found("verdict=no+answer") == 1
    assert await found("site=nowhere") == 0
    assert await found("since=2026-05-02T09:30:00Z&before=2026-05-02T09:30:00Z") == 0
    for bad in ("direction=up", "since=yesterday", "since=2026-05-02T09:30:00"):
        assert 'class="fault"' in (await see(browser, f"/messages?{bad}")).text


async def test_more_than_a_page_goes_on(api):
    browser = await setup(api)
    await api.add("CS-1")
    for _ in range(60):
        say(api)
    text = (await see(browser, "/messages?station=CS-1")).text
    (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)[:1]

    assert rows(text) == 50
    assert "data-follow" in text
    second = (await see(browser, "/messages" + following.replace("&amp;", "&"))).text
    assert rows(second) == 10
    assert "data-follow" not in second
    assert (await see(browser, "/messages.jsonl")).text.count("\n") == 60


async def test_what_a_station_says_is_text(api):
    browser = await setup(api)
    await api.add("CS-1")
    say(api, HOSTILE, {"x": HOSTILE}, verdict=HOSTILE, note=HOSTILE, message_id=HOSTILE)
    say(api, call=HOSTILE.encode(), verdict="unreadable", answer=[4, "", HOSTILE, HOSTILE, {}])
    text = (await see(browser, "/messages")).text

    assert rows(text) == 2
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "<img" not in text


@pytest.mark.parametrize("depth", [100, 101, 928, 5000])
async def test_a_frame_is_shown_however_deep_a_station_nests_it(api, depth):
    browser = await setup(api)
    await api.add("CS-1")
    frame = b"[" * depth + b"]" * depth
    say(api, call=frame, answer=frame.decode())
    found = await browser.get("/messages")

    assert isinstance(found.json()["items"][0]["call"], list if depth <= 100 else str)
    shown = await see(browser, "/messages")
    assert rows(shown.text) == 1
    (address,) = re.findall(r'href="(/messages/check\?[^"]*)"', shown.text)
    assert (await see(browser, address.replace("&amp;", "&"))).status_code == 200


async def test_who_may_not_read_messages_sees_none(api):
    ada = await setup(api)
    await api.add("CS-1")
    say(api)
    vera = await active(api, ada, "vera", Role.VIEWER)

    for path in ("/messages", "/messages.jsonl", "/messages.story"):
        assert (await see(vera, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303
    assert 'href="/messages"' not in (await see(vera, "/stations")).text


async def test_nobody_sees_messages_of_other_sites_or_tenants(api):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    say(api, station="N-1")
    say(api, station="S-1", payload={"secret": "of-the-south"})
    nora = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])
    await api.by(await api.key()).post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    for path in ("/messages", "/messages.jsonl", "/messages.story"):
        for query in ("", "?site=south", "?station=S-1"):
            text = (await see(nora, path + query)).text
            assert "of-the-south" not in text
            assert "of-the-south" not in (await see(acme, path + query)).text
    assert rows((await see(nora, "/messages")).text) == 1


async def test_tokens_are_masked_for_who_may_not_read_them(api):
    await setup(api)
    await api.add("CS-1")
    say(api, "Authorize", {"idTag": "04A1B2C3D4"})
    reader = api.by(await api.key("messages:read"))

    for path in ("/messages", "/messages.jsonl", "/messages.story"):
        text = (await see(reader, path)).text
        assert "Authorize" in text
        assert "04A1B2C3D4" not in text


async def test_a_conversation_is_copied_as_a_story_in_order_of_time(api):
    browser = await setup(api)
    await api.add("CS-9", "CS-8")
    say(api, "Authorize", {"idTag": "A"}, station="CS-9")
    say(api, "Reset", {"type": "Soft"}, station="CS-8", direction="out")
    say(
        api, "Heartbeat", {"x": 1}, [4, "m", "FormationViolation", "unknown", {}], "CS-9",
        verdict="FormationViolation",
    )  # fmt: skip
    text = (await see(browser, "/messages.story")).text

    assert text.splitlines() == [
        "# CS-1 is CS-9.",
        '< Authorize {"idTag":"A"}',
        "> {}",
        "# CS-2 is CS-8.",
        'CS-2 > Reset {"type":"Soft"}',
        "CS-2 < {}",
        '< Heartbeat {"x":1}',
        "> error FormationViolation",
    ]


def test_a_story_has_a_line_for_each_frame_whatever_it_was():
    told = frames.story(
        [
            made("no\nJSON", None, verdict="unreadable", note="it\nis not"),
            made([2, "1", "Bad\nvoltkeep stops $tx", {}], None),
        ]
    )

    assert told.splitlines() == [
        "# CS-1 is CS-1.",
        '# < "no\\nJSON"',
        "# unreadable: it\ufffdis not",
        '# < [2,"1","Bad\\nvoltkeep stops $tx",{}]',
    ]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("Expected `int`, got `str` - at `$.a.b`", '"b": "x"'),
        ("Expected `int`, got `str` - at `$.list[...]`", "1"),
        ("Object contains unknown field `c` - at `$.a`", '"c": 2'),
        ("Object missing required field `d` - at `$.a`", '"a": {'),
        ("Object missing required field `e`", "{"),
    ],
)
def test_what_was_refused_is_marked_where_it_stands(said, place):
    payload = {"a": {"b": "x", "c": 2}, "list": [1]}
    read = frames.read(made([2, "1", "X", payload], [4, "1", "E", said, {}], verdict="E"))

    assert wrong(read.call)[0].rstrip(",") == place
    assert not wrong(read.answer)
    assert read.answer is not None
    assert read.answer.error == f"E: {said}"


def test_of_an_answer_that_we_did_not_take_the_answer_is_marked():
    said = "Invalid enum value 'Perhaps' - at `$.status`"
    read = frames.read(made([2, "1", "X", {}], [3, "1", {"status": "Perhaps"}], "out", "E", said))

    assert wrong(read.answer) == ['"status": "Perhaps"']
    assert not wrong(read.call)


def test_a_payload_is_shown_as_json_however_deep_and_long():
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    assert not frames.read(made([2, "1", "X", {"a": deep}], None)).call.is_cut
    assert frames.read(made([2, "1", "X", {"a": [1] * 9999}], None)).call.is_cut
    whole = {"a": [1, {"b": None}], "c": {}, "d": "\u2028"}
    lines = frames.read(made([2, "1", "X", whole], None)).call.lines
    assert json.loads("".join(line.text for line in lines)) == whole
