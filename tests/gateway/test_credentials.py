"""New keys and higher security profiles over real sockets: what counts, and what is over."""

import asyncio
import json
from http import HTTPStatus

import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.csms import QUICK, STATION, Csms
from tests.gateway.trust import TlsCsms, showing
from voltkeep.domain.commands import ResetKind
from voltkeep.domain.stations import SecurityProfile
from voltkeep.gateway.tls import TlsKind
from voltkeep.services.credentials import Stage
from voltkeep.services.ports import StationRefused

PASSWORD = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}


def asked_key(version, payload):
    """The key in what a station was asked."""
    if version == "ocpp1.6":
        assert payload["key"] == "AuthorizationKey"
        return payload["value"]
    (asked,) = payload["setVariableData"]
    assert {name: asked[name] for name in PASSWORD} == PASSWORD
    return asked["attributeValue"]


def answer(version, status):
    if version == "ocpp1.6":
        return {"status": status}
    return {"setVariableResult": [PASSWORD | {"attributeStatus": status}]}


async def is_let_in(csms, key, version="ocpp1.6", **options):
    try:
        async with csms.connected(version=version, password=key, **options) as station:
            return (await station.ask("Heartbeat", {}))[0] == 3
    except InvalidStatus as refused:
        return refused.response.status_code != HTTPStatus.UNAUTHORIZED


def everything_kept(csms):
    return repr((csms.store._state, csms.store.published, csms.announced, csms.store.messages))


@pytest.mark.tc("TC_073_CSMS")
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_a_station_changes_its_key_and_comes_back_with_it(version):
    """A01.FR.02, FR.03, FR.09; as octets in 1.6 (A00.FR.205), as text in 2.x."""
    async with Csms() as csms:
        old = await csms.add(profile=1)
        async with csms.booted(version=version, password=old) as station:
            rotation = asyncio.create_task(csms.services.credentials.rotate_key(STATION))
            call = await station.hear()
            new = asked_key(version, call[3])
            await station.say([3, call[1], answer(version, "Accepted")])
            assert (await rotation).key == new
            assert await station.is_alive()

        assert not await is_let_in(csms, old, version)
        assert await is_let_in(csms, bytes.fromhex(new) if version == "ocpp1.6" else new, version)
        kept = everything_kept(csms)
        assert new not in kept
        assert str(bytes.fromhex(new)) not in kept
        assert "***" in kept  # the message is there, without it


@pytest.mark.parametrize("uses", ["old", "new"])
async def test_when_the_answer_is_lost_the_next_connection_decides(uses):
    async with Csms() as csms:
        old = await csms.add(profile=1)
        async with csms.booted(password=old) as station:
            rotation = asyncio.create_task(csms.services.credentials.rotate_key(STATION))
            new = asked_key("ocpp1.6", (await station.hear())[3])
        assert (await rotation).stage is Stage.UNANSWERED

        keys = {"old": old, "new": new}
        other = keys["new" if uses == "old" else "old"]
        assert await is_let_in(csms, keys[uses])
        assert not await is_let_in(csms, other)
        assert await is_let_in(csms, keys[uses])


async def test_a_nonsensical_answer_locks_nobody_out():
    """It may have meant yes."""
    async with Csms() as csms:
        old = await csms.add(profile=1)
        async with csms.booted(password=old) as station:
            rotation = asyncio.create_task(csms.services.credentials.rotate_key(STATION))
            call = await station.hear()
            await station.say([3, call[1], {"status": "Jawohl"}])
            assert (await rotation).stage is Stage.UNANSWERED

        assert await is_let_in(csms, asked_key("ocpp1.6", call[3]))


async def test_an_error_that_repeats_the_key_gives_it_away_to_nobody():
    """A01.FR.09; some stations quote the value they refuse."""
    async with Csms() as csms:
        old = await csms.add(profile=1)
        async with csms.booted(password=old) as station:
            rotation = asyncio.create_task(csms.services.credentials.rotate_key(STATION))
            call = await station.hear()
            new = asked_key("ocpp1.6", call[3])
            await station.say([4, call[1], "PropertyConstraintViolation", f"no {new}", {"k": new}])
            with pytest.raises(StationRefused):
                await rotation

        assert new not in everything_kept(csms)
        assert await is_let_in(csms, old)


async def test_a_silent_station_keeps_both_its_keys():
    async with Csms(QUICK) as csms:
        old = await csms.add(profile=1)
        async with csms.booted(password=old) as station:
            rotation = await csms.services.credentials.rotate_key(STATION)
            new = asked_key("ocpp1.6", (await station.hear())[3])
        assert (rotation.stage, rotation.key) == (Stage.UNANSWERED, new)
        assert await is_let_in(csms, new)


async def take(csms, station, raising, profile):
    """The station agrees to what it is asked, until it has been asked for all of it."""
    while not raising.done():
        hearing = asyncio.ensure_future(station.hear())
        await asyncio.wait({hearing, raising}, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done():
            hearing.cancel()
            break
        call = hearing.result()
        assert json.dumps(call[3]).count(str(profile)) or call[2] == "Reset"
        await station.say([3, call[1], {"status": "Accepted"}])
    return await raising


@pytest.mark.tc("TC_083_CSMS")
async def test_a_station_goes_up_from_profile_1_to_3_and_never_back(authority, tmp_path):
    """A05.FR.07, FR.08, FR.09; A00.FR.005."""
    async with TlsCsms(authority) as csms:
        key = await csms.add(profile=1)
        credentials = csms.services.credentials

        async with csms.booted(password=key) as station:
            raising = asyncio.create_task(
                credentials.raise_profile(STATION, reset=ResetKind.IMMEDIATE)
            )
            assert (await take(csms, station, raising, 2)).reset == "Accepted"
        assert await is_let_in(csms, key)  # it may have to fall back
        async with csms.over_tls(password=key) as station:
            assert await station.is_alive()
            assert not await is_let_in(csms, key)

            issued, private = await csms.issue(STATION)
            context = showing(authority, tmp_path, issued.pem, private)
            async with csms.store.begin() as work:
                known = await work.stations.get(STATION)
                known.trust = type(known.trust)(serial_number="SN-1")
                await work.stations.set_trust(STATION, known.trust)
            raised = await take(
                csms, station, asyncio.create_task(credentials.raise_profile(STATION)), 3
            )
            assert (raised.profile, raised.stage) == (
                SecurityProfile.TLS_CERTIFICATE,
                Stage.ACCEPTED,
            )
        async with csms.over_tls(kind=TlsKind.MUTUAL, context=context) as station:
            assert await station.is_alive()
        with pytest.raises(InvalidStatus):
            async with csms.over_tls(password=key):
                pass
        assert not await is_let_in(csms, key)
