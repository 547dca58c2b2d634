"""`voltkeep security`: what stations report, and what a person should look at."""

from datetime import UTC, datetime

import pytest

from tests.cli.conftest import connected
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.services.security_events import raise_alert

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSTILE = "door\x1b[2J\u202egnp"


@pytest.fixture
def reported(voltkeep):
    voltkeep.ok("station", "add", "CS-1")
    voltkeep.ok("station", "add", "CS-2")

    async def report(app):
        events = app.services.security_events
        for name, type in (
            ("CS-1", "TamperDetectionActivated"),
            ("CS-2", "InvalidMessages"),
            ("CS-1", "Odd\x1b]0;x"),
        ):
            async with app.store.begin() as work:
                sender = await connected(work, name)
            await events.report(sender, type, NOON, HOSTILE)

    voltkeep.inside(report)
    return voltkeep


def test_events_are_listed_and_filtered(reported):
    def types(*args):
        found = reported.ok("security", "events", "--json", *args).json
        return [event["type"] for event in found]

    assert types() == ["Odd\x1b]0;x", "InvalidMessages", "TamperDetectionActivated"]
    assert types("--critical") == ["TamperDetectionActivated"]
    assert types("--station", "CS-2") == ["InvalidMessages"]
    assert types("--limit", "1") == ["Odd\x1b]0;x"]
    assert types("--since", "2100-01-01") == []
    reported.ok("station", "add", "CS-8")
    assert "No security event" in reported.ok("security", "events", "--station", "CS-8").err
    nobody = reported("security", "events", "--station", "CS-9")
    assert (nobody.code, "CS-9" in nobody.err) == (3, True)


def test_what_a_station_says_cannot_act_on_a_terminal(reported):
    for command in ("events", "alerts"):
        out = reported.ok("security", command).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "door\\x1b[2J" in out


def test_an_alert_is_acknowledged(reported):
    [alert] = reported.ok("security", "alerts", "--json").json
    assert (alert["kind"], alert["count"]) == ("TamperDetectionActivated", 1)

    assert "is acknowledged" in reported.ok("security", "acknowledge", alert["id"]).out

    assert "No open alert" in reported.ok("security", "alerts").err
    [alert] = reported.ok("security", "alerts", "--all", "--json").json
    assert alert["state"] == "acknowledged"
    again = reported.ok("security", "acknowledge", alert["id"], "--json").json
    assert again["acknowledged_by"] == alert["acknowledged_by"]
    [entry] = reported.ok("audit", "list", "--object", "Tamper", "--json").json
    assert entry["deed"]["action"] == "alert.acknowledged"


def test_an_alert_that_is_not_there_is_told_from_other_failures(voltkeep):
    result = voltkeep("security", "acknowledge", "nonsense")

    assert result.code == 3
    assert "voltkeep security alerts --all" in result.err


def test_an_alert_of_the_whole_tenant_has_no_station(voltkeep):
    async def alarm(app):
        async with app.store.begin() as work:
            await raise_alert(work, StationId(DEFAULT_TENANT, ""), "probing", "look", NOON)

    voltkeep.ok("db", "upgrade")
    voltkeep.inside(alarm)
    [line] = voltkeep.ok("security", "alerts").lines[1:]
    assert "probing" in line
