"""Commands: ask a station for something, and learn what became of it."""

from datetime import UTC, datetime
from typing import Annotated, Any, cast, get_args

from litestar import Response, delete, get, post
from litestar.params import FromQuery, HeaderParameter, PathParameter, QueryParameter
from msgspec import Meta, Raw, Struct, json, structs

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.asks import Ask, RawMessage, RemoteStart
from voltkeep.domain.audit import SYSTEM
from voltkeep.domain.identity import Evse, IdToken, StationId, TenantId
from voltkeep.domain.orders import Order, OrderMessage, OrderResult, OrderState, advice
from voltkeep.services.asking import needed
from voltkeep.services.order_keys import Once
from voltkeep.services.orders import UnknownOrder
from voltkeep.services.provisioning import UnknownStation
from voltkeep.web.access import Given, Known, Paging, Who, may_see
from voltkeep.web.discretion import shown, shown_json
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, NotThere, Problem
from voltkeep.web.reading import read_json

_PREFIX = "/api/v1"

CommandId = Annotated[str, PathParameter(description="The command's id.")]
Wait = Annotated[
    float,
    QueryParameter(
        ge=0, le=60, description="Seconds to wait for the end of the command, at most 60."
    ),
]
QueueUntil = Annotated[
    datetime | None,
    QueryParameter(
        description="How long the command may wait for a station that is not there. Without it "
        "such a command fails at once."
    ),
]
Timeout = Annotated[
    float | None,
    QueryParameter(gt=0, le=600, description="Seconds that the station has for its answer."),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Any text: the same request with the same key makes one command, for a day.",
    ),
]


class AnyMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly this message, in the version that the station speaks; ``force``: also if unfit."""

    action: Annotated[str, Meta(min_length=1, max_length=64)]
    payload: dict[str, Any] = {}
    force: bool = False


# In the description the exact message has but one form: the one without `command`.
_BODIES = (*(each for each in get_args(Ask) if each is not RawMessage), AnyMessage)


class MessageOut(Struct, frozen=True, kw_only=True):
    """An OCPP message that the command took, without its secrets."""

    action: str
    request: Raw
    sent_at: datetime
    response: Raw
    latency_ms: float | None
    result: str


class CommandOut(Struct, frozen=True, kw_only=True):
    """What was asked of a station, and what became of it.

    ``result`` says how it went, once ``state`` is an end; ``advice`` what to do about it.
    ``status`` is the station's own word. Without `tokens:read` tokens are shown by their last
    four characters.
    """

    id: str
    station: str
    command: str
    ask: Raw
    state: OrderState
    result: OrderResult | None
    status: str | None
    error: str | None
    warning: str | None
    advice: str | None
    told: Raw
    messages: tuple[MessageOut, ...]
    issued_by: str
    batch: str | None
    given_at: datetime
    started_at: datetime | None
    done_at: datetime | None
    queue_until: datetime | None


_NULL = Raw(b"null")


def out(principal: Principal, order: Order) -> CommandOut:
    """An order as the API shows it to somebody."""
    return CommandOut(
        id=order.id,
        station=order.station.name,
        command=order.command,
        ask=shown_json(principal, order.ask),
        state=order.state,
        result=cast("OrderResult | None", order.result or None),
        status=order.status or None,
        error=shown(principal, order.error) or None,
        warning=order.warning or None,
        advice=advice(order) or None,
        told=_NULL if order.told is None else shown_json(principal, order.told),
        messages=tuple(_message(principal, each) for each in order.messages),
        issued_by=order.issued_by,
        batch=order.batch or None,
        given_at=order.given_at,
        started_at=order.started_at,
        done_at=order.done_at,
        queue_until=order.queue_until,
    )


def _message(principal: Principal, message: OrderMessage) -> MessageOut:
    return MessageOut(
        action=message.action,
        request=shown_json(principal, message.request),
        sent_at=message.sent_at,
        response=_NULL if message.response is None else shown_json(principal, message.response),
        latency_ms=message.latency_ms,
        result=message.result,
    )


def asked(body: bytes, principal: Principal, *, within: str = "") -> Ask:
    """What a body asks for, in domain words or as the exact message.

    Raises what names the field that is wrong, or Problem 403 if the principal may not ask it.
    """
    fields = read_json(body, Any, within=within)
    if isinstance(fields, dict) and "action" in fields and "command" not in fields:
        message = read_json(body, AnyMessage, within=within)
        payload = Raw(json.encode(message.payload))
        ask: Ask = RawMessage(action=message.action, payload=payload, force=message.force)
    else:
        ask = read_json(body, cast("type[Ask]", Ask), within=within)
    if not principal.may(needs := needed(type(ask))):
        raise Problem(403, f"this needs the permission {needs}", code="not-allowed")
    return ask


def _once(request: Asked, principal: Principal, key: str | None, body: bytes) -> Once | None:
    if key is None:
        return None
    actor = principal.actor
    query = sorted((name, value) for name, value in request.query_params.items() if name != "wait")
    said = json.encode([request.method, request.url.path, query]) + body
    who = f"{actor.kind}:{actor.name}:{actor.authenticated_by}"
    return Once(who=who, key=key, request=said)


@post(
    "/stations/{station:str}/commands",
    needs=Permission.SEND_COMMANDS,
    status_code=202,
    takes=_BODIES,
)
async def give_command(
    request: Asked,
    principal: Who,
    services: Given,
    known: Known,
    wait: Wait = 0,
    queue_until: QueueUntil = None,
    timeout_s: Timeout = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[CommandOut]:
    """Ask a station for something. With ``wait`` the answer shows what became of it.

    What the station will refuse may be asked for: there may be a reason. Technical commands
    (configuration, charging profiles, any message) need `commands:technical` as well.
    """
    await request.json()  # or it is refused
    body = await request.body()
    order = await services.orders.give(
        known.id,
        asked(body, principal),
        queue_until=aware(queue_until),
        timeout_s=timeout_s,
        once=_once(request, principal, idempotency_key, body),
        is_known=True,
    )
    if wait and order.is_open:
        order = await services.orders.wait(principal.tenant, order.id, wait)
    return Response(
        out(principal, order),
        status_code=202,
        headers={"location": f"{_PREFIX}/commands/{order.id}"},
    )


def aware(at: datetime | None) -> datetime | None:
    """A time that says which it is. Raises Problem."""
    if at is not None and at.tzinfo is None:
        raise Problem(
            400, "queue_until: a time needs a zone, as in 2026-05-01T12:00:00Z", field="queue_until"
        )
    return at


async def _seen(services: Given, principal: Principal, order: Order) -> Order:
    """The order, if its station may be seen. Raises NotThere."""
    if principal.sites is not None:
        try:
            station = await services.provisioning.get(order.station)
        except UnknownStation:
            station = None
        if station is None or not may_see(principal, station):
            raise NotThere(f"there is no command {order.id}")
    return order


@get("/commands/{command:str}", needs=Permission.SEND_COMMANDS)
async def show_command(
    command: CommandId, principal: Who, services: Given, wait: Wait = 0
) -> CommandOut:
    """One command. With ``wait`` it is answered once the command is over, or then."""
    orders = services.orders
    order = await _seen(services, principal, await _found(services, principal, command))
    if wait and order.is_open:
        order = await orders.wait(principal.tenant, order.id, wait)
    return out(principal, order)


async def _found(services: Given, principal: Principal, id: str) -> Order:
    try:
        return await services.orders.get(principal.tenant, id)
    except UnknownOrder as error:
        raise NotThere(f"there is no command {id[:60]}") from error


@get("/commands", needs=Permission.SEND_COMMANDS, states=OrderState, dependencies=LOOK)
async def list_commands(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    look: Looking,
    result: FromQuery[OrderResult | None] = None,
    batch: FromQuery[str | None] = None,
    issued_by: FromQuery[str | None] = None,
) -> Page[CommandOut]:
    """Commands that fit every filter, the latest changed first."""
    wanted = (("result", result), ("batch", batch), ("issued_by", issued_by))
    fields = tuple((name, value) for name, value in wanted if value is not None)
    look = structs.replace(look, fields=fields)
    found = await services.orders.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, lambda order: out(principal, order))


@delete("/commands/{command:str}", needs=Permission.SEND_COMMANDS, status_code=200)
async def cancel_command(command: CommandId, principal: Who, services: Given) -> CommandOut:
    """Have a command that waits for its station not be carried out."""
    order = await _seen(services, principal, await _found(services, principal, command))
    return out(principal, await services.orders.cancel(principal.tenant, order.id))


ROUTES = [give_command, show_command, list_commands, cancel_command]

_AT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
_ANYBODY = Principal(actor=SYSTEM, tenant=TenantId("default"), permissions=frozenset())
EXAMPLES = [
    out(
        _ANYBODY,
        Order(
            station=StationId(TenantId("default"), "CP-1001"),
            id="6f1e0c3a5b7d9e8f01234567",
            state=OrderState.DONE,
            at=_AT,
            command="Reset",
            ask='{"command":"Reset","kind":"OnIdle"}',
            actor=SYSTEM,
            issued_by="hotline",
            given_at=_AT,
            started_at=_AT,
            done_at=_AT,
            result="accepted",
            status="Accepted",
            messages=(
                OrderMessage(
                    action="Reset",
                    request='{"type":"Soft"}',
                    sent_at=_AT,
                    response='{"status":"Accepted"}',
                    latency_ms=41.5,
                ),
            ),
        ),
    ),
    RemoteStart(id_token=IdToken("04A2B3C4", "ISO14443"), evse=Evse(1)),
    AnyMessage(action="ReserveNow", payload={"connectorId": 1}, force=True),
]
