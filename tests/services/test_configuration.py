"""What stations say of their variables is kept, bounded; what is written is told one by one."""

import pytest

from tests.services.devices import NOON, STATION, Devices, value
from voltkeep.domain.commands import ReadVariables, WriteVariables
from voltkeep.domain.device_model import ReportBase, ReportState, told, variable
from voltkeep.domain.events import ConfigurationReported
from voltkeep.services import device_model
from voltkeep.services.configuration import UnsafeWrite
from voltkeep.services.ports import (
    CommandUnfit,
    StationOffline,
    StationSilent,
    Superseded,
)
from voltkeep.services.provisioning import UnknownStation


@pytest.fixture
async def devices():
    them = Devices()
    await them.add()
    return them


def names(count):
    return [variable(f"C.V{n}") for n in range(count)]


async def said_of(devices):
    _, components = await devices.configuration.known(STATION)
    return sorted(each.name for component in components for each in component.variables)


# --- asking --------------------------------------------------------------------------------------


async def test_no_more_is_read_at_once_than_the_station_allows(devices):
    """B06.FR.05."""
    devices.allows(read=4, written=2)
    await devices.configuration.read(STATION, names(9))

    assert devices.sizes(ReadVariables) == [1, 1, 4, 4, 1]
    devices.asked.clear()
    await devices.configuration.read(STATION, names(9))
    assert devices.sizes(ReadVariables) == [4, 4, 1]


async def test_a_passive_station_is_asked_for_nothing_but_what_a_person_asks_for(devices):
    async with devices.store.begin() as work:
        await work.stations.set_passive(STATION, passive=True)

    await devices.configuration.read(STATION, names(9))

    assert devices.sizes(ReadVariables) == [9]


@pytest.mark.parametrize("text", ["0", "-1", "many", "9" * 30, "", "٣"])
async def test_a_nonsensical_limit_is_no_endless_loop(devices, text):
    devices.allows(read=text, written=text)

    said = await devices.configuration.read(STATION, names(30))

    assert len(said) == 30
    assert len(devices.asked) <= 32


async def test_what_the_station_does_not_answer_is_told_so(devices):
    devices.send = lambda *_: _nothing()

    (said,) = await devices.configuration.read(STATION, names(1))

    assert (said.status, said.reason) == ("", "it was not answered")


async def _nothing():
    from voltkeep.domain.commands import Outcome, VariablesTold  # noqa: PLC0415  # the only use

    return Outcome(accepted=True, told=VariablesTold((told(variable("Not.Asked"), "1"),)))


async def test_values_are_written_together_as_far_as_the_station_allows(devices):
    """B05.FR.11."""
    devices.allows(read=9, written=2)
    await devices.configuration.read(STATION, names(2))

    said = await devices.configuration.write(STATION, [value(f"C.V{n}", "1") for n in range(5)])

    assert devices.sizes(WriteVariables) == [2, 2, 1]
    assert [each.status for each in said] == ["Accepted"] * 5


async def test_what_cannot_be_said_together_is_said_one_by_one(devices):
    """It spoke another version when it told how much it takes."""
    devices.allows(read=9, written=5)
    await devices.configuration.read(STATION, names(2))
    devices.one_at_a_time = True

    said = await devices.configuration.write(STATION, [value(f"C.V{n}", "1") for n in range(3)])

    assert [each.status for each in said] == ["Accepted"] * 3


async def test_a_station_that_falls_silent_midway_is_told_for_each_value(devices):
    devices.failures = [None, StationSilent("in 30 s")]

    said = await devices.configuration.write(STATION, [value(f"C.V{n}", "1") for n in range(4)])

    assert [each.status for each in said] == ["Accepted", "silent", "silent", "silent"]
    assert devices.sizes(WriteVariables) == [1, 1]
    devices.failures = [StationOffline("away")]
    with pytest.raises(StationOffline):
        await devices.configuration.write(STATION, [value("C.V1", "1")])


