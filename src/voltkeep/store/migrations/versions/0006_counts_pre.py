"""What pages count and filter by, where an index has all of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from msgspec import json

from voltkeep.store.columns import Words

revision = "0006_counts_pre"
down_revision = "0005_endings_pre"

_AT_ONCE = 1000  # rows that are read and written in one step


def upgrade() -> None:
    op.add_column("security_events", sa.Column("type", Words(), nullable=False, server_default=""))
    _fill()
    by_type = ["tenant", "type", "at"]
    op.create_index("ix_security_events_tenant_type_at", "security_events", by_type)
    for columns in (["tenant", "id", "at", "station"], ["tenant", "id", "wave", "state"]):
        op.create_index(f"ix_campaign_steps_{'_'.join(columns)}", "campaign_steps", columns)
    makes = ["tenant", "vendor", "model", "firmware", "site", "registration", "security_profile"]
    makes += ["passive", "subprotocol", "connected_at", "disconnected_at"]
    op.create_index("ix_stations_makes", "stations", makes)


def _fill() -> None:
    key = tuple(sa.column(each, Words()) for each in ("tenant", "station", "id"))
    table = sa.table(
        "security_events", *key, sa.column("content", Words()), sa.column("type", Words())
    )
    wanted = sa.select(*key, table.c.content).order_by(*key).limit(_AT_ONCE)
    named = [each == sa.bindparam(f"of_{each.name}") for each in key]
    fill = sa.update(table).where(*named).values(type=sa.bindparam("said"))
    db = op.get_bind()
    rows = db.execute(wanted).all()
    while rows:
        db.execute(fill, [_filled(row) for row in rows])
        last = sa.tuple_(*rows[-1][:3], types=[each.type for each in key])
        rows = db.execute(wanted.where(sa.tuple_(*key) > last)).all()


def _filled(row: Any) -> dict[str, Any]:
    names = {"of_tenant": row.tenant, "of_station": row.station, "of_id": row.id}
    return {**names, "said": json.decode(row.content)["type"]}
