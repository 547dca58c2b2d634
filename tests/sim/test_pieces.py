"""The smaller parts of a station, each on its own."""

import asyncio

import pytest

from voltkeep.ocpp.v21 import ChargingStateEnum as State
from voltkeep.ocpp.v21 import ReasonEnum as Reason
from voltkeep.ocpp.v21 import TransactionEventEnum as Phase
from voltkeep.ocpp.v21 import TriggerReasonEnum as Trigger
from voltkeep.sim.authorization import Authorizer
from voltkeep.sim.battery import Battery, Vehicle
from voltkeep.sim.clock import NEVER, Clock, Ticker, seconds, timestamp
from voltkeep.sim.configuration import BY_KEY, BY_VARIABLE, Configuration, Outcome, find
from voltkeep.sim.dialect import Verdict
from voltkeep.sim.link import BackOff
from voltkeep.sim.meter import Meter
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.queue import Pending, TransactionQueue
from voltkeep.sim.spec import StationSpec
from voltkeep.sim.transaction import Admission, Fact, Reservation, Token

T0 = 1_800_000_000.0


class TestOutlet:
    """The state machine of an outlet, without a wire."""

    def make(self, **configuration):
        self.facts: list[Fact] = []
        return Outlet(
            1,
            phases=3,
            dc=False,
            max_power_w=11_000,
            configuration=Configuration(configuration),
            tell=lambda _, fact: self.facts.append(fact),
            now=T0,
        )

    def told(self):
        return [(fact.phase, fact.trigger, fact.state) for fact in self.facts]

    def test_the_relay_closes_a_second_after_both_cable_and_token(self):
        outlet = self.make()
        outlet.plug(T0)
        outlet.admit(T0 + 5, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.advance(T0 + 100)

        assert self.told() == [
            (Phase.STARTED, Trigger.AUTHORIZED, State.EV_CONNECTED),
            (Phase.UPDATED, Trigger.CHARGING_STATE_CHANGED, State.CHARGING),
        ]
        assert [fact.at for fact in self.facts] == [T0 + 5, T0 + 6]
        assert outlet.meter.energy_wh == pytest.approx(11_000 * 94 / 3600)

    def test_the_meter_is_read_on_the_grid_of_the_interval(self):
        outlet = self.make(MeterValueSampleInterval="60")
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.plug(T0 + 7)

        outlet.sample_until(T0 + 200)  # long after they were due

        samples = [fact for fact in self.facts if fact.trigger is Trigger.METER_VALUE_PERIODIC]
        assert [fact.at - T0 for fact in samples] == [67, 127, 187]
        registers = [fact.readings[0].value for fact in samples]
        assert registers[1] - registers[0] == pytest.approx(11_000 / 60, abs=0.2)
        assert self.facts[0].trigger is Trigger.CABLE_PLUGGED_IN

    def test_a_single_phase_car_gets_one_phase(self):
        outlet = self.make()
        outlet.plug(T0, Vehicle(Battery(), ac_power_w=7_400, ac_phases=1))
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.advance(T0 + 10)

        assert outlet.meter.power_w == pytest.approx(11_000 / 3)

    def test_less_than_six_amperes_is_nothing(self):
        outlet = self.make()
        outlet.plug(T0)
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.limit_w = 5.9 * 3 * 230
        outlet.advance(T0 + 10)

        assert outlet.state() is State.SUSPENDED_EVSE
        outlet.limit_w = 6.0 * 3 * 230
        outlet.advance(T0 + 20)
        assert outlet.state() is State.CHARGING

    def test_an_energy_transfer_starts_where_that_is_the_point(self):
        outlet = self.make(
            **{"TxCtrlr.TxStartPoint": "EnergyTransfer", "TxCtrlr.TxStopPoint": "EVConnected"}
        )
        outlet.plug(T0)
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        assert self.facts == []

        outlet.advance(T0 + 10)
        outlet.withdraw(T0 + 20, Trigger.STOP_AUTHORIZED, Reason.LOCAL, Token("T"))
        outlet.unplug(T0 + 30)

        assert [fact.phase for fact in self.facts] == [Phase.STARTED, Phase.UPDATED, Phase.ENDED]
        assert self.facts[-1].transaction.stop_reason is Reason.EV_DISCONNECTED

    def test_an_authorization_may_start_before_the_cable(self):
        outlet = self.make(
            **{"TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": "Authorized"}
        )
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.withdraw(T0 + 60, Trigger.EV_CONNECT_TIMEOUT, Reason.TIMEOUT)

        assert self.told() == [
            (Phase.STARTED, Trigger.AUTHORIZED, State.IDLE),
            (Phase.ENDED, Trigger.EV_CONNECT_TIMEOUT, State.IDLE),
        ]

    def test_a_fault_ends_the_transaction(self):
        outlet = self.make()
        outlet.plug(T0)
        outlet.admit(T0, Admission(Token("T")), Trigger.AUTHORIZED)
        outlet.fail(T0 + 10, "GroundFailure")

        assert self.facts[-1].trigger is Trigger.ABNORMAL_CONDITION
        assert outlet.transaction is None
        assert outlet.meter.power_w == 0.0


class TestQueue:
    """Messages that must arrive."""

    def make(self, *names):
        queue = TransactionQueue()
        for name in names:
            queue.add(Pending(name, bytes, lambda _: None, lambda: None))
        return queue

    def test_one_at_a_time_in_order(self):
        queue = self.make("a", "b")

        assert queue.take(0).action == "a"
        assert queue.take(0) is None
        queue.done()
        assert queue.take(0).action == "b"

    def test_a_failure_waits_longer_each_time_and_then_gives_up(self):
        """E13.FR.03, E13.FR.04."""
        queue = self.make("a", "b")

        queue.take(0)
        assert queue.failed(100, attempts=3, interval=10) is False
        assert queue.take(109) is None
        assert queue.due() == 110
        assert queue.take(110).action == "a"
        assert queue.failed(110, attempts=3, interval=10) is False
        assert queue.take(129) is None
        assert queue.take(130).action == "a"
        assert queue.failed(130, attempts=3, interval=10) is True
        assert queue.take(130).action == "b"

    def test_a_lost_connection_is_no_failure(self):
        queue = self.make("a")

        for _ in range(10):
            assert queue.take(0).tries == 0
            queue.interrupted()
        assert len(queue) == 1
        assert queue.due() == 0.0


class TestAuthorizer:
    """Who may charge."""

    def make(self, answer, **configuration):
        self.asked: list[Token] = []

        def ask(token, then):
            self.asked.append(token)
            if answer == "offline":
                return False
            then(answer)
            return True

        return Authorizer(Configuration(configuration), ask)

    def verdict(self, authorizer, value="T", **outlet):
        verdicts: list[Verdict] = []
        place = TestOutlet().make()
        place.reservation = outlet.get("reservation")
        authorizer.identify(place, Token(value), verdicts.append)
        return verdicts[0].status

    def test_who_is_known_need_not_be_asked_about(self):
        """LocalPreAuthorize; C13.FR.02 and C14 in 2.x."""
        authorizer = self.make(Verdict("Blocked"), LocalPreAuthorize="true")
        authorizer.learn(Token("T"), Verdict("Accepted"))

        assert self.verdict(authorizer) == "Accepted"
        assert self.asked == []

    def test_the_csms_is_asked_even_about_whom_the_cache_refuses(self):
        authorizer = self.make(Verdict("Accepted"), LocalPreAuthorize="true")
        authorizer.learn(Token("T"), Verdict("Blocked"))

        assert self.verdict(authorizer) == "Accepted"

    def test_no_answer_is_like_no_connection(self):
        authorizer = self.make(None)
        authorizer.learn(Token("T"), Verdict("Accepted"))

        assert self.verdict(authorizer) == "Accepted"
        assert self.verdict(authorizer, "U") == "Unknown"

    def test_offline_anyone_may_where_the_operator_says_so(self):
        authorizer = self.make("offline", AllowOfflineTxForUnknownId="true")

        assert self.verdict(authorizer) == "Accepted"

    def test_offline_nobody_may_where_the_operator_says_so(self):
        authorizer = self.make("offline", LocalAuthorizeOffline="false")
        authorizer.learn(Token("T"), Verdict("Accepted"))

        assert self.verdict(authorizer) == "Unknown"

    @pytest.mark.parametrize(
        ("group", "expected"), [(None, "NotAtThisLocation"), ("G", "Accepted")]
    )
    def test_a_reservation_is_for_a_token_or_its_group(self, group, expected):
        authorizer = self.make(Verdict("Accepted", "G"))
        reserved = Reservation(1, "OTHER", T0, group)

        assert self.verdict(authorizer, reservation=reserved) == expected
        assert self.verdict(authorizer, "other", reservation=reserved) == "Accepted"


def test_a_meter_shows_what_it_is_asked_for():
    meter = Meter(phases=3, phases_used=1, energy_wh=1234.56, power_w=2_300.0)

    readings = meter.read(("Energy.Active.Import.Register", "Current.Import", "Mass", "SoC"), 0.5)

    assert [(r.measurand, r.value, r.unit, r.phase) for r in readings] == [
        ("Energy.Active.Import.Register", 1234.6, "Wh", None),
        ("Current.Import", 10.0, "A", "L1"),
        ("Current.Import", 0.0, "A", "L2"),
        ("Current.Import", 0.0, "A", "L3"),
        ("SoC", 50.0, "Percent", None),
    ]


def test_a_meter_of_direct_current_has_no_phases():
    meter = Meter(dc=True, power_w=40_000.0)

    readings = meter.read(
        ("Current.Import", "Voltage", "Power.Offered", "Current.Offered"), 0.5, 50_000
    )

    assert [(r.value, r.phase) for r in readings] == [
        (100.0, None),
        (400.0, None),
        (50_000, None),
        (125.0, None),
    ]


def test_each_setting_has_one_name_in_each_version():
    names = [setting.name for setting in (*BY_KEY.values(), *BY_VARIABLE.values())]

    assert all(find(name).name == name for name in names)
    assert find("heartbeatinterval").name == "OCPPCommCtrlr.HeartbeatInterval"
    with pytest.raises(KeyError, match="NoSuchSetting"):
        Configuration({"NoSuchSetting": "1"})


def test_each_default_fits_its_setting():
    assert [s.name for s in BY_VARIABLE.values() if not s.fits(s.default)] == []


def test_what_is_read_only_cannot_be_set():
    configuration = Configuration({})

    assert configuration.change(find("NumberOfConnectors"), "5") is Outcome.REJECTED
    assert configuration.change(find("ConnectionTimeOut"), "5") is Outcome.ACCEPTED
    assert configuration.number("TxCtrlr.EVConnectionTimeOut") == 5


def test_the_wait_doubles_and_stops_doubling():
    """OCPP-J 2.0.1, section 5.3."""
    back_off = BackOff(minimum=10, random_range=0, repeat=3)

    assert [back_off.wait(n) for n in range(6)] == [10, 20, 40, 80, 80, 80]
    assert 10 <= BackOff(10, 5, 3).wait(0) <= 15


def test_an_id_is_percent_encoded_in_the_address():
    """OCPP-J, section 3.1.1."""
    spec = StationSpec(id="RDAM 12/3", version="1.6,ocpp2.1", url="ws://host/ocpp/")

    assert spec.address == "ws://host/ocpp/RDAM%2012%2F3"
    assert spec.subprotocols == ("ocpp1.6", "ocpp2.1")


def test_a_password_is_not_printed():
    assert "secret" not in repr(StationSpec(id="A", version="1.6", url="", password="secret"))


def test_a_clock_runs_at_its_speed():
    clock = Clock(speed=1_000.0, start=T0)
    before = clock.monotonic()
    now = clock.now()
    after = clock.monotonic()

    assert T0 <= now <= T0 + (after - before + 1.0) * 1_000.0
    assert clock.real(500.0) == 0.5


def test_timestamps_go_there_and_back():
    assert timestamp(T0 + 0.1234567).isoformat() == "2027-01-15T08:00:00.123000+00:00"
    assert seconds(timestamp(T0)) == T0
    assert seconds(timestamp(T0).replace(tzinfo=None)) == T0  # naive is read as UTC


class Member:
    def __init__(self, *, fails=False):
        self.due = 0.0
        self.fails = fails
        self.ticked = asyncio.Event()

    def tick(self, now):
        self.due = NEVER
        self.ticked.set()
        if self.fails:
            raise ZeroDivisionError


async def test_one_stuck_member_does_not_stop_the_others(caplog):
    ticker = Ticker(period=0.001)
    stuck, well = Member(fails=True), Member()

    ticker.add(stuck)
    ticker.add(well)
    await well.ticked.wait()
    well.ticked.clear()
    stuck.due = well.due = 0.0
    await well.ticked.wait()

    assert stuck.due == 0.0  # left alone since it failed
    assert "stuck" in caplog.text
    ticker.remove(well)
