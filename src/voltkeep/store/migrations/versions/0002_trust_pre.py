"""What trust needs: credentials on their way, certificates, files, events, the audit log."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import Words

revision = "0002_trust_pre"
down_revision = "0001_foundation_pre"


def upgrade() -> None:
    op.add_column("stations", sa.Column("trust", Words(), nullable=False, server_default="{}"))
