"""Stations are held to templates: the closest one wins, and only what differs is written."""

import asyncio

import pytest

from tests.services.devices import MAKE, NOON, STATION, Devices, value
from voltkeep.domain.commands import WriteVariables
from voltkeep.domain.configuration import MakePrefix, Template
from voltkeep.domain.device_model import Attribute
from voltkeep.domain.events import StationBooted
from voltkeep.domain.identity import StationId, TenantId, station_id
from voltkeep.domain.stations import Registration
from voltkeep.services.configuration import UnsafeWrite
from voltkeep.services.ports import StationSilent
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.templates import BadTemplate, TemplateExists, UnknownTemplate

TENANT = STATION.tenant


@pytest.fixture
def devices():
    return Devices()


def template(name, *values, **more):
    return Template(
        station=StationId(TENANT, ""),
        id=name,
        at=NOON,
        values=tuple(value(of, text) for of, text in values),
        **more,
    )


def wants(drift):
    return {str(each.wanted.variable): each.wanted.value for each in drift.drift}


async def test_the_closest_template_wins_and_of_equal_ones_the_first_by_name(devices):
    await devices.add(site="north")
    templates = devices.templates
    acme = (MakePrefix(vendor="acme", model="Wallbox", firmware="1."),)
    await templates.add(template("make", ("C.A", "make"), ("C.D", "make"), makes=acme))
    await templates.add(template("site-2", ("C.A", "2"), ("C.B", "2"), sites=("north",)))
    await templates.add(template("site-1", ("C.A", "1"), ("C.B", "1"), sites=("north",)))
    await templates.add(template("own", ("C.A", "own")))
    await templates.add(template("others", ("C.X", "x"), sites=("south",)))
    newer = (MakePrefix(vendor="Acme", firmware="2."),)
    await templates.add(template("newer", ("C.X", "x"), makes=newer))
    await templates.assign("own", STATION)

    drift = await templates.drift(STATION)

    assert wants(drift) == {"C.A": "own", "C.B": "1", "C.D": "make"}
    assert wants(await templates.drift(STATION, "others")) == {"C.X": "x"}


async def test_how_a_variable_differs(devices):
    await devices.add()
    await devices.templates.add(
        template(
            "t",
            *((f"C.{name}", "1") for name in ("Same", "Other", "Fixed", "Later", "Gone", "New")),
        )
    )
    await devices.templates.assign("t", STATION)
    await devices.reports(1, 0, {"C.Same": "1.0", "C.Other": "2", "C.Later": "2"})
    await devices.reports(1, 1, {"C.Fixed": "2"}, read_only=True)
    await devices.reports(1, 2, {"C.Gone": None}, status="UnknownVariable")
    devices.words = {"c.later": "RebootRequired"}
    await devices.configuration.write(STATION, [value("C.Later", "1")])

    drift = await devices.templates.drift(STATION)

    assert {each.wanted.variable.name: each.kind.value for each in drift.drift} == {
        "Other": "different",
        "Fixed": "read-only",
        "Later": "reboot-required",
        "Gone": "missing",
        "New": "unread",
    }
    await devices.boots()
    drift = await devices.templates.drift(STATION)
    assert "Later" not in {each.wanted.variable.name for each in drift.drift}


async def test_only_what_differs_is_written_and_then_nothing_any_more(devices):
    await devices.add()
    devices.has(C__A="1", C__B="1", C__Gone="1")
    del devices.values["c.gone"]
    await devices.templates.add(template("t", ("C.A", "1"), ("C.B", "2"), ("C.Gone", "3")))

    applied = await devices.templates.apply(STATION, "t")

    assert [(str(w.variable), w.status) for w in applied.written] == [("C.B", "Accepted")]
    assert [each.kind.value for each in applied.left] == ["missing"]
    devices.asked.clear()
    again = await devices.templates.apply(STATION, "t")
    assert again.written == ()
    assert devices.sizes(WriteVariables) == []


async def test_other_attributes_are_compared_by_themselves(devices):
    await devices.add()
    limit = value("C.A", "9", attribute=Attribute.MAX_SET)
    await devices.templates.add(
        Template(station=StationId(TENANT, ""), id="t", at=NOON, values=(limit,))
    )
    await devices.reports(1, 0, {"C.A": "9"})
    assert len((await devices.templates.drift(STATION, "t")).drift) == 1

    await devices.reports(1, 1, {"C.A": "9.0"}, attribute=Attribute.MAX_SET)
    assert (await devices.templates.drift(STATION, "t")).drift == ()


