"""Webhooks: what endpoints are told, in which order, how often, and when nobody tries any more."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from msgspec import structs
from standardwebhooks import Webhook as Verifier

from tests.bus.posting import Post, posting
from tests.bus.receiver import receiving
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, NOON, TENANT
from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.domain.accounts import Permission
from voltkeep.domain.events import RootsChanged, StationChanged, TransactionUpdated
from voltkeep.domain.identity import StationId, TransactionRef
from voltkeep.domain.stations import Station
from voltkeep.domain.telling import UnknownEventType
from voltkeep.domain.webhooks import RETRY_AFTER_S, DeliveryState, WebhookState
from voltkeep.services.outbound import OutboundRefused
from voltkeep.services.webhooks import (
    EventsNotAllowed,
    UnknownWebhook,
)
from voltkeep.store import MemoryStore

DAY = timedelta(days=1)


def changed(what, station=ALPHA):
    return StationChanged(station=station, at=NOON, what=str(what))


@pytest.fixture
async def post(store):
    async with posting(store) as made:
        yield made


@pytest.fixture
async def receiver():
    async with receiving() as made:
        yield made


async def test_events_come_signed_in_order(post, receiver):
    id, secret = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2, BETA), changed(3))

    got = await receiver.have(3)
    told_what = receiver.told_what()
    assert sorted(told_what) == ["1", "2", "3"]
    assert told_what.index("1") < told_what.index("3")
    for each in got:
        told = Verifier(secret).verify(each.body, each.headers)
        assert told["id"] == each.id
        assert told["type"] == "station.changed"
        assert each.headers["content-type"] == "application/json"
    assert len({each.id for each in got}) == 3
    first, *_ = await post.settled(id, 3)
    assert (first.attempts, first.last.status, first.last.error) == (1, 204, "")
    assert first.last.latency_s > 0


async def test_what_a_webhook_was_made_after_is_not_told(post, receiver):
    await post.emit(changed("before"))
    await post.until(post.store.outbox.last)
    await post.add(receiver.url, types=("station.*",))
    await post.emit(changed("after"))

    await receiver.have(1)
    assert receiver.told_what() == ["after"]


async def test_a_webhook_gets_what_it_was_made_for(post, receiver):
    """Its types, its stations, its tenant; and only what its maker may read."""
    started = TransactionUpdated(
        station=ALPHA, at=NOON, ref=TransactionRef("1"), charging_state=None
    )
    root = RootsChanged(station=StationId(TENANT, ""), at=NOON, what="a root")
    viewer = frozenset({Permission.READ_EVENTS})
    await post.add(receiver.url, viewer, stations=("Alpha", ALPHA.name, ""))
    await post.emit(started, root, changed(1, ELSEWHERE), changed(2, BETA), changed(3))

    await receiver.have(1)
    await post.emit(changed(4))
    await receiver.have(2)
    assert receiver.told_what() == ["3", "4"]


async def test_of_sites_a_webhook_gets_what_stands_there(post, receiver):
    async with post.store.begin() as work:
        await work.stations.add(Station(id=ALPHA, site="north", created_at=NOON))
        await work.stations.add(Station(id=BETA, site="south", created_at=NOON))
    await post.add(receiver.url, types=("station.*",), sites=("south",))
    await post.emit(changed(1), changed(2, BETA))

    await receiver.have(1)
    assert receiver.told_what() == ["2"]


async def test_a_station_whose_event_is_refused_waits_and_others_go_on(post, receiver):
    receiver.answer = lambda got: (500 if got.event["data"].get("what") == "1" else 200, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2), changed(3, BETA), changed(4, BETA))

    await post.settled(id, 2)

    await post.until(lambda: _tried(post, id, 1))
    assert set(receiver.told_what()) == {"1", "3", "4"}
    (waiting, behind) = await post.deliveries(id, DeliveryState.WAITING)
    assert (waiting.attempts, waiting.last.status) == (1, 500)
    assert behind.attempts == 0

    receiver.answer = lambda _: (200, "")
    await post.later(seconds=6)
    await post.settled(id, 4)
    assert receiver.told_what()[-2:] == ["1", "2"]
    assert receiver.got[-2].id == next(
        got.id for got in receiver.got if got.event["data"].get("what") == "1"
    )


async def test_a_delivery_is_tried_ten_times_ever_more_rarely_and_given_up(post, receiver):
    receiver.answer = lambda got: (500 if got.event["data"].get("what") == "1" else 200, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2))

    for number, wait in enumerate(RETRY_AFTER_S[1:], start=1):
        await post.until(lambda number=number: _tried(post, id, number))
        (first, *_) = await post.deliveries(id, DeliveryState.WAITING)
        due = (first.next_at - first.last.at).total_seconds()
        assert wait <= due <= wait * 1.1 + 20
        await post.later(seconds=wait * 1.1 + 1)
    (failed,) = await post.settled(id, 1, DeliveryState.FAILED)
    assert failed.attempts == len(RETRY_AFTER_S)
    await post.later(minutes=6)
    await post.settled(id, 1)  # the one behind it
    assert len(receiver.got) == len(RETRY_AFTER_S) + 1


async def _tried(post, id, number):
    waiting = await post.deliveries(id, DeliveryState.WAITING)
    return bool(waiting) and waiting[0].attempts >= number


async def test_an_endpoint_that_asks_for_rest_gets_it(post, receiver):
    """Retry-After holds for the endpoint: no other station's event is sent either."""
    receiver.answer = lambda _: (503, "retry-after: 3600\r\n")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1))
    await post.until(lambda: _tried(post, id, 1))

    receiver.answer = lambda _: (200, "")
    await post.emit(changed(2, BETA))
    await post.later(minutes=30)
    await post.until(lambda: _count(post, id, 2))
    assert len(receiver.got) == 1

    await post.later(minutes=31)
    await post.settled(id, 2)


