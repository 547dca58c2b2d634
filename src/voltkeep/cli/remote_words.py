"""What the API says, in the words of the domain: commands show both alike."""

from datetime import timedelta
from typing import Any

import msgspec
from msgspec import json

from voltkeep.client import models
from voltkeep.domain.audit import Actor
from voltkeep.domain.authorization import Token
from voltkeep.domain.availability import Doubt, Freshness, StatusUpdate
from voltkeep.domain.identity import Evse, IdToken, StationId, TenantId
from voltkeep.domain.orders import Order, OrderMessage
from voltkeep.domain.sites import Site
from voltkeep.domain.stations import Station
from voltkeep.domain.transactions import Closing, Transaction
from voltkeep.services.availability import ConnectorState
from voltkeep.services.rows import ConnectorRow


def plain(said: msgspec.Struct) -> dict[str, Any]:
    """What it says, by name."""
    return {
        name: each
        for name, each in msgspec.structs.asdict(said).items()
        if each is not msgspec.UNSET
    }


def taken(kind: Any, values: dict[str, Any]) -> Any:
    """Values of the API as a struct of ours; what it does not know is left out."""
    fields = kind.__struct_fields__
    plain = msgspec.to_builtins({name: each for name, each in values.items() if name in fields})
    return msgspec.convert(plain, kind, strict=False)


def station_of(said: models.StationOut) -> Station:
    """A station."""
    values = plain(said) | {
        "id": (said.tenant, said.id),
        "last_seen_at": said.last_heard_at,
        # What it is, the API tells nobody.
        "key_hash": "kept there" if said.has_key else None,
    }
    station: Station = taken(Station, values)
    return station


def site_of(tenant: str, said: models.SiteOut) -> Site:
    """A site."""
    values = plain(said) | {"station": (tenant, ""), "at": said.changed_at}
    site: Site = taken(Site, values)
    return site


def token_of(said: models.TokenOut) -> Token:
    """A token."""
    token: Token = taken(Token, plain(said) | {"id_token": IdToken(said.value, said.kind)})
    return token


def transaction_of(tenant: str, said: models.TransactionOut) -> Transaction:
    """A transaction."""
    values = plain(said)
    closed = said.closed
    values |= {"station": (tenant, said.station), "meter_stop_wh": said.meter_last_wh}
    transaction: Transaction = taken(Transaction, values)
    if closed is not None:
        transaction.closing = Closing(
            at=closed.closed_at,
            by=closed.closed_by,
            reason=closed.reason,
            as_of=closed.as_of,
            meter_wh=closed.meter_wh,
        )
    return transaction


def connector_of(tenant: str, said: models.ConnectorOut) -> ConnectorState:
    """What a connector said last."""
    values = plain(said) | {"at": said.said_at}
    if said.evse is not None:
        values["evse"] = Evse(**plain(said.evse))
    return ConnectorState(
        row=ConnectorRow(
            station=StationId(TenantId(tenant), said.station),
            update=taken(StatusUpdate, values),
            received_at=said.heard_at,
        ),
        freshness=Freshness(
            age=timedelta(seconds=said.age_s),
            stale_since=said.stale_since,
            doubt=Doubt(said.stale_because) if said.stale_because else None,
        ),
    )


def order_of(tenant: str, said: models.CommandOut) -> Order:
    """What was asked of a station."""
    words = ("result", "status", "error", "warning", "batch")
    values = plain(said) | {name: getattr(said, name) or "" for name in words}
    values |= {
        "station": (tenant, said.station),
        "at": said.done_at or said.started_at or said.given_at,
        "ask": json.encode(said.ask).decode(),
        "told": None if said.told is None else json.encode(said.told).decode(),
        "actor": Actor(kind="system", name=said.issued_by),
        "messages": [_message(each) for each in said.messages],
    }
    order: Order = taken(Order, values)
    return order


def _message(said: Any) -> OrderMessage:
    values = plain(said)
    for name in ("request", "response"):
        if values.get(name) is not None:
            values[name] = json.encode(values[name]).decode()
    message: OrderMessage = taken(OrderMessage, values)
    return message
