"""Commands of stations, given over the API of a server elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from voltkeep.cli.errors import Failure
from voltkeep.cli.remote_part import PAGE, Part, Server, first
from voltkeep.cli.remote_words import order_of
from voltkeep.domain.asks import Ask, RawMessage
from voltkeep.domain.commands import Outcome, Told
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.orders import Order, OrderState, advice
from voltkeep.services import ports
from voltkeep.services.records import Look

_POLL_S = 30.0
_LONGEST_S = 700.0  # that the server lets a command take, and some more
_FAILURES: dict[str, type[ports.StationUnreachable]] = {
    each.result: each
    for each in (
        ports.StationOffline,
        ports.StationLeft,
        ports.StationSilent,
        ports.StationBusy,
        ports.StationRefused,
        ports.StationUnclear,
        ports.StationPassive,
        ports.CommandUnfit,
    )
}


class Orders(Part):
    """As `OrderService`."""

    async def ask(
        self, station: StationId, ask: Ask, *, timeout_s: float | None = None
    ) -> tuple[Order, Outcome]:
        """Give it, and wait for its end. Raises what a station's not answering raises here."""
        given = await self.give(station, ask, timeout_s=timeout_s)
        order = await self.wait(station.tenant, given.id, _LONGEST_S)
        return order, _outcome(order)

    async def give(
        self,
        station: StationId,
        ask: Ask,
        *,
        queue_until: datetime | None = None,
        timeout_s: float | None = None,
    ) -> Order:
        body = msgspec.json.decode(msgspec.json.encode(ask))
        if isinstance(ask, RawMessage):
            del body["command"]  # the API tells it by its `action`
        given = await self._app.client(station.tenant).give_command(
            station.name, body, queue_until=queue_until, timeout_s=timeout_s
        )
        return order_of(station.tenant, given)

    async def get(self, tenant: TenantId, id: str) -> Order:
        return order_of(tenant, await self._app.client(tenant).show_command(id))

    async def wait(self, tenant: TenantId, id: str, seconds: float) -> Order:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        client = self._app.client(tenant)
        while True:
            left = (until - datetime.now(UTC)).total_seconds()
            wait = max(0.0, min(left, _POLL_S))
            order = order_of(tenant, await client.show_command(id, wait=wait))
            if not order.is_open or left <= 0:
                return order

    async def cancel(self, tenant: TenantId, id: str) -> Order:
        return order_of(tenant, await self._app.client(tenant).cancel_command(id))

    async def page(self, tenant: TenantId, look: Look) -> list[Order]:
        fields: dict[str, Any] = dict(look.fields)
        if look.states:
            fields["state"] = look.states[0]
        listed = self._app.client(tenant).list_commands(
            station=look.station,
            limit=min(look.limit, PAGE),
            **fields,
        )
        return [order_of(tenant, each) for each in await first(listed, look.limit)]


async def asked(app: Server, station: StationId, ask: Ask) -> Outcome:
    """What a station answers. Raises as `Orders.ask`."""
    outcome: Outcome = (await app.services.orders.ask(station, ask))[1]
    return outcome


def _outcome(order: Order) -> Outcome:
    """Raises StationUnreachable, or Failure if it was not carried out to its end."""
    if order.state is not OrderState.DONE:
        said = f": {order.error}" if order.error else ""
        raise Failure(f"The command is {order.state}{said}.", advice(order))
    if order.result not in {"accepted", "rejected"}:
        raise _FAILURES.get(order.result, ports.StationUnreachable)(order.error)
    answers = [each.response for each in order.messages if each.response is not None]
    return Outcome(
        accepted=order.result == "accepted",
        status=order.status,
        response=msgspec.Raw((answers[-1] if answers else "{}").encode()),
        told=_told(order),
        warning=order.warning,
    )


def _told(order: Order) -> Told | None:
    if order.told is None:
        return None
    try:
        return msgspec.json.decode(order.told, type=Told)  # type: ignore[no-any-return]  # a union
    except msgspec.ValidationError as error:
        raise Failure(
            f"The server says what is not understood here: {error}.",
            "Is `voltkeep` here as new as there?",
        ) from error
