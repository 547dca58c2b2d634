"""SQL. The only package that knows SQLAlchemy, SQLite and PostgreSQL."""

from voltkeep.store.engine import BadDatabaseUrl
from voltkeep.store.memory import MemoryStore
from voltkeep.store.store import Store, open_store
from voltkeep.store.upgrade import SchemaMismatch, SchemaStatus, migrate, schema_status

__all__ = [
    "BadDatabaseUrl",
    "MemoryStore",
    "SchemaMismatch",
    "SchemaStatus",
    "Store",
    "migrate",
    "open_store",
    "schema_status",
]
