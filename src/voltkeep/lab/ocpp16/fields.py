"""What a field of a message must be: as it was ordered, absent, at about that time."""

from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from voltkeep.lab.bench import Bench
from voltkeep.ocpp.errors import plain

# A form of a CSMS may know whole minutes only, or count from when it was filled in.
_TOLERANCE = timedelta(minutes=1)


def is_just(bench: Bench, name: str, came: object, expected: object) -> None:
    """Exactly this. Raises Failed."""
    bench.check(came == expected, f"{name} {_words(expected)}", f"{name} {_words(came)}")


def is_absent(bench: Bench, name: str, came: object) -> None:
    """The field is not there. Raises Failed."""
    bench.check(came is UNSET, f"no {name}", f"{name} {_words(came)}")


def is_optional(bench: Bench, name: str, came: object, ordered: object) -> None:
    """Exactly this; absent, if None was ordered. Raises Failed."""
    if ordered is None:
        is_absent(bench, name, came)
    else:
        is_just(bench, name, came, ordered)


def is_time(bench: Bench, name: str, came: object, expected: datetime) -> None:
    """This time, or not a minute from it. Raises Failed."""
    near = isinstance(came, datetime) and is_near(came, expected)
    bench.check(near, f"{name} {expected.isoformat()}", f"{name} {_words(came)}")


def is_near(came: datetime, expected: datetime) -> bool:
    """Whether a CSMS may have meant this time."""
    return abs(utc(came) - expected) <= _TOLERANCE


def utc(at: datetime) -> datetime:
    """A time with its zone: what says none is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _words(value: object) -> str:
    if value is UNSET:
        return "(absent)"
    return plain(value.isoformat() if isinstance(value, datetime) else str(value))
