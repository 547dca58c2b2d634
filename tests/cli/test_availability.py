"""`voltkeep availability`, and closing transactions that never ended, at a shell."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import CommandLine, connected
from voltkeep.app import App
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef, station_id
from voltkeep.domain.transactions import Phase, TransactionUpdate

CS = station_id("CS-1")


async def charge(app: App) -> None:
    """A transaction of the day before, and an EVSE that says Available since."""
    async with app.store.begin() as work:
        sender = await connected(work, "CS-1")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    update = TransactionUpdate(
        phase=Phase.STARTED,
        at=yesterday,
        ref=TransactionRef("tx-1"),
        seq_no=0,
        evse=Evse(1, 1),
        id_token=IdToken("RFID-1"),
        meter_wh=1000.0,
    )
    await app.services.transactions.record(Sender(CS, sender.epoch, yesterday), update)
    later = yesterday + timedelta(hours=1)
    status = StatusUpdate(
        evse=Evse(1, 1), status=ConnectorStatus.AVAILABLE, raw_status="Available", at=later
    )
    app.services.availability.record(Sender(CS, sender.epoch, later), status)
    await app.services.availability.save()


@pytest.fixture
def with_history(voltkeep: CommandLine) -> CommandLine:
    voltkeep.ok("station", "add", "CS-1")
    voltkeep.inside(charge)
    return voltkeep


def test_a_status_is_shown_with_its_age_and_as_stale(with_history: CommandLine) -> None:
    shown = with_history.ok("availability", "show", "CS-1")
    assert "23 h ago" in shown.out
    assert "Available (stale)" not in shown.out
    with_history.ok("availability", "show", "CS-1", "--json")
    with_history.inside(disconnect)
    shown = with_history.ok("station", "show", "CS-1")
    assert "disconnected" in shown.out
    plain = with_history.ok("availability", "show", "CS-1", "--json").json
    assert plain["connectors"][0]["stale_because"] == "disconnected"
    assert "(stale)" in with_history.ok("station", "list").out


async def disconnect(app: App) -> None:
    station = await app.services.provisioning.get(CS)
    await app.services.provisioning.disconnect(CS, station.epoch, "gone")


def test_a_window_is_planned_and_taken_back(with_history: CommandLine) -> None:
    planned = with_history.ok(
        *("availability", "plan", "CS-1", "inoperative", "--evse", "2"),
        *("--at", "2034-07-01T22:00", "--until", "2034-07-02T06:00", "--json"),
    ).json
    assert [(each["operative"], each["evse"]["id"]) for each in planned] == [(False, 2), (True, 2)]
    with_history.ok("availability", "cancel", "CS-1", planned[0]["id"])
    shown = with_history.ok("availability", "show", "CS-1")
    assert planned[1]["id"] in shown.out
    assert planned[0]["id"] not in shown.out

    again = with_history("availability", "cancel", "CS-1", planned[0]["id"])
    assert (again.code, "availability show" in again.err) == (3, True)
    wrong = with_history(
        *("availability", "plan", "CS-1", "operative", "--at", "2034-07-01T22:00"),
        *("--until", "2034-07-01T21:00"),
    )
    assert wrong.code == 2
    assert with_history("availability", "show", "CS-9").code == 3


def test_a_plug_is_one_of_an_evse(with_history: CommandLine) -> None:
    result = with_history("station", "command", "CS-1", "inoperative", "--plug", "2")
    assert (result.code, "--evse" in result.err) == (2, True)


def test_what_never_ended_is_listed_and_closed_in_the_record(with_history: CommandLine) -> None:
    listed = with_history.ok("transaction", "unended")
    assert "says Available since" in listed.out
    assert with_history.ok("transaction", "unended", "--json").json[0]["ref"] == "tx-1"

    closed = with_history.ok(
        "transaction", "close", "CS-1", "tx-1", "--reason", "replaced", "--meter-wh", "5200"
    )
    assert "4.200 kWh" in closed.err
    assert "The station was asked nothing" in closed.err
    shown = with_history.ok("transaction", "show", "CS-1", "tx-1")
    assert "closed by hand" in shown.out
    assert "replaced" in shown.out
    plain = with_history.ok("transaction", "show", "CS-1", "tx-1", "--json").json
    assert (plain["is_active"], plain["ended_at"]) == (False, None)
    assert plain["closed"]["meter_wh"] == 5200
    assert with_history.ok("transaction", "unended", "--json").json == []

    again = with_history("transaction", "close", "CS-1", "tx-1")
    assert (again.code, "was closed by" in again.err) == (1, True)
    assert with_history("transaction", "close", "CS-1", "none").code == 3
