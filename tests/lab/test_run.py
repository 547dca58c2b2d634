"""Whatever a CSMS does: each case is judged, in words, the others are played, and nothing hangs."""

import asyncio
import contextlib
import json
import socket
import time
import tracemalloc
from typing import Any

import pytest

from tests.lab import bad
from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Case, Functionality
from voltkeep.lab.driver import Driver
from voltkeep.lab.drivers.http import HttpDriver, HttpDriverFile, Request
from voltkeep.lab.ocpp16.catalogue import catalogue
from voltkeep.lab.ocpp16.states import booted, connected
from voltkeep.lab.plan import Account, Csms, Deadlines, Laboratory, Plan, Product, Tokens
from voltkeep.lab.run import run
from voltkeep.lab.verdicts import Failed, Verdict
from voltkeep.ocpp.v16 import HeartbeatRequest, HeartbeatResponse, ResetRequest

KEY = "000102030405060708090a0b0c0d0e0f"
CASES = {each.id: each for each in catalogue()}
SHORT = Deadlines(connection_s=0.5, answer_s=0.5, order_s=0.5, case_s=20, quiet_s=0.05, idle_s=0.05)
PATIENT = Deadlines(connection_s=20, answer_s=20, order_s=20, case_s=60, quiet_s=0.05, idle_s=0.05)


class Nobody(Driver):
    """A driver that says yes, and has nothing done."""

    async def perform(self, operation, station, arguments):
        pass

    async def close(self):
        pass


def plan(url, deadlines=PATIENT):
    return Plan(
        product=Product(name="Bad", vendor="Worse", version="0"),
        laboratory=Laboratory(name="Test"),
        csms=Csms(urls={1: url}),
        stations={"1": Account(identity="LAB-1", serial_number="LAB-1", key=KEY)},
        tokens=Tokens(**{name: name.upper() for name in Tokens.__struct_fields__}),
        deadlines=deadlines,
    )


def scripted(script, id="LAB_X"):
    return Case(
        id=id,
        name="Scripted",
        functionality=Functionality.CORE,
        source="",
        profiles=(1,),
        script=script,
    )


async def judged(url, case="TC_001", deadlines=PATIENT, driver=None):
    case = CASES[case] if isinstance(case, str) else case
    async with asyncio.timeout(60):
        [judgement] = await run(plan(url, deadlines), driver or Nobody(), [case], [1])
    return judgement


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_csms_that_is_away_is_a_failure_that_says_so():
    judgement = await judged(f"ws://127.0.0.1:{free_port()}")

    assert judgement.verdict == Verdict.FAIL
    assert judgement.expected == "the CSMS accepts the connection"
    assert "no connection" in judgement.came
    assert judgement.step


MOVED = bad.refuses(302, "Location: http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize(
    ("raw", "came"),
    [
        (bad.says_nothing, "no connection in 0.5 s"),
        (bad.hangs_up, "the connection was ended before an answer"),
        (bad.is_no_http, "the connection was ended before an answer"),
        (MOVED, "HTTP 302, no upgrade"),
        (bad.refuses(500, body="<h1>Oops</h1>"), "HTTP 500, no upgrade"),
        (bad.refuses(404), "HTTP 404, no upgrade"),
        (bad.refuses(200, body="<html>welcome"), "HTTP 200, no upgrade"),
    ],
    ids=["silent", "hangs up", "no HTTP", "moved", "500", "404", "a page"],
)
async def test_what_is_no_websocket_is_a_failure_that_says_what_came(raw, came):
    deadlines = SHORT if raw is bad.says_nothing else PATIENT
    async with bad.answering(raw) as url:
        judgement = await judged(url, deadlines=deadlines)

    assert judgement.verdict == Verdict.FAIL
    assert came in judgement.came
    assert judgement.came.isprintable()