async def test_nothing_is_sent_if_one_of_the_values_is_unsafe(devices):
    values = [value("C.V1", "1"), value("SecurityCtrlr.BasicAuthPassword", "x")]
    with pytest.raises(UnsafeWrite, match="rotate-key"):
        await devices.configuration.write(STATION, values)

    assert devices.asked == []


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_number_of_variables_that_nobody_means_is_refused(devices, count):
    with pytest.raises(CommandUnfit):
        await devices.configuration.read(STATION, names(count))
    with pytest.raises(CommandUnfit):
        await devices.configuration.write(STATION, [value(f"C.V{n}", "1") for n in range(count)])
    with pytest.raises(UnknownStation):
        await devices.configuration.ask_report(STATION._replace(name="NONE"))


async def test_each_write_is_audited_and_no_secret_with_it(devices):
    devices.words = {"c.v2": "Rejected"}
    await devices.configuration.write(
        STATION, [value("C.V1", "1"), value("C.V2", "2"), value("C.WifiPassword", "hunter22")]
    )
    await devices.configuration.write(STATION, [value("C.V1", "9")])

    async with devices.store.read() as work:
        deeds = [each.deed for each in await work.audit.since(STATION.tenant)]
    assert [(deed.before, deed.after, deed.result) for deed in deeds] == [
        ("", "C.V1 = 1", "Accepted"),
        ("", "C.V2 = 2", "Rejected"),
        ("", "C.WifiPassword = ***", "Accepted"),
        ("1", "C.V1 = 9", "Accepted"),
    ]
    assert "hunter22" not in repr((devices.store._state, devices.store.published))


# --- what waits for a reboot ---------------------------------------------------------------------


async def test_a_value_that_needs_a_reboot_is_in_use_after_the_next_boot(devices):
    devices.has(C__V="1")
    await devices.configuration.read(STATION, [variable("C.V")])
    devices.words = {"c.v": "RebootRequired"}
    await devices.configuration.write(STATION, [value("C.V", "2")])
    devices.start_server()

    state, (station, _) = await devices.state("C.V"), await devices.configuration.known(STATION)
    assert state.needs_reboot(station.booted_at)
    assert (state.actual(station.booted_at), state.pending) == ("1", "2")

    await devices.boots()
    station, _ = await devices.configuration.known(STATION)
    assert not state.needs_reboot(station.booted_at)
    assert state.actual(station.booted_at) == "2"

    await devices.configuration.read(STATION, [variable("C.V")])  # it says 1 all the same
    state = await devices.state("C.V")
    assert state.actual(station.booted_at) == "1"


async def test_reading_before_the_reboot_does_not_forget_what_waits(devices):
    devices.has(C__V="1")
    devices.words = {"c.v": "RebootRequired"}
    await devices.configuration.write(STATION, [value("C.V", "2")])
    await devices.configuration.read(STATION, [variable("C.V")])
    assert (await devices.state("C.V")).pending == "2"

    devices.words = {}
    await devices.configuration.write(STATION, [value("C.V", "3")])
    state = await devices.state("C.V")
    assert (state.value, state.pending) == ("3", None)


# --- reports -------------------------------------------------------------------------------------


async def asked(devices, **more):
    report, _ = await devices.configuration.ask_report(STATION, **more)
    return report.id


async def state_of(devices, id):
    return (await devices.configuration.report(STATION, id)).state


async def test_a_report_is_complete_once_every_part_is_here_whatever_their_order(devices):
    """B07: seqNo and tbc; parts are repeated, and a server restarts between them."""
    id = await asked(devices)
    await devices.reports(id, 2, {"C.V2": "2"}, is_last=True)
    assert await state_of(devices, id) is ReportState.COMING
    await devices.reports(id, 2, {"C.V2": "2"}, is_last=True)
    devices.start_server()
    await devices.reports(id, 0, {"C.V0": "0"})
    assert await state_of(devices, id) is ReportState.COMING
    await devices.reports(id, 1, {"C.V1": "1"})

    await devices.reports(id, 1, {"C.V1": "1"})

    report = await devices.configuration.report(STATION, id)
    assert (report.state, report.variables) == (ReportState.COMPLETE, 3)
    assert await said_of(devices) == ["V0", "V1", "V2"]
    done = [e for e in devices.store.published if isinstance(e, ConfigurationReported)]
    assert len(done) == 1


