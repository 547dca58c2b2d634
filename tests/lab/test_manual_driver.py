"""The driver that is a person: what it is told, and that nothing waits for it in vain."""

import asyncio
import os
import pty
from datetime import UTC, datetime

import pytest

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.driver import OPERATIONS, Driver, NotMapped, Refused
from voltkeep.lab.drivers.manual import ManualDriver, patient
from voltkeep.lab.drivers.samples import optional, samples
from voltkeep.lab.drivers.words import WORDS, explained
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Account, Csms, Deadlines, Laboratory, Plan, Product, Tokens
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import ClearCacheRequest

PROMPT_S = 20.0


class Person:
    """Sits at a terminal; has the lines that were shown."""

    def __init__(self, reads: int, types: int):
        self._types = types
        self.told: list[str] = []
        self.driver = ManualDriver(self._show, reads)

        self._shown: asyncio.Queue[None] = asyncio.Queue()

    def _show(self, text: str) -> None:
        self.told.append(text)
        self._shown.put_nowait(None)

    def types(self, text: str) -> None:
        os.write(self._types, text.encode())

    async def is_asked(self) -> None:
        """Wait until something more was shown. What is typed after that is an answer to it."""
        await asyncio.wait_for(self._shown.get(), PROMPT_S)

    async def orders(self, ordered) -> None:
        """Say that it is ordered, and let it come."""
        self.types("\n")
        await self.is_asked()
        assert "Waiting for it" in self.told[-1]
        assert not ordered.done()
        ordered.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(ordered, PROMPT_S)
        await self.is_asked()
        assert "  That is settled." in self.told


@pytest.fixture(params=["pipe", "terminal"])
def person(request):
    reads, types = pty.openpty()[::-1] if request.param == "terminal" else os.pipe()
    yield Person(reads, types)
    os.close(reads)
    os.close(types)


async def test_a_person_is_told_and_says_that_it_is_done(person):
    ordered = asyncio.create_task(person.driver.reset("LAB-1", kind="Hard"))
    await person.is_asked()
    assert not ordered.done()
    await person.orders(ordered)

    told, *_ = person.told
    assert "> Have the CSMS send Reset to LAB-1: restart the station, kind Hard." in told
    assert "Press Enter" in told


@pytest.mark.parametrize("typed", ["s\n", " S \n", "skip\n"])
async def test_a_person_says_that_the_csms_cannot(person, typed):
    ordered = asyncio.create_task(person.driver.clear_cache("LAB-1"))
    await person.is_asked()
    person.types(typed)

    with pytest.raises(NotMapped, match="ClearCache"):
        await asyncio.wait_for(ordered, PROMPT_S)


async def test_what_has_come_needs_no_key(person):
    """The case cancels the order as soon as the CALL is there; the loop was never blocked."""
    ordered = asyncio.create_task(person.driver.clear_cache("LAB-1"))
    await person.is_asked()

    ordered.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(ordered, PROMPT_S)
    await person.is_asked()
    assert person.told[-1] == "  That is settled."

    again = asyncio.create_task(person.driver.unlock("LAB-1", connector=1))
    await person.is_asked()
    await person.orders(again)


async def test_one_order_is_shown_at_a_time(person):
    first = asyncio.create_task(person.driver.clear_cache("LAB-1"))
    second = asyncio.create_task(person.driver.clear_cache("LAB-2"))
    await person.is_asked()
    assert len(person.told) == 1
    await person.orders(first)
    await person.is_asked()
    await person.orders(second)


@pytest.mark.parametrize(
    ("typed", "outcome", "words"),
    [("f\n", Refused, "waited for it no longer"), ("s\n", NotMapped, "in place of ClearCache")],
)
async def test_a_person_need_not_wait_to_the_end(person, typed, outcome, words):
    ordered = asyncio.create_task(person.driver.clear_cache("LAB-1"))
    await person.is_asked()
    for _ in range(2):  # a key too many gives up nothing
        person.types("\n")
        await person.is_asked()
        assert "f and Enter if nothing comes" in person.told[-1]
    person.types(typed)

    with pytest.raises(outcome, match=words):
        await asyncio.wait_for(ordered, PROMPT_S)


