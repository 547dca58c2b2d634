"""Stations: what operators set, what they said of themselves, and who speaks for them now."""

from datetime import datetime
from typing import Any

from msgspec import json, structs
from sqlalchemy import (
    Update,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from voltkeep.domain.identity import Sender, StationId, TenantId
from voltkeep.domain.stations import (
    Boot,
    Make,
    Policy,
    Registration,
    SecurityProfile,
    Station,
    Trust,
)
from voltkeep.services.ports import Superseded
from voltkeep.store import messages, meter_values, tables
from voltkeep.store.columns import UtcTime
from voltkeep.store.engine import Statements, per_engine
from voltkeep.store.tables import connectors, metadata, stations

_trust = json.Decoder(Trust)
_NO_TRUST = Trust()
_policy = json.Decoder(Policy)
_NO_POLICY = Policy()
_c = stations.c
_MAKE = tuple(field.name for field in structs.fields(Make))
_OWN = tuple(field.name for field in structs.fields(Station) if field.name not in {"id", "make"})
COLUMNS = tuple(_c[name] for name in ("tenant", "name", *_OWN, *_MAKE))

# Bound under names that no column has, or SQLAlchemy would take them for values to set.
_IS = and_(_c.tenant == bindparam("in_tenant"), _c.name == bindparam("named"))

_ADD = per_engine(lambda dialect: dialect.insert(stations).on_conflict_do_nothing())
_GET = select(*COLUMNS).where(_IS)
_LOCK = _GET.with_for_update()
_REMOVE = delete(stations).where(_IS)
# What is true of a station only while there is one; a new one of that name starts without.
_REMOVE_ITS = [
    delete(table).where(
        table.c.tenant == bindparam("in_tenant"), table.c.station == bindparam("named")
    )
    for table in (
        connectors,
        tables.installed_certificates,
        tables.variables,
        tables.device_reports,
        tables.template_assignments,
        tables.trust_anchors,
        tables.reservations,
        tables.local_lists,
        tables.availability,
        tables.availability_plans,
        tables.charging_profiles,
        tables.charging_needs,
        tables.profile_reports,
    )
]
_CONNECTED = (
    update(stations)
    .where(_IS)
    .values(
        epoch=_c.epoch + 1,
        connected_at=bindparam("at"),
        disconnected_at=None,
        subprotocol=bindparam("spoken"),
        remote_address=bindparam("address"),
    )
    .returning(_c.epoch)
)
_now = bindparam("at", type_=UtcTime)
# Not before the connection, even if the clock went back: or it would count as connected.
_ENDED = update(stations).values(
    disconnected_at=case((_c.connected_at > _now, _c.connected_at), else_=_now)
)
_DISCONNECTED = _ENDED.where(_IS, _c.epoch == bindparam("of_epoch"))
_DISCONNECT_ALL = _ENDED.where(
    _c.connected_at.is_not(None),
    or_(_c.disconnected_at.is_(None), _c.disconnected_at < _c.connected_at),
)
_SEEN = (
    update(stations)
    .where(_IS, or_(_c.last_seen_at.is_(None), _c.last_seen_at < _now))
    .values(last_seen_at=_now)
)


def _setting(*names: str) -> Update:
    return update(stations).where(_IS).values({name: bindparam(f"new_{name}") for name in names})


_SET = {
    name: _setting(name)
    for name in (
        "key_hash",
        "security_profile",
        "registration",
        "passive",
        "trust",
        "site",
        "policy",
        "note",
    )
}
_BOOTED = _setting(*_MAKE, "booted_at", "boot_reason")

# Wherever a station's name is, by the columns that hold it: a rename changes all of them. What
# the journal writes is found in ways of its own.
_JOURNALLED = {
    *(tables.meter_values, tables.meter_value_hours),
    *(tables.message_log, tables.message_log_blocks),
}
_NAMED = {
    table: table.c.name if table is stations else table.c.station
    for table in metadata.tables.values()
    if table is stations or "station" in table.c
    if table not in _JOURNALLED
}


class SqlStationRows:
    """`services.ports.StationRows`."""

    def __init__(self, db: Statements) -> None:
        self._db = db

    async def get(self, station: StationId) -> Station | None:
        found = await self._db.rows(_GET, _named(station))
        return as_station(found[0]) if found else None

    async def lock(self, station: StationId) -> Station | None:
        """PostgreSQL locks the row; on SQLite a work that writes has locked everything."""
        found = await self._db.rows(_LOCK, _named(station))
        return as_station(found[0]) if found else None

    async def add(self, station: Station) -> bool:
        return await self._db.run(_ADD[self._db.engine], _row(station)) == 1

    async def all(
        self, tenant: TenantId | None = None, *, after: StationId | None = None, limit: int = 1000
    ) -> list[Station]:
        found = select(*COLUMNS).order_by(_c.tenant, _c.name).limit(limit)
        if tenant is not None:
            found = found.where(_c.tenant == tenant)
        if after is not None:
            found = found.where(tuple_(_c.tenant, _c.name) > tuple_(*after))
        return [as_station(row) for row in await self._db.rows(found)]

    async def remove(self, station: StationId) -> bool:
        for removing in _REMOVE_ITS:
            await self._db.run(removing, _named(station))
        return await self._db.run(_REMOVE, _named(station)) == 1

    async def rename(self, station: StationId, new: StationId) -> None:
        if await self._db.rows(_LOCK, _named(new)):
            raise ValueError(f"there is a station called {new} already")
        if not await self._db.rows(_LOCK, _named(station)):
            raise ValueError(f"there is no station called {station}")
        try:
            for table, name in _NAMED.items():
                await self._db.run(
                    update(table)
                    .where(table.c.tenant == station.tenant, name == station.name)
                    .values({table.c.tenant: new.tenant, name: new.name})
                )
            await meter_values.rename(self._db, station, new)
            await messages.rename(self._db, station, new)
        except IntegrityError as error:
            raise ValueError(f"what {new} left behind clashes with what {station} has") from error

    async def set_key(self, station: StationId, key_hash: str | None) -> None:
        await self._set(station, "key_hash", key_hash)

    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None:
        await self._set(station, "security_profile", profile)

    async def set_trust(self, station: StationId, trust: Trust) -> None:
        await self._set(station, "trust", json.encode(trust).decode())

    async def set_registration(self, station: StationId, registration: Registration) -> None:
        await self._set(station, "registration", registration)

    async def set_passive(self, station: StationId, *, passive: bool) -> None:
        await self._set(station, "passive", passive)

    async def set_note(self, station: StationId, note: str) -> None:
        await self._set(station, "note", note)

    async def set_site(self, station: StationId, site: str) -> None:
        await self._set(station, "site", site)

    async def set_policy(self, station: StationId, policy: Policy) -> None:
        await self._set(station, "policy", json.encode(policy).decode())

    async def _set(self, station: StationId, name: str, value: object) -> None:
        await self._db.run(_SET[name], {**_named(station), f"new_{name}": value})

    async def connected(
        self, station: StationId, *, at: datetime, subprotocol: str, address: str
    ) -> int:
        counted = await self._db.rows(
            _CONNECTED, {**_named(station), "at": at, "spoken": subprotocol, "address": address}
        )
        if not counted:
            raise Superseded(f"{station} was removed")
        epoch: int = counted[0].epoch
        return epoch

    async def disconnected(self, station: StationId, epoch: int, at: datetime) -> bool:
        values = {**_named(station), "of_epoch": epoch, "at": at}
        return await self._db.run(_DISCONNECTED, values) == 1

    async def disconnect_all(self, at: datetime) -> int:
        return await self._db.run(_DISCONNECT_ALL, {"at": at})

    async def booted(self, station: StationId, boot: Boot, at: datetime) -> None:
        said = {f"new_{name}": getattr(boot.make, name) for name in _MAKE}
        times = {"new_booted_at": at, "new_boot_reason": boot.reason}
        await self._db.run_later(_BOOTED, {**_named(station), **said, **times})

    async def hold(self, sender: Sender) -> Station:
        """PostgreSQL locks the row; on SQLite a work that writes has locked everything."""
        station = await self.lock(sender.station)
        if station is None:
            raise Superseded(f"{sender.station} was removed")
        if station.epoch != sender.epoch:
            raise Superseded(f"{sender.station} has connected again")
        return station

    async def seen(self, last_seen: dict[StationId, datetime]) -> None:
        # In one order, or two works could wait for each other.
        values = [{**_named(station), "at": at} for station, at in sorted(last_seen.items())]
        if values:
            await self._db.run(_SEEN, values)


def _named(station: StationId) -> dict[str, Any]:
    return {"in_tenant": station.tenant, "named": station.name}


def _row(station: Station) -> dict[str, Any]:
    own = {name: getattr(station, name) for name in _OWN}
    own["trust"] = json.encode(station.trust).decode()
    own["policy"] = json.encode(station.policy).decode()
    make = {name: getattr(station.make, name, None) for name in _MAKE}
    return {"tenant": station.id.tenant, "name": station.id.name, **own, **make}


def as_station(row: Any) -> Station:
    make = {name: getattr(row, name) for name in _MAKE}
    own = {name: getattr(row, name) for name in _OWN}
    own["trust"] = _NO_TRUST if row.trust == "{}" else _trust.decode(row.trust)
    own["policy"] = _NO_POLICY if row.policy == "{}" else _policy.decode(row.policy)
    own["security_profile"] = SecurityProfile(own["security_profile"])
    own["registration"] = Registration(own["registration"])
    return Station(
        id=StationId(row.tenant, row.name),
        make=Make(**make) if row.vendor is not None else None,
        **own,
    )
