"""Stores to test."""

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
    "database_url",
    "migrated_database",
    "migrated_file",
    "migrated_postgres_url",
    "sql_store",
    "sqlite_url",
    "store",
    "store_url",
]
