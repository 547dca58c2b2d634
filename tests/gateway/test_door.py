"""Who is let in: refusals come before the upgrade, and tell an attacker nothing."""

import asyncio
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.csms import VERSIONS, Csms, clock, knock
from voltkeep.config import Settings
from voltkeep.domain.events import ConnectionRefused
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import Verdict
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.gateway.limits import Limits

FORWARDED = {
    "X-Forwarded-For": "198.51.100.1, 203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-SSL-Client-Cert": "junk",
}


@pytest.fixture
async def csms():
    async with Csms() as csms:
        csms.key = await csms.add("CS-1", profile=1)
        await csms.add("OPEN", profile=0)
        await csms.add("TLS", profile=2)
        yield csms


async def refused(csms, path, subprotocols=("ocpp1.6",), **options):
    """The HTTP response that keeps somebody out."""
    with pytest.raises(InvalidStatus) as caught:
        async with knock(csms, path, list(subprotocols), **options):
            pass
    return caught.value.response


async def test_the_generated_key_opens(csms):
    async with csms.connected(password=csms.key) as station:
        assert station.socket.subprotocol == "ocpp1.6"


async def test_the_key_opens_as_its_octets_too(csms):
    """1.6: hex on the wire, octets in the header; stations send either (whitepaper A00.FR.205)."""
    async with csms.connected(password=bytes.fromhex(csms.key)):
        pass
    async with csms.connected(password=csms.key.upper()):
        pass


@pytest.mark.parametrize("password", ["correct horse battery", "short", "ü mläut"])
async def test_a_typed_key_opens(csms, password):
    await csms.security.set_password((await station(csms)).id, password)

    for _ in range(2):
        async with csms.connected(password=password):
            pass
    assert (await refused(csms, "/ocpp/CS-1", password=password + "x")).status_code == 401


async def test_a_rotated_key_replaces_the_old_one(csms):
    key = await csms.security.rotate_key((await station(csms)).id)

    assert (await refused(csms, "/ocpp/CS-1", password=csms.key)).status_code == 401
    async with csms.connected(password=key):
        pass


async def test_every_refusal_looks_the_same(csms):
    """No oracle: whether a station exists, and what was wrong, is for our log only."""
    seen = set()
    for path, options in [
        ("/ocpp/CS-1", {}),
        ("/ocpp/CS-1", {"password": "wrong"}),
        ("/ocpp/CS-1", {"password": ""}),
        ("/ocpp/CS-1", {"password": csms.key, "user": "CS-2"}),
        ("/ocpp/CS-1", {"password": csms.key[:-2]}),
        ("/ocpp/CS-1", {"additional_headers": {"Authorization": f"Bearer {csms.key}"}}),
        ("/ocpp/NOBODY", {}),
        ("/ocpp/NOBODY", {"password": csms.key}),
        ("/ocpp/acme/CS-1", {"password": csms.key}),
        ("/ocpp/TLS", {"password": csms.key}),
    ]:
        response = await refused(csms, path, **options)
        headers = [(name, value) for name, value in response.headers.items() if name != "Date"]
        seen.add((response.status_code, bytes(response.body), tuple(headers)))

    assert len(seen) == 1
    assert next(iter(seen))[0] == 401
    reasons = [event.reason for event in csms.announced if isinstance(event, ConnectionRefused)]
    assert len(reasons) == 10
    assert {"unknown station", "wrong password", "the station must use TLS"} < set(reasons)


async def test_refusals_take_equally_long():
    async with Csms(Limits(refusal_takes_s=0.2)) as csms:
        loop = asyncio.get_running_loop()
        for path in ("/ocpp/NOBODY", "/ocpp/NOBODY"):
            started = loop.time()
            await refused(csms, path)
            assert loop.time() - started >= 0.2


async def test_without_a_profile_only_a_station_so_marked_is_let_in(csms):
    async with csms.connected("OPEN"):
        pass
    await csms.services.provisioning.set_profile(
        (await station(csms, "OPEN")).id, SecurityProfile.BASIC
    )
    assert (await refused(csms, "/ocpp/OPEN")).status_code == 401


async def test_a_browser_is_turned_away(csms):
    response = await refused(csms, "/ocpp/OPEN", origin="https://evil.example")

    assert response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/ocpp", "/OPEN", "/ocpp/a/b/c", "/ocpp/%2e%2e"])
async def test_a_path_without_a_station_is_not_found(csms, path):
    assert (await refused(csms, path)).status_code == 404