async def test_a_report_that_never_ends_is_unfinished_and_what_came_is_kept(devices):
    id = await asked(devices)
    await devices.reports(id, 0, {"C.V0": "0"})
    devices.later(minutes=11)

    report = await devices.configuration.report(STATION, id)

    assert report.state is ReportState.UNFINISHED
    assert "1 parts" in report.problem
    assert await said_of(devices) == ["V0"]
    await devices.reports(id, 1, {"C.V1": "1"}, is_last=True)  # late is better than never
    assert await state_of(devices, id) is ReportState.COMPLETE


async def test_what_a_full_report_does_not_tell_of_is_gone_but_not_after_part_of_one(devices):
    for base, left in ((ReportBase.CONFIGURATION, ["V0", "V1"]), (ReportBase.FULL, ["V1"])):
        await devices.reports(7, 0, {"C.V0": "0", "C.V1": "1"}, is_last=True)
        devices.later(minutes=1)
        id = await asked(devices, base=base)
        await devices.reports(id, 0, {"C.V1": "1"}, is_last=True)
        assert await said_of(devices) == left


async def test_a_report_nobody_asked_for_is_true_all_the_same(devices):
    await devices.reports(4711, 0, {"C.V0": "0"})

    assert await said_of(devices) == ["V0"]
    assert await devices.configuration.reports(STATION) == []


async def test_only_the_last_reports_are_kept(devices):
    ids = [await asked(devices) for _ in range(8) if not devices.later(seconds=1)]

    kept = await devices.configuration.reports(STATION)

    assert [each.id for each in kept] == ids[:-6:-1]


async def test_a_connection_that_is_over_reports_nothing(devices):
    old = devices.sender()
    await devices.add()  # connects again

    with pytest.raises(Superseded):
        await devices.configuration.reported(old, 1, 0, [told(variable("C.V"), "1")], is_last=True)


async def test_waiting_for_a_report_ends_in_time(devices):
    id = await asked(devices)
    report = await devices.configuration.report(STATION, id)

    assert (await devices.configuration.wait(report, 0.01)).state is ReportState.ASKED
    await devices.reports(id, 0, {"C.V": "1"}, is_last=True)
    assert (await devices.configuration.wait(report, 5)).state is ReportState.COMPLETE


# --- what must not be kept -----------------------------------------------------------------------


async def test_no_station_has_more_variables_than_are_kept(devices, monkeypatch):
    """Security, section 2.8: rows made of what stations say are bounded."""
    monkeypatch.setattr(device_model, "MOST_COMPONENTS", 3)
    monkeypatch.setattr(device_model, "MOST_OF_A_COMPONENT", 4)
    monkeypatch.setattr(device_model, "MOST_VARIABLES", 6)
    id = await asked(devices)

    await devices.reports(id, 0, {f"A.V{n}": "1" for n in range(9)})
    await devices.reports(id, 1, {f"{c}.V{n}": "1" for c in "BCDE" for n in range(2)})
    devices.start_server()  # it counts anew
    await devices.reports(id, 2, {"B.V9": "1", "A.V0": "2"}, is_last=True)

    assert len(await said_of(devices)) == 6
    assert (await devices.state("A.V0")).value == "2"
    report = await devices.configuration.report(STATION, id)
    assert report.dropped == 5 + 6 + 1


async def test_no_station_has_more_components_than_are_kept(devices, monkeypatch):
    monkeypatch.setattr(device_model, "MOST_COMPONENTS", 3)

    await devices.reports(1, 0, {f"C{n}.V": "1" for n in range(9)})

    _, components = await devices.configuration.known(STATION)
    assert [each.id for each in components] == ["c0", "c1", "c2"]


async def test_no_secret_is_kept_whatever_it_is_called(devices):
    await devices.reports(
        1,
        0,
        {
            "SecurityCtrlr.BasicAuthPassword": "s3cret",
            "AuthorizationKey": "s3cret",
            "Modem.ApiKey": "s3cret",
            "Proxy.Url": "http://me:s3cret@192.0.2.1/",
        },
    )

    assert "s3cret" not in repr(devices.store._state)
    assert (await devices.state("Proxy.Url")).value == "http://***@192.0.2.1/"


async def test_what_is_known_has_its_age_and_goes_with_its_station(devices):
    await devices.reports(1, 0, {"C.V0": "0"})
    assert (await devices.state("C.V0")).at == NOON
    async with devices.store.begin() as work:
        await work.stations.remove(STATION)
        assert await work.variables.of(STATION) == []
