"""`voltkeep transaction export`: every transaction as CSV or JSON Lines, a page at a time."""

import csv
import enum
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.text import count, escape
from voltkeep.cli.transaction import Active, Of, as_plain, group

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.identity import StationId
    from voltkeep.domain.transactions import Transaction

_PAGE = 500
_COLUMNS = (
    "tenant",
    "station",
    "ref",
    "evse",
    "token",
    "token_kind",
    "group",
    "authorization",
    "started_at",
    "ended_at",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "stop_reason",
    "remote_start_id",
    "is_orphan",
    "first_heard_at",
    "last_heard_at",
)
# What a spreadsheet takes for a formula when a cell begins with it (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Format(enum.StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSONL = "jsonl"


@command(
    group,
    "export",
    examples=(
        "transaction export > transactions.csv",
        "transaction export --ended --since 2026-01-01 --format jsonl",
    ),
)
async def export(
    run: Run,
    station: Of = None,
    active: Active = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
            help="Only those first heard of since then, UTC.",
        ),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="One line a transaction, either way.")
    ] = Format.CSV,
) -> None:
    """Every transaction on stdout, those heard of last first. --json is --format jsonl.

    In CSV a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    from voltkeep.domain.identity import parse_station

    of = parse_station(station) if station else None
    begin = None if since is None else since.replace(tzinfo=UTC)
    as_lines = run.out.as_json or format_ is Format.JSONL
    written = 0
    writer = csv.writer(sys.stdout, lineterminator="\r\n")  # RFC 4180
    if not as_lines:
        writer.writerow(_COLUMNS)
    async with run.app() as app:
        async for transaction in _pages(app, of, active):
            if begin is not None and transaction.first_heard_at < begin:
                break
            if as_lines:
                run.out.data(as_plain(transaction))
            else:
                writer.writerow(_row(transaction))
            written += 1
    run.out.say(f"{count(written, 'transaction')} written.")


async def _pages(
    app: "App", station: "StationId | None", active: bool | None
) -> AsyncIterator["Transaction"]:
    last = None
    while True:
        # A reading work for each page: a slow reader of ours must not hold the database open.
        async with app.store.read() as work:
            page = await work.transactions.all(
                station=station,
                active=active,
                before=(last.first_heard_at, last.station, last.ref) if last else None,
                limit=_PAGE,
            )
        for transaction in page:
            yield transaction
        if len(page) < _PAGE:
            return
        last = page[-1]


def _row(transaction: "Transaction") -> list[Any]:
    token = transaction.id_token
    values = as_plain(transaction) | {
        "evse": transaction.evse.id if transaction.evse else None,
        "token": token.value if token else None,
        "token_kind": token.kind if token else None,
    }
    return [_cell(values[name]) for name in _COLUMNS]


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case str():
            return ("'" if value.startswith(_FORMULA) else "") + escape(value)
        case _:
            return value