async def test_a_station_takes_its_password_nowhere_else():
    asked = []

    async def elsewhere(reader, writer):
        asked.append(await reader.read(1000))

    async with bad.answering(elsewhere) as other:
        moved = bad.refuses(301, f"Location: {other}/LAB-1")
        async with bad.answering(moved) as url:
            judgement = await judged(url)

    assert "HTTP 301" in judgement.came
    assert asked == []


BOOT = "BootNotification.conf"


@pytest.mark.parametrize(
    ("talk", "expected", "came"),
    [
        (bad.is_mute, BOOT, "nothing came in 0.5 s"),
        (bad.slow(1.0), BOOT, "nothing came in 0.5 s"),
        (bad.closes, "", "no <b>way</b>"),
        (bad.closes_in_the_middle, BOOT, "enough"),
        (bad.breaks, BOOT, "it broke, without a Close frame"),
        (bad.answers(lambda *_: "<html>"), BOOT, "no frame of OCPP-J"),
        (bad.answers(lambda *_: b"\xff\xfe\x00"), BOOT, "no frame of OCPP-J"),
        (bad.answers(lambda *_: "[" * 100_000), BOOT, "no frame of OCPP-J"),
        (bad.answers(lambda *_: "{}"), BOOT, "no frame of OCPP-J"),
        (bad.answers(lambda *_: '[3,"another",{}]'), "an answer to", "another"),
        (bad.answers(lambda id_, _: f'[9,"{id_}",{{}}]'), BOOT, "no frame of OCPP-J"),
        (bad.answers(lambda id_, _: f'[3,"{id_}",{{"status":7}}]'), BOOT, "its payload"),
        (bad.answers(lambda id_, _: f'[3,"{id_}","words"]'), BOOT, "its payload"),
        (bad.answers(lambda id_, _: f'[4,"{id_}","Sorry","\x1b[2J",{{}}]'), BOOT, "no frame"),
        (bad.answers(lambda id_, _: f'[4,"{id_}","Sorry","No",{{}}]'), BOOT, "CALLERROR Sorry No"),
        (bad.answers(lambda *_: "x" * (2 << 20)), BOOT, "1009 (message too big)"),
    ],
    ids=[
        *("mute", "slow", "closes", "closes in the middle", "breaks", "HTML", "binary"),
        *("nested", "an object", "another id", "unknown type", "wrong type", "text"),
        *("control characters", "CALLERROR", "2 MiB"),
    ],
)
async def test_what_is_no_ocpp_is_a_failure_that_says_what_came(talk, expected, came):
    deadlines = SHORT if came.startswith("nothing came") else PATIENT
    async with bad.speaking(talk) as url:
        judgement = await judged(url, deadlines=deadlines)

    assert judgement.verdict == Verdict.FAIL
    assert expected in judgement.expected
    assert came in judgement.came
    assert judgement.came.isprintable()
    assert len(judgement.came) < 2_500


async def test_what_comes_in_a_binary_frame_is_warned_of_once():
    binary = bad.answers(lambda id_, action: bad.right(id_, action).encode())
    async with bad.speaking(binary) as url:
        judgement = await judged(url)

    assert judgement.warnings == ("The CSMS sent a binary frame; JSON belongs into one of text.",)


@pytest.mark.parametrize(
    "frame",
    [
        lambda number: json.dumps([2, f"{number}", "DataTransfer", {"vendorId": "x"}]),
        lambda number: json.dumps([2, f"{number}", "DataTransfer", {"data": "x" * 900_000}]),
        lambda _: "x" * 900_000,
    ],
    ids=["CALLs", "large CALLs", "large garbage"],
)
async def test_a_flood_is_a_failure_and_fills_no_memory(frame):
    async with bad.speaking(bad.floods(frame)) as url:
        tracemalloc.start()
        try:
            judgement = await judged(url, deadlines=PATIENT)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert judgement.verdict == Verdict.FAIL
    assert most < 64 << 20
    assert sum(len(each.text) for each in judgement.log) < 1 << 20


