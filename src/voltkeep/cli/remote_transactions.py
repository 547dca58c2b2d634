"""Transactions, over the API of a server elsewhere."""

from datetime import datetime
from typing import Any

import msgspec

from voltkeep.cli.errors import LOCAL_ONLY
from voltkeep.cli.remote_part import PAGE, Part, first
from voltkeep.cli.remote_words import plain, taken, transaction_of
from voltkeep.client import models
from voltkeep.domain.closing import Unended
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    IdToken,
    StationId,
    TenantId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Transaction
from voltkeep.services.records import Look
from voltkeep.services.rows import MeterRow


class Transactions(Part):
    """As `TransactionService`."""

    async def get(self, station: StationId, ref: TransactionRef) -> Transaction:
        client = self._app.client(station.tenant)
        return transaction_of(station.tenant, await client.show_transaction(station.name, ref))

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        limit: int = 100,
        **elsewise: Any,
    ) -> list[Transaction]:
        if elsewise:
            raise LOCAL_ONLY
        of = (station.tenant if station else tenant) or DEFAULT_TENANT
        listed = self._app.client(of).list_transactions(
            station=station.name if station else None, active=active, limit=min(limit, PAGE)
        )
        return [transaction_of(of, each) for each in await first(listed, limit)]

    async def meter_values(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        listed = self._app.client(station.tenant).list_meter_values_of_transaction(
            station.name, ref, limit=PAGE
        )
        return [_meter_of(station, each) async for each in listed]

    async def active_with(self, tenant: TenantId, id_token: IdToken) -> int:
        """As `TransactionRows`."""
        listed = self._app.client(tenant).list_transactions(
            token=id_token.value, active=True, limit=PAGE
        )
        return len([each async for each in listed])


def _meter_of(station: StationId, said: models.MeterValueOut) -> MeterRow:
    values = {"at": said.at, "context": said.context, **said.values}
    value: MeterValue = taken(MeterValue, values)
    return MeterRow(
        station=station,
        evse=None if said.evse is None else Evse(**plain(said.evse)),
        ref=None if said.transaction is None else TransactionRef(said.transaction),
        value=msgspec.structs.replace(value, raw=msgspec.json.encode(said.samples)),
        received_at=said.heard_at,
    )


class Closing(Part):
    """As `ClosingService`."""

    async def look(self) -> None:
        """The server looks by itself."""

    async def find_unended(self, tenant: TenantId, look: Look) -> list[Unended]:
        listed = self._app.client(tenant).list_unended(limit=min(look.limit, PAGE))
        return [_unended_of(tenant, each) for each in await first(listed, look.limit)]

    async def close(
        self,
        station: StationId,
        ref: TransactionRef,
        *,
        reason: str = "",
        ended_at: datetime | None = None,
        meter_wh: float | None = None,
    ) -> Transaction:
        body = models.CloseTransaction(reason=reason, ended_at=ended_at, meter_wh=meter_wh)
        client = self._app.client(station.tenant)
        closed = await client.close_transaction(station.name, ref, body)
        return transaction_of(station.tenant, closed)


def _unended_of(tenant: TenantId, said: models.UnendedOut) -> Unended:
    values: dict[str, Any] = plain(said) | {
        "station": (tenant, said.station),
        "id": said.ref,
        "state": said.evidence,
        "at": said.found_at,
    }
    unended: Unended = taken(Unended, values)
    return unended
