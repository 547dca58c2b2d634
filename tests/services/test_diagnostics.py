"""Logs are asked for, followed, and received once: N01."""

import contextlib
from itertools import permutations

import pytest

from tests.services.test_firmware import answers, sender
from tests.web.conftest import STATION, Place
from voltkeep.domain.commands import LogTold, Outcome
from voltkeep.domain.diagnostics import LogKind, LogState
from voltkeep.domain.identity import station_id
from voltkeep.services.diagnostics import UnknownLog
from voltkeep.services.ports import CommandUnfit, StationRefused, StationSilent
from voltkeep.services.provisioning import UnknownStation
from voltkeep.services.transfers import NoListener, TransferRefused

YES = Outcome(accepted=True, status="Accepted")


@pytest.fixture
async def place(tmp_path):
    place = Place(tmp_path)
    await place.add()
    return place


async def put(place, token, content=b"log"):
    async with place.diagnostics.receiving(token, "h") as file:
        await file.write(content)
        await file.keep()


def token(place):
    return place.stations.asked[-1].location.rpartition("/")[2]


async def last(place):
    return (await place.diagnostics.logs(STATION))[0]


@pytest.mark.parametrize("order", list(permutations(["Uploading", "file", "Uploaded"])))
async def test_file_and_words_come_in_any_order(place, order):
    await place.wanted()
    for what in order:
        if what == "file":
            await put(place, token(place))
        else:
            await place.diagnostics.log_status(sender(place), what, None)

    log, content = await place.arrived()

    assert (log.state, content) == (LogState.UPLOADED, b"log")


async def test_what_has_come_has_come_whatever_the_station_believes(place):
    await place.wanted()
    await put(place, token(place))

    await place.diagnostics.log_status(sender(place), "UploadFailure", None)

    assert (await last(place)).state is LogState.UPLOADED
    assert (await last(place)).status == "UploadFailure"


async def test_an_upload_after_all_still_counts(place):
    """An answer that was lost, or a no that was none."""
    for answer in (StationSilent(), Outcome(accepted=False, status="Rejected")):
        answers(place, answer)
        with contextlib.suppress(StationSilent):
            await place.wanted()
        await place.diagnostics.log_status(sender(place), "Uploading", None)
        assert (await last(place)).state is LogState.UPLOADING
        await put(place, token(place))
        assert (await last(place)).state is LogState.UPLOADED
        await place.diagnostics.remove(STATION, (await last(place)).id)


async def test_a_request_that_was_replaced_takes_no_file(place):
    """N01.FR.11."""
    await place.wanted()
    old = token(place)
    answers(place, Outcome(accepted=True, status="AcceptedCanceled"))
    await place.wanted()

    with pytest.raises(TransferRefused):
        await put(place, old)
    await put(place, token(place))

    states = {each.state for each in await place.diagnostics.logs(STATION)}
    assert states == {LogState.CANCELLED, LogState.UPLOADED}


async def test_a_log_that_was_removed_takes_no_file(place):
    await place.wanted()

    await place.diagnostics.remove(STATION, (await last(place)).id)

    with pytest.raises(TransferRefused):
        await put(place, token(place))
    with pytest.raises(UnknownLog):
        await place.diagnostics.remove(STATION, "1")
    assert await place.files.used() == 0


async def test_an_unknown_station_is_asked_nothing(place):
    with pytest.raises(UnknownStation):
        await place.diagnostics.request_log(station_id("CS-9"), LogKind.SECURITY)

    assert place.stations.asked == []


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented"])
async def test_diagnostics_are_asked_the_older_way_of_a_station_that_knows_no_other(place, code):
    told = Outcome(accepted=True, told=LogTold("d.zip"))
    answers(place, StationRefused(code), told)

    await place.wanted()

    assert [each.older for each in place.stations.asked] == [False, True]
    assert (await last(place)).filename == "d.zip"


@pytest.mark.parametrize("kind", LogKind)
async def test_where_there_is_no_older_way_the_refusal_stands(place, kind):
    answers(place, StationRefused("NotSupported"), CommandUnfit())

    with pytest.raises(StationRefused, match="NotSupported"):
        await place.diagnostics.request_log(STATION, kind)

    assert (await last(place)).state is LogState.REFUSED


async def test_each_deed_is_audited(place):
    await place.wanted()
    await put(place, token(place))
    await place.diagnostics.remove(STATION, (await last(place)).id)

    async with place.store.read() as work:
        deeds = [entry.deed.action for entry in await work.audit.last(STATION.tenant)]
    assert deeds == ["log.requested", "log.received", "log.removed"]


async def test_a_station_that_chatters_fills_no_table(place):
    for number in range(100):
        await place.diagnostics.log_status(sender(place), "Uploading", number)

    assert [each.id for each in await place.diagnostics.logs(STATION)] == ["unasked"]


async def test_the_name_that_a_station_gives_is_cut_and_kept(place):
    answers(place, Outcome(accepted=True, told=LogTold("x" * 1000)))

    await place.wanted()

    assert (await last(place)).filename == "x" * 255


async def test_a_foreign_receiver_has_no_token(place):
    await place.wanted(location="https://me:secret@example.org/logs/?key=1")

    log = await last(place)

    assert (log.token_hash, log.expires_at) == ("", None)
    assert log.location == "https://example.org/logs/?key=1"


async def test_a_port_that_is_not_known_is_not_told(tmp_path):
    place = Place(tmp_path, files="127.0.0.1:0")
    await place.add()

    with pytest.raises(NoListener, match="any free port"):
        await place.diagnostics.request_log(STATION, LogKind.SECURITY)


async def test_a_log_is_asked_for_the_older_way_if_somebody_wants_it_so(place):
    await place.wanted(older=True)

    assert [command.older for command in place.stations.asked] == [True]


async def test_a_log_asked_for_the_older_way_is_not_asked_for_twice(place):
    answers(place, StationRefused("NotImplemented"))

    with pytest.raises(StationRefused):
        await place.wanted(older=True)
    assert len(place.stations.asked) == 1
