"""`voltkeep order bulk`, `batches` and `batch`: the same, asked of many stations."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.order import Id, Limit, Tenant, group, pause
from voltkeep.cli.output import Cell
from voltkeep.cli.station_command import Queue, Timeout
from voltkeep.cli.text import count, instant

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.asks import Ask
    from voltkeep.services.batches import Progress

_STYLES = {"done": "green", "cancelled": "red"}
_UNSERVED_S = 15.0  # a server looks for batches every few seconds


@command(
    group,
    "bulk",
    examples=(
        """order bulk '{"command": "Reset", "kind": "OnIdle"}' --vendor Acme --connected""",
        """order bulk '{"command": "ClearCache"}' --station CS-01 --station CS-02 --queue 24""",
    ),
)
async def bulk(
    run: Run,
    ask: Annotated[
        str, typer.Argument(metavar="ASK", help="JSON, as the API takes it; - reads it from stdin.")
    ],
    *,
    station: Annotated[
        list[str] | None, typer.Option("--station", metavar="ID", help="This one; may be repeated.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option("--site", metavar="SITE", help="Those that stand there.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Those whose id begins so.")] = "",
    vendor: Annotated[str | None, typer.Option(help="Those of this vendor.")] = None,
    model: Annotated[str | None, typer.Option(help="Those of this model.")] = None,
    firmware: Annotated[str | None, typer.Option(help="Those that run this firmware.")] = None,
    connected: Annotated[
        bool | None, typer.Option("--connected/--offline", help="Those that are there, or are not.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every station of the tenant.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="How many at a time.")] = 10,
    queue: Queue = None,
    timeout: Timeout = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until each was asked, or waits.")
    ] = True,
    tenant: Tenant = "default",
) -> None:
    """Ask every station that fits for the same; a running server does it."""
    from voltkeep.domain.identity import TenantId
    from voltkeep.services.lists import StationFilter

    which = StationFilter(
        names=None if not station else tuple(station),
        sites=None if not site else tuple(site),
        prefix=prefix,
        vendor=vendor,
        model=model,
        firmware=firmware,
        connected=connected,
    )
    if which == StationFilter() and not every:
        raise Failure("That would be every station.", "Say which, or --all.", code=ExitCode.USAGE)
    asked, whose = _decoded(ask), TenantId(tenant)
    async with run.app() as app:
        batch = await app.services.batches.give(
            whose, which, asked, at_once=at_once, queue_until=_until(queue), timeout_s=timeout
        )
        if wait:
            progress = await _followed(run, app, whose, batch.id)
        else:
            progress = await app.services.batches.progress(whose, batch.id)
    _show(run, progress)
    _judge(progress, batch.id)


def _judge(progress: "Progress", batch: str) -> None:
    """Raises Failure if a station did not do it."""
    if bad := sum(progress.results.values()) - progress.results.get("accepted", 0):
        raise Failure(
            f"{count(bad, 'station')} did not do it.",
            f"`voltkeep order list --batch {batch}` shows each.",
        )


def _until(hours: float | None) -> Any:
    from datetime import timedelta

    from voltkeep.wiring import now

    return None if hours is None else now() + timedelta(hours=hours)


def _decoded(text: str) -> "Ask":
    import msgspec

    from voltkeep.domain.asks import Ask

    said = typer.get_text_stream("stdin").read() if text == "-" else text
    try:
        asked: Ask = msgspec.json.decode(said, type=Ask)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Failure(
            f"That is nothing to ask: {error}.",
            """As in '{"command": "Reset", "kind": "OnIdle"}'; the API's description has all.""",
            ExitCode.USAGE,
        ) from error
    return asked


async def _followed(run: Run, app: "App", tenant: Any, id: str) -> "Progress":
    """Tell how far it is until it is over. Raises Failure if nobody carries it out."""
    from voltkeep.domain.orders import OPEN_BATCHES

    began, told = time.monotonic(), ""
    while True:
        progress = await app.services.batches.progress(tenant, id)
        if progress.batch.state not in OPEN_BATCHES:
            return progress
        if (line := _line(progress)) != told:
            told, began = line, time.monotonic()
            run.out.say(line)
        if not progress.batch.stations and time.monotonic() - began > _UNSERVED_S:
            raise Failure(
                f"No server has begun with batch {id} yet; it is kept.",
                f"Start one with `voltkeep serve`, or `voltkeep order batch {id} --cancel`.",
                ExitCode.UNREACHABLE,
            )
        await pause()


def _line(progress: "Progress") -> str:
    over = sum(progress.results.values())
    return f"{over} of {count(progress.batch.stations, 'station')}: {_counts(progress.results)}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none yet"


@command(group, "batch", examples=("order batch 6f1e0c3a5b7d9e8f --cancel",))
async def batch(
    run: Run,
    id: Id,
    stop: Annotated[bool, typer.Option("--cancel", help="Ask no further station.")] = False,
    tenant: Tenant = "default",
) -> None:
    """How far a batch is, and how it went."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        batches, whose = app.services.batches, TenantId(tenant)
        if stop:
            await batches.cancel(whose, id)
        progress = await batches.progress(whose, id)
    _show(run, progress)


@command(group, "batches")
async def batches(run: Run, limit: Limit = 50, tenant: Tenant = "default") -> None:
    """Batches, the last changed first."""
    from voltkeep.domain.identity import TenantId
    from voltkeep.services.records import Look

    async with run.app() as app:
        found = await app.services.batches.page(TenantId(tenant), Look(limit=limit))
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("No batch.")
        return
    run.out.table(
        ("ID", "COMMAND", "STATE", "STATIONS", "GIVEN", "BY"),
        [
            (
                each.id,
                each.command,
                Cell(each.state, _STYLES.get(each.state, "yellow")),
                str(each.stations),
                instant(each.given_at),
                each.issued_by,
            )
            for each in found
        ],
    )


def _show(run: Run, progress: "Progress") -> None:
    batch = progress.batch
    if run.out.as_json:
        counts = {"states": progress.states, "results": progress.results}
        run.out.data(_plain(batch) | counts)
        return
    run.out.pairs(
        [
            ("Batch", batch.id),
            ("Command", batch.command),
            ("Ask", batch.ask),
            ("Of", batch.which),
            ("State", Cell(batch.state, _STYLES.get(batch.state, "yellow"))),
            ("Stations", str(batch.stations)),
            ("Orders", _counts(progress.states)),
            ("Results", _counts(progress.results)),
            ("Given", f"{instant(batch.given_at)} by {batch.issued_by}"),
            ("Waits until", instant(batch.queue_until)),
        ]
    )


def _plain(batch: Any) -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(batch)
    for internal in ("sealed", "actor", "station"):
        del plain[internal]
    decode = msgspec.json.decode
    return plain | {"ask": decode(batch.ask), "which": decode(batch.which)}
