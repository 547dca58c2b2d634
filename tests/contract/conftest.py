"""Stores to test, and what is counted in them."""

from tests.contract.counted_days import clock, counter, days, fleet
from tests.store.databases import (
    database_url,
    migrated_database,
    migrated_file,
    migrated_postgres_url,
    sql_store,
    sqlite_url,
    store,
    store_url,
)

__all__ = [
    "clock",
    "counter",
    "database_url",
    "days",
    "fleet",
    "migrated_database",
    "migrated_file",
    "migrated_postgres_url",
    "sql_store",
    "sqlite_url",
    "store",
    "store_url",
]
