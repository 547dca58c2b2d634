"""What the tests of the gateway share."""

import pytest

from tests.gateway.csms import Csms


@pytest.fixture
async def csms():
    """A CSMS with one station, which is let in without a key."""
    async with Csms() as csms:
        await csms.add()
        yield csms
