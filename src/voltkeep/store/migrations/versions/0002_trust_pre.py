"""What trust needs: credentials on their way, certificates, files, events, the audit log."""

import sqlalchemy as sa
from alembic import op

from voltkeep.store.columns import UtcTime, Words

revision = "0002_trust_pre"
down_revision = "0001_foundation_pre"

_RECORDS = (
    *("certificates", "certificate_requests", "installed_certificates", "trust_anchors"),
    *("log_uploads", "firmware_images", "firmware_updates"),
    *("security_events", "refusals", "alerts"),
    *("campaigns", "campaign_steps"),
)


def upgrade() -> None:
    op.add_column("stations", sa.Column("trust", Words(), nullable=False, server_default="{}"))
    op.add_column("commands", sa.Column("sealed", Words()))
    for name in _RECORDS:
        _records(name)
    _audit_log()
    if op.get_context().dialect.name == "postgresql":
        _append_only_on_postgres()
    else:
        _append_only_on_sqlite()


def _records(name: str) -> None:
    op.create_table(
        name,
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("station", Words(), nullable=False),
        sa.Column("id", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("content", Words(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "station", "id", name=f"pk_{name}"),
    )
    for columns in (
        ["tenant", "id"],
        ["tenant", "state", "at"],
        ["at", "tenant", "station", "id"],
    ):
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, columns)


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("tenant", Words(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", Words(), nullable=False),
        sa.Column("deed", Words(), nullable=False),
        sa.Column("before_hash", Words(), nullable=False),
        sa.Column("hash", Words(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "seq", name="pk_audit_log"),
    )


def _append_only_on_postgres() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_to_change_the_audit_log() RETURNS trigger AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'restrict_violation';
        END
        $$ LANGUAGE plpgsql
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_log_is_only_added_to
        BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_audit_log()
        """
    )


def _append_only_on_sqlite() -> None:
    # INSERT OR REPLACE removes a row without asking the trigger on DELETE.
    replaces = "WHEN EXISTS (SELECT 1 FROM audit_log WHERE tenant = NEW.tenant AND seq = NEW.seq)"
    for deed, when in (("UPDATE", ""), ("DELETE", ""), ("INSERT", replaces)):
        op.execute(
            f"""
            CREATE TRIGGER audit_log_refuses_{deed.lower()} BEFORE {deed} ON audit_log {when}
            BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
            """
        )
