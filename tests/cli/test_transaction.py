"""`voltkeep transaction`: what was charged, for people, programs and spreadsheets."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.conftest import CommandLine, connected
from voltkeep.app import App
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Phase, TransactionUpdate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://evil")'


def value(minute: int, wh: float, w: float) -> MeterValue:
    at = NOON + timedelta(minutes=minute)
    return MeterValue(
        at=at,
        energy_wh=wh,
        power_w=w,
        current_l1_a=16.0,
        current_l2_a=15.9,
        current_l3_a=16.1,
        voltage_v=230.0,
        soc_percent=40.0 + minute,
        raw=b'[{"value":"1"}]',
    )


async def charge(app: App, name: str, ref: str, token: str, *, ends: bool) -> None:
    """Half an hour at 11 kW, told by a station that numbers its updates."""
    async with app.store.begin() as work:
        sender = await connected(work, name)

    async def tell(phase: Phase, minute: int, **rest: Any) -> None:
        update = TransactionUpdate(
            phase=phase,
            at=NOON + timedelta(minutes=minute),
            ref=TransactionRef(ref),
            **rest,
        )
        await app.services.transactions.record(sender, update)

    await tell(
        Phase.STARTED, 0, seq_no=0, evse=Evse(1, 1), id_token=IdToken(token), meter_wh=1000.0
    )
    for minute in range(0, 31, 10):
        values = (value(minute, 1000.0 + minute * 183, 11_000.0),)
        await tell(Phase.UPDATED, minute, seq_no=1 + minute, values=values)
    if ends:
        await tell(Phase.ENDED, 30, seq_no=100, meter_wh=6500.0, stop_reason="EVDisconnected")


@pytest.fixture
def charged(voltkeep: CommandLine) -> CommandLine:
    """One transaction that runs, one that has ended."""
    for name in ("CS-01", "CS-02"):
        voltkeep.ok("station", "add", name)
    voltkeep.ok("token", "add", "ANNA")

    async def both(app: App) -> None:
        await charge(app, "CS-01", "tx-1", "ANNA", ends=True)
        await charge(app, "CS-02", "tx-2", FORMULA, ends=False)

    voltkeep.inside(both)
    return voltkeep


def test_the_list_tells_what_was_charged(charged):
    lines = charged.ok("transaction", "list").lines

    assert lines[1].startswith("CS-02")
    for part in ("CS-01", "tx-1", "ANNA", "2026-03-01 12:00:00Z", "30 min", "5.500 kWh"):
        assert part in lines[2]
    assert "ended (EVDisconnected)" in lines[2]


@pytest.mark.parametrize(
    ("filters", "refs"),
    [
        ([], ["tx-2", "tx-1"]),
        (["--active"], ["tx-2"]),
        (["--ended"], ["tx-1"]),
        (["--station", "CS-01"], ["tx-1"]),
        (["--station", "CS-01", "--active"], []),
        (["--limit", "1"], ["tx-2"]),
    ],
)
def test_the_list_is_filtered(charged, filters, refs):
    listed = charged.ok("transaction", "list", *filters, "--json").json

    assert [each["ref"] for each in listed] == refs


def test_a_transaction_is_shown_with_its_meter_and_a_chart(charged):
    out = charged.ok("transaction", "show", "CS-01", "tx-1").out

    for part in ("ANNA (ISO14443)", "5.500 kWh", "11.0 kW │███", "16.0 / 15.9 / 16.1 A", "70 %"):
        assert part in out
    assert "12:00:00" in out
    assert "12:30:00" in out


def test_a_program_gets_the_samples_as_the_station_sent_them(charged):
    shown = charged.ok("transaction", "show", "CS-01", "tx-1", "--json").json

    assert shown["energy_wh"] == 5500.0
    assert len(shown["meter_values"]) == 4
    assert shown["meter_values"][0]["samples"] == [{"value": "1"}]


def test_a_transaction_belongs_to_its_station(charged):
    result = charged("transaction", "show", "CS-02", "tx-1")

    assert result.code == 3
    assert "voltkeep transaction list" in result.err


def test_the_export_is_csv_that_runs_no_formula(charged):
    result = charged.ok("transaction", "export")

    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [row["ref"] for row in rows] == ["tx-2", "tx-1"]
    assert rows[0]["token"] == "'" + FORMULA
    assert (rows[1]["energy_wh"], rows[1]["ended_at"]) == ("5500.0", "2026-03-01T12:30:00Z")
    assert (rows[0]["energy_wh"], rows[0]["ended_at"]) == ("5490.0", "")
    assert "2 transactions written." in result.err


@pytest.mark.parametrize("how", [("--format", "jsonl"), ("--json",)])
def test_the_export_is_json_lines(charged, how):
    lines = charged.ok("transaction", "export", *how).lines

    assert [json.loads(line)["ref"] for line in lines] == ["tx-2", "tx-1"]


def test_the_export_reads_page_by_page(charged, monkeypatch):
    monkeypatch.setattr("voltkeep.cli.transaction_export._PAGE", 1)

    assert len(charged.ok("transaction", "export", "--json").lines) == 2


def test_the_export_is_filtered(charged):
    assert len(charged.ok("transaction", "export", "--ended", "--json").lines) == 1
    assert len(charged.ok("transaction", "export", "--since", "2020-01-01", "--json").lines) == 2
    assert charged.ok("transaction", "export", "--since", "2100-01-01", "--json").out == ""


def test_no_transaction_is_no_failure(voltkeep):
    assert voltkeep.ok("transaction", "list").out == ""
    assert voltkeep.ok("transaction", "list", "--json").json == []
    assert len(voltkeep.ok("transaction", "export").lines) == 1
