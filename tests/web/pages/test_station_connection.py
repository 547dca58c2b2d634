"""How a station's connection does: by what was said over it within a day."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from tests.web.api.people import active, setup
from tests.web.pages.test_messages import say
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.web.pages.station_connection import answers, rhythm

NOW = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
PART = "/stations/CS-1/connection"


def call(ms, verdict="ok") -> Any:
    answered = None if ms is None else NOW + timedelta(milliseconds=ms)
    return SimpleNamespace(called_at=NOW, answered_at=answered, verdict=verdict)


def told(api, action, ago_s, ms=10.0, **more):
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    said = say(api, action, **more)
    logged = api.store.messages[-1]
    answered = None if ms is None else at + timedelta(milliseconds=ms)
    changed = {"called_at": at, "answered_at": answered}
    api.store.messages[-1] = replace(logged, exchange=replace(logged.exchange, **changed))
    return said


async def part(browser, path=PART):
    return await see(browser, path, **{"hx-request": "true"})


def test_the_usual_time_and_the_last_one_are_told():
    found = answers([call(30), call(10), call(500), call(None, "no answer")])

    assert (found.asked, found.median_ms, found.last_ms) == (4, 30, 30)
    assert found.failed == [("no answer", 1)]
    assert answers([]).median_ms is None


@pytest.mark.parametrize(
    ("pauses", "is_even"),
    [([300] * 5, True), ([300, 301, 430, 300], True), ([300, 300, 900, 300], False), ([300], None)],
)
def test_a_rhythm_is_even_or_not(pauses, is_even):
    times = [NOW]
    for each in pauses:
        times.append(times[-1] - timedelta(seconds=each))

    assert rhythm(times).is_even is is_even
    assert rhythm(times).usual_s == pytest.approx(300, abs=1)
    assert rhythm([]).times == 0


async def test_a_stations_page_asks_for_it_and_shows_what_was_counted(api):
    browser = await setup(api)
    await api.add("CS-1", "CS-2")
    for number in range(5):
        told(api, "Heartbeat", 1500 - 300 * number)
    told(api, "Reset", 90, 40.0, direction="out")
    told(api, "Reset", 60, None, direction="out", verdict=HOSTILE)
    told(api, "Reset", 100_000, 9.0, direction="out")
    told(api, "Reset", 30, 9.0, direction="out", station="CS-2")

    asked = f'hx-get="{PART}" hx-trigger="load" hx-select="#connection-quality"'
    assert asked in (await see(browser, "/stations/CS-1")).text
    text = (await part(browser)).text
    assert "usually 40 ms, last 40 ms" in text
    assert "1 of 2" in text
    assert '<div id="connection-quality">' in text
    assert "<img" not in text
    assert "regular" in text
    assert "usually every 300 s" in text
    assert "we have asked it nothing" not in text


async def test_a_silent_station_has_nothing_to_count(api):
    browser = await setup(api)
    await api.add("CS-1")

    assert "we have asked it nothing" in (await part(browser)).text
    assert (await see(browser, PART)).headers["location"] == "/stations/CS-1"


async def test_only_who_may_read_messages_sees_it(api):
    ada = await setup(api)
    await api.add("CS-1", site="south")
    vera = await active(api, ada, "vera", Role.VIEWER)
    nora = await active(api, ada, "nora", Role.ENGINEER, sites=["north"])

    assert (await part(vera)).status_code == 403
    assert "/connection" not in (await see(vera, "/stations/CS-1")).text
    assert (await part(nora)).status_code == 404
