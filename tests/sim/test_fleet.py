"""Many stations at once, their drivers, and the demo."""

import asyncio
import random

import pytest

from voltkeep.sim import (
    DEMO_STATIONS,
    DEMO_TOKENS,
    Fleet,
    FleetOptions,
    FleetStatus,
    Record,
    demo_fleet,
    run_fleet,
)
from voltkeep.sim.battery import Battery, Vehicle
from voltkeep.sim.demo import demo_specs, small_batteries
from voltkeep.sim.driver import Habits, Visit, charge
from voltkeep.sim.fleet import Latencies


@pytest.fixture
def version():
    """Fleets mix them."""
    return "1.6"


def options(csms, **changes):
    values = {"stations": 6, "url": csms.url, "duration_s": 3.0, "ramp_per_s": 100.0} | changes
    return FleetOptions(**values)


async def test_a_fleet_mixes_versions_charges_and_counts(csms):
    reports: list[FleetStatus] = []

    end = await run_fleet(
        options(csms, tokens=("T",), speed=600.0, stay_s=300.0, report_every_s=0.2),
        reports.append,
    )

    assert {c.subprotocol for c in csms.connections} == {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}
    assert {c.request.path for c in csms.connections} == {f"/ocpp/SIM-{n:04d}" for n in range(1, 7)}
    assert end.connected == end.booted == end.stations == 6
    assert end.transactions > 6
    assert max(report.charging for report in reports) > 1
    assert end.messages == pytest.approx(len(csms.heard), abs=6)
    assert 0.0 < end.p50_ms <= end.p95_ms <= end.p99_ms
    assert (end.errors, end.unanswered, end.refused) == (0, 0, 0)
    assert csms.refused == []


async def test_a_fleet_begins_as_busy_as_it_will_be(csms):
    """Or a look at it would show empty stations for half an hour."""
    end = await run_fleet(
        options(csms, tokens=("T",), speed=30.0, busy=0.99, meter_interval_s=600), lambda _: None
    )

    assert end.charging >= 5


async def test_a_fleet_leaves_when_its_time_is_over(csms):
    await run_fleet(options(csms, duration_s=0.5), lambda _: None)

    await csms.until(lambda: all(c.close_code == 1000 for c in csms.connections))
    assert len(csms.connections) == 6


async def test_a_fleet_without_tokens_only_stands_there(csms):
    end = await run_fleet(options(csms, speed=600.0, duration_s=1.0), lambda _: None)

    assert set(csms.actions()) == {"BootNotification", "StatusNotification", "Heartbeat"}
    assert end.transactions == 0


def test_stations_may_have_a_key_each():
    fleet = FleetOptions(stations=2, url="", password="all", keys={"SIM-0002": "its own"})

    assert [spec.password for spec in fleet.specs()] == ["all", "its own"]


async def test_a_fleet_says_why_it_cannot_connect(csms):
    csms.password = "another"

    end = await run_fleet(options(csms, password="wrong", duration_s=0.5), lambda _: None)

    assert end.refused == 6
    assert "401" in end.problem


async def test_a_fleet_counts_errors_and_silence(csms):
    fleet = Fleet(options(csms, misbehave=("extra-field",), stations=3).specs())
    csms.mute.add("StatusNotification")
    quiet = Fleet(options(csms, stations=3, id_prefix="Q").specs(), call_timeout=0.2)

    refused, silent = await asyncio.gather(fleet.run(1.0), quiet.run(1.0))

    assert refused.errors >= 3  # each BootNotification has a field too many
    assert refused.booted == 0
    assert silent.unanswered >= 3


async def test_every_message_about_a_transaction_is_recorded(csms):
    """What a crash checker compares with the database: sent, and answered or not."""
    ledger: dict[tuple[str, str], Record] = {}
    fleet = Fleet(
        options(csms).specs(),
        tokens=("T",),
        speed=600.0,
        habits=Habits(stay_s=300.0),
        recorder=lambda record: ledger.update({(record.station, record.id): record}),
    )

    await fleet.run(3.0)

    transactional = {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
    heard = {heard.id for heard in csms.heard if heard.action in transactional}
    assert {id for _, id in ledger} == heard
    answered = [record for record in ledger.values() if record.answered_at is not None]
    assert len(answered) >= len(ledger) - 6  # one may be under way at each station
    assert all(record.answer is not None for record in answered)
    assert all(record.answered_at >= record.sent_at for record in answered if record.answered_at)


async def test_a_driver_who_is_refused_leaves(csms, connect):
    csms.answers["Authorize"] = {"id_tag_info": {"status": "Expired"}}
    station = await connect(speed=600)

    await charge(station, 1, Visit("OLD", Vehicle(Battery()), 600.0), random.Random(1))

    outlet = station.core.outlets[1]
    assert (outlet.plugged, outlet.admission) == (False, None)
    assert csms.of("StartTransaction") == []


@pytest.mark.parametrize("seed", range(4))
async def test_a_driver_leaves_with_a_full_battery(csms, connect, seed):
    station = await connect(speed=600)
    small = Battery(capacity_wh=500.0, soc=0.8, max_power_w=11_000.0)

    await charge(station, 1, Visit("T", Vehicle(small), 1e6), random.Random(seed))
    await station.settled()

    assert small.full()
    assert len(csms.of("StartTransaction")) == len(csms.of("StopTransaction")) == 1
    assert csms.of("StopTransaction")[0]["reason"] in {"Local", "EVDisconnected"}
    assert csms.of("StatusNotification")[-1]["status"] == "Available"


def test_the_demo_is_mixed_in_version_and_size():
    specs = demo_specs("ws://localhost", {row.id: "key" for row in DEMO_STATIONS})

    assert len(specs) == 10
    assert {spec.version for spec in specs} == {"1.6", "2.0.1", "2.1"}
    sizes = {(spec.max_power_w, spec.dc, spec.connectors) for spec in specs}
    assert {7_400, 11_000, 22_000, 50_000, 150_000} == {power for power, _, _ in sizes}
    assert (150_000.0, True, 2) in sizes


def test_a_demo_charge_lasts_minutes():
    plan, rng = small_batteries(11_000.0, ("T",)), random.Random(0)

    for _ in range(50):
        gap, visit = plan(rng)
        battery, lasted = visit.vehicle.battery, 0
        while not battery.full():
            battery.charge(11_000.0, 1.0)
            lasted += 1
        assert 5 <= gap <= 25
        assert 60 <= lasted <= 600


async def test_the_demo_begins_at_once(csms):
    """The first car comes within two seconds, and a second station soon after."""
    keys = {row.id: "key" for row in DEMO_STATIONS}
    demo = asyncio.create_task(demo_fleet(csms.url, keys, DEMO_TOKENS, seed=3))
    try:
        async with asyncio.timeout(4):
            await csms.until(lambda: len(csms.connections) == 10)
            await csms.hear("Authorize")
    finally:
        demo.cancel()
        with pytest.raises(asyncio.CancelledError):
            await demo

    assert csms.refused == []
    await csms.until(lambda: all(c.close_code for c in csms.connections))


def test_percentiles_come_from_a_histogram_of_fixed_size():
    latencies = Latencies()
    for ms in range(1, 1001):
        latencies.add(ms / 1000)

    assert latencies.percentile(50) == pytest.approx(0.5, rel=0.11)
    assert latencies.percentile(99) == pytest.approx(0.99, rel=0.11)
    assert Latencies().percentile(99) == 0.0
