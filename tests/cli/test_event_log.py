"""Events as log lines, for programs."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from tests.cli.test_view import booted, metered, refused, started, status
from voltkeep.cli import logs
from voltkeep.cli.event_log import log_event
from voltkeep.domain.events import SecurityEventReported
from voltkeep.domain.identity import IdToken, station_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def written(monkeypatch) -> Iterator[io.StringIO]:
    """What the server would log."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.server_logs("info", human=False, debug=False)
    yield stream
    structlog.reset_defaults()


def test_an_event_is_an_object_with_fields(written):
    log_event(booted())

    told = json.loads(written.getvalue())
    assert list(told)[:3] == ["timestamp", "level", "event"]
    assert (told["event"], told["station"]) == ("station booted", "CS-01")
    assert told["make"]["vendor"] == "Volt"


def test_a_token_is_masked(written):
    log_event(started(id_token=IdToken("04A2B3C4D5E680")))
    log_event(started(id_token=IdToken("1234567")))

    first, second = map(json.loads, written.getvalue().splitlines())
    assert (first["id_token"], second["id_token"]) == ("…E680", "…")


def test_what_is_logged_elsewhere_or_would_flood_is_left_out(written):
    log_event(refused("unknown station"))
    log_event(metered(1, 1000.0))

    assert written.getvalue() == ""


def test_a_security_event_keeps_its_type_beside_the_name_of_the_line(written):
    """A field of that name would take the place of the line's own, or end the log altogether."""
    reported = SecurityEventReported(
        station=station_id("CS-01"),
        at=NOON,
        event="TamperDetectionActivated",
        happened_at=NOON,
        tech_info=None,
        is_critical=True,
    )

    log_event(reported)

    told = json.loads(written.getvalue())
    assert told["event"] == "security event reported"
    assert told["type"] == "TamperDetectionActivated"


def test_hostile_words_stay_on_their_line_in_ascii(written):
    log_event(status("\x1b[2J\n\u202e\u2028"))

    assert written.getvalue().count("\n") == 1
    assert written.getvalue().rstrip("\n").isprintable()
    assert written.getvalue().isascii()


def test_what_libraries_log_is_in_the_same_form(written):
    logging.getLogger("some.library").warning("it said %s", "\x1b[2J")
    logging.getLogger("some.library").info("not this")

    told = json.loads(written.getvalue())
    assert (told["event"], told["logger"]) == ("it said \x1b[2J", "some.library")


def test_a_failure_has_its_traceback_in_the_log_and_not_on_a_terminal(written, capsys):
    log = structlog.get_logger()

    def fail() -> None:
        try:
            raise ZeroDivisionError("oh\nno")
        except ZeroDivisionError:
            log.exception("a job failed", job="x")

    fail()
    assert "Traceback" in json.loads(written.getvalue())["exception"]

    told = {}
    for debug in (False, True):
        render = logs._Human(debug=debug)
        event = {
            "timestamp": "2026-03-01T12:00:00Z",
            "level": "error",
            "event": "a job failed",
            "job": "x\x1b",
            "exc_info": ZeroDivisionError("oh\nno"),
        }
        told[debug] = render(None, "error", event)
    assert told[False] == (
        r"12:00:00  error: a job failed (job=x\x1b): ZeroDivisionError: oh\x0ano"
    )
    assert "ZeroDivisionError" in told[True]
