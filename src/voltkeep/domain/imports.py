"""Imports: a file of stations, tokens or transactions, and how far it has been taken in."""

import enum
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.audit import Actor
from voltkeep.domain.identity import StationId

MOST_ERRORS = 100
"""So many of the rows that failed are told of one by one."""


class RowKind(enum.StrEnum):
    """What files of rows are about."""

    STATIONS = "stations"
    TOKENS = "tokens"
    TRANSACTIONS = "transactions"


class Format(enum.StrEnum):
    """How a file of rows is written."""

    CSV = "csv"
    JSONL = "jsonl"


class ImportState(enum.StrEnum):
    """Where an import is."""

    RUNNING = "running"
    DONE = "done"  # every row was looked at; some may have failed
    FAILED = "failed"  # the file could not be read further; `problem` says why
    CANCELLED = "cancelled"


class RowError(Struct, frozen=True, kw_only=True):
    """Why a row was not taken; ``line`` is where it begins, from 1."""

    line: int
    field: str
    problem: str


class Import(Struct, frozen=True, kw_only=True):
    """One import. Rows before ``rows_done`` are taken in, in the same work as they are counted."""

    station: StationId  # of name "": it is the tenant's
    id: str
    state: ImportState
    at: datetime
    kind: RowKind
    format: Format
    dry_run: bool
    actor: Actor
    sites: tuple[str, ...] | None  # those that whoever asked for it may see
    given_at: datetime
    stored_as: str
    size_bytes: int
    rows_done: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes_done: int = 0
    errors: tuple[RowError, ...] = ()  # the first
    problem: str = ""
