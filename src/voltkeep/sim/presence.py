"""A station's presence at its CSMS: connected, booted, heard from, and its messages delivered."""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from voltkeep.ocpp.errors import Refusal
from voltkeep.ocpp.session import Wire
from voltkeep.ocpp.v21 import BootReasonEnum as BootReason
from voltkeep.ocpp.v21 import RegistrationStatusEnum as Registration
from voltkeep.sim.behaviour import Manners
from voltkeep.sim.clock import NEVER, Clock
from voltkeep.sim.configuration import Configuration
from voltkeep.sim.dialect import Dialect
from voltkeep.sim.link import Answer, BackOff, Link, Way
from voltkeep.sim.queue import Pending, TransactionQueue
from voltkeep.sim.spec import StationSpec
from voltkeep.sim.transaction import Record

_BOOT_AGAIN_S = 30.0  # where the CSMS leaves the interval to the station, or gives no answer
_CLOCK_TOLERANCE_S = 1.0

Recorder = Callable[[Record], None]
"""Told of each message about a transaction, when it is sent, sent again, and answered."""


class Presence:
    """The half of a station that faces the CSMS. Nothing in it waits: `tick` continues it."""

    def __init__(
        self,
        spec: StationSpec,
        clock: Clock,
        dialects: Mapping[str, Dialect],
        *,
        recorder: Recorder | None,
        keep: bool,
        log_frames: int,
        call_timeout: float,
    ) -> None:
        self.spec = spec
        self.clock = clock
        self.manners = Manners(spec.misbehave)
        self.offset = self.manners.most("clock_error_s")
        self.configuration = Configuration(spec.configuration)
        spoken = [name for name in spec.subprotocols if name in dialects]
        if not spoken:
            raise ValueError(f"{spec.version!r} is no version; there are {', '.join(dialects)}")
        self.dialect = dialects[spoken[0]]
        self.link = Link(self, spec, clock, self.manners, call_timeout)
        self.queue = TransactionQueue()
        self.log: deque[tuple[float, str, bytes]] = deque(maxlen=log_frames)
        self.registration: Registration | None = None
        self.boot_reason = BootReason.POWER_UP
        self.firmware = spec.firmware
        self.due = 0.0
        self.changed: Callable[[], None] = _nothing
        self.measure: Callable[[Answer], None] = _ignore
        self._dialects = dialects
        self._recorder = recorder
        self._keep = keep
        self._booting = False
        self._boot_at = NEVER
        self._heartbeat_at = NEVER
        self._after: list[Callable[[], object]] = []
        now = clock.now()
        self._junk_at = self._first("frames_every_s", now)
        self._drop_at = self._first("drops_every_s", now)
        self._storm_at = self._first("boots_every_s", now)

    # Called by the connection (link.Host)

    def way(self) -> Way:
        """Where the spec says."""
        return Way(self.spec.address, self.link.password, self.spec.ssl)

    def wire(self, subprotocol: str | None) -> Wire:
        """The version is negotiated: speak its dialect, or the preferred one if none was named."""
        self.dialect = self._dialects.get(subprotocol or "", self.dialect)
        return self.dialect.wire

    def opened(self, away_s: float) -> None:
        """Boot, or go on where the connection was lost (B04; OCPP-J 1.6, section 5.4)."""
        if self.registration is Registration.ACCEPTED and not self.manners.any("boots_on_connect"):
            threshold = self.configuration.number("OCPPCommCtrlr.OfflineThreshold")
            self.present(anew=away_s > threshold)
        elif self._boot_at == NEVER:
            self.boot()
        self.poke()

    def failed(self) -> None:
        """There is still no connection."""
        self.changed()

    def closed(self) -> None:
        """Keep what was not answered for the next connection."""
        self.queue.interrupted()
        self._booting = False
        self.poke()

    def asked(self, action: str, payload: bytes) -> bytes:
        """Answer a CALL of the CSMS."""
        return self.dialect.handle(self, action, payload)

    def answered(self) -> None:
        """Do what was promised in the answer."""
        after, self._after = self._after, []
        for action in after:
            action()
        self.poke()

    def measured(self, answer: Answer) -> None:
        """A CALL is over."""
        self.measure(answer)
        self.changed()

    def seen(self, direction: str, frame: str | bytes) -> None:
        """Keep a frame, where frames are kept."""
        if self.log.maxlen:
            data = frame.encode() if isinstance(frame, str) else frame
            self.log.append((self.clock.now(), direction, data))

    def back_off(self) -> BackOff:
        """How to wait between attempts to connect."""
        name = "OCPPCommCtrlr.RetryBackOff"
        return BackOff(
            self.configuration.number(f"{name}WaitMinimum"),
            self.configuration.number(f"{name}RandomRange"),
            self.configuration.number(f"{name}RepeatTimes"),
        )

    # What it may say

    @property
    def accepted(self) -> bool:
        """Whether it is connected, and accepted by the CSMS."""
        return self.link.online and self.registration is Registration.ACCEPTED

    def say(
        self,
        action: str,
        payload: bytes,
        on_answer: Callable[[Answer], None] | None = None,
        *,
        triggered: bool = False,
    ) -> bool:
        """Send a message that need not survive; False if it may not or cannot be sent.

        Until accepted, only what the CSMS triggers is said (1.6, section 4.2; B02.FR.02).
        """
        if not (self.accepted or (triggered and self.link.online)):
            return False
        return self.link.call(action, payload, on_answer or _ignore) is not None

    def later(self, action: Callable[[], object]) -> None:
        """Do something once the CALL in hand is answered."""
        self._after.append(action)

    def poke(self) -> None:
        """Something changed: look at everything soon, and tell whoever waits for it."""
        self.due = 0.0
        self.changed()

    def wall(self, at: float) -> float:
        """What the station's own clock says at a simulated instant."""
        return at + self.offset

    def simulated(self, wall: float) -> float:
        """The simulated instant at which the station's own clock says so."""
        return wall - self.offset

    # Booting

    def boot(self, *, triggered: bool = False) -> None:
        """Send a BootNotification, unless one is under way."""
        self._boot_at = NEVER
        if self._booting or not self.link.online:
            return
        if triggered:
            self.boot_reason = BootReason.TRIGGERED
        sent = self.link.call("BootNotification", self.dialect.boot(self), self._booted)
        self._booting = sent is not None

    def heartbeat(self, *, triggered: bool = False) -> None:
        """Send a Heartbeat."""
        self.say("Heartbeat", b"{}", triggered=triggered)

    def present(self, *, anew: bool) -> None:
        """It may speak now, for the first time or again: tell what there is to tell."""
        self._heartbeat_at = self.clock.now() + self.heartbeat_interval()
        self.pump()

    def heartbeat_interval(self) -> float:
        """Seconds between two heartbeats; never where the CSMS wants none."""
        return self.configuration.number("OCPPCommCtrlr.HeartbeatInterval") or NEVER

    def beat_anew(self) -> None:
        """The interval was changed: count from now."""
        self._heartbeat_at = self.clock.now() + self.heartbeat_interval()
        self.poke()

    def restarted(self, reason: BootReason) -> None:
        """Forget what a start forgets."""
        self.registration = None
        self.boot_reason = reason
        self._boot_at = self._heartbeat_at = NEVER

    def _booted(self, answer: Answer) -> None:
        self._booting = False
        if answer.lost:
            return
        now = self.clock.now()
        if answer.payload is None:
            self._boot_at = now + _BOOT_AGAIN_S
            self.poke()
            return
        try:
            boot = self.dialect.booted(answer.payload)
        except Refusal as refusal:
            self.link.reject_result(answer.id, refusal)
            self._boot_at = now + _BOOT_AGAIN_S
            return
        self.registration = boot.status
        if boot.status is Registration.ACCEPTED:
            self._set_clock(boot.now)
            if boot.interval_s > 0:
                self.configuration.put("OCPPCommCtrlr.HeartbeatInterval", f"{boot.interval_s:.0f}")
            self.present(anew=True)
        else:
            self._boot_at = now + (boot.interval_s or _BOOT_AGAIN_S)
        self.poke()

    def _set_clock(self, wall: float) -> None:
        """Learn the time, unless simulated time runs on its own: it would jump at each boot."""
        if self.clock.speed != 1.0 or not self.manners.learns_time:
            return
        error = wall - self.wall(self.clock.now())
        if abs(error) > _CLOCK_TOLERANCE_S:
            self.offset += error

    # Messages that must arrive

    def pump(self) -> None:
        """Send the next message of the queue."""
        if not self.accepted or (message := self.queue.take(self.clock.now())) is None:
            return
        if message.payload is None:
            message.payload = message.build()
            message.id = self.link.new_id()
        on_answer = partial(self._delivered, message)
        sent = self.link.call(message.action, message.payload, on_answer, message.id)
        if sent is None:
            self.queue.interrupted()
            return
        now = self.clock.now()
        if message.record is None:
            message.record = Record(self.spec.id, sent, message.action, message.payload, now)
            if self._keep and message.transaction is not None:
                message.transaction.messages.append(message.record)
        message.record.sent_at = now
        if self._recorder is not None:
            self._recorder(message.record)

    def _delivered(self, message: Pending, answer: Answer) -> None:
        if answer.lost:
            return  # `closed` follows
        record = message.record
        assert record is not None
        if answer.payload is not None:
            record.answered_at = self.clock.now()
            record.answer = answer.payload
            self.queue.done()
            self._take(message, answer)
        else:
            record.error = answer.code or "no answer"
            name = "OCPPCommCtrlr.MessageAttempt"
            if self.queue.failed(
                self.clock.now(),
                self.configuration.number(f"{name}s[TransactionEvent]"),
                self.configuration.number(f"{name}Interval[TransactionEvent]"),
            ):
                message.given_up()
        if self._recorder is not None:
            self._recorder(record)
        self.pump()
        self.poke()

    def _take(self, message: Pending, answer: Answer) -> None:
        try:
            message.answered(answer.payload or b"{}")
        except Refusal as refusal:
            self.link.reject_result(answer.id, refusal)

    # What is due

    def keep_up(self, now: float, t: float) -> float:
        """Do what is due; the next simulated instant at which something will be."""
        self.link.tick(now)
        if self._boot_at <= t:
            self.boot()
        if self._heartbeat_at <= t:
            self._heartbeat_at = t + self.heartbeat_interval()
            self.heartbeat()
        if self.manners:
            self._misbehave(t)
        self.pump()
        soonest = min(
            self._boot_at if self.link.online else NEVER,
            self._heartbeat_at,
            self.queue.due() if self.accepted else NEVER,
        )
        return min(soonest, self._junk_at, self._drop_at, self._storm_at)

    def _first(self, trait: str, now: float) -> float:
        every = self.manners.most(trait)
        return now + every if every else NEVER

    def _misbehave(self, t: float) -> None:
        if self._junk_at <= t:
            self._junk_at = t + self.manners.most("frames_every_s")
            for frame in self.manners.frames(self.link.new_id()):
                self.link.send_raw(frame)
        if self._drop_at <= t:
            self._drop_at = t + self.manners.most("drops_every_s")
            self.link.drop(abrupt=True)
        if self._storm_at <= t:
            self._storm_at = t + self.manners.most("boots_every_s")
            self.boot()


def _nothing() -> None:
    """Nobody waits for a change."""


def _ignore(_: Answer) -> None:
    """An answer that changes nothing."""
