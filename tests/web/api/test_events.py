"""Event streams over HTTP: who gets what, from where on, and for how long."""

import asyncio
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec import json, structs

from tests.web.api.conftest import EVERYTHING, Api
from tests.web.api.people import problem, setup
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outward import Outward
from voltkeep.config import Address
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import EnergyMetered, RootsChanged, StationChanged
from voltkeep.domain.identity import DEFAULT_TENANT, station_id
from voltkeep.domain.telling import Choice
from voltkeep.web import live
from voltkeep.web.api import events
from voltkeep.web.http import hardened, make_api
from voltkeep.web.server import HttpServer

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def changed(what, station="CS-1", tenant="default"):
    return StationChanged(station=station_id(station, tenant), at=NOON, what=str(what))


class Frame:
    """One server-sent event."""

    def __init__(self, text):
        fields = dict(line.split(": ", 1) for line in text.split("\n") if ": " in line)
        self.id = fields.get("id")
        self.event = fields.get("event")
        self.data: Any = json.decode(fields["data"]) if "data" in fields else None
        self.is_comment = text.startswith(":")

    @property
    def what(self):
        return self.data["data"]["what"]


class Live:
    """The API on a socket, with a relay behind it."""

    def __init__(self, *, unread_s=None):
        self.api = Api()
        self.store = self.api.store
        self.bus = LocalBus()
        self.outward = Outward(
            self.store,
            self.bus,
            self.api.services.webhooks.courier,
            lambda: datetime.now(UTC),
            look_every_s=60,
        )
        app = make_api(self.api.services, b"key", {"feed": self.outward.feed})
        self.server = HttpServer(hardened(app), unread_s=unread_s)
        self.address = Address("", 0)
        self.token = ""

    async def open(self):
        await self.outward.open()
        self.relaying = asyncio.create_task(self.outward.relay.run())
        self.address = await self.server.listen(Address("127.0.0.1", 0))
        self.token = await self.api.key()

    async def close(self):
        self.outward.feed.close()
        await self.server.close()
        self.relaying.cancel()
        await asyncio.gather(self.relaying, return_exceptions=True)

    async def tell(self, *events):
        async with self.store.begin() as work:
            for event in events:
                work.emit(event)

    async def told(self, *events):
        """Tell, and wait until they are published."""
        before = await self.store.outbox.last()
        await self.tell(*events)
        while await self.store.outbox.last() < before + len(events):  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def stream(self, token=None, last=None, expect=200, cookie=None, **query):
        headers = {"authorization": f"Bearer {token or self.token}"}
        if cookie is not None:
            headers = {"cookie": f"voltkeep={cookie}"}
        if last is not None:
            headers["last-event-id"] = last
        url = f"http://{self.address.host}:{self.address.port}/api/v1/events"
        async with (
            httpx.AsyncClient(timeout=20) as client,
            client.stream("GET", url, params=query, headers=headers) as answer,
        ):
            if answer.status_code != expect:
                raise AssertionError((answer.status_code, await answer.aread()))
            yield Reader(answer)

    async def streaming(self, count=1):
        while self.outward.feed.streams < count:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.01)


class Reader:
    """The frames of one stream."""

    def __init__(self, answer):
        self.answer = answer
        self._text = answer.aiter_text()
        self._rest = ""

    async def frame(self):
        """The next one; None at the end."""
        while "\n\n" not in self._rest:
            try:
                self._rest += await asyncio.wait_for(anext(self._text), 20)
            except StopAsyncIteration:
                return None
        text, _, self._rest = self._rest.partition("\n\n")
        return Frame(text)

    async def events(self, count):
        found: list[Frame] = []
        while len(found) < count:
            frame = await self.frame()
            assert frame is not None, "the stream ended"
            if frame.event is not None:
                found.append(frame)
        return found

    async def end(self):
        """Wait for it."""
        while await self.frame() is not None:
            pass


@pytest.fixture
async def floor():
    made = Live()
    await made.open()
    yield made
    await made.close()


