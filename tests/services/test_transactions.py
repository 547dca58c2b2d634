"""What stations tell of transactions, in odd orders and twice, is recorded once and lost never."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway.csms import Csms
from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.events import TransactionEnded, TransactionStarted
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef, station_id
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.services.ports import Superseded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATION = station_id("CS-1")
CARD, BAD, ONCE = IdToken("CARD"), IdToken("BAD"), IdToken("ONCE")
REF = TransactionRef("tx")


def after(minutes):
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
async def csms():
    csms = Csms()
    await csms.add("CS-1")
    await csms.add("CS-2")
    async with csms.store.begin() as work:
        for token in (CARD, ONCE):
            most = 1 if token is ONCE else 0
            await work.tokens.save(
                "default", Token(id_token=token, max_active=most, created_at=NOON)
            )
    return csms


async def tell(csms, phase, *, name="CS-1", at=NOON, **said):
    """Report an update as the station whose connection is the latest."""
    async with csms.store.read() as work:
        known = await work.stations.get(station_id(name))
    sender = Sender(known.id, known.epoch, at)
    update = TransactionUpdate(phase=phase, at=at, **said)
    return await csms.services.transactions.record(sender, update)


async def start(csms, evse=1, token=CARD, meter=0.0, **said):
    """A 1.6 start."""
    return await tell(
        csms, Phase.STARTED, evse=Evse(evse, 1), id_token=token, meter_wh=meter, **said
    )


async def stop(csms, ref, meter, **said):
    """A 1.6 stop."""
    return await tell(csms, Phase.ENDED, ref=TransactionRef(str(ref)), meter_wh=meter, **said)


async def stored(csms, name="CS-1"):
    return await csms.services.transactions.all(station=station_id(name))


async def test_a_repeated_start_has_the_same_number_and_the_same_answer(csms):
    """Not ConcurrentTx with itself (MicroOcpp#237)."""
    first = await start(csms, token=ONCE)
    again = await start(csms, token=ONCE)

    assert first == again
    assert first.decision.status is Authorization.ACCEPTED
    assert len(await stored(csms)) == 1


async def test_a_repeated_start_is_known_after_its_stop_too(csms):
    first = await start(csms)
    await stop(csms, first.ref, 10.0, at=after(1))

    assert (await start(csms)).ref == first.ref
    assert len(await stored(csms)) == 1


async def test_a_start_with_a_bad_token_has_a_number_too(csms):
    """1.6 4.7: a transaction id, whatever the status."""
    recorded = await start(csms, token=BAD)

    assert int(recorded.ref) > 0
    assert recorded.decision.status is Authorization.UNKNOWN


async def test_a_token_that_charges_elsewhere_is_concurrent(csms):
    await start(csms, evse=1, token=ONCE)

    other = await start(csms, evse=2, token=ONCE)
    assert other.decision.status is Authorization.CONCURRENT_TX
    elsewhere = await start(csms, token=ONCE, name="CS-2")
    assert elsewhere.decision.status is Authorization.CONCURRENT_TX


async def test_a_stop_that_was_never_heard_does_not_lock_the_driver_out(csms):
    """A new start on the same EVSE tells that the car before it has gone."""
    for number in range(4):
        recorded = await start(csms, token=ONCE, meter=float(number), at=after(number))
        assert recorded.decision.status is Authorization.ACCEPTED


async def test_who_needs_no_token_takes_nobodys_place(csms):
    anyone = IdToken("ONCE", "NoAuthorization")
    await tell(
        csms,
        Phase.STARTED,
        ref=REF,
        seq_no=0,
        evse=Evse(1),
        id_token=anyone,
        trigger="CablePluggedIn",
    )

    recorded = await start(csms, evse=2, token=ONCE)
    assert recorded.decision.status is Authorization.ACCEPTED


async def test_a_good_token_after_a_refused_one_is_the_one_that_charges(csms):
    await tell(csms, Phase.STARTED, ref=REF, seq_no=0, evse=Evse(1), id_token=BAD)
    recorded = await tell(csms, Phase.UPDATED, ref=REF, seq_no=1, id_token=CARD)

    [transaction] = await stored(csms)
    assert recorded.decision.status is Authorization.ACCEPTED
    assert transaction.id_token == CARD
    assert transaction.authorization is Authorization.ACCEPTED


async def test_a_station_that_lost_count_is_still_heard(csms):
    """One seqNo for two updates: neither is a repetition of the other."""
    await tell(csms, Phase.STARTED, ref=REF, seq_no=0, evse=Evse(1), id_token=CARD)
    await tell(csms, Phase.UPDATED, ref=REF, seq_no=1, at=after(1))
    await tell(csms, Phase.ENDED, ref=REF, seq_no=1, at=after(9), stop_reason="Local")

    [transaction] = await stored(csms)
    assert transaction.ended_at == after(9)


async def test_the_first_meter_value_of_two_starts_counts(csms):
    for seq_no, energy in enumerate((100.0, 900.0)):
        value = MeterValue(at=after(seq_no), energy_wh=energy)
        await tell(
            csms,
            Phase.STARTED,
            ref=REF,
            seq_no=seq_no,
            at=after(seq_no),
            evse=Evse(1),
            values=(value,),
        )

    [transaction] = await stored(csms)
    assert transaction.meter_start_wh == 100.0


@pytest.mark.parametrize("ref", [0, -7, 4711])
async def test_ends_of_transactions_that_were_never_named_are_all_kept(csms, ref):
    for hour in (1, 2):
        for _ in range(2):  # each is said twice
            await stop(csms, ref, 1000.0 * hour, at=after(60 * hour))

    found = await stored(csms)
    assert sorted(one.meter_stop_wh for one in found) == [1000.0, 2000.0]
    assert all(one.is_orphan for one in found)


async def test_the_number_of_another_station_is_unknown_here(csms):
    """CVE-2026-28230: stopping somebody else's session by its number."""
    recorded = await start(csms)
    await stop(csms, recorded.ref, 99.0, name="CS-2", at=after(1))

    [mine] = await stored(csms)
    [theirs] = await stored(csms, "CS-2")
    assert mine.is_active
    assert theirs.is_orphan


async def test_an_end_without_a_number_ends_the_start_that_its_token_tells(csms):
    """1.6 errata 3.18: the answer with the number got lost."""
    await start(csms, token=ONCE, meter=100.0)
    for _ in range(2):
        await stop(csms, -1, 700.0, at=after(5), id_token=ONCE)

    [transaction] = await stored(csms)
    assert (transaction.energy_wh, transaction.ended_at) == (600.0, after(5))
    assert (await start(csms, evse=2, token=ONCE, at=after(6))).decision.status == "Accepted"


async def test_an_end_without_a_number_is_not_guessed(csms):
    """Two transactions of the token are open, or the meter ran backwards."""
    await start(csms, evse=1, meter=100.0)
    await start(csms, evse=2, meter=100.0)
    await stop(csms, -1, 700.0, at=after(5), id_token=CARD)
    await stop(csms, -1, 50.0, at=after(6), id_token=CARD)

    assert sum(one.is_orphan for one in await stored(csms)) == 2
    assert sum(one.is_active for one in await stored(csms)) == 2


async def test_a_superseded_connection_changes_nothing(csms):
    async with csms.store.begin() as work:
        await work.stations.connected(STATION, at=NOON, subprotocol="ocpp1.6", address="new")
    async with csms.store.read() as work:
        known = await work.stations.get(STATION)
    update = TransactionUpdate(phase=Phase.STARTED, at=NOON, evse=Evse(1), id_token=CARD)

    with pytest.raises(Superseded):
        await csms.services.transactions.record(Sender(STATION, known.epoch - 1, NOON), update)
    assert await stored(csms) == []


async def test_what_only_meters_is_stored_once_and_changes_no_row(csms):
    """The short cut through the journal (ADR 0005)."""
    await tell(csms, Phase.STARTED, ref=REF, seq_no=0, evse=Evse(1), id_token=CARD)
    for _ in range(2):
        value = MeterValue(at=after(1), energy_wh=5.0)
        await tell(
            csms,
            Phase.UPDATED,
            ref=REF,
            seq_no=1,
            at=after(1),
            values=(value,),
            trigger="MeterValuePeriodic",
        )
    await tell(csms, Phase.ENDED, ref=REF, seq_no=2, at=after(2))

    assert len(await csms.services.transactions.meter_values(STATION, REF)) == 1
    events = csms.store.published
    assert sum(isinstance(event, TransactionStarted) for event in events) == 1
    assert sum(isinstance(event, TransactionEnded) for event in events) == 1


async def meter(csms, ref, minutes, energy, evse=1):
    """A 1.6 MeterValues."""
    async with csms.store.read() as work:
        known = await work.stations.get(STATION)
    value = MeterValue(at=after(minutes), energy_wh=energy)
    report = MeterReport(evse=Evse(evse, 1), ref=TransactionRef(ref), values=(value,))
    await csms.services.meter_values.record(Sender(STATION, known.epoch, after(minutes)), report)


async def test_a_transaction_first_heard_of_by_its_meter_is_kept(csms):
    """steve#156: an unknown number is answered, stored, and seen by an operator."""
    await meter(csms, "4711", 1, 5.0)
    await meter(csms, "4711", 2, 6.0)
    [orphan] = await stored(csms)
    assert orphan.is_orphan
    assert orphan.is_active

    await stop(csms, 4711, 9.0, at=after(3))
    [ended] = await stored(csms)
    assert (ended.ref, ended.ended_at) == ("4711", after(3))
    assert len(await csms.services.transactions.meter_values(STATION, "4711")) == 2


async def test_what_is_metered_without_a_name_belongs_to_the_transaction_there(csms):
    """1.6 errata 3.18: the meter values say -1 as well."""
    recorded = await start(csms, token=ONCE, meter=100.0)
    await meter(csms, "-1", 2, 300.0)
    await meter(csms, "-1", 2, 301.0, evse=2)
    await meter(csms, "-1", 90, 999.0)
    await stop(csms, -1, 700.0, at=after(5), id_token=ONCE)

    rows = await csms.services.transactions.meter_values(STATION, recorded.ref)
    assert [row.value.energy_wh for row in rows] == [300.0]
