"""`voltkeep order`: what was asked of stations, and what became of it."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell, encode
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.asks import Ask
    from voltkeep.domain.orders import Order

group = typer.Typer(
    help="What was asked of stations, by whoever it was, and what became of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
Seconds = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Wait no longer than this.")
]
STYLES = {"done": "", "queued": "yellow", "running": "yellow", "pending": "yellow"}
_GOOD = "accepted"


@command(group, "list", examples=("order list --state queued", "order list --station CS-01"))
async def list_(
    run: Run,
    station: Annotated[
        str | None, typer.Option("--station", metavar="STATION", help="Of this station only.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="queued, running, done, expired …")
    ] = None,
    result: Annotated[
        str | None, typer.Option(metavar="RESULT", help="accepted, rejected, offline, silent …")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Of this batch: `order bulk`.")
    ] = None,
    limit: Limit = 50,
    tenant: Tenant = "default",
) -> None:
    """Orders, the last changed first."""
    from voltkeep.domain.identity import TenantId, parse_station
    from voltkeep.domain.orders import OrderState
    from voltkeep.services.records import Look

    if state is not None and state not in set(OrderState):
        choice = ", ".join(OrderState)
        raise Failure(f"No order is ever {state}.", f"States are: {choice}.", ExitCode.USAGE)
    of = None if station is None else parse_station(station)
    wanted = (("result", result), ("batch", batch))
    look = Look(
        station=None if of is None else of.name,
        states=() if state is None else (state,),
        fields=tuple((name, value) for name, value in wanted if value is not None),
        limit=limit,
    )
    async with run.app() as app:
        found = await app.services.orders.page(TenantId(tenant) if of is None else of.tenant, look)
    if run.out.as_json:
        run.out.data([as_plain(each) for each in found])
        return
    if not found:
        run.out.say("No order fits that.")
        return
    run.out.table(
        ("ID", "STATION", "COMMAND", "STATE", "RESULT", "GIVEN", "BY"),
        [
            (
                each.id,
                str(each.station),
                each.command,
                Cell(each.state, STYLES.get(each.state, "red")),
                Cell(each.result, "green" if each.result == _GOOD else "red"),
                instant(each.given_at),
                each.issued_by,
            )
            for each in found
        ],
    )


@command(group, "show")
async def show(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """One order, with the messages that it took. Secrets are not kept, so none are shown."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        order = await app.services.orders.get(TenantId(tenant), id)
    _show(run, order)


@command(group, "wait", examples=("order wait 6f1e0c3a5b7d9e8f01234567 --timeout 600",))
async def wait(run: Run, id: Id, timeout: Seconds = 60, tenant: Tenant = "default") -> None:
    """Wait until an order is over. Ends with 0 if the station accepted it, else with 1."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        order = await app.services.orders.wait(TenantId(tenant), id, timeout)
    if order.is_open:
        raise Failure(
            f"The order is {order.state} after {timeout:g} s.",
            f"`voltkeep order show {id}` tells more.",
            ExitCode.UNREACHABLE,
        )
    tell(run, order)


@command(group, "cancel")
async def cancel(run: Run, id: Id, tenant: Tenant = "default") -> None:
    """Have an order that waits for its station not be carried out."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        order = await app.services.orders.cancel(TenantId(tenant), id)
    if run.out.as_json:
        run.out.data(as_plain(order))
        return
    run.out.say(f"Cancelled: {order.command} is not sent to {order.station}.")


def checked(ask: "Ask") -> "Ask":
    """An ask within its limits: whoever makes one here has passed no decoder. Raises Failure."""
    import msgspec

    from voltkeep.domain.asks import Ask

    try:
        valid: Ask = msgspec.json.decode(msgspec.json.encode(ask), type=Ask)
    except msgspec.ValidationError as error:
        raise Failure(f"Nothing was sent: {error}.", code=ExitCode.USAGE) from error
    return valid


def tell(run: Run, order: "Order") -> None:
    """What became of an order. Raises Failure if it is over, and was not accepted."""
    if run.out.as_json:
        run.out.data(as_plain(order))
    elif order.is_open:
        run.out.say(
            f"{order.command} is {order.state} for {order.station}, until "
            f"{instant(order.queue_until)}: `voltkeep order wait {order.id}`."
        )
    elif order.result == _GOOD:
        _show(run, order)
    if order.is_open or order.result == _GOOD:
        return
    from voltkeep.domain.orders import advice

    said = f": {order.error}" if order.error else ""
    raise Failure(
        f"{order.station} did not accept {order.command} ({order.result or order.state}){said}.",
        advice(order) or f"`voltkeep order show {order.id}` shows what was said.",
        ExitCode.UNREACHABLE if order.result in _UNREACHED else ExitCode.FAILED,
    )


_UNREACHED = {"offline", "left", "silent", "busy", "unserved", "expired"}


def _show(run: Run, order: "Order") -> None:
    if run.out.as_json:
        run.out.data(as_plain(order))
        return
    from voltkeep.domain.orders import advice

    good = order.result == _GOOD
    run.out.pairs(
        [
            ("Order", order.id),
            ("Station", str(order.station)),
            ("Command", order.command),
            ("Ask", order.ask),
            ("State", Cell(order.state, STYLES.get(order.state, "red"))),
            ("Result", Cell(order.result, "green" if good else "red")),
            ("Status", order.status),
            ("Error", order.error),
            ("Warning", order.warning),
            ("Advice", advice(order)),
            ("Given", f"{instant(order.given_at)} by {order.issued_by}"),
            ("Batch", order.batch),
            ("Waits until", instant(order.queue_until)),
            ("Started", instant(order.started_at)),
            ("Over", instant(order.done_at)),
        ]
    )
    for message in order.messages:
        latency = "" if message.latency_ms is None else f" after {message.latency_ms:.0f} ms"
        run.out.line()
        run.out.pairs([("Sent", message.action), ("Answer", f"{message.result}{latency}")])
        for said in (message.request, message.response):
            if said is not None:
                run.out.line(_readable(said))


def _readable(said: str) -> str:
    """JSON that a station may have said, as lines that do nothing to a terminal."""
    import msgspec

    try:
        return encode(msgspec.json.decode(said), indent=2)
    except msgspec.DecodeError:
        return encode(said)


def as_plain(order: "Order") -> dict[str, Any]:
    """An order for programs."""
    import msgspec

    plain = msgspec.structs.asdict(order)
    for internal in ("sealed", "runner", "actor"):
        del plain[internal]
    messages = [msgspec.structs.asdict(each) for each in order.messages]
    for message in messages:
        for name in ("request", "response"):
            message[name] = _decoded(message[name])
    return plain | {
        "station": str(order.station),
        "ask": _decoded(order.ask),
        "told": _decoded(order.told),
        "messages": messages,
    }


def _decoded(text: str | None) -> Any:
    import msgspec

    try:
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


async def pause() -> None:
    """Between two looks at what goes on elsewhere."""
    await asyncio.sleep(0.5)
