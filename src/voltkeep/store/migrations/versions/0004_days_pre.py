"""What is counted of each day at each site."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import UtcTime, Words

revision = "0004_days_pre"
down_revision = "0003_operations_pre"


def upgrade() -> None:
    # Nothing is counted here: a server that runs walks through what is there, some at a time.
    op.create_table(
        "day_totals",
        *(sa.Column(name, Words(), nullable=False) for name in ("tenant", "site", "what", "day")),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "site", "what", "day", name="pk_day_totals"),
        sqlite_with_rowid=False,
    )
    by_day = ["tenant", "what", "day", "site"]
    op.create_index("ix_day_totals_tenant_what_day_site", "day_totals", by_day)
    op.create_table(
        "day_counted",
        *(sa.Column(name, Words(), nullable=False) for name in ("tenant", "station", "ref")),
        sa.Column("site", Words(), nullable=False),
        sa.Column("zone", Words(), nullable=False),
        sa.Column("begun_at", UtcTime(), nullable=False),
        sa.Column("over_at", UtcTime(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "ref", name="pk_day_counted"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_progress",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("content", Words(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_day_progress"),
        sqlite_with_rowid=False,
    )