async def test_a_stream_tells_what_happens_and_goes_on_after_a_break(floor):
    async with floor.stream() as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        await floor.streaming()
        await floor.tell(changed(1))
        (first,) = await stream.events(1)
    await floor.told(changed(2), changed(3))

    assert (first.event, first.what) == ("station.changed", "1")
    assert first.data["id"] == first.id
    async with floor.stream(last=first.id) as stream:
        missed = await stream.events(2)
        await floor.tell(changed(4))
        (new,) = await stream.events(1)
    assert [each.what for each in (*missed, new)] == ["2", "3", "4"]


async def test_a_browser_gets_the_same_packed(floor):
    """Each piece fits any stream: one that has read more, and one that comes later."""
    cookie = (await setup(floor.api)).cookies["voltkeep"]
    async with floor.stream(cookie=cookie) as early, floor.stream() as plain:
        assert early.answer.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.answer.headers
        await floor.streaming(2)
        await floor.tell(changed(1))
        (first,) = await early.events(1)
        assert first.what == (await plain.events(1))[0].what == "1"
        async with floor.stream(cookie=cookie) as late:
            await floor.streaming(3)
            await floor.tell(changed(2), changed(3))
            for each in (early, plain, late):
                assert [one.what for one in await each.events(2)] == ["2", "3"]


async def test_all_that_is_kept_is_told_once_and_the_stream_ends(floor):
    await floor.told(*(changed(n) for n in range(700)))

    async with floor.stream(after=0, follow="false") as stream:
        events = await stream.events(700)
        await stream.end()
    assert [each.what for each in events] == [str(n) for n in range(700)]


async def test_types_and_stations_are_chosen_by_name(floor):
    await floor.api.add("CS-2")
    await floor.told(changed(1), changed(2, "CS-2"))

    async with floor.stream(
        after=0, follow="false", types="station.*, transaction.ended", stations="CS-2"
    ) as stream:
        told = await stream.events(2)
    assert [each.event for each in told] == ["station.added", "station.changed"]


async def test_what_is_live_only_has_no_id(floor):
    async with floor.stream(types="energy.metered,station.changed") as stream:
        await floor.streaming()
        floor.bus.publish(
            EnergyMetered(
                station=station_id("CS-1"),
                at=NOON,
                ref=None,
                evse=None,
                energy_wh=1.5,
                power_w=None,
                soc_percent=None,
            )
        )
        (event,) = await stream.events(1)
    assert (event.id, event.data["id"], event.data["data"]["energy_wh"]) == (None, None, 1.5)


async def test_a_gap_is_told(floor):
    await floor.told(changed(1))
    async with floor.stream(last="999") as stream:
        (gap,) = await stream.events(1)
        assert (gap.event, gap.id) == ("replay.truncated", "1")
        await floor.streaming()
        await floor.tell(changed(2))
        (new,) = await stream.events(1)
        assert new.what == "2"


async def test_a_tenant_and_its_sites_are_kept_apart(floor):
    async with floor.store.begin() as work:
        for event in (changed(1), changed(2, tenant="other"), changed(3, "CS-N")):
            work.emit(event)
    await floor.api.add("CS-N", site="north")
    north = await floor.api.key(*Permission, tenant="default", sites=("north",))
    while await floor.store.outbox.last() < 4:  # noqa: ASYNC110  # no event
        await asyncio.sleep(0.01)

    async with floor.stream(north, after=0, follow="false") as stream:
        told = await stream.events(2)
        await stream.end()
    assert [(each.event, each.data["station"]) for each in told] == [
        ("station.changed", "CS-N"),
        ("station.added", "CS-N"),
    ]
    async with floor.stream(after=0, follow="false", types="station.changed") as stream:
        told = await stream.events(2)
        await stream.end()
    assert [each.what for each in told] == ["1", "3"]


async def test_a_scope_for_events_shows_no_security(floor):
    token = await floor.api.key(Permission.READ_EVENTS)
    root = RootsChanged(station=station_id("CS-1"), at=NOON, what="a root")
    await floor.told(root, changed(1))

    async with floor.stream(token, after=0, follow="false") as stream:
        (told,) = await stream.events(1)
        await stream.end()
    assert told.what == "1"
    async with floor.stream(token, expect=403, types="roots.changed"):
        pass
    other = await floor.api.key(Permission.READ_STATIONS)
    async with floor.stream(other, expect=403):
        pass


