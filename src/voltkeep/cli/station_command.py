"""`voltkeep station command`: ask a station for something, and wait for its answer."""

import asyncio
import enum
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, accepts, command, parameter, remember
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.order import as_plain, checked, tell
from voltkeep.cli.output import Cell, encode
from voltkeep.cli.station import Name

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.asks import Ask
    from voltkeep.domain.commands import Outcome
    from voltkeep.domain.identity import Evse, StationId, TransactionRef
    from voltkeep.domain.orders import Order

group = typer.Typer(
    help="Ask a station for something, and wait for its answer.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Timeout = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="SECONDS", help="Wait for the answer no longer than this."),
]
Connector = Annotated[
    int | None,
    typer.Option("--connector", "--evse", help="Which connector; in OCPP 2.x, which EVSE."),
]

Queue = Annotated[
    float | None,
    typer.Option(
        "--queue",
        min=0.01,
        max=24 * 90,
        metavar="HOURS",
        help="Let it wait so long for the station, if that is not there.",
    ),
]
_TAKEN_UP_WITHIN_S = 15.0  # by a server, if the station is there


def _target(ctx: typer.Context, **given: Any) -> None:
    target = given.pop("name")
    ctx.obj = remember(ctx, given) | {"target": target}


group.callback()(accepts(_target, [parameter("name", Name, ...)]))


class Message(enum.StrEnum):
    """What a station can be asked to send."""

    BOOT = "boot"
    FIRMWARE_STATUS = "firmware-status"
    HEARTBEAT = "heartbeat"
    LOG_STATUS = "log-status"
    METER_VALUES = "meter-values"
    SIGN_CERTIFICATE = "sign-certificate"
    STATUS = "status"
    TRANSACTION = "transaction"
    SIGN_V2G_CERTIFICATE = "sign-v2g-certificate"
    SIGN_V2G20_CERTIFICATE = "sign-v2g20-certificate"
    SIGN_COMBINED_CERTIFICATE = "sign-combined-certificate"
    PUBLISHING_STATUS = "publishing-status"
    CUSTOM = "custom"


def _target_id(run: Run) -> "StationId":
    from voltkeep.domain.identity import parse_station

    return parse_station(run.target)


def _evse(number: int | None) -> "Evse | None":
    from voltkeep.domain.identity import Evse

    return None if number is None else Evse(number)


