"""Fixtures of the pages: an installation behind its API, in this process."""

import pytest

from tests.web.api.conftest import running_api


@pytest.fixture
async def api():
    async with running_api() as running:
        yield running
