"""What every store must do with stations."""

import pytest
from tests.contract import samples
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, NOON, after, station

from voltkeep.domain.identity import Evse, StationId
from voltkeep.domain.stations import Registration, SecurityProfile
from voltkeep.services.ports import Superseded


async def add(store, *ids):
    async with store.begin() as work:
        for id in ids:
            assert await work.stations.add(station(id))


async def get(store, id=ALPHA):
    async with store.read() as work:
        return await work.stations.get(id)


async def test_a_station_is_stored_whole(store):
    await add(store, ALPHA)

    assert await get(store) == station(ALPHA)
    assert await get(store, BETA) is None


async def test_an_id_is_taken_once(store):
    await add(store, ALPHA)

    async with store.begin() as work:
        assert not await work.stations.add(station(ALPHA, note="another"))
    assert (await get(store)).note == station().note


async def test_tenants_have_stations_of_the_same_name(store):
    await add(store, ALPHA, ELSEWHERE)

    async with store.begin() as work:
        assert await work.stations.remove(ELSEWHERE)
    assert await get(store) is not None
    assert await get(store, ELSEWHERE) is None


async def test_stations_are_listed_by_tenant_and_name_in_pages(store):
    """In the order of code points, whatever the database's own collation."""
    names = ["a", "A", "Z", "É", "_", "b"]
    ids = [StationId(tenant, name) for tenant in ("default", "acme", "Zeta") for name in names]
    await add(store, *ids)

    async with store.read() as work:
        everything = [row.id for row in await work.stations.all()]
        assert everything == sorted(ids)
        page = await work.stations.all(after=everything[3], limit=4)
        assert [row.id for row in page] == everything[4:8]
        of_one = await work.stations.all("default", after=StationId("default", "Z"))
        assert [row.id.name for row in of_one] == ["_", "a", "b", "É"]


async def test_a_removed_station_takes_its_connectors_along_and_leaves_its_history(store):
    await add(store, ALPHA)
    async with store.begin() as work:
        await work.connectors.save([samples.connector()])
        await work.transactions.add(samples.transaction())
        assert await work.stations.remove(ALPHA)
        assert not await work.stations.remove(ALPHA)

    async with store.read() as work:
        assert await work.connectors.of(ALPHA) == []
        assert await work.transactions.get(ALPHA, samples.REF) is not None


async def test_a_renamed_station_keeps_its_whole_history(store):
    await add(store, ALPHA, BETA)
    async with store.begin() as work:
        await work.connectors.save([samples.connector()])
        await work.transactions.add(samples.transaction(start_key="s"))
        await work.transactions.mark(ALPHA, samples.REF, samples.update(), NOON)
        await work.store_meter_values(samples.sender(), samples.report(samples.meter_value()))
        number = await work.remote_starts.open(ALPHA, samples.TOKEN, None, NOON)
        await work.commands.add(samples.command())

    new = StationId("acme", "GAMMA")
    async with store.begin() as work:
        await work.stations.rename(ALPHA, new)

    async with store.begin() as work:
        assert await work.stations.get(ALPHA) is None
        assert await work.stations.get(new) == station(new)
        assert [row.station for row in await work.connectors.of(new)] == [new]
        assert (await work.transactions.started_as(new, "s")).station == new
        assert not await work.transactions.mark(new, samples.REF, samples.update(), NOON)
        [metered] = await work.meter_values.of_transaction(new, samples.REF)
        assert metered.station == new
        assert (await work.commands.get("acme", "c-1")).station == new
        assert await work.remote_starts.claim(new, samples.TOKEN, None, NOON) == number
        assert (await work.stations.get(BETA)).id == BETA


async def test_a_rename_to_a_name_that_is_taken_changes_nothing(store):
    await add(store, ALPHA, BETA)

    with pytest.raises(ValueError, match="BETA"):
        async with store.begin() as work:
            await work.stations.rename(ALPHA, BETA)
    with pytest.raises(ValueError, match="NOBODY"):
        async with store.begin() as work:
            await work.stations.rename(StationId("default", "NOBODY"), StationId("default", "X"))
    assert await get(store) == station(ALPHA)