async def _count(post, id, count):
    return len(await post.deliveries(id)) >= count


async def test_an_endpoint_that_hangs_delays_no_other(post, receiver):
    receiver.hold = asyncio.Event()
    async with receiving() as other:
        await post.add(receiver.url, types=("station.*",))
        await post.add(other.url, types=("station.*",))
        await post.emit(*(changed(n, StationId(TENANT, f"S{n}")) for n in range(30)))

        await other.have(30)
        assert len(await receiver.have(1)) <= 8


async def test_an_endpoint_that_is_down_is_tried_with_one_delivery_at_a_time(post, receiver):
    receiver.answer = lambda _: (502, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(*(changed(n, StationId(TENANT, f"S{n}")) for n in range(50)))

    await post.until(lambda: _count(post, id, 50))
    line = post.outward.webhooks._lines[TENANT, id]
    await post.until(lambda: _is(line._failures >= 3 and not line._sending))
    tried = len(receiver.got)
    assert tried <= 11
    await post.later(seconds=700)
    await receiver.have(tried + 1)
    await post.until(lambda: _is(not line._sending))
    assert len(receiver.got) == tried + 1


async def _is(value):
    return value


@pytest.mark.parametrize(
    ("status", "more"), [(301, "location: http://127.0.0.1:1/\r\n"), (400, ""), (199, "")]
)
async def test_only_success_is_success(post, receiver, status, more):
    receiver.answer = lambda _: (status, more)
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1))

    await post.until(lambda: _tried(post, id, 1))
    assert len(receiver.got) == 1


async def test_an_endpoint_that_is_gone_is_switched_off_and_somebody_is_told(post, receiver):
    receiver.answer = lambda _: (410, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2))

    await post.until(lambda: _is_off(post, id))
    webhook = await post.service.get(TENANT, id)
    assert "410" in webhook.reason
    async with post.store.read() as work:
        (alert,) = await work.alerts.all(TENANT)
        assert id in alert.text
        assert [entry.deed.action for entry in await work.audit.last(TENANT, limit=1)] == [
            "webhook.disabled"
        ]
    await asyncio.sleep(0.3)
    assert len(receiver.got) == 1


async def _is_off(post, id):
    return (await post.service.get(TENANT, id)).state is WebhookState.DISABLED


async def test_an_endpoint_that_fails_for_days_is_switched_off(post, receiver):
    receiver.answer = lambda _: (500, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1))
    await post.until(lambda: _tried(post, id, 1))
    await post.later(days=6)

    await post.until(lambda: _is_off(post, id))
    receiver.answer = lambda _: (200, "")
    webhook = await post.service.enable(TENANT, id)
    assert (webhook.failing_since, webhook.reason) == (None, "")
    await post.settled(id, 1)


async def test_a_success_ends_the_days_of_failure(post, receiver):
    receiver.answer = lambda _: (500 if len(receiver.got) == 1 else 200, "")  # then for good
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1))
    await post.until(lambda: _tried(post, id, 1))
    await post.emit(changed(2, BETA))
    await post.settled(id, 1)

    async def is_well():
        return (await post.service.get(TENANT, id)).failing_since is None or None

    await post.until(is_well)


async def test_a_server_that_is_killed_loses_nothing_and_repeats_with_the_same_id(store):
    async with receiving() as receiver, AsyncExitStack() as stack:
        post = await stack.enter_async_context(posting(store))
        id, _ = await post.add(receiver.url, types=("station.*",))
        receiver.hold = asyncio.Event()
        await post.emit(changed(1), changed(2), changed(3, BETA))
        await receiver.have(2)
        await post.kill()  # when they were sent, and nothing of it is stored

        receiver.hold.set()
        receiver.hold = None
        await post.emit(changed(4))
        sent = {each.id for each in receiver.got}
        await post.start()

        await post.settled(id, 4)
        again = [each for each in receiver.got[2:] if each.id in sent]
        assert len(again) == 2
        of_alpha = [
            each.event["data"]["what"]
            for each in receiver.got[2:]
            if each.event["station"] == ALPHA.name
        ]
        assert of_alpha == ["1", "2", "4"]


