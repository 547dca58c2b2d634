"""What is asserted of the same field wherever it comes, and what earns a warning only."""

import time
from datetime import UTC, datetime

from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.ocpp.v16 import IdTagInfo

_CLOCKS_DIFFER_S = 60.0  # what the laboratory's own clock may be wrong
_OTHER_TIME_S = 600.0  # no clock is wrong so much, and every time zone is further away
_TOLD_NONE = -1


def is_present_time(bench: Bench, at: datetime) -> None:
    """It is the time now, as far as two clocks agree (OCPP 1.6 edition 2, sections 4.6, 6.4, 6.30).

    Raises Failed.
    """
    if at.tzinfo is None:
        bench.warn(f"currentTime {at.isoformat()} has no time zone; it is taken as UTC")
        at = at.replace(tzinfo=UTC)
    away_s = abs(at.timestamp() - time.time())
    bench.check(away_s < _OTHER_TIME_S, "currentTime is the time now", at.isoformat())
    if away_s >= _CLOCKS_DIFFER_S:
        bench.warn(f"currentTime is {away_s:.0f} s away from the laboratory's clock")


def is_interval(bench: Bench, interval_s: int) -> None:
    """A station can go by it. Raises Failed."""
    bench.check(interval_s >= 0, "an interval of 0 or more", interval_s)
    if interval_s == 0:  # it has a meaning for other statuses only (section 4.2)
        bench.warn("interval 0 with Accepted: how often a station sends Heartbeats is left open")


def is_status(bench: Bench, info: IdTagInfo, status: str) -> None:
    """It says just this of a token, and nothing that contradicts it. Raises Failed."""
    expected = f"idTagInfo.status {status}"
    bench.check(info.status == status, expected, f"idTagInfo.status {info.status}")
    if info.status == "Accepted" and info.expiry_date:
        at = info.expiry_date
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        if at.timestamp() < time.time():
            bench.warn(f"a token is accepted whose expiryDate is {at.isoformat()}")


def is_new_transaction(station: ChargePoint, id: int) -> None:
    """It can be told from every other transaction of this station. Raises Failed."""
    bench = station.bench
    # What a station says that was never told an id (errata to OCPP 1.6, 3.18).
    bench.check(id != _TOLD_NONE, "a transactionId that means a transaction", id)
    known = station.credentials.transactions
    bench.check(
        id not in known,
        "a transactionId that no other transaction has",
        f"transactionId {id} again",
    )
    known.add(id)
    if id <= 0:  # "RECOMMENDED", and no more (errata to OCPP 1.6, 3.54)
        bench.warn(f"transactionId {id} is not positive")


def is_new_request(station: ChargePoint, action: str, id: int) -> None:
    """What the station tells of it later can be told from what it tells of others of the kind."""
    known = station.credentials.requests
    if (action, id) in known:
        station.bench.warn(f"requestId {id} of {action} has come before")
    known.add((action, id))


def is_token(bench: Bench, came: str, token: str) -> None:
    """It is this token; letter case does not matter (errata to OCPP 1.6, 3.74). Raises Failed."""
    bench.check(came.casefold() == token.casefold(), f"idTag {token}", f"idTag {came}")
