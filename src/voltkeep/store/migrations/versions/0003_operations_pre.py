"""What operations need: orders, wishes for stations, people, sites, and who is told of events."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import UtcTime, Words

revision = "0003_operations_pre"
down_revision = "0002_trust_pre"

_RECORDS = (
    *("batches", "variables", "variable_templates", "reservations", "local_lists"),
    *("template_assignments", "device_reports"),
    *("charging_needs", "profile_reports"),
    *("charging_profiles", "unknown_tokens", "token_groups", "token_changes", "sites", "tenants"),
    *("availability", "availability_plans", "unended", "imports"),
    *(
        "users",
        "api_keys",
        "sessions",
        "webhooks",
        "deliveries",
        "idempotency_keys",
        "installation",
    ),
)


def upgrade() -> None:
    op.add_column("stations", sa.Column("site", Words(), nullable=False, server_default=""))
    op.add_column("stations", sa.Column("policy", Words(), nullable=False, server_default="{}"))
    op.create_index("ix_stations_tenant_site_name", "stations", ["tenant", "site", "name"])
    op.add_column("outbox", sa.Column("position", sa.BigInteger()))
    op.create_index("ix_outbox_tenant_position", "outbox", ["tenant", "position"])
    op.add_column(
        "tokens",
        sa.Column("group_blocked", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for name in _RECORDS:
        _records(name)
    op.create_index("ix_reservations_state_at", "reservations", ["state", "at"])
    for name in ("closed_at", "closed_as_of"):
        op.add_column("transactions", sa.Column(name, UtcTime()))
    for name in ("closed_by", "close_reason"):
        op.add_column("transactions", sa.Column(name, Words()))
    op.add_column("transactions", sa.Column("closed_meter_wh", sa.Float(53)))
    _records("orders", "batch", "result", "issued_by")
    op.create_index("ix_orders_tenant_batch_state", "orders", ["tenant", "batch", "state"])
    by_station = ["tenant", "station", "state", "at"]
    op.create_index("ix_orders_tenant_station_state_at", "orders", by_station)
    op.add_column("commands", sa.Column("messages", Words()))
    op.add_column(
        "campaign_steps", sa.Column("wave", Words(), nullable=False, server_default="rest")
    )
    op.create_index("ix_campaign_steps_tenant_wave_at", "campaign_steps", ["tenant", "wave", "at"])
    own = ["tenant", "id", "state", "at", "station"]
    op.create_index("ix_campaign_steps_tenant_id_state_at_station", "campaign_steps", own)
    _for_lists()
    if op.get_context().dialect.name == "postgresql":
        key = "tenant, shard, at, station, ref, evse_id, digest"
        _partition("meter_values", key, "at", "month")
        _partition("status_history", "tenant, station, id, received_at", "received_at", "month")
        _partition("message_log", "tenant, id, station, called_at", "called_at", "day")


def _partition(table: str, key: str, column: str, until: str) -> None:
    """What is there becomes the first partition, until the next month or day; no row is copied.

    Times that lie ahead of that are few, and moved to where times go that no partition takes.
    """
    before, other = f"{table}_before", f"{table}_other"
    parted = f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS INCLUDING STORAGE) "
    parted += f"PARTITION BY RANGE ({column})"
    moved = f"""DO $$
        DECLARE until timestamptz := (
            date_trunc('{until}', now() AT TIME ZONE 'UTC') + interval '1 {until}'
        ) AT TIME ZONE 'UTC';
        BEGIN
            WITH ahead AS (DELETE FROM {before} WHERE {column} >= until RETURNING *)
            INSERT INTO {other} SELECT * FROM ahead;
            EXECUTE format(
                'ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO (%L)',
                until
            );
        END $$"""  # noqa: S608  # names of ours
    for statement in (
        f"ALTER TABLE {table} RENAME TO {before}",
        f"ALTER TABLE {before} DROP CONSTRAINT pk_{table}",
        parted,
        f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})",
        f"CREATE TABLE {other} PARTITION OF {table} DEFAULT",
        moved,
    ):
        op.execute(statement)


_OLDER_RECORDS = (
    *("certificates", "certificate_requests", "installed_certificates", "trust_anchors"),
    *("log_uploads", "firmware_images", "firmware_updates", "security_events", "refusals"),
    *("alerts", "campaigns", "campaign_steps"),
)


def _for_lists() -> None:
    """What lists are sorted by and looked up in."""
    for name in _OLDER_RECORDS:
        op.drop_index(f"ix_{name}_at_tenant_station_id", name)
        op.create_index(f"ix_{name}_tenant_at_station_id", name, ["tenant", "at", "station", "id"])
    for table, columns in (
        ("stations", ["tenant", "created_at", "name"]),
        ("stations", ["tenant", "connected_at", "name"]),
        ("connectors", ["tenant", "status", "station", "evse_id", "connector_id"]),
        ("tokens", ["tenant", "created_at", "key"]),
        ("tokens", ["tenant", "group_token", "key"]),
        ("transactions", ["tenant", "started_at", "station", "ref"]),
        ("transactions", ["tenant", "token_key", "first_heard_at", "station", "ref"]),
        ("transactions", ["tenant", "ref"]),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.drop_index("ix_transactions_open_station", "transactions")
    for name, condition, columns in (
        ("open_station", "ended_at IS NULL", []),
        ("ended", "ended_at IS NOT NULL", ["ended_at"]),
        ("closed", "closed_at IS NOT NULL", ["first_heard_at"]),
        ("group", "group_token IS NOT NULL", ["group_token", "first_heard_at"]),
        ("open_first_heard", "ended_at IS NULL", ["first_heard_at"]),
        ("open_started", "ended_at IS NULL", ["started_at"]),
    ):
        op.create_index(
            f"ix_transactions_{name}",
            "transactions",
            ["tenant", *columns, "station", "ref"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def _records(name: str, *found_by: str) -> None:
    op.create_table(
        name,
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("id", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("content", Words(), nullable=False),
        *(sa.Column(each, Words(), nullable=False) for each in found_by),
        sa.PrimaryKeyConstraint("tenant", "station", "id", name=f"pk_{name}"),
    )
    for columns in (
        ["tenant", "id"],
        ["tenant", "state", "at"],
        ["tenant", "at", "station", "id"],
        *(["tenant", each, "at"] for each in found_by),
    ):
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, columns)
