"""`voltkeep transaction`: what was charged."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.chart import chart
from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell, Output
from voltkeep.cli.text import duration, energy, instant, power

if TYPE_CHECKING:
    from voltkeep.domain.transactions import Transaction
    from voltkeep.services.ports import MeterRow

group = typer.Typer(
    help="See what was charged, and take it elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Active = Annotated[
    bool | None, typer.Option("--active/--ended", help="Only those that run, or only the others.")
]
Of = Annotated[str | None, typer.Option("--station", metavar="STATION", help="Only of this one.")]
_CHART_WIDTH, _CHART_HEIGHT = 60, 6
_ROWS_SHOWN = 20


@command(group, "list", examples=("transaction list --active", "transaction list --station CS-01"))
async def list_(
    run: Run,
    station: Of = None,
    active: Active = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Transactions, those heard of last first."""
    from voltkeep.domain.identity import parse_station

    of = parse_station(station) if station else None
    async with run.app() as app:
        found = await app.services.transactions.all(station=of, active=active, limit=limit)
        for each in found:
            if each.is_active:
                _take_in(each, await app.services.transactions.meter_values(each.station, each.ref))
    if run.out.as_json:
        run.out.data([as_plain(each) for each in found])
        return
    if not found:
        run.out.say("No transaction" + (" runs." if active else "."))
        return
    run.out.table(
        ("STATION", "TRANSACTION", "EVSE", "TOKEN", "STARTED", "TOOK", "ENERGY", "STATE"),
        [
            (
                str(each.station),
                each.ref,
                str(each.evse.id) if each.evse else "",
                each.id_token.value if each.id_token else "",
                instant(each.started_at),
                _took(each),
                energy(each.energy_wh),
                state(each),
            )
            for each in found
        ],
    )
    if len(found) == limit:
        run.out.say(f"These are the last {limit}: --limit shows more, `export` all.")


def _take_in(transaction: "Transaction", rows: "list[MeterRow]") -> None:
    """What the meter said last: while a transaction runs, its own row does not follow it."""
    registers = [row.value.energy_wh for row in rows if row.value.energy_wh is not None]
    if registers:
        transaction.meter_stop_wh = registers[-1]
        transaction.last_heard_at = max(transaction.last_heard_at, rows[-1].received_at)


def _took(transaction: "Transaction") -> str:
    if transaction.started_at is None:
        return ""
    if transaction.ended_at is None:  # by our clock: the station's may be another
        return duration(transaction.last_heard_at - transaction.first_heard_at)
    return duration(transaction.ended_at - transaction.started_at)


def _closing(transaction: "Transaction") -> str:
    closing = transaction.closing
    if closing is None:
        return ""
    why = f": {closing.reason}" if closing.reason else ""
    return f"{instant(closing.at)} by {closing.by}, as of {instant(closing.as_of)}{why}"


def state(transaction: "Transaction") -> Cell:
    """How a transaction is, in a word or two."""
    if transaction.ended_at is None and transaction.closing is not None:
        return Cell("closed by hand", "yellow")
    if transaction.is_orphan:
        return Cell("its start was never heard", "yellow")
    is_refused = transaction.authorization not in (None, "Accepted")
    if transaction.is_active and is_refused:
        return Cell(f"active, token refused ({transaction.authorization})", "yellow")
    if transaction.is_active:
        return Cell(transaction.charging_state or "active", "green")
    if is_refused:
        return Cell(f"ended ({transaction.authorization})", "yellow")
    return Cell(f"ended ({transaction.stop_reason})" if transaction.stop_reason else "ended", "")


def as_plain(transaction: "Transaction") -> dict[str, Any]:
    """A transaction for programs."""
    import msgspec

    plain = msgspec.structs.asdict(transaction)
    del plain["start_key"]
    closing = plain.pop("closing")
    plain["closed"] = None if closing is None else msgspec.structs.asdict(closing)
    return plain | {
        "station": str(transaction.station),
        "tenant": transaction.station.tenant,
        "energy_wh": transaction.energy_wh,
        "is_active": transaction.is_active,
        "is_orphan": transaction.is_orphan,
    }