@pytest.mark.parametrize("offers", [["ocpp0.1"], ["ocpp1.5", "ocpp1.2"]])
async def test_without_a_common_subprotocol_there_is_no_upgrade(csms, offers):
    """TC_088, step 1."""
    assert (await refused(csms, "/ocpp/OPEN", offers)).status_code == 400


async def test_without_any_subprotocol_there_is_no_upgrade(csms):
    with pytest.raises(InvalidStatus) as caught:
        async with knock(csms, "/ocpp/OPEN", None):
            pass
    assert caught.value.response.status_code == 400


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["ocpp0.1", "ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "ocpp2.1"),
    ],
)
async def test_the_station_prefers(csms, offers, chosen):
    """TC_088, step 2, and the order of the station's preference."""
    async with knock(csms, "/ocpp/OPEN", offers) as socket:
        assert socket.subprotocol == chosen
        assert socket.response.headers.get_all("Sec-WebSocket-Protocol") == [chosen]


async def test_a_station_may_come_back_with_another_version(csms):
    """Hostile row 10: what it spoke before binds it to nothing; an update may have changed it."""
    async with csms.booted("OPEN", "ocpp1.6"):
        pass
    async with csms.booted("OPEN", "ocpp2.1") as connection:
        assert connection.socket.subprotocol == "ocpp2.1"
        assert await connection.is_alive()
    assert (await station(csms, "OPEN")).subprotocol == "ocpp2.1"


@pytest.mark.parametrize("version", VERSIONS)
async def test_compression_is_agreed_to_where_the_version_demands_it(csms, version):
    """Part 4, 5.5: a CSMS shall support permessage-deflate. 1.6 says nothing of it."""
    async with csms.booted("OPEN", version, compression="deflate") as station:
        agreed = "Sec-WebSocket-Extensions" in station.socket.response.headers
        assert agreed == (version != "ocpp1.6")
        assert await station.is_alive()


async def test_over_its_limit_the_gateway_sends_stations_away_before_the_upgrade():
    async with Csms(Limits(max_connections=1)) as csms:
        await csms.add("CS-1")
        await csms.add("CS-2")
        async with csms.connected("CS-1"):
            response = await refused(csms, "/ocpp/CS-2")

    assert response.status_code == 503
    assert 10 <= int(response.headers["Retry-After"]) <= 120


async def test_without_a_database_stations_are_asked_to_come_later(csms):
    csms.store.is_away = True

    assert (await refused(csms, "/ocpp/OPEN")).status_code == 503


async def test_a_removed_station_is_dropped(csms):
    async with csms.booted("OPEN") as connection:
        csms.gateway.drop((await station(csms, "OPEN")).id, "the station was removed")
        with pytest.raises(ConnectionClosed):
            await connection.socket.recv()

        assert connection.socket.close_code == 1008


async def test_tenants_do_not_see_each_other(csms):
    """One name, two stations: /ocpp/CS-1 is another than /ocpp/acme/CS-1."""
    await csms.services.provisioning.add(
        Station(
            id=station_id("OPEN", "acme"),
            security_profile=SecurityProfile.NONE,
            created_at=clock(),
        )
    )
    async with (
        csms.booted("OPEN") as ours,
        csms.booted("acme/OPEN") as theirs,
    ):
        assert len(csms.stations) == 2
        assert (await ours.ask("Authorize", {"idTag": "CARD"}))[2]["idTagInfo"] == {
            "status": "Accepted"
        }
        assert (await theirs.ask("Authorize", {"idTag": "CARD"}))[2]["idTagInfo"] == {
            "status": "Invalid"
        }


async def test_a_request_that_is_no_upgrade_disturbs_no_live_station(csms):
    """Counting its epoch up would fence the real one off."""
    async with csms.booted("OPEN") as connection:
        reader, writer = await asyncio.open_connection(csms.address.host, csms.address.port)
        writer.write(
            b"GET /ocpp/OPEN HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        )
        assert b" 426 " in (await reader.read()).partition(b"\r\n")[0]
        writer.close()

        start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0}
        start["timestamp"] = "2026-01-01T00:00:00Z"
        assert (await connection.ask("StartTransaction", start))[0] == 3


