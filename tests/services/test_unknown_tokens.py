"""Tokens that nobody registered: refused, recorded, or asked about elsewhere."""

import ipaddress
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.bus.test_outbound import listening, says
from voltkeep.bus.outbound import CheckedOutbound
from voltkeep.domain.authorization import Authorization, SeenState, Token
from voltkeep.domain.identity import IdToken, IdTokenKind, Sender, station_id
from voltkeep.domain.stations import Policy, Station, UnknownTokens
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.services import unknown_tokens
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.outbound import OutboundAnswer, OutboundFailed
from voltkeep.services.ports import StoreUnavailable
from voltkeep.services.records import Look
from voltkeep.services.transactions import TransactionService
from voltkeep.services.unknown_tokens import UnknownTokenService
from voltkeep.store import MemoryStore

CS = station_id("CS-1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GUEST = IdToken("GUEST")
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Elsewhere:
    """Whoever decides over unknown tokens, and what they were asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def check(self, url):
        pass

    async def post(self, url, content, headers, timeout_s, most_bytes):
        self.asked.append((url, json.loads(content)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return OutboundAnswer(status=200, content=self.answer)


class Place:
    """A station with a policy, and the services behind it."""

    def __init__(self, outbound):
        self.store = MemoryStore()
        self.now = NOON
        clock = lambda: self.now  # noqa: E731  # reads as what it is
        unknown = UnknownTokenService(self.store.begin, self.store.read, outbound, clock)
        self.authorization = AuthorizationService(
            self.store.begin, self.store.read, clock, lambda _: None, unknown
        )
        self.transactions = TransactionService(
            self.store.begin,
            self.store.read,
            self.store.journal,
            clock,
            lambda _: None,
            unknown,
            number_key=b"key",
        )

    async def show(self, id_token=GUEST, after=0.0):
        sender = Sender(CS, 0, NOON + timedelta(seconds=after))
        return await self.authorization.authorize(sender, id_token)

    async def start(self, id_token=GUEST):
        update = TransactionUpdate(phase=Phase.STARTED, at=self.now, id_token=id_token, meter_wh=0)
        return (await self.transactions.record(Sender(CS, 0, self.now), update)).decision

    async def seen(self, **look):
        found = await self.authorization.unknown.page(CS.tenant, Look(**look))
        return [(each.id_token.value, each.times) for each in found]


async def place(policy=UnknownTokens.REFUSE, outbound=None, url="https://elsewhere.example/"):
    made = Place(outbound or CheckedOutbound())
    async with made.store.begin() as work:
        chosen = Policy(unknown_tokens=policy, unknown_tokens_url=url)
        await work.stations.add(Station(id=CS, created_at=NOON, policy=chosen))
    return made


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (UnknownTokens.REFUSE, Authorization.UNKNOWN),
        (UnknownTokens.RECORD, Authorization.ACCEPTED),
    ],
)
async def test_what_is_unknown_is_recorded_and_told_by_the_policy(policy, status):
    made = await place(policy)

    assert (await made.show()).status is status
    assert (await made.start()).status is status

    assert await made.seen() == [("GUEST", 2)]


async def test_where_all_are_let_in_nobody_is_held_up_for_being_many():
    made = await place(UnknownTokens.RECORD)

    told = {(await made.show(IdToken(f"T{each}"))).status for each in range(100)}

    assert told == {Authorization.ACCEPTED}
    assert 0 < len(await made.seen(limit=500)) < 100  # of a flood only some are recorded


async def test_a_registered_token_is_judged_as_registered_whatever_the_policy():
    made = await place(UnknownTokens.RECORD)
    token = Token(id_token=GUEST, created_at=NOON, blocked=True)
    await made.authorization.save(CS.tenant, token)

    assert (await made.show()).status is Authorization.BLOCKED
    assert (await made.start()).status is Authorization.BLOCKED
    assert await made.seen() == []


async def test_whoever_needs_no_token_is_no_unknown_one():
    made = await place(UnknownTokens.REFUSE)
    button = IdToken("", IdTokenKind.NO_AUTHORIZATION)

    assert (await made.show(button)).status is Authorization.ACCEPTED
    assert (await made.start(button)).status is Authorization.ACCEPTED
    assert await made.seen() == []


async def test_the_list_is_bounded_and_forgets_those_not_seen_for_longest(monkeypatch):
    monkeypatch.setattr(unknown_tokens, "_MOST_SEEN", 3)
    made = await place(UnknownTokens.RECORD)

    for each in range(5):
        await made.show(IdToken(f"T{each}"), after=each)

    assert [value for value, _ in await made.seen()] == ["T4", "T3", "T2"]


async def test_hostile_values_are_kept_as_they_were_shown():
    made = await place(UnknownTokens.REFUSE)
    values = ["\x00", "\x1b[31m", "=1+1", "\u202eevil", "\ud800", "x" * 255, "../../etc"]

    for each in values:
        await made.show(IdToken(each))

    assert len(await made.seen()) == len(values)


async def test_dismissed_ones_come_back_only_when_asked_for():
    made = await place(UnknownTokens.REFUSE)
    await made.show()
    [known] = await made.authorization.unknown.page(CS.tenant, Look())

    await made.authorization.unknown.dismiss(CS.tenant, known.id)
    await made.show()

    assert await made.seen() == []
    assert await made.seen(states=(SeenState.DISMISSED,)) == [("GUEST", 2)]


async def test_somebody_elsewhere_is_asked_once_and_believed_for_a_while():
    elsewhere = Elsewhere(
        b'{"status":"Accepted","group":"GUESTS","expires_at":"2026-01-02T00:00:00Z"}'
    )
    made = await place(UnknownTokens.ASK, elsewhere)

    shown, started = await made.show(), await made.start()

    assert (shown.status, shown.group) == (Authorization.ACCEPTED, "GUESTS")
    assert shown.expires_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert started == shown
    question = {
        "tenant": "default",
        "station": "CS-1",
        "token": {"value": "GUEST", "kind": "ISO14443"},
    }
    assert elsewhere.asked == [("https://elsewhere.example/", question)]
    made.now += timedelta(minutes=1)
    await made.show(after=60)
    assert len(elsewhere.asked) == 2


async def test_a_start_alone_is_asked_about_and_recorded_once():
    elsewhere = Elsewhere(b'{"status":"Accepted"}')
    made = await place(UnknownTokens.ASK, elsewhere)

    assert (await made.start()).status is Authorization.ACCEPTED
    assert (await made.start()).status is Authorization.ACCEPTED  # said again

    assert len(elsewhere.asked) == 1
    assert len(await made.transactions.all()) == 1
    assert await made.seen() == [("GUEST", 1)]


@pytest.mark.parametrize(
    "answer",
    [
        OutboundFailed("away"),
        b"",
        b"yes",
        b"[]",
        b"{}",
        b'{"status":"Perhaps"}',
        b'{"status":"Accepted","group":7}',
        b'{"status":"Accepted","group":"\\u001b[31m"}',
        b'{"status":"Accepted","group":"' + b"x" * 256 + b'"}',
        b'{"status":"Accepted","expires_at":"tomorrow"}',
        b"[" * 4000,
    ],
)
async def test_no_answer_that_can_be_read_is_a_no(answer):
    elsewhere = Elsewhere(answer)
    made = await place(UnknownTokens.ASK, elsewhere)

    assert (await made.show()).status is Authorization.UNKNOWN
    assert (await made.start()).status is Authorization.UNKNOWN

    assert len(elsewhere.asked) == 1  # who is away is not asked again at once


async def test_what_was_started_so_may_be_stopped_without_asking():
    elsewhere = Elsewhere(b'{"status":"Accepted"}')
    made = await place(UnknownTokens.ASK, elsewhere)
    await made.start()
    [transaction] = await made.transactions.all()
    made.now += timedelta(hours=1)

    update = TransactionUpdate(
        phase=Phase.ENDED, at=made.now, ref=transaction.ref, id_token=GUEST, meter_wh=5
    )
    stopped = await made.transactions.record(Sender(CS, 0, made.now), update)

    assert stopped.decision.status is Authorization.ACCEPTED
    assert len(elsewhere.asked) == 1


@asynccontextmanager
async def answering(answer):
    async with listening(answer) as heard:
        yield heard, f"http://127.0.0.1:{heard.port}/tokens"


async def test_the_question_goes_over_http():
    async with answering(says(b'{"status":"Accepted"}')) as (heard, url):
        made = await place(UnknownTokens.ASK, CheckedOutbound(LOOPBACK), url)

        assert (await made.show()).status is Authorization.ACCEPTED

    assert b"content-type: application/json" in heard.requests[0].lower()


@pytest.mark.parametrize(
    "answer",
    [
        says(b'{"status":"Accepted"}', "500 Broken"),
        says(b'{"status":"Accepted"}', "302 Found", "Location: /"),
        says(b'{"status":"Accepted"}' + b" " * 5000),
    ],
)
async def test_a_bad_answer_over_http_is_a_no(answer):
    async with answering(answer) as (_, url):
        made = await place(UnknownTokens.ASK, CheckedOutbound(LOOPBACK), url)

        assert (await made.show()).status is Authorization.UNKNOWN


async def test_the_inside_is_not_asked():
    async with answering(says(b'{"status":"Accepted"}')) as (heard, url):
        made = await place(UnknownTokens.ASK, CheckedOutbound(), url)

        assert (await made.show()).status is Authorization.UNKNOWN

    assert heard.requests == []


async def test_no_driver_waits_for_the_list():
    """Recording is no reason to refuse: where the database only reads, the answer is the same."""
    made = await place(UnknownTokens.RECORD)
    service = made.authorization.unknown
    begin = service._begin

    @asynccontextmanager
    async def away():
        raise StoreUnavailable("away")
        yield

    service._begin = away
    assert (await made.show()).status is Authorization.ACCEPTED
    service._begin = begin
    assert await made.seen() == []
