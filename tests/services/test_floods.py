"""A station that says the same again and again: it is answered, and costs little (row 37, 49)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway.csms import Csms
from voltkeep.domain.authorization import Authorization, Token
from voltkeep.domain.events import StationBooted, TokenPresented
from voltkeep.domain.identity import IdToken, IdTokenKind, Sender, station_id
from voltkeep.domain.stations import Boot, Make, Registration

CS, OTHER = station_id("CS-1"), station_id("CS-2")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOOT = Boot(make=Make(vendor="V", model="M"))


@pytest.fixture
async def csms():
    csms = Csms()
    for name in ("CS-1", "CS-2"):
        await csms.add(name)
        known = await csms.services.provisioning.get(station_id(name))
        csms.services.provisioning.remember(known)
    await csms.services.authorization.save(
        CS.tenant, Token(id_token=IdToken("CARD"), created_at=NOON)
    )
    return csms


async def boot(csms, station=CS, after=0.0):
    epoch = (await csms.services.provisioning.get(station)).epoch
    sender = Sender(station, epoch, NOON + timedelta(seconds=after))
    return await csms.services.provisioning.boot(sender, BOOT)


async def test_a_station_that_boots_again_and_again_is_told_to_wait(csms):
    assert [(await boot(csms)).registration for _ in range(5)] == [Registration.ACCEPTED] * 5
    reply = await boot(csms)

    assert (reply.registration, reply.interval_s) == (Registration.PENDING, 60)
    assert csms.services.provisioning.may_work(CS)  # its transactions go on
    assert len([each for each in csms.store.published if isinstance(each, StationBooted)]) == 5
    assert (await boot(csms, OTHER)).registration is Registration.ACCEPTED
    assert (await boot(csms, after=12.0)).registration is Registration.ACCEPTED
    assert (await boot(csms, after=12.0)).registration is Registration.PENDING


async def test_a_passive_station_boots_as_often_as_it_has_cases_and_not_without_end(csms):
    provisioning = csms.services.provisioning
    await provisioning.set_passive(CS, passive=True)
    provisioning.remember(await provisioning.get(CS))  # it connects

    assert {(await boot(csms)).registration for _ in range(60)} == {Registration.ACCEPTED}
    assert (await boot(csms)).registration is Registration.PENDING


async def test_a_rejected_station_stays_rejected(csms):
    await csms.services.provisioning.set_registration(CS, Registration.REJECTED)

    assert {(await boot(csms)).registration for _ in range(8)} == {Registration.REJECTED}


async def show(csms, value, station=CS, after=0.0, kind=IdTokenKind.ISO14443):
    sender = Sender(station, 1, NOON + timedelta(seconds=after))
    return (await csms.services.authorization.authorize(sender, IdToken(value, kind))).status


async def alerts(csms):
    async with csms.store.read() as work:
        return [(alert.station, alert.kind, alert.count) for alert in await work.alerts.all()]


async def test_unknown_tokens_one_after_the_other_are_not_looked_up_for_ever(csms):
    assert {await show(csms, f"T{each}") for each in range(10)} == {Authorization.UNKNOWN}
    assert await alerts(csms) == [(CS, "token enumeration", 1)]

    csms.store.is_away = True  # nothing is asked of the database
    assert {await show(csms, f"U{each}") for each in range(1000)} == {Authorization.INVALID}
    csms.store.is_away = False
    assert len([each for each in csms.announced if isinstance(each, TokenPresented)]) == 10
    assert await alerts(csms) == [(CS, "token enumeration", 1)]

    assert await show(csms, "X", OTHER) is Authorization.UNKNOWN
    assert await show(csms, "X", after=10.0) is Authorization.UNKNOWN
    assert await show(csms, "Y", after=10.0) is Authorization.INVALID


async def test_drivers_can_charge_where_somebody_tries_tokens_out(csms):
    assert await show(csms, "CARD") is Authorization.ACCEPTED
    for each in range(50):
        await show(csms, f"T{each}")

    assert await show(csms, "card") is Authorization.ACCEPTED


async def test_who_needs_no_token_is_not_limited(csms):
    kind = IdTokenKind.NO_AUTHORIZATION
    for each in range(20):
        await show(csms, f"T{each}")

    found = {await show(csms, "", kind=kind) for _ in range(50)}
    assert found == {Authorization.ACCEPTED}
