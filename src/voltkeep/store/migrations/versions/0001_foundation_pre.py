"""The tables of a charging story: stations, tokens, transactions, meter values, messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateSequence

from voltkeep.store.columns import UtcTime, Words

revision = "0001_foundation_pre"
down_revision = None


def upgrade() -> None:
    _stations()
    _connectors()
    _who_may_charge()
    _transactions()
    _transaction_events()
    _meter_values()
    _commands()
    _messages_and_events()


def _stations() -> None:
    op.create_table(
        "stations",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("security_profile", sa.Integer(), nullable=False),
        sa.Column("registration", Words(), nullable=False),
        sa.Column("key_hash", Words()),
        sa.Column("passive", sa.Boolean(), nullable=False),
        sa.Column("note", Words(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("vendor", Words()),
        sa.Column("model", Words()),
        sa.Column("serial_number", Words()),
        sa.Column("firmware", Words()),
        sa.Column("iccid", Words()),
        sa.Column("imsi", Words()),
        sa.Column("meter_type", Words()),
        sa.Column("meter_serial_number", Words()),
        sa.Column("subprotocol", Words()),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("connected_at", UtcTime()),
        sa.Column("disconnected_at", UtcTime()),
        sa.Column("remote_address", Words()),
        sa.Column("booted_at", UtcTime()),
        sa.Column("boot_reason", Words()),
        sa.Column("last_seen_at", UtcTime()),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_stations"),
        sqlite_with_rowid=False,
    )


def _connectors() -> None:
    op.create_table(
        "connectors",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("evse_id", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("status", Words(), nullable=False),
        sa.Column("raw_status", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("charging_state", Words()),
        sa.Column("error_code", Words()),
        sa.Column("info", Words()),
        sa.Column("vendor_id", Words()),
        sa.Column("vendor_error_code", Words()),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "station", "evse_id", "connector_id", name="pk_connectors"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_history",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("evse_id", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("status", Words(), nullable=False),
        sa.Column("raw_status", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("charging_state", Words()),
        sa.Column("error_code", Words()),
        sa.Column("info", Words()),
        sa.Column("vendor_id", Words()),
        sa.Column("vendor_error_code", Words()),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "id", name="pk_status_history"),
        sqlite_with_rowid=False,
    )


def _who_may_charge() -> None:
    op.create_table(
        "tokens",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("key", Words(), nullable=False),
        sa.Column("value", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("group_token", Words()),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UtcTime()),
        sa.Column("max_active", sa.BigInteger(), nullable=False),
        sa.Column("note", Words(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_tokens"),
        sqlite_with_rowid=False,
    )


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("ref", Words(), nullable=False),
        sa.Column("start_key", Words()),
        sa.Column("evse_id", sa.BigInteger()),
        sa.Column("connector_id", sa.BigInteger()),
        sa.Column("token_key", Words()),
        sa.Column("token_value", Words()),
        sa.Column("token_kind", Words()),
        sa.Column("group_token", Words()),
        sa.Column("authorization", Words()),
        sa.Column("started_at", UtcTime()),
        sa.Column("ended_at", UtcTime()),
        sa.Column("meter_start_wh", sa.Float(53)),
        sa.Column("meter_stop_wh", sa.Float(53)),
        sa.Column("stop_reason", Words()),
        sa.Column("stop_token_value", Words()),
        sa.Column("stop_token_kind", Words()),
        sa.Column("charging_state", Words()),
        sa.Column("remote_start_id", sa.BigInteger()),
        sa.Column("reservation_id", sa.BigInteger()),
        sa.Column("first_heard_at", UtcTime(), nullable=False),
        sa.Column("last_heard_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "ref", name="pk_transactions"),
        sa.UniqueConstraint(
            "tenant", "station", "start_key", name="uq_transactions_tenant_station_start_key"
        ),
    )
    op.create_index(
        "ix_transactions_open_station",
        "transactions",
        ["tenant", "station"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_transactions_open_token",
        "transactions",
        ["tenant", "token_key"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_transactions_tenant_first_heard_at_station_ref",
        "transactions",
        ["tenant", "first_heard_at", "station", "ref"],
    )
    op.create_index(
        "ix_transactions_tenant_station_first_heard_at_ref",
        "transactions",
        ["tenant", "station", "first_heard_at", "ref"],
    )


def _transaction_events() -> None:
    op.create_table(
        "transaction_events",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("ref", Words(), nullable=False),
        sa.Column("mark", Words(), nullable=False),
        sa.Column("phase", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("heard_at", UtcTime(), nullable=False),
        sa.Column("trigger", Words()),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "ref", "mark", name="pk_transaction_events"),
        sqlite_with_rowid=False,
    )


def _meter_values() -> None:
    op.create_table(
        "meter_values",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("ref", Words(), nullable=False),
        sa.Column("evse_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger()),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("context", Words(), nullable=False),
        sa.Column("energy_wh", sa.Float(53)),
        sa.Column("energy_export_wh", sa.Float(53)),
        sa.Column("power_w", sa.Float(53)),
        sa.Column("power_offered_w", sa.Float(53)),
        sa.Column("current_a", sa.Float(53)),
        sa.Column("current_l1_a", sa.Float(53)),
        sa.Column("current_l2_a", sa.Float(53)),
        sa.Column("current_l3_a", sa.Float(53)),
        sa.Column("current_offered_a", sa.Float(53)),
        sa.Column("voltage_v", sa.Float(53)),
        sa.Column("voltage_l1_v", sa.Float(53)),
        sa.Column("voltage_l2_v", sa.Float(53)),
        sa.Column("voltage_l3_v", sa.Float(53)),
        sa.Column("soc_percent", sa.Float(53)),
        sa.Column("temperature_c", sa.Float(53)),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("tenant", "shard", "at", "station", "ref", "evse_id", "digest"),
            name="pk_meter_values",
        ),
    )
    op.create_table(
        "meter_value_hours",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("ref", Words(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "ref", "hour", name="pk_meter_value_hours"),
        sqlite_with_rowid=False,
    )


def _commands() -> None:
    op.create_table(
        "remote_starts",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("evse_id", sa.BigInteger()),
        sa.Column("connector_id", sa.BigInteger()),
        sa.Column("token_key", Words(), nullable=False),
        sa.Column("token_value", Words(), nullable=False),
        sa.Column("token_kind", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_remote_starts"),
    )
    op.create_index(
        "ix_remote_starts_tenant_station_token_key",
        "remote_starts",
        ["tenant", "station", "token_key"],
    )
    op.create_table(
        "commands",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("id", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("command", Words(), nullable=False),
        sa.Column("issued_by", Words(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("taken_at", UtcTime()),
        sa.Column("done_at", UtcTime()),
        sa.Column("result", Words()),
        sa.Column("outcome", Words()),
        sa.Column("error", Words()),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_commands"),
    )
    op.create_index(
        "ix_commands_waiting",
        "commands",
        ["created_at"],
        sqlite_where=sa.text("taken_at IS NULL"),
        postgresql_where=sa.text("taken_at IS NULL"),
    )


def _messages_and_events() -> None:
    op.create_table(
        "message_log",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("direction", Words(), nullable=False),
        sa.Column("message_id", Words(), nullable=False),
        sa.Column("action", Words(), nullable=False),
        sa.Column("call", sa.LargeBinary(), nullable=False),
        sa.Column("called_at", UtcTime(), nullable=False),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("answered_at", UtcTime()),
        sa.Column("verdict", Words(), nullable=False),
        sa.Column("note", Words(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "station", name="pk_message_log"),
    )
    op.create_table(
        "message_log_blocks",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "block", name="pk_message_log_blocks"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("event", Words(), nullable=False),
        sa.Column("published_at", UtcTime()),
        sa.PrimaryKeyConstraint("tenant", "seq", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["seq"],
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "sequences",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_sequences"),
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.supports_sequences:
        op.execute(CreateSequence(sa.Sequence("transaction_numbers")))
        op.execute(CreateSequence(sa.Sequence("remote_start_numbers")))