async def test_both_secrets_sign_for_a_while(post, receiver):
    id, old = await post.add(receiver.url, types=("station.*",))
    _, new = await post.service.rotate(TENANT, id, overlap=DAY)
    await post.emit(changed(1))
    (first,) = await receiver.have(1)
    for secret in (old, new):
        assert Verifier(secret).verify(first.body, first.headers)
    assert len(first.headers["webhook-signature"].split(" ")) == 2

    await post.service.rotate(TENANT, id, overlap=timedelta())
    await post.emit(changed(2))
    second = (await receiver.have(2))[1]
    assert len(second.headers["webhook-signature"].split(" ")) == 1


async def test_what_happens_just_after_a_delivery_does_not_wait(post, receiver):
    await post.add(receiver.url, types=("station.*",))
    for count in range(1, 6):
        await post.emit(changed(count))
        await receiver.have(count)


async def test_a_secret_is_stored_sealed(post, receiver):
    id, secret = await post.add(receiver.url)
    webhook = await post.service.get(TENANT, id)

    assert secret.startswith("whsec_")
    assert secret[6:] not in str(structs.asdict(webhook))


async def test_what_was_given_up_can_be_sent_again(post, receiver):
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2, BETA))
    first, second = await post.settled(id, 2)
    assert await post.service.redeliver_failed(TENANT, id, NOON) == 0

    await post.service.redeliver(TENANT, id, first.id)
    assert (await receiver.have(3))[2].id == first.event_id

    async with post.store.begin() as work:
        await work.deliveries.put(structs.replace(second, state=f"{id}/failed"))
    assert await post.service.redeliver_failed(TENANT, id, NOON) == 1
    assert (await receiver.have(4))[3].id == second.event_id


async def test_what_was_missed_while_it_was_off_comes_later_or_not_at_all(post, receiver):
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.service.disable(TENANT, id)
    await post.emit(changed(1))
    await post.service.enable(TENANT, id)
    await receiver.have(1)

    await post.service.disable(TENANT, id)
    before = await post.store.outbox.last()
    await post.emit(changed(2))
    await post.until(lambda: _is_past(post, before))
    await post.service.enable(TENANT, id, from_now=True)
    await post.emit(changed(3))
    await receiver.have(2)
    assert receiver.told_what() == ["1", "3"]


async def _is_past(post, position):
    return await post.store.outbox.last() > position + 1


async def test_a_webhook_that_was_removed_gets_nothing_more(post, receiver):
    receiver.answer = lambda _: (500, "")
    id, _ = await post.add(receiver.url, types=("station.*",))
    await post.emit(changed(1), changed(2))
    await post.until(lambda: _tried(post, id, 1))

    await post.service.remove(TENANT, id)
    await post.until(lambda: _are_over(post))
    await post.later(hours=1)
    with pytest.raises(UnknownWebhook):
        await post.service.get(TENANT, id)
    async with post.store.read() as work:
        assert await work.deliveries.all(TENANT, states=(f"{id}/waiting",)) == []
    await asyncio.sleep(0.1)
    assert len(receiver.got) == 1


async def _are_over(post):
    return all(task.done() for task in post.outward.webhooks._tasks.values())


async def test_an_answer_is_kept_as_far_as_it_is_of_use(post, receiver):
    """Ten megabytes of it, and bytes that are no text."""
    body = "x" * 10_000_000
    receiver.answer = lambda _: (500, f"content-length: {len(body)}\r\n\r\n{body}")
    id, _ = await post.add(receiver.url)
    attempt = await post.service.test(TENANT, id)

    assert attempt.status == 500
    assert attempt.response == "x" * 1024


async def test_a_test_is_an_event_that_tells_nothing(post, receiver):
    id, secret = await post.add(receiver.url, types=("station.*",))
    attempt = await post.service.test(TENANT, id)

    assert attempt.is_success
    (got,) = receiver.got
    told = Verifier(secret).verify(got.body, got.headers)
    assert (told["type"], told["data"]) == ("webhook.test", {"webhook": id})
    assert await post.deliveries(id) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://user:password@example.com/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_nothing_is_sent_to_the_inside_or_in_clear(url):
    post = Post(MemoryStore())
    post.service._outbound = CheckedOutbound()
    with pytest.raises(OutboundRefused):
        await post.add(url)


async def test_nobody_makes_a_webhook_for_what_they_may_not_read(post, receiver):
    viewer = frozenset({Permission.READ_EVENTS})
    with pytest.raises(EventsNotAllowed):
        await post.add(receiver.url, viewer, types=("transaction.ended",))
    with pytest.raises(EventsNotAllowed):
        await post.add(receiver.url, viewer, full_tokens=True)
    with pytest.raises(UnknownEventType):
        await post.add(receiver.url, types=("transaction.exploded",))
    with pytest.raises(UnknownEventType):
        await post.add(receiver.url, types=("energy.metered",))