@pytest.mark.parametrize(
    ("last", "query", "status"),
    [
        (None, {"types": "station.exploded"}, 422),
        (None, {"types": ","}, 422),
        (None, {"stations": ",".join(["CS"] * 101)}, 422),
        (None, {"after": -1}, 400),
        (None, {"after": 2**63}, 400),
        (None, {"since": "yesterday"}, 400),
        ("x", {}, 400),
        ("-1", {}, 400),
        ("٣", {}, 400),
        ("9" * 19, {}, 400),
        ("9" * 400, {}, 400),
    ],
)
async def test_what_makes_no_sense_is_refused(floor, last, query, status):
    last = last.encode() if last is not None else None
    async with floor.stream(expect=status, last=last, **query) as stream:
        assert stream.answer.headers["content-type"] == "application/problem+json"


async def test_a_key_that_is_revoked_ends_its_stream(floor, monkeypatch):
    monkeypatch.setattr(live, "_CHECK_EVERY_S", 0.05)
    token = await floor.api.key(Permission.READ_EVENTS)
    async with floor.stream(token) as stream:
        await floor.streaming()
        await floor.api.services.accounts.revoke_key(EVERYTHING, token.split("_")[1])
        await stream.end()
    await floor.streaming(0)


async def test_what_happens_while_permissions_change_is_told(floor, monkeypatch):
    monkeypatch.setattr(live, "_CHECK_EVERY_S", 0.05)
    feed = floor.outward.feed
    choice = Choice(tenant=DEFAULT_TENANT, permissions=frozenset({Permission.READ_EVENTS}))
    more = structs.replace(choice, permissions=frozenset(Permission))

    async def recheck():
        if not await floor.store.outbox.last():
            await floor.told(changed(1))
            while not feed.latest:  # noqa: ASYNC110  # no event
                await asyncio.sleep(0.01)
        return more

    async with aclosing(live.frames(feed, choice, None, recheck, follow=True)) as told:
        assert await anext(told) == b"retry: 2000\n\n"
        frame = Frame((await anext(told)).decode())
    assert (frame.event, frame.what) == ("station.changed", "1")


async def test_nobody_takes_the_streams_of_all(floor, monkeypatch):
    monkeypatch.setattr(events, "_MOST_OF_ONE", 2)
    other = await floor.api.key(Permission.READ_EVENTS)
    async with floor.stream(), floor.stream():
        await floor.streaming(2)
        async with floor.stream(expect=429) as refused:
            await refused.answer.aread()
            assert refused.answer.headers["retry-after"] == "30"
            assert problem(refused.answer) == (429, "too-many-requests")
        async with floor.stream(other):
            await floor.streaming(3)
    while floor.outward.feed.streams:  # noqa: ASYNC110  # no event
        await asyncio.sleep(0.01)
    async with floor.stream():
        await floor.streaming()


async def test_a_quiet_stream_shows_that_it_lives(floor, monkeypatch):
    monkeypatch.setattr(live, "_QUIET_S", 0.05)
    async with floor.stream() as stream:
        frames = [await stream.frame() for _ in range(3)]
    assert [frame.is_comment for frame in frames[1:]] == [True, True]


async def test_who_never_reads_is_cut_off_and_costs_nobody_anything():
    """Others go on meanwhile; and nothing of it is left."""
    floor = Live(unread_s=0.3)
    await floor.open()
    try:
        reader, writer = await asyncio.open_connection(
            floor.address.host, floor.address.port, limit=1024
        )
        request = (
            f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {floor.token}\r\n\r\n"
        )
        writer.write(request.encode())
        await floor.streaming()
        async with floor.stream() as other:
            await floor.streaming(2)
            count = 0
            while floor.outward.feed.streams > 1:
                await floor.told(*(changed("x" * 4000) for _ in range(100)))
                count += 100
                await other.events(100)
            assert count < 20_000
        del reader
        writer.close()
    finally:
        await floor.close()


async def test_a_server_that_stops_waits_for_no_stream(floor):
    async with floor.stream() as stream:
        await floor.streaming()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await floor.close()
        assert loop.time() - began < 1.5
        await stream.end()