@command(group, "show", examples=("transaction show CS-01 1482069332",))
async def show(
    run: Run,
    station: Annotated[str, typer.Argument(metavar="STATION", help="Whose transaction.")],
    ref: Annotated[str, typer.Argument(metavar="TRANSACTION", help="As `list` shows it.")],
    every: Annotated[bool, typer.Option("--all", help="Every meter value, not the last.")] = False,
) -> None:
    """A transaction with its meter values, and a chart of its power."""
    from voltkeep.domain.identity import TransactionRef, parse_station

    of = parse_station(station)
    async with run.app() as app:
        transactions = app.services.transactions
        transaction = await transactions.get(of, TransactionRef(ref))
        rows = await transactions.meter_values(of, transaction.ref)
    if transaction.is_active:
        _take_in(transaction, rows)
    if run.out.as_json:
        plain = as_plain(transaction) | {"meter_values": [_meter_plain(row) for row in rows]}
        run.out.data(plain)
        return
    _describe(run.out, transaction)
    _power_chart(run.out, rows)
    _meter_table(run.out, rows if every else rows[-_ROWS_SHOWN:])
    if len(rows) > _ROWS_SHOWN and not every:
        run.out.say(f"These are the last {_ROWS_SHOWN} of {len(rows)} meter values; --all of them.")


def _describe(out: Output, transaction: "Transaction") -> None:
    token = transaction.id_token
    remote = transaction.remote_start_id
    out.pairs(
        [
            ("Station", str(transaction.station)),
            ("Transaction", transaction.ref),
            ("State", state(transaction)),
            ("EVSE", str(transaction.evse.id) if transaction.evse else ""),
            ("Token", f"{token.value} ({token.kind})" if token else ""),
            ("Group", transaction.group or ""),
            ("Authorized", transaction.authorization or ""),
            ("Remote start", str(remote) if remote is not None else ""),
            ("Started", instant(transaction.started_at)),
            ("Ended", instant(transaction.ended_at)),
            ("Closed by hand", _closing(transaction)),
            ("Took", _took(transaction)),
            ("Energy", energy(transaction.energy_wh)),
            ("Meter start", energy(transaction.meter_start_wh)),
            (
                "Meter now" if transaction.is_active else "Meter stop",
                energy(transaction.last_meter_wh),
            ),
            ("Last heard", instant(transaction.last_heard_at)),
        ]
    )


def _power_chart(out: Output, rows: "list[MeterRow]") -> None:
    powers = [
        (row.value.at.timestamp(), row.value.power_w)
        for row in rows
        if row.value.power_w is not None
    ]
    lines = chart(powers, width=_CHART_WIDTH, height=_CHART_HEIGHT)
    if not lines:
        return
    top = power(max(w for _, w in powers))
    out.line("\nPower")
    for number, line in enumerate(lines):
        out.line(f"{top if number == 0 else '':>9} │{line}")
    first, last = rows[0].value.at, rows[-1].value.at
    out.line(f"{'0':>9} └{'─' * _CHART_WIDTH}")
    out.line(
        f"{'':>11}{first:%H:%M:%S}{last:%H:%M:%S}".replace(
            f"{first:%H:%M:%S}", f"{first:%H:%M:%S}".ljust(_CHART_WIDTH - 8), 1
        )
    )


def _meter_table(out: Output, rows: "list[MeterRow]") -> None:
    if not rows:
        return
    out.line()
    heads = ("TIME", "METER", "POWER", "CURRENT", "VOLTAGE", "STATE OF CHARGE", "CONTEXT")
    cells = []
    for row in rows:
        value = row.value
        phases = (value.current_l1_a, value.current_l2_a, value.current_l3_a)
        volts = (value.voltage_l1_v, value.voltage_l2_v, value.voltage_l3_v)
        cells.append(
            (
                instant(value.at),
                energy(value.energy_wh),
                power(value.power_w),
                _amount(value.current_a, phases, "A"),
                _amount(value.voltage_v, volts, "V"),
                "" if value.soc_percent is None else f"{value.soc_percent:.0f} %",
                value.context,
            )
        )
    out.table(heads, cells)


def _amount(whole: float | None, phases: tuple[float | None, ...], unit: str) -> str:
    known = [f"{amount:.1f}" for amount in phases if amount is not None]
    if known:
        return f"{' / '.join(known)} {unit}"
    return "" if whole is None else f"{whole:.1f} {unit}"


def _meter_plain(row: "MeterRow") -> dict[str, Any]:
    import msgspec

    plain = {
        name: value
        for name, value in msgspec.structs.asdict(row.value).items()
        if value is not None and name != "raw"
    }
    return plain | {"received_at": row.received_at, "samples": msgspec.Raw(row.value.raw)}