async def test_a_request_without_end_is_cut_off(csms):
    reader, writer = await asyncio.open_connection(csms.address.host, csms.address.port)
    writer.write(b"GET /ocpp/OPEN HTTP/1.1\r\n" + b"a: " + b"b" * 8000 + b"\r\n")
    writer.write((b"a: " + b"b" * 8000 + b"\r\n") * 2)

    assert b" 431 " in (await reader.read()).partition(b"\r\n")[0]
    writer.close()


@pytest.mark.parametrize("proxies", ["", "192.0.2.0/24"])
async def test_what_a_stranger_forwards_is_ignored(proxies):
    """Hostile row 12: a client cannot give itself TLS, another address or a certificate."""
    settings = Settings(data=Path("/nonexistent"), trusted_proxies=proxies)
    async with Csms(settings=settings) as csms:
        key = await csms.add("TLS", profile=2)
        response = await refused(csms, "/ocpp/TLS", password=key, additional_headers=FORWARDED)

    assert response.status_code == 401
    event = next(event for event in csms.announced if isinstance(event, ConnectionRefused))
    assert event.reason == Verdict.TLS_REQUIRED
    assert event.remote_address.startswith("127.0.0.1:")


async def test_a_trusted_proxy_says_who_is_behind_it(authority):
    settings = Settings(data=Path("/nonexistent"), trusted_proxies="127.0.0.0/8")
    async with Csms(settings=settings, authority=authority) as csms:
        key = await csms.add("TLS", profile=2)
        headers = {"additional_headers": FORWARDED}
        async with csms.connected("TLS", password=key, **headers):
            async with csms.store.read() as work:
                known = await work.stations.get(station_id("TLS"))
            assert known.remote_address == "203.0.113.7"
        response = await refused(csms, "/ocpp/TLS", password="wrong", **headers)

    assert response.status_code == 401
    event = next(event for event in csms.announced if isinstance(event, ConnectionRefused))
    assert event.remote_address == "203.0.113.7"


@pytest.mark.parametrize(
    "key", [b"\x00\xff:\xfe:" + b"\x80" * 12, bytes(range(200, 216)), b"0123456789abcdef:xyz"]
)
async def test_a_key_is_octets(csms, key):
    """A00.FR.205; hostile row 13: colons in it, and what is no UTF-8."""
    async with csms.store.begin() as work:
        hashed = csms.security._keys._hasher.hash(key)
        await work.stations.set_key(station_id("CS-1"), hashed)

    async with csms.connected(password=key):
        pass
    assert (await refused(csms, "/ocpp/CS-1", password=key[:-1])).status_code == 401
    assert (await refused(csms, "/ocpp/CS-1", password=key + b"\0")).status_code == 401


async def test_an_empty_password_opens_nothing(csms):
    """Even if an empty key had been stored."""
    async with csms.store.begin() as work:
        hashed = csms.security._keys._hasher.hash(b"")
        await work.stations.set_key(station_id("CS-1"), hashed)

    assert (await refused(csms, "/ocpp/CS-1", password="")).status_code == 401
    event = next(event for event in csms.announced if isinstance(event, ConnectionRefused))
    assert event.reason == Verdict.EMPTY_PASSWORD


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /ocpp/" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"GET /ocpp/OPEN HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", b" 431 "),
        (b"GET /ocpp/OPEN HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n", b" 431 "),
        (b"GET /ocpp/OPEN HTTP/1.1\r\nX: " + b"x" * 65_536 + b"\r\n\r\n", b" 431 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b" 400 "),
        (b"GET /ocpp/OPEN HTTP/1.0\r\n\r\n", b" 400 "),
        (b"POST /ocpp/OPEN HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b" 400 "),
        (
            b"GET /ocpp/OPEN HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b" 400 ",
        ),
        (b"GET /ocpp/OPEN HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 "),
        (b"GET /ocpp/OPEN\0 HTTP/1.1\r\n\r\n", b" 404 "),
        (b"\r\n\r\n", b" 400 "),
        (b"\xff\xfe\xfd\r\n\r\n", b" 400 "),
    ],
)
async def test_a_request_that_is_none_of_ours_is_answered_and_closed(csms, request_, status):
    """Hostile rows 7 and 8."""
    async with csms.booted("OPEN") as station:
        reader, writer = await asyncio.open_connection(csms.address.host, csms.address.port)
        writer.write(request_)
        head = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n")[0]
        writer.close()

        assert await station.is_alive()
    assert status in head


async def station(csms, name="CS-1"):
    async with csms.store.read() as work:
        return next(row for row in await work.stations.all() if row.id.name == name)
