"""Numbers counted in a table: in the order of commits, because whoever counts waits for the last.

Only for what is short: a batch of the journal, or anything on SQLite, where all who write wait.
"""

from voltkeep.store import tables
from voltkeep.store.engine import per_engine

_c = tables.sequences.c
COLUMNS = ("tenant", "name", "value")

# Adds ``value`` to the counter, making it if there is none, and returns what it has got to.
COUNT_UP = per_engine(
    lambda dialect: (
        dialect.insert(tables.sequences)
        .on_conflict_do_update(
            index_elements=["tenant", "name"],
            set_={"value": _c.value + dialect.insert(tables.sequences).excluded.value},
        )
        .returning(_c.value)
    )
)
