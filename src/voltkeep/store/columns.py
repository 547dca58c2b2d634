"""Column types that mean the same on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

S = TypeVar("S", bound=msgspec.Struct)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000


def micros(at: datetime) -> int:
    """An aware time as microseconds since 1970, exactly. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a time zone cannot be stored: {at}")
    since = at - _EPOCH
    return since.days * _DAY + since.seconds * 1_000_000 + since.microseconds


def from_micros(value: int) -> datetime:
    """The opposite of `micros`, in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def as_it_is(at: datetime) -> datetime:
    """For drivers that take times."""
    return at


Moment = Callable[[datetime], Any]
"""How a driver takes a time: `micros` for SQLite, `as_it_is` for PostgreSQL."""


def storable(text: str) -> str:
    """Text that both databases take: PostgreSQL knows no NUL, and UTF-8 no lone surrogate."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "\ufffd") if "\0" in text else text


def all_storable(struct: S) -> S:
    """A copy with `storable` texts in it, at whatever depth."""
    return msgspec.convert(_storable(msgspec.to_builtins(struct)), type(struct))


def _storable(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {key: _storable(item) for key, item in value.items()}
    return value


class UtcTime(TypeDecorator[datetime]):
    """An instant: `timestamptz`, and on SQLite a whole number of microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        exact = micros(value)
        return value if dialect.name == "postgresql" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else from_micros(value)


class Words(TypeDecorator[str]):
    """Text in the order of its code points, everywhere, and cleaned by `storable`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Text(collation="C"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)