async def test_operators_change_one_thing_at_a_time(store):
    await add(store, ALPHA, BETA)

    async with store.begin() as work:
        await work.stations.set_key(ALPHA, None)
        await work.stations.set_profile(ALPHA, SecurityProfile.NONE)
        await work.stations.set_registration(ALPHA, Registration.REJECTED)
        await work.stations.set_passive(ALPHA, passive=False)
    assert await get(store) == station(
        ALPHA,
        key_hash=None,
        security_profile=SecurityProfile.NONE,
        registration=Registration.REJECTED,
        passive=False,
    )
    assert isinstance((await get(store)).security_profile, SecurityProfile)
    assert await get(store, BETA) == station(BETA)


async def test_a_boot_says_what_a_station_is(store):
    await add(store, ALPHA)

    async with store.begin() as work:
        await work.stations.booted(ALPHA, samples.BOOT, after(1))
    found = await get(store)
    assert (found.make, found.booted_at) == (samples.MAKE, after(1))


async def connect(store, at=NOON, id=ALPHA):
    async with store.begin() as work:
        return await work.stations.connected(id, at=at, subprotocol="ocpp1.6", address="::1")


async def test_each_connection_gets_an_epoch_above_the_last(store):
    await add(store, ALPHA)

    assert [await connect(store), await connect(store, after(1))] == [1, 2]
    found = await get(store)
    assert found.is_connected
    assert (found.epoch, found.connected_at) == (2, after(1))
    assert (found.subprotocol, found.remote_address) == ("ocpp1.6", "::1")


async def test_an_old_connection_cannot_disconnect_a_new_one(store):
    await add(store, ALPHA)
    await connect(store)
    await connect(store)

    async with store.begin() as work:
        assert not await work.stations.disconnected(ALPHA, 1, after(1))
    assert (await get(store)).is_connected
    async with store.begin() as work:
        assert await work.stations.disconnected(ALPHA, 2, after(1))
    assert not (await get(store)).is_connected
    await connect(store, after(1))
    assert (await get(store)).is_connected


async def test_after_a_crash_nobody_is_connected(store):
    """Even if the clock went back meanwhile."""
    await add(store, ALPHA, BETA, ELSEWHERE)
    await connect(store)
    await connect(store, id=BETA)

    async with store.begin() as work:
        assert await work.stations.disconnect_all(after(-60)) == 2
        assert await work.stations.disconnect_all(after(-60)) == 0
    assert not (await get(store)).is_connected


async def test_what_an_old_connection_says_is_superseded(store):
    await add(store, ALPHA)
    await connect(store)

    async with store.begin() as work:
        await work.stations.hold(samples.sender(epoch=1))
    await connect(store)
    for gone in (samples.sender(epoch=1), samples.sender(BETA)):
        with pytest.raises(Superseded):
            async with store.begin() as work:
                await work.stations.hold(gone)


async def test_last_seen_never_goes_back(store):
    await add(store, ALPHA, BETA)

    async with store.begin() as work:
        await work.stations.seen({})
        await work.stations.seen({ALPHA: after(2), BETA: after(1), ELSEWHERE: NOON})
        await work.stations.seen({ALPHA: after(1), BETA: after(3)})
    assert (await get(store)).last_seen_at == after(2)
    assert (await get(store, BETA)).last_seen_at == after(3)


async def test_connectors_keep_their_latest_status(store):
    old, new = samples.connector(), samples.connector(info=None, charging_state=None)
    async with store.begin() as work:
        await work.connectors.save([])
        await work.connectors.save([samples.connector(None), old, samples.connector(Evse(2))])
        await work.connectors.save([old, new, samples.connector(station=BETA)])

    async with store.read() as work:
        found = await work.connectors.of(ALPHA)
        assert found == [samples.connector(None), new, samples.connector(Evse(2))]
