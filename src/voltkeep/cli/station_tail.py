"""`voltkeep station tail`: what a station and we say to each other, one line an exchange."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.station import group
from voltkeep.cli.text import escape

if TYPE_CHECKING:
    from voltkeep.services.ports import LoggedExchange

_POLL_S = 0.5
_PAGE = 500


@command(
    group,
    "tail",
    examples=(
        "station tail CS-01",
        "station tail --all --json | jq .action",
        "station tail CS-01 --no-follow --last 100",
    ),
)
async def tail(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(metavar="[STATION]", help="Whose; or --all.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of every station.")] = False,
    follow: Annotated[
        bool, typer.Option(help="Go on with what is said from now on, until Ctrl-C.")
    ] = True,
    last: Annotated[
        int, typer.Option(min=0, max=10_000, help="Begin with so many exchanges.")
    ] = 20,
) -> None:
    """What a station and the server say to each other: a line for each message and its answer.

    < the station says, > we say. A line comes when the answer has come, or time is up.
    """
    from voltkeep.domain.identity import parse_station

    if (name is None) != every:
        raise Failure("Whose messages?", "Name a station, or say --all.", ExitCode.USAGE)
    station = parse_station(name) if name else None
    async with run.app() as app:
        if station is not None:
            await app.services.provisioning.get(station)
        async with app.store.read() as work:
            found = await work.messages.last(station=station, limit=max(last, 1))
        after = found[-1].id if found else 0
        for exchange in found[len(found) - last if last < len(found) else 0 :] if last else []:
            _print(run, exchange, with_station=station is None)
        if not found and not follow:
            run.out.say("Nothing was said, or it is older than `message_log_retention_days`.")
        while follow:
            sys.stdout.flush()
            async with app.store.read() as work:
                news = await work.messages.since(after, station=station, limit=_PAGE)
            for exchange in news:
                after = exchange.id
                _print(run, exchange, with_station=station is None)
            if len(news) < _PAGE:
                await asyncio.sleep(_POLL_S)


def _print(run: Run, logged: "LoggedExchange", *, with_station: bool) -> None:
    if run.out.as_json:
        run.out.data(_plain(logged))
        return
    before, result = _line(logged, with_station=with_station)
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - len(result.text) - 1
        before = escape(before, limit=max(room, 20))
    run.out.styled(before + " ", result)


def _plain(logged: "LoggedExchange") -> dict[str, Any]:
    exchange = logged.exchange
    return {
        "id": logged.id,
        "station": str(exchange.station),
        "direction": exchange.direction,
        "action": exchange.action,
        "message_id": exchange.message_id,
        "called_at": exchange.called_at,
        "answered_at": exchange.answered_at,
        "latency_ms": _latency_ms(logged),
        "verdict": exchange.verdict,
        "note": exchange.note,
        "call": exchange.call.decode(errors="replace"),
        "answer": None if exchange.answer is None else exchange.answer.decode(errors="replace"),
    }


def _line(logged: "LoggedExchange", *, with_station: bool) -> tuple[str, Cell]:
    exchange = logged.exchange
    said = _payload(exchange.call)
    answered = _payload(exchange.answer) if exchange.answer else ""
    parts = [
        f"{exchange.called_at:%H:%M:%S}.{exchange.called_at.microsecond // 1000:03d}",
        f"{exchange.station}" if with_station else "",
        "<" if exchange.direction == "in" else ">",
        exchange.action or "(no action)",
        said,
        f"= {answered}" if answered else "",
        f"({exchange.note})" if exchange.note else "",
    ]
    latency = _latency_ms(logged)
    took = "" if latency is None else f" {latency} ms"
    style = "green" if exchange.verdict == "ok" else "red"
    return escape(" ".join(filter(None, parts))), Cell(f"{exchange.verdict}{took}", style)


def _latency_ms(logged: "LoggedExchange") -> int | None:
    exchange = logged.exchange
    if exchange.answered_at is None:
        return None
    return round((exchange.answered_at - exchange.called_at).total_seconds() * 1000)


def _payload(frame: bytes) -> str:
    """The payload of a frame as ``name=value`` pairs; whatever is no frame, as it is."""
    try:
        parts = msgspec.json.decode(frame)
        match parts:
            case [2 | 6, _, _, payload, *_] | [3, _, payload, *_]:
                return " ".join(_pairs(payload))
            case [4 | 5, _, code, description, *_]:
                return f"{code}: {description}" if description else str(code)
    except (msgspec.DecodeError, RecursionError):
        pass
    return frame.decode(errors="backslashreplace")


def _pairs(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case {"value": amount, "measurand": measurand}:
            phase = f".{value['phase']}" if "phase" in value else ""
            yield f"{measurand}{phase}={amount}{value.get('unit', '')}"
        case dict():
            for key, inner in value.items():
                yield from _pairs(inner, key)
        case [only]:
            yield from _pairs(only, name)
        case list():
            for number, inner in enumerate(value):
                yield from _pairs(inner, f"{name}[{number}]")
        case str():
            yield f"{name}={value}"
        case _:
            yield f"{name}={msgspec.json.encode(value).decode()}"