async def test_what_cannot_be_a_template_is_refused(devices):
    await devices.add()
    add = devices.templates.add
    for bad in (
        template("no/name", ("C.A", "1")),
        template("", ("C.A", "1")),
        template("none"),
        template("twice", ("C.A", "1"), ("c.a", "2")),
        template("many", *((f"C.V{n}", "1") for n in range(1001))),
        template("secret", ("C.WifiPassword", "hunter22")),
        template("address", ("C.Proxy", "http://me:hunter22@192.0.2.1")),
    ):
        with pytest.raises(BadTemplate):
            await add(bad)
    with pytest.raises(UnsafeWrite):
        await add(template("key", ("AuthorizationKey", "00")))
    await add(template("t", ("C.A", "1")))
    with pytest.raises(TemplateExists):
        await add(template("t", ("C.A", "1")))
    for deed in (
        devices.templates.replace(template("none", ("C.A", "1"))),
        devices.templates.remove(TENANT, "none"),
        devices.templates.remove(TenantId("acme"), "t"),
        devices.templates.assign("none", STATION),
        devices.templates.apply(STATION, "none"),
    ):
        with pytest.raises(UnknownTemplate):
            await deed
    with pytest.raises(UnknownStation):
        await devices.templates.assign("t", station_id("NONE"))


async def test_a_template_that_is_removed_is_for_nobody_even_if_it_comes_again(devices):
    await devices.add()
    for _ in range(2):
        await devices.templates.add(template("t", ("C.A", "1")))
        assert (await devices.templates.drift(STATION)).wanted == 0
        await devices.templates.assign("t", STATION)
        assert (await devices.templates.drift(STATION)).wanted == 1
        assert await devices.templates.assigned(TENANT, "t") == [STATION]
        await devices.templates.remove(TENANT, "t")

    async with devices.store.read() as work:
        deeds = [each.deed.action for each in await work.audit.since(TENANT)]
    assert deeds == ["template.added", "template.assigned", "template.removed"] * 2


async def test_the_drift_of_the_fleet_comes_in_pages_and_only_of_who_has_a_template(devices):
    await devices.add(*(f"CS-{n}" for n in range(1, 6)), site="north")
    await devices.add("CS-6", site="south")
    await devices.templates.add(template("t", ("C.A", "1"), sites=("north", "south")))
    await devices.templates.unassign("t", STATION)

    first = await devices.templates.fleet(TENANT, limit=4, sites=("north",))
    rest = await devices.templates.fleet(TENANT, after=first.next, limit=4, sites=("north",))

    names = [each.station.name for each in first.stations + rest.stations]
    assert names == [f"CS-{n}" for n in range(1, 6)]
    assert (first.next, rest.next) == ("CS-4", "")


async def test_of_many_stations_one_that_fails_stops_no_other_and_few_are_asked_at_once(devices):
    await devices.add(*(f"CS-{n}" for n in range(1, 8)))
    await devices.templates.add(template("t", ("C.A", "1")))
    busy, most, plain = 0, 0, devices.send

    async def send(station, command, timeout=None):
        nonlocal busy, most
        busy, most = busy + 1, max(most, busy + 1)
        await asyncio.sleep(0)
        busy -= 1
        if station.name == "CS-3":
            raise StationSilent("in 30 s")
        return await plain(station, command)

    devices.send = send
    stations = [station_id(f"CS-{n}") for n in range(1, 8)] + [station_id("NONE")]
    done = dict(await devices.templates.apply_to(stations, "t", at_once=2))

    failed = {name.name for name, it in done.items() if isinstance(it, Exception)}
    assert (failed, most) == ({"CS-3", "NONE"}, 2)


@pytest.mark.parametrize(
    ("after_boot", "changes", "is_written"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"passive": True}, False),
        (True, {"registration": Registration.PENDING}, False),
    ],
)
async def test_templates_are_applied_after_a_boot_only_where_they_say_so(
    devices, after_boot, changes, is_written
):
    """A station that is passive, or not accepted, is sent nothing that nobody asked for."""
    await devices.add("CS-1", **changes)
    await devices.add("CS-2")
    devices.has(C__A="1")
    await devices.templates.add(template("t", ("C.A", "2"), after_boot=after_boot))
    await devices.templates.add(template("always", ("C.A", "2"), after_boot=True))
    await devices.templates.assign("t", STATION)
    await devices.templates.assign("always", station_id("CS-2"))
    is_done = asyncio.Event()
    plain = devices.send

    async def send(station, command, timeout=None):
        if station.name == "CS-2":
            is_done.set()
        return await plain(station, command)

    devices.send = send
    job = asyncio.create_task(devices.templates.run(after_s=0))
    for name in ("CS-1", "CS-2"):
        devices.values["c.a"] = "1"
        devices.templates.booted(
            StationBooted(
                station=station_id(name),
                at=NOON,
                make=MAKE,
                registration=Registration.ACCEPTED,
                reason="PowerUp",
            )
        )
    try:
        async with asyncio.timeout(5):
            await is_done.wait()
            await asyncio.sleep(0)
    finally:
        job.cancel()

    assert any(station == STATION for station, _ in devices.asked) == is_written
