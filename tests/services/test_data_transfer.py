"""Vendors' messages are answered by whoever registered for them, and by the book if nobody did."""

import asyncio
from importlib.metadata import EntryPoint

import pytest
from msgspec import Raw

from tests.services.devices import STATION, Devices
from voltkeep.domain.commands import TransferData
from voltkeep.domain.data_transfer import Reply, TransferStatus
from voltkeep.domain.events import DataReceived
from voltkeep.services.data_transfer import MOST_DATA_BYTES, DataTransferService, Registry
from voltkeep.services.ports import CommandUnfit, Superseded
from voltkeep.services.provisioning import UnknownStation

ACCEPTED, REJECTED, UNKNOWN_MESSAGE, UNKNOWN_VENDOR = TransferStatus


@pytest.fixture
async def devices():
    them = Devices()
    await them.add()
    begin, read = them.store.begin, them.store.read
    them.transfers = DataTransferService(begin, read, them, Registry(), patience_s=0.05)
    return them


async def says(devices, vendor="com.example", message="m", data=None):
    return await devices.transfers.receive(devices.sender(), vendor, message, data)


def events(devices):
    return [each for each in devices.store.published if isinstance(each, DataReceived)]


async def echo(station, message, data):
    return Reply(data=data)


async def test_a_handler_of_a_message_goes_before_one_of_all_messages(devices):
    async def other(station, message, data):
        return Reply(data=[str(station), message])

    devices.transfers.registry.register("com.example", "echo", echo)
    devices.transfers.registry.register("com.example", None, other)

    assert await says(devices, "COM.example", "Echo", {"a": 1}) == Reply(ACCEPTED, {"a": 1})
    assert await says(devices, message="else") == Reply(ACCEPTED, ["CS-1", "else"])
    assert await says(devices, message="") == Reply(ACCEPTED, ["CS-1", ""])
    assert await says(devices, "org.example") == Reply(UNKNOWN_VENDOR)


async def test_nobody_takes_what_another_has_registered(devices):
    devices.transfers.registry.register("com.example", "echo", echo)

    with pytest.raises(ValueError, match="handled already"):
        devices.transfers.registry.register("Com.Example", "ECHO", echo)


async def _fails(*_):
    raise RuntimeError("on purpose")


async def _waits(*_):
    await asyncio.Event().wait()


async def _too_much(*_):
    return Reply(data="x" * MOST_DATA_BYTES)


async def _nonsense(*_):
    return Reply("Perhaps")


async def _nothing(*_):
    return None


async def _unsayable(*_):
    return Reply(data=object())


@pytest.mark.parametrize("handle", [_fails, _waits, _too_much, _nonsense, _nothing, _unsayable])
async def test_a_handler_that_fails_or_takes_too_long_rejects(devices, handle):
    devices.transfers.registry.register("com.example", None, handle)

    assert await says(devices) == Reply(REJECTED)
    (event,) = events(devices)
    assert event.status == REJECTED


async def test_more_data_than_anybody_means_reaches_no_handler(devices):
    async def silent(station, message, data):
        return Reply()

    devices.transfers.registry.register("com.example", None, silent)

    assert await says(devices, data="é" * (MOST_DATA_BYTES // 2)) == Reply(REJECTED)
    assert await says(devices, data="é") == Reply(ACCEPTED)


async def test_what_came_in_is_told_bounded_and_without_secrets(devices):
    devices.transfers.registry.register("com.example", None, echo)
    await says(devices, data="x" * 5000)
    await says(devices, data='{"password":"hunter22"}')

    long, secret = events(devices)
    assert (long.size_bytes, len(long.data)) == (5002, 1000)
    assert secret.data == "***"


async def test_a_station_cannot_fill_the_database_with_what_nobody_handles(devices):
    for _ in range(100):
        assert await says(devices) == Reply(UNKNOWN_VENDOR)

    assert len(events(devices)) == 10


async def test_a_connection_that_is_over_says_nothing(devices):
    sender = devices.sender()
    await devices.add()

    with pytest.raises(Superseded):
        await devices.transfers.receive(sender, "com.example", "m", None)


async def test_a_plug_in_registers_itself_and_one_that_fails_is_left_out():
    registry = Registry()
    here = "tests.services.test_data_transfer"
    registry.load(
        [
            EntryPoint("broken", "tests.services.no_such_module:x", "voltkeep.data_transfer"),
            EntryPoint("failing", f"{here}:_failing_plugin", "voltkeep.data_transfer"),
            EntryPoint("good", f"{here}:_plugin", "voltkeep.data_transfer"),
        ]
    )

    assert registry.find("com.example", "echo") is echo


def _plugin(registry):
    registry.register("com.example", "echo", echo)


def _failing_plugin(registry):
    raise RuntimeError("on purpose")


async def test_what_is_sent_is_json_for_a_station_that_there_is(devices):
    async def send(station, command, timeout=None):
        devices.asked.append((station, command))

    devices.send = send
    await devices.transfers.send(STATION, "com.example", "m", b'{"a":1}')
    with pytest.raises(CommandUnfit, match="JSON"):
        await devices.transfers.send(STATION, "com.example", "m", b"{")
    with pytest.raises(UnknownStation):
        await devices.transfers.send(STATION._replace(name="NONE"), "com.example")

    ((_, command),) = devices.asked
    assert command == TransferData(vendor="com.example", message="m", data=Raw(b'{"a":1}'))
