"""Every table, once. The migrations make them; a test compares.

Each table has its tenant first in its primary key, and stations are known by their own names:
what belongs to a station bears ``tenant`` and ``station``, so a rename reaches all of it.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    UniqueConstraint,
    false,
)

from voltkeep.store.columns import UtcTime, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# On PostgreSQL these tables are partitioned by a time, which is then a part of their key: there
# only, unless it is one anyway.
PARTITIONED_BY = "partitioned_by"


def _partitioned(column: str) -> dict[str, Any]:
    return {"postgresql_partition_by": f"RANGE ({column})", "info": {PARTITIONED_BY: column}}


# In a key "none" is 0: OCPP counts EVSEs and connectors from 1, and means the whole by 0.
NONE = 0


def key(name: str, type_: Any = Words) -> Column[Any]:
    """A column of a primary key."""
    return Column(name, type_, primary_key=True, autoincrement=False)


def _evse() -> list[Column[Any]]:
    return [Column("evse_id", BigInteger), Column("connector_id", BigInteger)]


stations = Table(
    "stations",
    metadata,
    key("tenant"),
    key("name"),
    Column("security_profile", Integer, nullable=False),
    Column("registration", Words, nullable=False),
    Column("key_hash", Words),
    Column("trust", Words, nullable=False, server_default="{}"),  # JSON
    Column("passive", Boolean, nullable=False),
    Column("note", Words, nullable=False),
    Column("site", Words, nullable=False, server_default=""),
    Column("policy", Words, nullable=False, server_default="{}"),  # JSON
    Column("created_at", UtcTime, nullable=False),
    Column("vendor", Words),
    Column("model", Words),
    Column("serial_number", Words),
    Column("firmware", Words),
    Column("iccid", Words),
    Column("imsi", Words),
    Column("meter_type", Words),
    Column("meter_serial_number", Words),
    Column("subprotocol", Words),
    Column("epoch", BigInteger, nullable=False),
    Column("connected_at", UtcTime),
    Column("disconnected_at", UtcTime),
    Column("remote_address", Words),
    Column("booted_at", UtcTime),
    Column("boot_reason", Words),
    Column("last_seen_at", UtcTime),
    Index(None, "tenant", "site", "name"),
    # None on last_seen_at: PostgreSQL would touch every index for each message of a station.
    Index(None, "tenant", "created_at", "name"),
    Index(None, "tenant", "connected_at", "name"),
    # All that stations are counted by, in the order of makes.
    Index(
        *("ix_stations_makes", "tenant", "vendor", "model", "firmware", "site", "registration"),
        *("security_profile", "passive", "subprotocol", "connected_at", "disconnected_at"),
    ),
    sqlite_with_rowid=False,
)

connectors = Table(
    "connectors",
    metadata,
    key("tenant"),
    key("station"),
    key("evse_id", BigInteger),
    key("connector_id", BigInteger),
    Column("status", Words, nullable=False),
    Column("raw_status", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("charging_state", Words),
    Column("error_code", Words),
    Column("info", Words),
    Column("vendor_id", Words),
    Column("vendor_error_code", Words),
    Column("received_at", UtcTime, nullable=False),
    # Which are faulted is asked often, and few are.
    Index(None, "tenant", "status", "station", "evse_id", "connector_id"),
    sqlite_with_rowid=False,
)

status_history = Table(
    "status_history",
    metadata,
    key("tenant"),
    key("station"),
    key("id", BigInteger),
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", Words, nullable=False),
    Column("raw_status", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("charging_state", Words),
    Column("error_code", Words),
    Column("info", Words),
    Column("vendor_id", Words),
    Column("vendor_error_code", Words),
    Column("received_at", UtcTime, nullable=False),
    **_partitioned("received_at"),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    key("tenant"),
    key("key"),  # IdToken.key
    Column("value", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("group_token", Words),
    Column("blocked", Boolean, nullable=False),
    Column("group_blocked", Boolean, nullable=False, server_default=false()),
    Column("expires_at", UtcTime),
    Column("max_active", BigInteger, nullable=False),
    Column("note", Words, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "tenant", "created_at", "key"),
    Index(None, "tenant", "group_token", "key"),
    sqlite_with_rowid=False,
)

transactions = Table(
    "transactions",
    metadata,
    key("tenant"),
    key("station"),
    key("ref"),
    Column("start_key", Words),
    *_evse(),
    Column("token_key", Words),
    Column("token_value", Words),
    Column("token_kind", Words),
    Column("group_token", Words),
    Column("authorization", Words),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("meter_start_wh", Float(53)),
    Column("meter_stop_wh", Float(53)),
    Column("stop_reason", Words),
    Column("stop_token_value", Words),
    Column("stop_token_kind", Words),
    Column("charging_state", Words),
    Column("remote_start_id", BigInteger),
    Column("reservation_id", BigInteger),
    Column("closed_at", UtcTime),
    Column("closed_by", Words),
    Column("close_reason", Words),
    Column("closed_as_of", UtcTime),
    Column("closed_meter_wh", Float(53)),
    Column("first_heard_at", UtcTime, nullable=False),
    Column("last_heard_at", UtcTime, nullable=False),
    UniqueConstraint("tenant", "station", "start_key"),
    Index(None, "tenant", "first_heard_at", "station", "ref"),
    Index(None, "tenant", "station", "first_heard_at", "ref"),
    # In order of time a new row goes to the end of an index, and costs little.
    Index(None, "tenant", "started_at", "station", "ref"),
    # These are written all over, because what a driver did and what became of a receipt's number
    # is what people look for.
    Index(None, "tenant", "token_key", "first_heard_at", "station", "ref"),
    Index(None, "tenant", "ref"),
)
_t = transactions.c
_open = _t.ended_at.is_(None)


def _where(name: str, condition: ColumnElement[bool], *columns: Column[Any]) -> None:
    """An index of some transactions."""
    Index(
        f"ix_transactions_{name}",
        _t.tenant,
        *columns,
        sqlite_where=condition,
        postgresql_where=condition,
    )


_where("ended", _t.ended_at.is_not(None), _t.ended_at, _t.station, _t.ref)
_where("closed", _t.closed_at.is_not(None), _t.first_heard_at, _t.station, _t.ref)
_where(
    *("group", _t.group_token.is_not(None)),
    *(_t.group_token, _t.first_heard_at, _t.station, _t.ref),
)
_where("open_first_heard", _open, _t.first_heard_at, _t.station, _t.ref)
_where("open_started", _open, _t.started_at, _t.station, _t.ref)
_where("open_token", _open, _t.token_key)
_where("open_station", _open, _t.station, _t.ref)

# What was heard of each transaction. The mark is what makes a resent update harmless.
transaction_events = Table(
    "transaction_events",
    metadata,
    key("tenant"),
    key("station"),
    key("ref"),
    key("mark"),
    Column("phase", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
    Column("trigger", Words),
    Column("offline", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# One wide row for each instant a meter was read; the digest of context and raw keeps two readings
# of one instant apart. The key is in order of time, in a few shards: what is metered now is written
# side by side, whichever station it is from. With the station first each row would dirty a page of
# its own, and cost twice as much. `meter_value_hours` knows where to look for a transaction.
meter_values = Table(
    "meter_values",
    metadata,
    key("tenant"),
    key("shard", SmallInteger),
    key("at", UtcTime),
    key("station"),
    key("ref"),  # "" outside a transaction
    key("evse_id", BigInteger),
    key("digest", BigInteger),
    Column("connector_id", BigInteger),
    Column("received_at", UtcTime, nullable=False),
    Column("context", Words, nullable=False),
    Column("energy_wh", Float(53)),
    Column("energy_export_wh", Float(53)),
    Column("power_w", Float(53)),
    Column("power_offered_w", Float(53)),
    Column("current_a", Float(53)),
    Column("current_l1_a", Float(53)),
    Column("current_l2_a", Float(53)),
    Column("current_l3_a", Float(53)),
    Column("current_offered_a", Float(53)),
    Column("voltage_v", Float(53)),
    Column("voltage_l1_v", Float(53)),
    Column("voltage_l2_v", Float(53)),
    Column("voltage_l3_v", Float(53)),
    Column("soc_percent", Float(53)),
    Column("temperature_c", Float(53)),
    Column("raw", LargeBinary, nullable=False),
    **_partitioned("at"),
)

# In which hours since 1970 something was metered for a transaction. An hour too many does no harm.
meter_value_hours = Table(
    "meter_value_hours",
    metadata,
    key("tenant"),
    key("station"),
    key("ref"),
    key("hour", BigInteger),
    sqlite_with_rowid=False,
)

remote_starts = Table(
    "remote_starts",
    metadata,
    key("tenant"),
    key("id", BigInteger),
    Column("station", Words, nullable=False),
    *_evse(),
    Column("token_key", Words, nullable=False),
    Column("token_value", Words, nullable=False),
    Column("token_kind", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Index(None, "tenant", "station", "token_key"),
)

commands = Table(
    "commands",
    metadata,
    key("tenant"),
    key("id"),
    Column("station", Words, nullable=False),
    Column("command", Words, nullable=False),  # JSON
    Column("issued_by", Words, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("taken_at", UtcTime),
    Column("done_at", UtcTime),
    Column("result", Words),
    Column("outcome", Words),  # JSON
    Column("error", Words),
    Column("messages", Words),  # that it took: JSON
    Column("sealed", Words),  # what ``command`` must not say, encrypted, until it is settled
)
_waiting = commands.c.taken_at.is_(None)
Index(
    "ix_commands_waiting",
    commands.c.created_at,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)

# Rows are found and pruned by id, which grows with time: no index on the times. The station is in
# the key so that a look for one reads the key alone.
message_log = Table(
    "message_log",
    metadata,
    key("tenant"),
    key("id", BigInteger),
    key("station"),
    Column("direction", Words, nullable=False),
    Column("message_id", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("call", LargeBinary, nullable=False),
    Column("called_at", UtcTime, nullable=False),
    Column("answer", LargeBinary),
    Column("answered_at", UtcTime),
    Column("verdict", Words, nullable=False),
    Column("note", Words, nullable=False),
    **_partitioned("called_at"),
)

# Which blocks of `LOG_BLOCK` ids hold messages of a station: an index on station and id would
# dirty a page for each row. A block too many does no harm.
message_log_blocks = Table(
    "message_log_blocks",
    metadata,
    key("tenant"),
    key("station"),
    key("block", BigInteger),
    sqlite_with_rowid=False,
)
LOG_BLOCK = 4096

# Events committed with the work that emitted them, until they are published, and a while longer.
outbox = Table(
    "outbox",
    metadata,
    key("tenant"),
    # Counted in `sequences` on SQLite, where nobody else writes meanwhile.
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("event", Words, nullable=False),  # JSON
    Column("published_at", UtcTime),
    Column("position", BigInteger),  # counts what was published, in that order
    Index(None, "tenant", "position"),
)
_unpublished = outbox.c.published_at.is_(None)
Index(
    "ix_outbox_unpublished",
    outbox.c.seq,
    sqlite_where=_unpublished,
    postgresql_where=_unpublished,
)

# How far each kind of number has got. Numbers are handed out for the installation as a whole,
# tenant "", but those of the audit log, which each tenant counts. PostgreSQL has sequences for
# numbers that may not wait for another work's commit; a counter's are in the order of commits.
sequences = Table(
    "sequences",
    metadata,
    key("tenant"),
    key("name"),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def _records(name: str, *found_by: str, default: str | None = None) -> Table:
    """What is kept by name and looked at by state: `services.records`.

    Station "" is the whole tenant. ``content`` is the rest of the record, as JSON; what records
    are ``found_by`` is in columns as well.
    """
    return Table(
        name,
        metadata,
        key("tenant"),
        key("station"),
        key("id"),
        Column("state", Words, nullable=False),
        Column("at", UtcTime, nullable=False),
        Column("content", Words, nullable=False),
        *(Column(each, Words, nullable=False, server_default=default) for each in found_by),
        Index(None, "tenant", "id"),
        Index(None, "tenant", "state", "at"),
        Index(None, "tenant", "at", "station", "id"),
        *(Index(None, "tenant", each, "at") for each in found_by),
    )


def _filled_later(table: Table, column: Column[Any]) -> None:
    """A column that a release added: NULL until `filling` has come to the row."""
    table.append_column(column)
    no = column.is_(None)
    Index(f"ix_{table.name}_empty", *table.primary_key, sqlite_where=no, postgresql_where=no)


def _ending(name: str) -> Table:
    """Records that end, and are looked for by when: `services.records.Ending`."""
    table = _records(name)
    _filled_later(table, Column("not_after", UtcTime))
    c = table.c
    Index(None, c.tenant, c.state, c.not_after, c.station, c.id)
    return table


certificates = _ending("certificates")
certificate_requests = _records("certificate_requests")
installed_certificates = _records("installed_certificates")
trust_anchors = _ending("trust_anchors")
log_uploads = _records("log_uploads")
firmware_images = _records("firmware_images")
firmware_updates = _records("firmware_updates")
security_events = _records("security_events")
_filled_later(security_events, Column("type", Words))
Index(None, security_events.c.tenant, security_events.c.type, security_events.c.at)
refusals = _records("refusals")
alerts = _records("alerts")
campaigns = _records("campaigns")
campaign_steps = _records("campaign_steps", "wave", default="rest")
_steps = campaign_steps.c
Index(None, _steps.tenant, _steps.id, _steps.state, _steps.at, _steps.station)
Index(None, _steps.tenant, _steps.id, _steps.at, _steps.station)
Index(None, _steps.tenant, _steps.id, _steps.wave, _steps.state)  # counted by
orders = _records("orders", "batch", "result", "issued_by")
batches = _records("batches")
Index(None, orders.c.tenant, orders.c.batch, orders.c.state)
Index(None, orders.c.tenant, orders.c.station, orders.c.state, orders.c.at)
variables = _records("variables")
variable_templates = _records("variable_templates")
template_assignments = _records("template_assignments")
device_reports = _records("device_reports")
reservations = _records("reservations")
Index(None, reservations.c.state, reservations.c.at)  # those open, of every tenant
local_lists = _records("local_lists")
charging_profiles = _records("charging_profiles")
charging_needs = _records("charging_needs")
profile_reports = _records("profile_reports")
unknown_tokens = _records("unknown_tokens")
token_groups = _records("token_groups")
token_changes = _records("token_changes")
availability = _records("availability")
availability_plans = _records("availability_plans")
unended = _records("unended")
sites = _records("sites")
imports = _records("imports")
tenants = _records("tenants")
users = _records("users")
api_keys = _records("api_keys")
sessions = _records("sessions")
webhooks = _records("webhooks")
deliveries = _records("deliveries")
idempotency_keys = _records("idempotency_keys")
installation = _records("installation")

# Triggers of both engines refuse to change or remove a row.
audit_log = Table(
    "audit_log",
    metadata,
    key("tenant"),
    key("seq", BigInteger),
    Column("at", UtcTime, nullable=False),
    Column("actor", Words, nullable=False),  # JSON
    Column("deed", Words, nullable=False),  # JSON
    Column("before_hash", Words, nullable=False),
    Column("hash", Words, nullable=False),
)

TRANSACTION_NUMBERS = Sequence("transaction_numbers", metadata=metadata)
REMOTE_START_NUMBERS = Sequence("remote_start_numbers", metadata=metadata)
