"""A foreign CSMS, and stations that connect to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.sim.csms import Csms
from voltkeep.sim import SimStation, StationSpec

FAST = 60.0  # simulated seconds in a real one: slow enough to see each of them

VERSIONS = ("1.6", "2.0.1", "2.1")
Plugged = Callable[..., Any]


@pytest.fixture(params=VERSIONS)
def version(request):
    """Each version of OCPP."""
    return request.param


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    """A CSMS that accepts everything, and at the end must have found nothing wrong."""
    async with Csms() as csms:
        yield csms


@pytest.fixture
async def connect(csms, version) -> AsyncIterator[Plugged]:
    """Connect a station of that version, and wait until it is booted."""
    async with AsyncExitStack() as stack:

        async def connect(*, speed: float = FAST, boot: bool = True, **spec: Any) -> SimStation:
            options = {
                name: spec.pop(name) for name in ("call_timeout", "recorder") if name in spec
            }
            spec = {"id": "CS 1/a", "version": version, "url": csms.url} | spec
            station = await stack.enter_async_context(
                SimStation(StationSpec(**spec), speed, **options)
            )
            if boot:
                await station.booted()
            return station

        yield connect
