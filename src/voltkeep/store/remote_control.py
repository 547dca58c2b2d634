"""Functional block F: remote starts that wait for their transaction, and queued commands."""

from datetime import datetime
from typing import Any

from msgspec import json
from sqlalchemy import bindparam, insert, or_, select, tuple_, update

from voltkeep.domain.commands import Command, Outcome
from voltkeep.domain.identity import Evse, IdToken, StationId, TenantId
from voltkeep.domain.orders import OrderMessage
from voltkeep.services.ports import QueuedCommand
from voltkeep.store.engine import Statements
from voltkeep.store.tables import REMOTE_START_NUMBERS, commands, remote_starts

_starts = remote_starts.c
_OLDEST = (
    select(_starts.id)
    .where(
        _starts.tenant == bindparam("in_tenant"),
        _starts.station == bindparam("of_station"),
        _starts.token_key == bindparam("of_token"),
        _starts.at >= bindparam("since"),
        _starts.claimed.is_(False),
        # What either side does not say is no difference.
        or_(
            _starts.evse_id.is_(None),
            bindparam("of_evse", type_=_starts.evse_id.type).is_(None),
            _starts.evse_id == bindparam("of_evse"),
        ),
    )
    .order_by(_starts.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(remote_starts)
    .where(_starts.tenant == bindparam("in_tenant"), _starts.id == _OLDEST.scalar_subquery())
    .values(claimed=True)
    .returning(_starts.id)
)
_WITHDRAW = (
    update(remote_starts)
    .where(
        _starts.tenant == bindparam("in_tenant"),
        _starts.station == bindparam("of_station"),
        _starts.id == bindparam("of_id"),
    )
    .values(claimed=True)
)

_c = commands.c
_PLAIN = (
    *("id", "issued_by", "created_at", "expires_at"),
    *("taken_at", "done_at", "result", "error", "sealed"),
)
_WAITING = select(_c.tenant, _c.id).where(
    _c.taken_at.is_(None), _c.done_at.is_(None), _c.expires_at > bindparam("now")
)
_ANY_WAITING = _WAITING.limit(1)
_NEXT = (
    _WAITING.order_by(_c.created_at, _c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(commands)
    .where(tuple_(_c.tenant, _c.id).in_(_NEXT))
    .values(taken_at=bindparam("now"))
    .returning(*commands.columns)
)
_SETTLE = (
    update(commands)
    .where(_c.tenant == bindparam("in_tenant"), _c.id == bindparam("of_id"))
    .values(
        {
            **{name: bindparam(name) for name in ("command", "done_at", "result")},
            **{name: bindparam(name) for name in ("outcome", "error", "messages")},
            "sealed": None,
        }
    )
)
_GET = select(*commands.columns).where(
    _c.tenant == bindparam("in_tenant"), _c.id == bindparam("of_id")
)

_command = json.Decoder(Command)
_outcome = json.Decoder(Outcome)
_messages = json.Decoder(tuple[OrderMessage, ...])


class SqlRemoteStartRows:
    """`services.ports.RemoteStartRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def open(
        self, station: StationId, id_token: IdToken, evse: Evse | None, at: datetime
    ) -> int:
        number = await self._db.next_number(REMOTE_START_NUMBERS.name)
        row = {
            "tenant": station.tenant,
            "id": number,
            "station": station.name,
            "evse_id": evse.id if evse else None,
            "connector_id": evse.connector_id if evse else None,
            "token_key": id_token.key,
            "token_value": id_token.value,
            "token_kind": id_token.kind,
            "at": at,
            "claimed": False,
        }
        await self._db.run(insert(remote_starts), row)
        return number

    async def claim(
        self, station: StationId, id_token: IdToken, evse: Evse | None, since: datetime
    ) -> int | None:
        values = {
            "in_tenant": station.tenant,
            "of_station": station.name,
            "of_token": id_token.key,
            "of_evse": evse.id if evse else None,
            "since": since,
        }
        claimed = await self._db.rows(_CLAIM, values)
        return claimed[0].id if claimed else None

    async def withdraw(self, station: StationId, id: int) -> None:
        values = {"in_tenant": station.tenant, "of_station": station.name, "of_id": id}
        await self._db.run(_WITHDRAW, values)


class SqlCommandRows:
    """`services.ports.CommandRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def add(self, command: QueuedCommand) -> None:
        row = {
            **{name: getattr(command, name) for name in _PLAIN},
            "tenant": command.station.tenant,
            "station": command.station.name,
            "command": json.encode(command.command).decode(),
            "outcome": _said(command.outcome),
            "messages": None,
        }
        await self._db.run(insert(commands), row)

    async def take(self, now: datetime, limit: int = 50) -> list[QueuedCommand]:
        taken = await self._db.rows(_TAKE, {"now": now, "most": limit})
        return sorted(map(_queued, taken), key=lambda command: (command.created_at, command.id))

    async def settle(self, command: QueuedCommand) -> None:
        values = {
            "in_tenant": command.station.tenant,
            "of_id": command.id,
            "command": json.encode(command.command).decode(),
            "done_at": command.done_at,
            "result": command.result,
            "outcome": _said(command.outcome),
            "error": command.error,
            "messages": json.encode(command.messages).decode(),
        }
        await self._db.run(_SETTLE, values)

    async def waiting(self, now: datetime) -> bool:
        return bool(await self._db.rows(_ANY_WAITING, {"now": now}))

    async def get(self, tenant: TenantId, id: str) -> QueuedCommand | None:
        found = await self._db.rows(_GET, {"in_tenant": tenant, "of_id": id})
        return _queued(found[0]) if found else None


def _said(outcome: Outcome | None) -> str | None:
    return None if outcome is None else json.encode(outcome).decode()


def _queued(row: Any) -> QueuedCommand:
    return QueuedCommand(
        station=StationId(row.tenant, row.station),
        command=_command.decode(row.command),
        outcome=None if row.outcome is None else _outcome.decode(row.outcome),
        messages=() if row.messages is None else _messages.decode(row.messages),
        **{name: getattr(row, name) for name in _PLAIN},
    )