async def test_other_cases_are_played_after_one_that_failed():
    met = 0

    async def once_bad(socket):
        nonlocal met
        met += 1
        await (bad.closes if met == 1 else bad.answers(bad.right))(socket)

    heard: list[Any] = []
    async with bad.speaking(once_bad) as url:
        judgements = await run(
            plan(url),
            Nobody(),
            [scripted(booted, "A"), scripted(booted, "B")],
            [1],
            told=heard.append,
        )

    assert [each.verdict for each in judgements] == [Verdict.FAIL, Verdict.PASS]
    assert heard == judgements


async def test_a_bug_in_a_case_is_inconclusive_and_the_next_is_played():
    async def buggy(bench: Bench):
        bench.step("It goes wrong")
        raise ZeroDivisionError

    async with bad.speaking(bad.answers(bad.right)) as url:
        first, second = await run(
            plan(url), Nobody(), [scripted(buggy, "A"), scripted(booted, "B")], [1]
        )

    assert first.verdict == Verdict.INCONCLUSIVE
    assert first.step == "It goes wrong"
    assert "ZeroDivisionError" in first.remark
    assert second.verdict == Verdict.PASS


async def test_a_case_has_a_deadline_whatever_it_waits_for():
    async def endless(bench: Bench):
        await asyncio.Event().wait()

    judgement = await judged("ws://127.0.0.1:9", scripted(endless), Deadlines(case_s=0.1))

    assert judgement.verdict == Verdict.FAIL
    assert judgement.expected == "an end of the case in 0.1 s"


async def test_a_deadline_of_a_step_is_not_taken_for_that_of_the_case():
    async def impatient(bench: Bench):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    judgement = await judged("ws://127.0.0.1:9", scripted(impatient))

    assert judgement.verdict == Verdict.FAIL
    assert judgement.expected == "an answer in time"


async def test_a_run_that_is_called_off_leaves_no_connection():
    ended = asyncio.Event()
    waiting = asyncio.Event()

    async def talk(socket):
        await socket.wait_closed()
        ended.set()

    async def waits(bench: Bench):
        await connected(bench)
        waiting.set()
        await asyncio.Event().wait()

    async with bad.speaking(talk) as url:
        task = asyncio.create_task(judged(url, scripted(waits)))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(20):
            await ended.wait()


async def test_every_station_of_a_case_is_disconnected_though_one_cannot_clean_up():
    ended: asyncio.Queue[Any] = asyncio.Queue()

    async def talk(socket):
        with contextlib.suppress(Exception):
            await bad.answers(bad.right)(socket)
        ended.put_nowait(None)

    async def two(bench: Bench):
        first, second = await connected(bench), await connected(bench)

        async def broken():
            raise RuntimeError("cannot")

        first.clean_up = broken  # type: ignore[method-assign]  # as a bug of ours would be
        second.transaction = 7

    async with bad.speaking(talk) as url:
        judgement = await judged(url, scripted(two))
        async with asyncio.timeout(20):
            await ended.get()
            await ended.get()

    assert any("cannot" in each.text for each in judgement.log)
    assert any("StopTransaction" in each.text for each in judgement.log)


# An API that does not do what it is asked

RESETS = HttpDriverFile(base_url="", operations={"reset": Request(path="/reset")})


@contextlib.asynccontextmanager
async def api(raw):
    async with bad.answering(raw) as url:
        driver = HttpDriver(
            HttpDriverFile(base_url=url.replace("ws://", "http://"), operations=RESETS.operations),
            {},
        )
        try:
            yield driver
        finally:
            await driver.close()


async def resets(bench: Bench):
    station = await booted(bench)
    bench.step("The operator orders a reset")
    await station.asked(bench.driver.reset(station.identity, kind="Hard"), ResetRequest)


