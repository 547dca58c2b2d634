"""Which errors of a database mean "not now": those become StoreUnavailable."""

import sqlite3
from collections.abc import Iterator
from types import TracebackType

import asyncpg
from sqlalchemy import exc

from voltkeep.services.ports import Contended, StoreUnavailable

# The primary result codes of https://sqlite.org/rescode.html. READONLY: a disk gone read-only.
_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}

# Appendix A of PostgreSQL's manual: classes, and single codes.
_POSTGRES_CLASSES = (
    "08",  # connection exception
    "53",  # insufficient resources: disk full, too many connections
    "58",  # system error
)
_POSTGRES_CONTENDED = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available in time
}
_POSTGRES_CODES = {
    *_POSTGRES_CONTENDED,
    "0A000",  # "cached statement plan is invalid", after a migration: the next try plans anew
    "25006",  # read-only transaction: a standby, or a server told so
    "25P02",  # in failed transaction: what failed it was told before
    "25P03",  # idle in transaction for too long
    "57014",  # cancelled: it took longer than statement_timeout
    "57P01",  # shutdown
    "57P02",  # crash of another backend
    "57P03",  # starting up
    "57P05",  # idle session timeout
}


def is_unavailable(error: BaseException) -> bool:
    """Whether trying again later may help; every cause in the chain is looked at."""
    return any(_says_unavailable(each) for each in _chain(error))


def _is_contended(error: BaseException) -> bool:
    """Whether works were in each other's way, and nothing else is wrong."""
    return any(
        isinstance(each, asyncpg.PostgresError) and each.sqlstate in _POSTGRES_CONTENDED
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = (seen.orig if isinstance(seen, exc.DBAPIError) else None) or seen.__cause__


def _says_unavailable(error: BaseException) -> bool:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_POSTGRES_CLASSES) or state in _POSTGRES_CODES
    if isinstance(error, asyncpg.InterfaceError):
        # "connection is closed" and its like; a value that does not fit is a DataError too.
        return not isinstance(error, ValueError)
    # OSError: refused, reset, unreachable. TimeoutErrors: no answer, or no connection free.
    return isinstance(error, OSError | TimeoutError | exc.TimeoutError | exc.DisconnectionError)


class Translated:
    """``with TRANSLATED:`` turns errors that mean "not now" into StoreUnavailable or Contended."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and is_unavailable(error):
            if _is_contended(error):
                raise Contended(f"another change was in the way: {_words(error)}") from error
            raise StoreUnavailable(f"the database did not take it: {_words(error)}") from error


TRANSLATED = Translated()


def _words(error: Exception) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    said = str(cause).splitlines()
    return said[0][:200] if said else type(cause).__name__
