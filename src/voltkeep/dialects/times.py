"""The clocks of stations: every timestamp becomes UTC here."""

from datetime import UTC, datetime, timedelta

from voltkeep.domain.identity import Sender
from voltkeep.ocpp.errors import ErrorCode, Refusal

_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)  # OCPP 1.0 is of 2010; 1970 is a clock never set
_AHEAD = timedelta(days=366)


def utc(at: datetime, sender: Sender, notes: list[str]) -> datetime:
    """A station's timestamp in UTC; without an offset it is read as UTC.

    A clock that is plainly wrong is noted and believed: stored is what the station said.

    Raises:
        Refusal: in UTC it is outside the years 1 to 9999.
    """
    at = planned(at)
    if not _EARLIEST <= at <= sender.received_at + _AHEAD:
        notes.append(f"clock: {at.isoformat()} is not the time")
    return at


def planned(at: datetime) -> datetime:
    """As `utc`, of a time that may be long ago or far ahead."""
    if at.tzinfo is UTC:
        return at
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise Refusal(
            ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "A timestamp is out of range"
        ) from error


def whole_seconds(at: datetime) -> datetime:
    """For what we send: OCPP allows three decimals (2.x part 2, 3.2.1), small stations none."""
    return at.replace(microsecond=0)
