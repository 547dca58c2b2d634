"""What is told of a charging session: tokens, transactions, and the messages about them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from voltkeep.ocpp.v21 import ChargingStateEnum as State
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim.meter import Reading


class Token(NamedTuple):
    """What a driver identifies with."""

    value: str
    kind: str = "ISO14443"


@dataclass(slots=True, eq=False)
class Record:
    """One message about a transaction: what was sent and when, and what came back.

    `answered_at` is None until there is a CALLRESULT. A message that is sent again keeps its
    record and its id. Times are simulated seconds since 1970.
    """

    station: str
    id: str
    action: str
    payload: bytes
    sent_at: float
    answered_at: float | None = None
    answer: bytes | None = None
    error: str | None = None


@dataclass(slots=True, eq=False)
class Transaction:
    """A transaction as its station knows it."""

    id: str
    outlet: int
    started_at: float
    meter_start: float
    token: Token | None = None
    ref: str | int | None = None  # what messages call it; in 1.6 the CSMS decides
    ended_at: float | None = None
    meter_stop: float | None = None
    stop_reason: Reason | None = None
    stop_trigger: Trigger | None = None
    stop_token: Token | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    state: State = State.IDLE
    next_seq_no: int = 0
    charging_s: float = 0.0
    known: bool = False  # the CSMS has answered to its start
    messages: list[Record] = field(default_factory=list)


class Fact(NamedTuple):
    """Something to tell about a transaction."""

    phase: Phase
    transaction: Transaction
    trigger: Trigger
    at: float
    seq_no: int
    state: State
    token: Token | None = None
    readings: tuple[Reading, ...] = ()
    context: Context = Context.SAMPLE_PERIODIC


class Reservation(NamedTuple):
    """Who may use an outlet, and until when."""

    id: int
    token: str
    expires_at: float
    group: str | None = None


class Admission(NamedTuple):
    """A driver who was let in."""

    token: Token
    remote_start_id: int | None = None
