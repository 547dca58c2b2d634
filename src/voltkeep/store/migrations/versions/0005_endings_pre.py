"""When certificates and foreign roots end, in a column of its own."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from msgspec import convert, json

from voltkeep.store.columns import UtcTime, Words

revision = "0005_endings_pre"
down_revision = "0004_days_pre"

_AT_ONCE = 1000  # rows that are read and written in one step


def upgrade() -> None:
    for name in ("certificates", "trust_anchors"):
        op.add_column(name, sa.Column("not_after", UtcTime()))
        _fill(name)
        by_end = ["tenant", "state", "not_after", "station", "id"]
        op.create_index(f"ix_{name}_{'_'.join(by_end)}", name, by_end)


def _fill(name: str) -> None:
    key = tuple(sa.column(each, Words()) for each in ("tenant", "station", "id"))
    not_after = sa.column("not_after", UtcTime())
    table = sa.table(name, *key, sa.column("content", Words()), not_after)
    wanted = sa.select(*key, table.c.content).order_by(*key).limit(_AT_ONCE)
    named = [each == sa.bindparam(f"of_{each.name}") for each in key]
    fill = sa.update(table).where(*named).values(not_after=sa.bindparam("ends"))
    db = op.get_bind()
    rows = db.execute(wanted).all()
    while rows:
        db.execute(fill, [_filled(row) for row in rows])
        last = sa.tuple_(*rows[-1][:3], types=[each.type for each in key])
        rows = db.execute(wanted.where(sa.tuple_(*key) > last)).all()


def _filled(row: Any) -> dict[str, Any]:
    names = {"of_tenant": row.tenant, "of_station": row.station, "of_id": row.id}
    content = json.decode(row.content)
    return {**names, "ends": convert(content["not_after"], datetime)}
