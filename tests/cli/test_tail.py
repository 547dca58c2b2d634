"""`voltkeep station tail`: what was said, a line each, whatever was said."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from voltkeep.app import App
from voltkeep.domain.identity import StationId, station_id
from voltkeep.services.ports import Exchange

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
CS_01, CS_02 = station_id("CS-01"), station_id("CS-02")


def said(
    call: bytes,
    answer: bytes | None = None,
    station: StationId = CS_01,
    action: str = "Heartbeat",
    verdict: str = "ok",
    **rest,
) -> Exchange:
    return Exchange(
        station=station,
        direction=rest.pop("direction", "in"),
        message_id="17",
        action=action,
        call=call,
        called_at=NOON,
        answer=answer,
        answered_at=NOON + timedelta(milliseconds=4) if answer else None,
        verdict=verdict,
        **rest,
    )


def log(voltkeep: CommandLine, *exchanges: Exchange) -> None:
    async def write(app: App) -> None:
        for exchange in exchanges:
            app.store.journal.exchange(exchange)

    voltkeep.inside(write)


@pytest.fixture
def stations(voltkeep: CommandLine) -> CommandLine:
    voltkeep.ok("station", "add", "CS-01")
    voltkeep.ok("station", "add", "CS-02")
    return voltkeep


def tail(voltkeep: CommandLine, *args: str) -> list[str]:
    return voltkeep.ok("station", "tail", *args, "--no-follow").lines


@pytest.mark.parametrize(
    ("exchange", "line"),
    [
        (
            said(b'[2,"17","Heartbeat",{}]', b'[3,"17",{"currentTime":"2026-03-01T12:00:00Z"}]'),
            "12:00:00.250 < Heartbeat = currentTime=2026-03-01T12:00:00Z ok 4 ms",
        ),
        (
            said(
                b'[2,"17","Reset",{"type":"Soft"}]',
                b'[3,"17",{"status":"Accepted"}]',
                action="Reset",
                direction="out",
            ),
            "12:00:00.250 > Reset type=Soft = status=Accepted ok 4 ms",
        ),
        (
            said(
                b'[2,"17","X",{}]', b'[4,"17","NotImplemented","no X",{}]', verdict="NotImplemented"
            ),
            "12:00:00.250 < Heartbeat = NotImplemented: no X NotImplemented 4 ms",
        ),
        (
            said(b'[2,"17","Reset",{}]', action="Reset", direction="out", verdict="no answer"),
            "12:00:00.250 > Reset no answer",
        ),
        (
            said(b"\xff{nonsense\x1b[2J", action="", verdict="unreadable", note="no JSON"),
            r"12:00:00.250 < (no action) \xff{nonsense\x1b[2J (no JSON) unreadable",
        ),
        (
            said(
                b'[2,"17","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"t",'
                b'"sampledValue":[{"value":"3","measurand":"Voltage","phase":"L1","unit":"V"},'
                b'{"value":"1"}]}]}]',
                action="MeterValues",
            ),
            "12:00:00.250 < MeterValues connectorId=1 timestamp=t Voltage.L1=3V value=1 ok",
        ),
        (
            said(b'[2,"17","A",{"a":[1,2],"b":{"c":null,"d":true}}]', action="A"),
            "12:00:00.250 < A a[0]=1 a[1]=2 c=null d=true ok",
        ),
        (
            said(b'[2,"17","A",{"x\\u202e":"\\u001b[31m"}]', action="A\n"),
            r"12:00:00.250 < A\x0a x\u202e=\x1b[31m ok",
        ),
    ],
    ids=["answered", "asked", "refused", "unanswered", "unreadable", "meter", "nested", "hostile"],
)
def test_an_exchange_is_a_line(stations, exchange, line):
    log(stations, exchange)

    assert tail(stations, "CS-01") == [line]


def test_a_deep_message_is_shown_as_it_is(stations):
    deep = b'[2,"17","A",' + b"[" * 5000 + b"]" * 5000 + b"]"
    log(stations, said(deep, action="A"))

    (line,) = tail(stations, "CS-01")

    assert line.startswith("12:00:00.250 < A ")


def test_a_station_has_its_own_messages_and_all_have_a_name(stations):
    log(stations, said(b'[2,"1","A",{}]'), said(b'[2,"2","B",{}]', station=CS_02))

    assert len(tail(stations, "CS-01")) == 1
    assert [line.split()[1] for line in tail(stations, "--all")] == ["CS-01", "CS-02"]


def test_the_last_ones_come_in_order_of_time(stations):
    log(stations, *(said(b'[2,"1","A",{}]', action=f"A{number}") for number in range(5)))

    assert [line.split()[2] for line in tail(stations, "CS-01", "--last", "2")] == ["A3", "A4"]
    assert tail(stations, "CS-01", "--last", "0") == []


def test_json_is_an_object_a_line_with_the_frames_in_full(stations):
    call, answer = b'[2,"17","A",{"x":"\xc3\xa9"}]', b'[3,"17",{}]'
    log(stations, said(call, answer, action="A"))

    (line,) = tail(stations, "CS-01", "--json")

    told = json.loads(line)
    assert told["call"].encode() == call
    assert told["answer"].encode() == answer
    assert (told["latency_ms"], told["direction"], told["verdict"]) == (4, "in", "ok")


def test_whose_messages_must_be_said(stations):
    assert stations("station", "tail", "--no-follow").code == 2
    assert stations("station", "tail", "CS-01", "--all", "--no-follow").code == 2


def test_following_goes_on_with_what_is_said_next(stations):
    log(stations, said(b'[2,"1","A",{}]', action="First"))
    command = [sys.executable, "-m", "voltkeep.cli", "station", "tail", "CS-01"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "VOLTKEEP_DATA": str(stations.data)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert "First" in following.stdout.readline()

        log(stations, said(b'[2,"1","A",{}]', action="Second"))

        assert "Second" in following.stdout.readline()
        following.send_signal(2)
        assert following.wait(20) == 130
