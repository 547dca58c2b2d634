"""A transaction: energy delivered to one EV, from the first report to the last."""

import enum
import hashlib
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.authorization import Authorization
from voltkeep.domain.availability import ChargingState
from voltkeep.domain.identity import Evse, IdToken, StationId, TransactionRef
from voltkeep.domain.meter_values import MeterValue


class Phase(enum.StrEnum):
    """OCPP 2.1 TransactionEventEnumType."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


NEVER_NAMED = TransactionRef("-1")  # 1.6 errata 3.18: the station never learnt our number


def is_invented(ref: TransactionRef) -> bool:
    """1.6: we give positive numbers; what a station says that has none is no name."""
    return ref == NEVER_NAMED or ref.startswith("-") or ref == "0"


class TransactionUpdate(Struct, frozen=True, kw_only=True):
    """What a station tells us about a transaction, in any OCPP version.

    ``ref`` is None when the station expects us to name the transaction (1.6).
    ``seq_no`` is None when the station does not number its updates (1.6).
    ``meter_wh`` is the energy register of the EVSE when a phase began or ended.
    """

    phase: Phase
    at: datetime
    ref: TransactionRef | None = None
    seq_no: int | None = None
    trigger: str | None = None
    offline: bool = False
    evse: Evse | None = None
    id_token: IdToken | None = None
    meter_wh: float | None = None
    values: tuple[MeterValue, ...] = ()
    charging_state: ChargingState | None = None
    stop_reason: str | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None

    @property
    def mark(self) -> str:
        """What tells this update from another of its transaction; a resent one bears the same.

        2.1 E01-E04: seqNo. A station that lost count uses one twice, and a resent update says the
        same phase and time: both are in the mark, so that no news is taken for old. 1.6 reports
        one start and one stop, and of several the first counts.
        """
        if self.seq_no is None:
            return self.phase.value
        return f"{self.seq_no}:{self.phase.value}:{self.at.isoformat()}"

    @property
    def start_key(self) -> str:
        """What a repeated 1.6 StartTransaction has in common with the first one."""
        return _digest(
            str(self.evse.id if self.evse else 0),
            self.id_token.key if self.id_token else "",
            self.at.isoformat(),
            repr(self.meter_wh),
        )

    @property
    def orphan_ref(self) -> TransactionRef:
        """A name for the end of a transaction that the station could not name.

        Deterministic, so a repeated report finds its first record.
        """
        token = self.id_token.key if self.id_token else ""
        said = (self.ref or NEVER_NAMED, token, self.at.isoformat(), repr(self.meter_wh))
        return TransactionRef(f"orphan:{_digest(*said)}")


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


class Closing(Struct, frozen=True, kw_only=True):
    """That a person has closed a transaction in our record, which stops nothing at the station.

    ``as_of`` and ``meter_wh`` are what is taken for its end; the station's own word, if it comes
    after all, counts more.
    """

    at: datetime
    by: str
    reason: str
    as_of: datetime
    meter_wh: float | None


class Transaction(Struct, kw_only=True):
    """A transaction as far as it has been told. Times as the station gave them, in UTC.

    ``authorization`` is what we answered when it started. An orphan is one whose start we
    never heard: it is kept, and an operator is told.
    """

    station: StationId
    ref: TransactionRef
    start_key: str | None = None
    evse: Evse | None = None
    id_token: IdToken | None = None
    group: str | None = None
    authorization: Authorization | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    stop_reason: str | None = None
    stop_token: IdToken | None = None
    charging_state: ChargingState | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    closing: Closing | None = None
    first_heard_at: datetime
    last_heard_at: datetime

    @property
    def is_orphan(self) -> bool:
        """We heard of it, and never of its start."""
        return self.started_at is None

    @property
    def is_active(self) -> bool:
        """The station has not ended it, and nobody has closed it."""
        return self.ended_at is None and self.closing is None

    @property
    def over_at(self) -> datetime | None:
        """When it ended, as the station says, or else as whoever closed it says."""
        return self.ended_at or (self.closing.as_of if self.closing else None)

    @property
    def last_meter_wh(self) -> float | None:
        """The last known register: of an end, or of a closing, or of what was heard so far."""
        is_closed = self.ended_at is None and self.closing is not None
        return self.closing.meter_wh if is_closed and self.closing else self.meter_stop_wh

    @property
    def energy_wh(self) -> float | None:
        """Wh between the first and the last known register; None when either is unknown."""
        last = self.last_meter_wh
        if self.meter_start_wh is None or last is None:
            return None
        return last - self.meter_start_wh

    def apply(self, update: TransactionUpdate, heard_at: datetime) -> None:
        """Take a new update into account. News may be late, so no phase undoes another.

        E01.FR.09 and E07: what an update does not repeat stays as it was.
        """
        self.last_heard_at = max(self.last_heard_at, heard_at)
        self.evse = update.evse or self.evse
        self.remote_start_id = self.remote_start_id or update.remote_start_id
        self.reservation_id = self.reservation_id or update.reservation_id
        if update.phase is Phase.STARTED and self.started_at is None:
            self.started_at = update.at
        ends = update.phase is Phase.ENDED and self.ended_at is None
        if ends:
            self.ended_at = update.at
            self.stop_reason = update.stop_reason
            self.stop_token = update.id_token
        elif update.id_token is not None:
            self.id_token = self.id_token or update.id_token
        if ends or self.ended_at is None:
            self.charging_state = update.charging_state or self.charging_state
        self._meter(update, ends=ends)

    def _meter(self, update: TransactionUpdate, *, ends: bool) -> None:
        registers = [value.energy_wh for value in update.values if value.energy_wh is not None]
        if update.phase is Phase.STARTED:
            first = update.meter_wh if update.meter_wh is not None else min(registers, default=None)
            if first is not None and self.meter_start_wh is None:
                self.meter_start_wh = first
        last = update.meter_wh if ends else None
        if last is not None:
            self.meter_stop_wh = last
        elif registers and (ends or self.ended_at is None):
            self.meter_stop_wh = max(*registers, self.meter_stop_wh or registers[0])


_NUMBERS = 2**31  # 1.6 errata 3.54: a positive 32-bit signed integer


def transaction_number(sequence: int, key: bytes) -> int:
    """The ``sequence``-th transaction number of an installation: unique, and not guessable.

    A keyed permutation of 1 .. 2^31 - 1, so different sequences never give the same number. A
    Feistel network permutes 32 bits; whatever falls outside is permuted again until it fits.
    """
    if not 0 < sequence < _NUMBERS:
        raise OverflowError("all transaction numbers of this installation are used up")
    number = sequence
    while True:
        left, right = number >> 16, number & 0xFFFF
        for turn in range(6):
            message = bytes((turn,)) + right.to_bytes(2, "big")
            mixed = hashlib.blake2b(message, key=key, digest_size=2).digest()
            left, right = right, left ^ int.from_bytes(mixed, "big")
        number = left << 16 | right
        if 0 < number < _NUMBERS:
            return number