@command(group, "remote-start", examples=("station command CS-01 remote-start --token RFID-1",))
async def remote_start(
    run: Run,
    token: Annotated[str, typer.Option(help="Who charges: a token, registered or not.")],
    connector: Connector = None,
    kind: Annotated[
        str | None, typer.Option(help="The kind of a token that is not registered.")
    ] = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Start charging for a token."""
    from voltkeep.domain.asks import RemoteStart
    from voltkeep.domain.identity import IdToken, IdTokenKind
    from voltkeep.services.authorization import UnknownToken

    station = _target_id(run)
    async with run.app() as app:
        await app.services.provisioning.get(station)
        id_token = IdToken(token, kind or IdTokenKind.CENTRAL)
        try:
            known = await app.services.authorization.get(station.tenant, id_token)
            id_token = IdToken(token, kind or known.id_token.kind)
        except UnknownToken:
            run.out.say(
                "Warning: that token is not registered. A station that asks us before it starts "
                "is told so: `voltkeep token add` registers it."
            )
        ask = RemoteStart(id_token=id_token, evse=_evse(connector))
        await order(run, app, station, "remote-start", ask, timeout, queue)
    run.out.say("`voltkeep transaction list --active` shows the transaction once it has begun.")


@command(group, "remote-stop", examples=("station command CS-01 remote-stop",))
async def remote_stop(
    run: Run,
    transaction: Annotated[
        str | None, typer.Option(help="Which one; without it the only one that runs.")
    ] = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Stop a transaction."""
    from voltkeep.domain.asks import RemoteStop
    from voltkeep.domain.identity import TransactionRef

    station = _target_id(run)
    async with run.app() as app:
        await app.services.provisioning.get(station)
        if transaction is None:
            running = await app.services.transactions.all(station=station, active=True, limit=100)
            # Of several on one connector all but the latest ended unheard.
            latest = {each.evse or each.ref: each.ref for each in reversed(running)}
            ref = _only(list(latest.values()), station)
        else:
            ref = TransactionRef(transaction)
        ask = RemoteStop(transaction=ref)
        await order(run, app, station, "remote-stop", ask, timeout, queue)


def _only(refs: "list[TransactionRef]", station: "StationId") -> "TransactionRef":
    if len(refs) == 1:
        return refs[0]
    if not refs:
        raise Failure(
            f"No transaction runs on {station}, as far as we know.",
            "Name one with --transaction to stop it all the same.",
            ExitCode.NOT_FOUND,
        )
    raise Failure(
        f"{len(refs)} transactions run on {station}: {', '.join(refs)}.",
        "Say which with --transaction.",
        ExitCode.USAGE,
    )


@command(group, "reset", examples=("station command CS-01 reset --immediate",))
async def reset(
    run: Run,
    immediate: Annotated[
        bool,
        typer.Option("--immediate", help="Now, ending transactions; else once none runs."),
    ] = False,
    connector: Connector = None,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Restart a station, or one EVSE of it (OCPP 2.x)."""
    from voltkeep.domain.asks import Reset
    from voltkeep.domain.commands import ResetKind

    station = _target_id(run)
    kind = ResetKind.IMMEDIATE if immediate else ResetKind.ON_IDLE
    async with run.app() as app:
        ask = Reset(kind=kind, evse=_evse(connector))
        await order(run, app, station, "reset", ask, timeout, queue)


@command(
    group,
    "trigger",
    examples=(
        "station command CS-01 trigger status",
        "station command CS-01 trigger meter-values --connector 1",
    ),
)
async def trigger(
    run: Run,
    message: Annotated[Message, typer.Argument(help="Which message it shall send.")],
    connector: Connector = None,
    extended: Annotated[
        bool,
        typer.Option("--extended", help="In OCPP 1.6, by ExtendedTriggerMessage."),
    ] = False,
    name: Annotated[
        str, typer.Option(help="With `custom`, what the station calls it (OCPP 2.1).")
    ] = "",
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Ask a station to send a message now."""
    from voltkeep.domain.asks import Trigger
    from voltkeep.domain.commands import Triggered

    messages = {
        Message.BOOT: Triggered.BOOT_NOTIFICATION,
        Message.FIRMWARE_STATUS: Triggered.FIRMWARE_STATUS_NOTIFICATION,
        Message.HEARTBEAT: Triggered.HEARTBEAT,
        Message.LOG_STATUS: Triggered.LOG_STATUS_NOTIFICATION,
        Message.METER_VALUES: Triggered.METER_VALUES,
        Message.SIGN_CERTIFICATE: Triggered.SIGN_CERTIFICATE,
        Message.STATUS: Triggered.STATUS_NOTIFICATION,
        Message.TRANSACTION: Triggered.TRANSACTION_EVENT,
        Message.SIGN_V2G_CERTIFICATE: Triggered.SIGN_V2G_CERTIFICATE,
        Message.SIGN_V2G20_CERTIFICATE: Triggered.SIGN_V2G20_CERTIFICATE,
        Message.SIGN_COMBINED_CERTIFICATE: Triggered.SIGN_COMBINED_CERTIFICATE,
        Message.PUBLISHING_STATUS: Triggered.PUBLISH_FIRMWARE_STATUS_NOTIFICATION,
        Message.CUSTOM: Triggered.CUSTOM,
    }
    station = _target_id(run)
    async with run.app() as app:
        evse, what = _evse(connector), messages[message]
        ask = Trigger(message=what, evse=evse, newer=extended, custom=name)
        await order(run, app, station, "trigger", ask, timeout, queue)


@command(
    group,
    "raw",
    examples=(
        "station command CS-01 raw GetConfiguration '{}'",
        "station command CS-01 raw SetChargingProfile - < profile.json",
    ),
)
async def raw(
    run: Run,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="As OCPP spells it.")],
    payload: Annotated[
        str, typer.Argument(metavar="JSON", help="The payload; - reads it from stdin.")
    ] = "{}",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Send it even if the station's version forbids it, or it may lock the station "
            "out.",
        ),
    ] = False,
    timeout: Timeout = None,
    queue: Queue = None,
) -> None:
    """Send any message of the station's OCPP version, and print the whole answer."""
    import msgspec

    from voltkeep.domain.asks import RawMessage

    text = typer.get_text_stream("stdin").read() if payload == "-" else payload
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Failure(
            f"The payload is not JSON: {error}.",
            """Put it in single quotes: '{"type": "Soft"}'.""",
            ExitCode.USAGE,
        ) from error
    station = _target_id(run)
    encoded = msgspec.Raw(msgspec.json.encode(decoded))
    async with run.app() as app:
        ask = RawMessage(action=action, payload=encoded, force=force)
        await order(run, app, station, action, ask, timeout, queue)


