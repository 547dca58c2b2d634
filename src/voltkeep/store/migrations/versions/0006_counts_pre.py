"""What pages count and filter by, where an index has all of it."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import Words

revision = "0006_counts_pre"
down_revision = "0005_endings_pre"


def upgrade() -> None:
    # Nothing is filled here: a server that runs does that, some rows at a time.
    op.add_column("security_events", sa.Column("type", Words()))
    empty = sa.text("type IS NULL")
    key = ["tenant", "station", "id"]
    op.create_index(
        *("ix_security_events_empty", "security_events", key),
        sqlite_where=empty,
        postgresql_where=empty,
    )
    by_type = ["tenant", "type", "at"]
    op.create_index("ix_security_events_tenant_type_at", "security_events", by_type)
    for columns in (["tenant", "id", "at", "station"], ["tenant", "id", "wave", "state"]):
        op.create_index(f"ix_campaign_steps_{'_'.join(columns)}", "campaign_steps", columns)
    makes = ["tenant", "vendor", "model", "firmware", "site", "registration", "security_profile"]
    makes += ["passive", "subprotocol", "connected_at", "disconnected_at"]
    op.create_index("ix_stations_makes", "stations", makes)
