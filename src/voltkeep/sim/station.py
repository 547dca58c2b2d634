"""A charging station: its outlets, the drivers at them, and the time that passes."""

from collections.abc import Callable, Mapping
from functools import partial

from voltkeep.ocpp.errors import ErrorCode, Refusal
from voltkeep.ocpp.v21 import BootReasonEnum as BootReason
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import RegistrationStatusEnum as Registration
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim.authorization import Authorizer, Then
from voltkeep.sim.battery import Vehicle
from voltkeep.sim.clock import NEVER, Clock
from voltkeep.sim.configuration import Outcome, Setting
from voltkeep.sim.dialect import Dialect, Verdict
from voltkeep.sim.link import Answer
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.presence import Recorder
from voltkeep.sim.profiles import (
    UNLIMITED,
    Load,
    Profile,
    Profiles,
    for_transaction,
)
from voltkeep.sim.security import Secured
from voltkeep.sim.spec import StationSpec
from voltkeep.sim.transaction import Admission, Fact, Token, Transaction

BOOT_S = 5.0  # how long starting up takes, simulated
_GOODBYE_S = 10.0  # what a reset waits for its last messages to be answered
_STEP_S = 0.25  # real seconds between two looks at a battery that charges


class Station(Secured):
    """The whole station. Nothing in it waits: `tick` continues what takes time."""

    def __init__(
        self,
        spec: StationSpec,
        clock: Clock,
        dialects: Mapping[str, Dialect],
        *,
        recorder: Recorder | None = None,
        keep: bool = True,
        log_frames: int = 0,
        call_timeout: float = 30.0,
    ) -> None:
        super().__init__(
            spec,
            clock,
            dialects,
            recorder=recorder,
            keep=keep,
            log_frames=log_frames,
            call_timeout=call_timeout,
        )
        self._describe()
        self.outlets = {
            number: Outlet(
                number,
                phases=spec.phases,
                dc=spec.dc,
                max_power_w=spec.max_power_w,
                configuration=self.configuration,
                tell=self._tell,
                now=clock.now(),
            )
            for number in range(1, spec.connectors + 1)
        }
        self.authorizer = Authorizer(self.configuration, self._ask)
        self.profiles = Profiles()
        self.transactions: list[Transaction] = []
        self.begun = 0  # transactions, kept or not
        self.operative = True
        self.told: str | None = None
        self.powered = True
        self._power_lost_at = 0.0
        self._aligned_at = NEVER
        self._expected: dict[int, Profile] = {}
        self._reset_by = NEVER
        self._reset_when_idle = False
        self.align()

    def present(self, *, anew: bool) -> None:
        self.tell_all_statuses(anew=anew)
        super().present(anew=anew)

    def asked(self, action: str, payload: bytes) -> bytes:
        if self.registration is Registration.REJECTED:
            raise Refusal(ErrorCode.SECURITY_ERROR, "This station was rejected")
        return super().asked(action, payload)

    def tell_status(
        self, outlet: Outlet | None, *, anew: bool = False, triggered: bool = False
    ) -> None:
        """Send a StatusNotification if the status changed, or in any case."""
        whose = outlet or self
        word = self.dialect.status_word(self, outlet)
        if word is None or (word == whose.told and not anew):
            return
        payload = self.dialect.status(self, outlet, word)

        def answered(answer: Answer) -> None:
            # What was not heard is told again; what was refused would be refused again.
            if answer.payload is None and answer.code is None and whose.told == word:
                whose.told = None

        if self.say("StatusNotification", payload, answered, triggered=triggered):
            whose.told = word

    def tell_all_statuses(self, *, anew: bool = False) -> None:
        """The station's, and each outlet's."""
        self.tell_status(None, anew=anew)
        for outlet in self.outlets.values():
            self.tell_status(outlet, anew=anew)

    def tell_meter(self, outlet: Outlet, context: Context, setting: str) -> None:
        """Send what the meter of an outlet shows, as part of its transaction if it has one."""
        if outlet.transaction is not None:
            aligned = context is Context.SAMPLE_CLOCK
            trigger = Trigger.METER_VALUE_CLOCK if aligned else Trigger.TRIGGER
            outlet.sample(self.clock.now(), trigger, context, setting)
            self.pump()
        else:
            self.tell_readings(outlet, context, setting)

    def tell_readings(self, outlet: Outlet, context: Context, setting: str) -> None:
        """Send what the meter of an outlet shows, in a MeterValues of its own."""
        outlet.advance(self.clock.now())
        readings = outlet.read(setting)
        if readings:
            payload = self.dialect.meter_values(self, outlet, readings, context)
            self.say("MeterValues", payload, triggered=context is Context.TRIGGER)

    # Drivers

    def swipe(self, outlet: Outlet, token: Token, then: Then) -> None:
        """A driver presents a token: the one who charges here stops, another asks to start."""
        holder = outlet.admission
        if holder is not None and holder.token.value.lower() == token.value.lower():
            self.stop(outlet, Trigger.STOP_AUTHORIZED, Reason.LOCAL, token)
            then(Verdict("Accepted"))
            return
        self.authorizer.identify(outlet, token, partial(self._identified, outlet, token, then))

    def admit(self, outlet: Outlet, admission: Admission, trigger: Trigger) -> None:
        """Let a driver charge."""
        outlet.admit(self.clock.now(), admission, trigger)
        self.moved(outlet)

    def stop(
        self, outlet: Outlet, trigger: Trigger, reason: Reason, token: Token | None = None
    ) -> None:
        """Let nobody charge here any more."""
        outlet.withdraw(self.clock.now(), trigger, reason, token)
        self.moved(outlet)

    def start_remotely(
        self, outlet: Outlet, admission: Admission, profile: Profile | None = None
    ) -> None:
        """Let someone charge whom the CSMS names, asking it first where that is wanted (F01)."""
        if profile is not None:
            self._expected[outlet.id] = profile
        if not self.configuration.flag("AuthCtrlr.AuthorizeRemoteStart"):
            self.admit(outlet, admission, Trigger.REMOTE_START)
            return

        def identified(verdict: Verdict) -> None:
            if verdict.accepted and self.free(outlet):
                self.admit(outlet, admission, Trigger.REMOTE_START)

        self.authorizer.identify(outlet, admission.token, identified)

    def judged(self, transaction: Transaction, token: Token, verdict: Verdict) -> None:
        """The answer to a transaction's message says whether its driver may charge after all."""
        self.authorizer.learn(token, verdict)
        outlet = self.outlets[transaction.outlet]
        if verdict.accepted or outlet.transaction is not transaction:
            return
        if self.configuration.flag("TxCtrlr.StopTxOnInvalidId"):
            self.stop(outlet, Trigger.DEAUTHORIZED, Reason.DE_AUTHORIZED)

    def free(self, outlet: Outlet) -> bool:
        """Whether someone new may charge there."""
        usable = self.powered and self.operative and outlet.operative and outlet.fault is None
        return usable and outlet.admission is None

    def vacant(self, outlet: Outlet) -> bool:
        """Whether a car may be plugged in there, to charge."""
        return self.free(outlet) and not outlet.plugged

    def free_outlet(self, token: Token) -> Outlet | None:
        """Where someone may charge: where a car waits, else anywhere."""
        free = [o for o in self.outlets.values() if self.free(o)]
        mine = [o for o in free if o.reservation is None or o.reservation.token == token.value]
        return next((o for o in mine if o.plugged), mine[0] if mine else None)

    @property
    def charging(self) -> int:
        """How many outlets have a transaction."""
        return sum(1 for outlet in self.outlets.values() if outlet.transaction is not None)

    def find(self, ref: str | int) -> Outlet | None:
        """Where the transaction of that name runs."""
        running = (o for o in self.outlets.values() if o.transaction is not None)
        return next((o for o in running if o.transaction and o.transaction.ref == ref), None)

    # Settings, switches and starts

    def configure(self, setting: Setting, value: str) -> Outcome:
        """Set something, and let it take effect once the CALL is answered."""
        outcome = super().configure(setting, value)
        if outcome is Outcome.ACCEPTED:
            if setting.name == "OCPPCommCtrlr.HeartbeatInterval":
                self.beat_anew()
            elif setting.name == "SampledDataCtrlr.TxUpdatedInterval":
                for outlet in self.outlets.values():
                    outlet.sample_anew(self.clock.now())
            elif setting.name == "AlignedDataCtrlr.Interval":
                self.align()
        return outcome

    def align(self) -> None:
        """The next instant of the clock at which meters are read."""
        interval = self.configuration.number("AlignedDataCtrlr.Interval")
        wall = self.wall(self.clock.now())
        self._aligned_at = self.simulated(wall - wall % interval + interval) if interval else NEVER

    def change_availability(self, outlet: Outlet, *, operative: bool) -> bool:
        """Switch an outlet on or off; False if that waits for the end of its transaction."""
        outlet.inoperative_next = not operative and outlet.transaction is not None
        if not outlet.inoperative_next:
            outlet.operative = operative
            self.poke()
        return not outlet.inoperative_next

    def reset(self, reason: Reason, *, patient: bool = False) -> None:
        """Start again after ending all transactions; a patient one waits to hear that they are."""
        now = self.clock.now()
        for outlet in self.outlets.values():
            outlet.end(now, Trigger.RESET_COMMAND, reason)
        self._reset_by = now + _GOODBYE_S if patient else now
        self.poke()

    def reset_when_idle(self) -> bool:
        """Start again as soon as nobody charges; False if that is not now (B12)."""
        if self.charging:
            self._reset_when_idle = True
            return False
        self.later(partial(self.reset, Reason.REBOOT))
        return True

    def cut_power(self) -> None:
        """The lights go out: no close frame, no last message."""
        self._power_lost_at = self.clock.now()
        for outlet in self.outlets.values():
            outlet.lose_power(self._power_lost_at)
        self.powered = False
        self.registration = None
        self.link.drop(abrupt=True, stay=True)
        self.poke()

    def restore_power(self) -> None:
        """Start up; what was charging ended when the power went."""
        if self.powered:
            return
        self.powered = True
        for outlet in self.outlets.values():
            outlet.end(self._power_lost_at, Trigger.ABNORMAL_CONDITION, Reason.POWER_LOSS)
        self._restart(BootReason.POWER_UP)
        self.link.resume()

    def reboot(self, reason: BootReason) -> None:
        """Start again now."""
        self._restart(reason)
        self.link.drop(abrupt=False, pause_s=BOOT_S)

    def _restart(self, reason: BootReason) -> None:
        self.restarted(reason)
        self._reset_by = NEVER
        self._reset_when_idle = False
        self._expected.clear()
        self.told = None
        for outlet in self.outlets.values():
            outlet.told = None
            outlet.admission = None
            outlet.finishing = False

    # Time

    def tick(self, now: float) -> None:
        """Do what is due. `now` is real; see clock.Ticker."""
        self.due = NEVER
        if not self.powered:
            return
        t = self.clock.now()
        soonest = NEVER
        if self._aligned_at <= t:
            for outlet in self.outlets.values():
                self.tell_meter(outlet, Context.SAMPLE_CLOCK, "AlignedDataCtrlr.Measurands")
            self.align()
        step = max(1.0, _STEP_S * self.clock.speed)
        for outlet in self.outlets.values():
            self._pass_time(outlet, t)
            soonest = min(soonest, outlet.wakes_at(step))
        if self.accepted:
            self.tell_status(None)
        if self._reset_by <= t or (self._reset_by < NEVER and not self.queue):
            self.reboot(BootReason.REMOTE_RESET)
        soonest = min(soonest, self.keep_up(now, t), self._aligned_at, self._reset_by)
        asked_at = now + self.clock.real(max(soonest - t, 0.0))
        self.due = min(self.due, self.link.due, asked_at)

    def _pass_time(self, outlet: Outlet, t: float) -> None:
        if len(self.profiles):
            outlet.limit_w = self.profiles.limit_w(self.load(outlet), self.wall(t))
        else:
            outlet.limit_w = UNLIMITED
        before = outlet.state()
        outlet.sample_until(t)
        outlet.advance(t)
        if outlet.connect_by <= t:
            self._expected.pop(outlet.id, None)
            outlet.withdraw(t, Trigger.EV_CONNECT_TIMEOUT, Reason.TIMEOUT)
        reservation = outlet.reservation
        if reservation is not None and reservation.expires_at <= t:
            outlet.reservation = None
            if (over := self.dialect.reservation_over(reservation)) is not None:
                self.say(*over)
        if self.accepted:
            self.tell_status(outlet)
        if outlet.state() is not before:
            self.changed()

    def load(self, outlet: Outlet) -> Load:
        """What a limit is to be found for, in the times of the station's own clock."""
        load = outlet.load(max(self.charging, 1))
        return load._replace(began=None if load.began is None else self.wall(load.began))

    # What follows from what

    def _tell(self, outlet: Outlet, fact: Fact) -> None:
        """Something happened in a transaction."""
        transaction = fact.transaction
        if fact.phase is Phase.STARTED:
            self.begun += 1
            if self._keep:
                self.transactions.append(transaction)
            if (profile := self._expected.pop(outlet.id, None)) is not None:
                self.profiles.install(for_transaction(profile, transaction.id, outlet.id))
        for message in self.dialect.messages(self, fact):
            self.queue.add(message)
        if fact.phase is Phase.ENDED:
            self._ended(outlet, transaction)
        self.poke()

    def _ended(self, outlet: Outlet, transaction: Transaction) -> None:
        self.profiles.forget_transaction(transaction.id)
        if outlet.inoperative_next:
            outlet.inoperative_next, outlet.operative = False, False
        if self._reset_when_idle and not self.charging:
            self._reset_when_idle = False
            self._reset_by = self.clock.now() + _GOODBYE_S

    def moved(self, outlet: Outlet) -> None:
        """Someone did something at an outlet: tell its status, then the transaction."""
        if self.accepted:
            self.tell_status(outlet)
        self.pump()
        self.poke()

    def plug(self, outlet: Outlet, vehicle: Vehicle | None = None) -> None:
        """A car is plugged in."""
        outlet.plug(self.clock.now(), vehicle)
        self.moved(outlet)

    def unplug(self, outlet: Outlet) -> None:
        """A car leaves."""
        outlet.unplug(self.clock.now())
        self.moved(outlet)

    def fail(self, outlet: Outlet, code: str | None) -> None:
        """Something breaks at an outlet, or is repaired."""
        outlet.fail(self.clock.now(), code)
        self.moved(outlet)

    def _identified(self, outlet: Outlet, token: Token, then: Then, verdict: Verdict) -> None:
        holder = outlet.admission
        if verdict.accepted and holder is not None:
            # C09: another of the same group may stop.
            known = self.authorizer.cache.get(holder.token.value.lower())
            if known is not None and known.group and known.group == verdict.group:
                self.stop(outlet, Trigger.STOP_AUTHORIZED, Reason.LOCAL, token)
            else:
                verdict = Verdict("ConcurrentTx")
        elif verdict.accepted and self.free(outlet):
            self.admit(outlet, Admission(token), Trigger.AUTHORIZED)
        then(verdict)

    def _ask(self, token: Token, then: Callable[[Verdict | None], None]) -> bool:
        def answered(answer: Answer) -> None:
            if answer.payload is None:
                then(None if answer.code is None else Verdict("Invalid"))
                return
            try:
                verdict = self.dialect.verdict(answer.payload)
            except Refusal as refusal:
                self.link.reject_result(answer.id, refusal)
                verdict = Verdict("Invalid")
            then(verdict)

        return self.say("Authorize", self.dialect.authorize(token), answered)

    def _describe(self) -> None:
        """Say of oneself what is known from the start."""
        spec, put = self.spec, self.configuration.put
        put("ChargingStation.EvseCount", str(spec.connectors))
        put("ChargingStation.Model", spec.model)
        put("ChargingStation.VendorName", spec.vendor)
        if "SampledDataCtrlr.TxUpdatedInterval" not in spec.configuration:
            put("SampledDataCtrlr.TxUpdatedInterval", str(spec.meter_interval_s))