@pytest.mark.parametrize(
    ("raw", "came"),
    [
        (bad.refuses(500, body="<h1>Traceback</h1>"), "the API answered 500"),
        (bad.refuses(401), "the API answered 401"),
        (bad.hangs_up, "no answer of the API"),
        (bad.is_no_http, "no answer of the API"),
        (bad.refuses(200, "Content-Type: text/html", body="<html>Sign in"), "nothing came in 0.5"),
        (bad.says_nothing, "nothing came in 0.5"),
    ],
    ids=["500", "401", "hangs up", "no HTTP", "a page", "never answers"],
)
async def test_an_api_that_does_nothing_is_a_failure_that_says_what_it_answered(raw, came):
    deadlines = SHORT if came.startswith("nothing came") else PATIENT
    async with bad.speaking(bad.answers(bad.right)) as url, api(raw) as driver:
        judgement = await judged(url, scripted(resets), deadlines, driver)

    assert judgement.verdict == Verdict.FAIL
    assert judgement.step == "The operator orders a reset"
    assert judgement.expected == "Reset.req"
    assert came in judgement.came


async def test_an_operation_that_the_driver_does_not_have_is_inconclusive():
    async with bad.speaking(bad.answers(bad.right)) as url, api(bad.hangs_up) as driver:

        async def unlocks(bench: Bench):
            station = await booted(bench)
            await station.asked(bench.driver.clear_cache(station.identity), ResetRequest)

        judgement = await judged(url, scripted(unlocks), driver=driver)

    assert judgement.verdict == Verdict.INCONCLUSIVE
    assert "clear_cache" in judgement.remark


async def test_an_order_that_never_ends_is_dropped_with_its_case():
    cancelled = asyncio.Event()

    class Endless(Nobody):
        async def perform(self, operation, station, arguments):
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    async def orders(bench: Bench):
        bench.order(bench.driver.reset("LAB-1", kind="Hard"))
        await asyncio.sleep(0)

    judgement = await judged("ws://127.0.0.1:9", scripted(orders), SHORT, Endless())

    assert cancelled.is_set()
    assert judgement.log[-1].text == "the driver did not come to an end"


# Secrets


@pytest.mark.parametrize(
    "said",
    [
        lambda id_, _: f'[3,"{id_}",{{"status":"{KEY}"}}]',
        lambda id_, _: f'[3,"{id_}",{{"status":"{KEY.upper()}',
        lambda id_, _: f'[4,"{id_}","{KEY}","ftp://me:{KEY}@host",{{}}]',
        lambda *_: f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{KEY}',
    ],
    ids=["a field", "a broken frame", "CALLERROR", "a broken order"],
)
async def test_the_key_of_a_station_is_nowhere_though_the_csms_repeats_it(said):
    async with bad.speaking(bad.answers(said)) as url:
        judgement = await judged(url)

    assert judgement.verdict == Verdict.FAIL
    assert KEY not in repr(judgement).lower()
    assert "•••" in repr(judgement)


async def test_a_key_that_was_given_in_the_case_is_nowhere_after():
    new = "f0e1d2c3b4a5968778695a4b3c2d1e0f"

    def gives(id_, action):
        key = {"key": "authorizationKEY ", "value": new}
        return [json.dumps([2, "1", "ChangeConfiguration", key]), bad.right(id_, action)]

    async def complains(bench: Bench):
        station = await connected(bench)
        await station.tell(HeartbeatRequest(), HeartbeatResponse)
        raise Failed("no key", f"came {new}")

    async with bad.speaking(bad.answers(gives)) as url:
        judgement = await judged(url, scripted(complains))

    assert "came •••" in judgement.came
    assert new not in repr(judgement)


async def test_a_whole_run_against_a_csms_that_is_away_is_quick():
    began = time.monotonic()
    judgements = await run(
        plan(f"ws://127.0.0.1:{free_port()}"), Nobody(), list(CASES.values()), [1]
    )

    assert len(judgements) == len(CASES)
    assert Verdict.PASS not in {each.verdict for each in judgements}
    assert time.monotonic() - began < 60