async def test_a_person_is_told_once_what_is_played(person):
    person.driver.announce("TC_001 First")
    person.driver.announce("TC_013 Hard reset: security profile 1, case 2 of 9")
    for _ in range(2):
        ordered = asyncio.create_task(person.driver.clear_cache("LAB-1"))
        await person.is_asked()
        await person.orders(ordered)

    lines = "\n".join(person.told).splitlines()
    heading = "== TC_013 Hard reset: security profile 1, case 2 of 9 =="
    assert [line for line in lines if "==" in line] == [heading] == lines[1:2]


async def test_nobody_at_the_other_end_is_told_as_such():
    reads, types = os.pipe()
    os.close(types)
    with pytest.raises(NotMapped, match="closed"):
        await ManualDriver(lambda _: None, reads).clear_cache("LAB-1")
    os.close(reads)


async def test_no_terminal_is_told_as_such():
    null = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(NotMapped, match="nobody can be asked"):
        await ManualDriver(lambda _: None, null).clear_cache("LAB-1")
    os.close(null)


async def test_what_a_peer_said_cannot_act_on_the_terminal(person):
    hashes = {"hashAlgorithm": "SHA256", "serialNumber": "\x1b[2J"}
    ordered = asyncio.create_task(person.driver.delete_certificate("L\x1b[2J", certificate=hashes))
    await person.is_asked()
    await person.orders(ordered)

    assert "\x1b" not in person.told[0]


async def test_a_reservation_says_until_when(person):
    until = datetime(2030, 1, 1, 12, tzinfo=UTC)
    ordered = asyncio.create_task(
        person.driver.reserve("LAB-1", connector=1, token="A", expires_at=until)
    )
    await person.is_asked()
    await person.orders(ordered)

    assert "reserve connector 1 for token A until 2030-01-01 12:00:00+00:00." in person.told[0]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_operation_has_words_and_names_all_it_was_given(operation):
    assert WORDS.keys() == OPERATIONS.keys()
    for _, arguments in samples(operation):
        reads, types = os.pipe()
        os.write(types, b"\nf\n")
        told: list[str] = []
        with pytest.raises(Refused):
            await ManualDriver(told.append, reads).perform(operation, "LAB-1", arguments)
        os.close(reads)
        os.close(types)

        assert WORDS[operation].message in told[0]
        for value in arguments.values():
            if isinstance(value, str):
                assert value.splitlines()[0] in told[0]
    for argument in OPERATIONS[operation]:
        assert explained(operation, argument)
    assert set(optional(operation)) <= set(OPERATIONS[operation])


PLAN = Plan(
    product=Product(name="x", vendor="x", version="1"),
    laboratory=Laboratory(name="x"),
    csms=Csms(urls={}),
    stations={"1": Account(identity="a", serial_number="a")},
    tokens=Tokens(valid="a", expired="b", blocked="c", unknown="d", parent="e", sibling="f"),
    deadlines=Deadlines(order_s=1, answer_s=PROMPT_S),
)


async def test_the_next_case_does_not_wait_for_a_key(person):
    bench = Bench(PLAN, person.driver, 1, {})
    arrived = bench.order(person.driver.clear_cache("LAB-1"))
    forgotten = bench.order(person.driver.clear_cache("LAB-1"))
    await person.is_asked()
    bench.arrived(arrived)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(arrived, PROMPT_S)

    began = asyncio.get_running_loop().time()
    await bench.finish_orders()

    assert asyncio.get_running_loop().time() - began < PROMPT_S / 2
    assert forgotten.cancelled()


def test_a_person_has_the_time_that_a_person_needs():
    assert patient(PLAN).deadlines.order_s == 600
    assert patient(PLAN).deadlines.case_s == 3600
    assert patient(PLAN).deadlines.answer_s == PROMPT_S
    assert patient(PLAN).reservation_s == 300
    assert (ManualDriver.at_once, Driver.at_once) == (False, True)


async def test_what_comes_wrong_leaves_no_order_that_the_next_one_waits_for(person, monkeypatch):
    station = ChargePoint(Bench(PLAN, person.driver, 1, {"1": Credentials.of(PLAN.stations["1"])}))

    async def hears(*_):
        await person.is_asked()
        raise Failed("ClearCache.req", "Reset.req")

    monkeypatch.setattr(station, "hears", hears)
    with pytest.raises(Failed, match="ClearCache"):
        await station.asked(person.driver.clear_cache("LAB-1"), ClearCacheRequest)
    await person.is_asked()
    assert person.told[-1] == "  That is settled."
    again = asyncio.create_task(person.driver.unlock("LAB-1", connector=1))
    await person.is_asked()
    await person.orders(again)
