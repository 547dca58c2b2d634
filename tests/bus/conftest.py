"""Stores to relay from."""

from tests.store.databases import (
    migrated_database,
    migrated_file,
    migrated_postgres_url,
    sqlite_url,
    store,
    store_url,
)

__all__ = [
    "migrated_database",
    "migrated_file",
    "migrated_postgres_url",
    "sqlite_url",
    "store",
    "store_url",
]