async def order(
    run: Run,
    app: "App",
    station: "StationId",
    name: str,
    ask: "Ask",
    timeout: float | None,
    queue: float | None = None,
) -> None:
    """Give an order, wait for its end, and print it. Raises Failure when the station said no.

    With ``queue`` it may end later: a server carries it out.
    """
    orders, ask = app.services.orders, checked(ask)
    if queue is None:
        began = time.monotonic()
        done, outcome = await orders.ask(station, ask, timeout_s=timeout)
        _print(run, station, name, outcome, time.monotonic() - began, done)
        return
    from datetime import timedelta

    from voltkeep.wiring import now

    until = now() + timedelta(hours=queue)
    given = await orders.give(station, ask, queue_until=until, timeout_s=timeout)
    known = await app.services.provisioning.get(station)
    patience = (timeout or _TAKEN_UP_WITHIN_S) if known.is_connected else 0
    tell(run, await orders.wait(station.tenant, given.id, patience))


async def answer(
    run: Run,
    station: "StationId",
    name: str,
    asked: "Awaitable[Outcome]",
    timeout: float | None,
) -> None:
    """Wait for the answer and print it. Raises Failure when the station said no."""
    from voltkeep.services.ports import StationSilent

    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            outcome = await asked
    except TimeoutError as error:
        raise StationSilent from error
    _print(run, station, name, outcome, time.monotonic() - began)


def _print(
    run: Run,
    station: "StationId",
    name: str,
    outcome: "Outcome",
    took_s: float,
    order: "Order | None" = None,
) -> None:
    import msgspec

    response = msgspec.json.decode(outcome.response)
    if run.out.as_json:
        plain = {
            "station": str(station),
            "command": name,
            "accepted": outcome.accepted,
            "status": outcome.status,
            "response": response,
            "latency_ms": round(took_s * 1000),
        }
        run.out.data(plain if order is None else plain | {"order": as_plain(order)})
    else:
        word = outcome.status or ("Accepted" if outcome.accepted else "Rejected")
        style = "green" if outcome.accepted else "red"
        run.out.styled(f"{station} answered after {took_s:.1f} s: ", Cell(word, style))
        if set(response) - {"status"}:
            run.out.line(encode(response, indent=2))
    if outcome.warning:
        run.out.say(f"Warning: {outcome.warning}")
    if not outcome.accepted:
        raise Failure(
            f"{station} did not accept {name}.",
            f"`voltkeep station tail {station.quoted} --no-follow` shows what was said.",
        )
