"""When certificates and foreign roots end, in a column of its own."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import UtcTime

revision = "0005_endings_pre"
down_revision = "0004_days_pre"


def upgrade() -> None:
    # Nothing is filled here: a server that runs does that, some rows at a time.
    for name in ("certificates", "trust_anchors"):
        op.add_column(name, sa.Column("not_after", UtcTime()))
        by_end = ["tenant", "state", "not_after", "station", "id"]
        op.create_index(f"ix_{name}_{'_'.join(by_end)}", name, by_end)
        empty = sa.text("not_after IS NULL")
        key = ["tenant", "station", "id"]
        op.create_index(f"ix_{name}_empty", name, key, sqlite_where=empty, postgresql_where=empty)
