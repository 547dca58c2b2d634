"""One outlet (an EVSE with its connector): the car, the relay, the meter and the transaction."""

import uuid
from collections.abc import Callable

from voltkeep.ocpp.v21 import ChargingStateEnum as State
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim.battery import Battery, Vehicle
from voltkeep.sim.clock import NEVER
from voltkeep.sim.configuration import Configuration
from voltkeep.sim.meter import VOLTAGE, Meter, Reading
from voltkeep.sim.profiles import UNLIMITED, Load
from voltkeep.sim.transaction import Admission, Fact, Reservation, Token, Transaction

RELAY_DELAY_S = 1.0
_LEAST_A = 6.0  # what IEC 61851-1 lets a car be offered; below it charging pauses


class Outlet:
    """Changes come in as methods, with the simulated time; facts go out through `tell`."""

    __slots__ = (
        "_at",
        "_configuration",
        "_points",
        "_relay_at",
        "_tell",
        "admission",
        "connect_by",
        "dc",
        "fault",
        "finishing",
        "id",
        "inoperative_next",
        "limit_w",
        "max_power_w",
        "meter",
        "operative",
        "phases",
        "plugged",
        "reservation",
        "sample_at",
        "told",
        "transaction",
        "vehicle",
    )

    def __init__(
        self,
        id: int,
        *,
        phases: int,
        dc: bool,
        max_power_w: float,
        configuration: Configuration,
        tell: Callable[["Outlet", Fact], None],
        now: float,
    ) -> None:
        self.id = id
        self.phases = phases
        self.dc = dc
        self.max_power_w = max_power_w
        self.meter = Meter(phases=phases, dc=dc, phases_used=phases)
        self.vehicle: Vehicle | None = None
        self.plugged = False
        self.admission: Admission | None = None
        self.transaction: Transaction | None = None
        self.fault: str | None = None
        self.operative = True
        self.inoperative_next = False
        self.reservation: Reservation | None = None
        self.finishing = False
        self.limit_w = UNLIMITED
        self.told: str | None = None
        self.connect_by = NEVER
        self.sample_at = NEVER
        self._configuration = configuration
        self._tell = tell
        self._at = now
        self._relay_at = NEVER
        self._points: frozenset[str] = frozenset()

    # What a person, a car or the station does ------------------------------------------------

    def plug(self, now: float, vehicle: Vehicle | None = None) -> None:
        """A car is plugged in."""
        self.advance(now)
        self.vehicle = vehicle or Vehicle(Battery())
        self.plugged = True
        self.meter.phases_used = 1 if self.dc else min(self.phases, self.vehicle.ac_phases)
        self.connect_by = NEVER
        self._settle(now, Trigger.CABLE_PLUGGED_IN)

    def unplug(self, now: float) -> None:
        """The car leaves; who was let in is forgotten."""
        self.advance(now)
        self.plugged = False
        self.vehicle = None
        self.finishing = False
        if self._configuration.flag("TxCtrlr.StopTxOnEVSideDisconnect"):
            self.admission = None
        self._settle(now, Trigger.EV_DEPARTED, Reason.EV_DISCONNECTED)

    def admit(self, now: float, admission: Admission, trigger: Trigger) -> None:
        """Someone may charge here. Without a car, until the time to connect is over."""
        self.advance(now)
        self.admission = admission
        self.finishing = False
        if not self.plugged:
            self.connect_by = now + self._configuration.number("TxCtrlr.EVConnectionTimeOut")
        self._settle(now, trigger, token=admission.token)

    def withdraw(
        self, now: float, trigger: Trigger, reason: Reason, token: Token | None = None
    ) -> None:
        """Nobody may charge here any more: stopped by a token, the CSMS, a reset or a time-out."""
        self.advance(now)
        self.admission = None
        self.connect_by = NEVER
        self._settle(now, trigger, reason, token)

    def end(self, now: float, trigger: Trigger, reason: Reason) -> None:
        """End the transaction, whatever the stop points say: a reset or a loss of power."""
        self.advance(now)
        self.admission = None
        self.connect_by = NEVER
        if self.transaction is not None:
            self._end(now, trigger, reason, None)
        self._points = self._reached()

    def fail(self, now: float, code: str | None) -> None:
        """Something breaks, and charging with it; None repairs it."""
        self.advance(now)
        self.fault = code
        if code is not None:
            self.admission = None
        self._settle(now, Trigger.ABNORMAL_CONDITION, Reason.OTHER)

    def lose_power(self, now: float) -> None:
        """Count what flowed until now, and let nothing flow any more."""
        self.advance(now)
        self._relay_at = NEVER
        self.meter.power_w = 0.0

    # Time ------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let the time until `now` pass: energy flows, batteries fill, relays close."""
        if now <= self._at:
            return
        if self._at < self._relay_at < now:
            self.advance(self._relay_at)
        transaction, vehicle = self.transaction, self.vehicle
        if self._relay_at <= self._at and vehicle is not None:
            taken = min(self.offered_w(), vehicle.demand(dc=self.dc))
            self.meter.energy_wh += vehicle.battery.charge(taken, now - self._at)
            if transaction is not None and transaction.state is State.CHARGING:
                transaction.charging_s += now - self._at
        self._at = now
        self._read_power()
        changed = transaction is not None and transaction.state is not self.state()
        if changed or self._reached() != self._points:
            self._settle(now, Trigger.CHARGING_STATE_CHANGED)

    def _read_power(self) -> None:
        flows = self._relay_at <= self._at and self.vehicle is not None
        demand = self.vehicle.demand(dc=self.dc) if self.vehicle is not None else 0.0
        self.meter.power_w = min(self.offered_w(), demand) if flows else 0.0

    def sample(self, now: float, trigger: Trigger, context: Context, setting: str) -> None:
        """Read the meter for the transaction's sake."""
        self.advance(now)
        if self.transaction is None:
            return
        readings = self.read(setting)
        self._say(Phase.UPDATED, self.transaction, trigger, now, readings=readings, context=context)

    def sample_until(self, now: float) -> None:
        """Read the meter at each instant until now that the interval asks for."""
        while self.sample_at <= now:
            at = self.sample_at
            self.sample_anew(at)
            self.sample(
                at,
                Trigger.METER_VALUE_PERIODIC,
                Context.SAMPLE_PERIODIC,
                "SampledDataCtrlr.TxUpdatedMeasurands",
            )

    def sample_anew(self, since: float) -> None:
        """The next reading is one interval after that."""
        interval = self._configuration.number("SampledDataCtrlr.TxUpdatedInterval")
        self.sample_at = since + interval if interval and self.transaction else NEVER

    def read(self, setting: str) -> tuple[Reading, ...]:
        """What the meter shows of the measurands that a setting names."""
        soc = self.vehicle.battery.soc if self.vehicle is not None else None
        measurands = self._configuration.members(setting)
        return tuple(self.meter.read(measurands, soc, self.offered_w()))

    # What it is ------------------------------------------------------------------------------

    def offered_w(self) -> float:
        """The power a car is offered."""
        share = 1.0 if self.dc else self.meter.phases_used / self.phases
        power = min(self.max_power_w * share, self.limit_w)
        least = 0.0 if self.dc else _LEAST_A * VOLTAGE * self.meter.phases_used
        return power if power >= least else 0.0

    def state(self) -> State:
        """The charging state (OCPP 2.x, ChargingStateEnumType)."""
        if not self.plugged or self.vehicle is None:
            return State.IDLE
        if self.admission is None or self._at < self._relay_at:
            return State.EV_CONNECTED
        if self.offered_w() <= 0.0:
            return State.SUSPENDED_EVSE
        if self.vehicle.battery.full():
            return State.SUSPENDED_EV
        return State.CHARGING

    def load(self, sharing: int) -> Load:
        """What a limit is to be found for."""
        transaction = self.transaction
        return Load(
            evse=self.id,
            phases=self.meter.phases_used if self.plugged else self.phases,
            transaction=transaction.id if transaction else None,
            began=transaction.started_at if transaction else None,
            sharing=sharing,
            dc=self.dc,
        )

    def wakes_at(self, step: float) -> float:
        """When time must pass here next, if nothing else happens."""
        soonest = min(self.connect_by, self.sample_at)
        if self.reservation is not None:
            soonest = min(soonest, self.reservation.expires_at)
        if self.transaction is not None:
            soonest = min(soonest, self._at + step)
            if self._at < self._relay_at:
                soonest = min(soonest, self._relay_at)
        return soonest

    # The transaction ---------------------------------------------------------------------------

    def _reached(self) -> frozenset[str]:
        """Which of the points that start and stop transactions hold (OCPP 2.x, E, TxStartStop)."""
        points = set()
        # Where a cable pulled out of the car does not stop a transaction, it is as good as in.
        connected = self.plugged or (
            self.transaction is not None
            and not self._configuration.flag("TxCtrlr.StopTxOnEVSideDisconnect")
        )
        if connected:
            points.add("EVConnected")
        if self.admission is not None:
            points.add("Authorized")
            if connected:
                points.add("PowerPathClosed")
                if self.state() is State.CHARGING:
                    points.add("EnergyTransfer")
        return frozenset(points)

    def _settle(
        self,
        now: float,
        trigger: Trigger,
        reason: Reason | None = None,
        token: Token | None = None,
    ) -> None:
        """Draw the consequences of a change."""
        if not (self.plugged and self.admission is not None):
            self._relay_at = NEVER
            self.meter.power_w = 0.0
        elif self._relay_at == NEVER:
            self._relay_at = now + RELAY_DELAY_S
        before, self._points = self._points, self._reached()
        transaction = self.transaction
        if transaction is None:
            if (self._points - before).intersection(
                self._configuration.members("TxCtrlr.TxStartPoint")
            ):
                self._begin(now, trigger)
        elif (before - self._points).intersection(
            self._configuration.members("TxCtrlr.TxStopPoint")
        ):
            self._end(now, trigger, reason, token)
        elif transaction.state is not self.state() or token is not None:
            if token is not None and transaction.token is None:
                transaction.token = token
            self._say(Phase.UPDATED, transaction, trigger, now, token=token)

    def _begin(self, now: float, trigger: Trigger) -> None:
        admission = self.admission
        transaction = Transaction(
            id=str(uuid.uuid4()),
            outlet=self.id,
            started_at=now,
            meter_start=self.meter.energy_wh,
            token=admission.token if admission else None,
            remote_start_id=admission.remote_start_id if admission else None,
        )
        if self.reservation is not None and admission is not None:
            transaction.reservation_id = self.reservation.id
            self.reservation = None
        self.transaction = transaction
        self.sample_anew(now)
        self._say(
            Phase.STARTED,
            transaction,
            trigger,
            now,
            token=transaction.token,
            readings=self.read("SampledDataCtrlr.TxStartedMeasurands"),
            context=Context.TRANSACTION_BEGIN,
        )

    def _end(
        self, now: float, trigger: Trigger, reason: Reason | None, token: Token | None
    ) -> None:
        transaction = self.transaction
        assert transaction is not None
        transaction.ended_at = now
        transaction.meter_stop = self.meter.energy_wh
        transaction.stop_reason = reason or Reason.LOCAL
        transaction.stop_trigger = trigger
        transaction.stop_token = token
        self.transaction = None
        self.sample_at = NEVER
        self.finishing = self.plugged
        self.meter.power_w = 0.0
        self._say(
            Phase.ENDED,
            transaction,
            trigger,
            now,
            token=token,
            readings=self.read("SampledDataCtrlr.TxEndedMeasurands"),
            context=Context.TRANSACTION_END,
        )

    def _say(
        self,
        phase: Phase,
        transaction: Transaction,
        trigger: Trigger,
        now: float,
        *,
        token: Token | None = None,
        readings: tuple[Reading, ...] = (),
        context: Context = Context.SAMPLE_PERIODIC,
    ) -> None:
        transaction.state = self.state()
        seq_no = transaction.next_seq_no
        transaction.next_seq_no += 1
        fact = Fact(
            phase, transaction, trigger, now, seq_no, transaction.state, token, readings, context
        )
        self._tell(self, fact)
