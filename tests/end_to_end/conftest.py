"""What the tests of the security whitepaper share; others have a server of their own."""

import pytest

from tests.end_to_end.server import LISTENERS, Server


@pytest.fixture(params=["1.6", "2.0.1"])
def version(request):
    return request.param


@pytest.fixture
async def server(tmp_path):
    """A server with every listener."""
    server = Server(tmp_path / "data", listen=LISTENERS, public_host="127.0.0.1")
    await server.prepare([])
    await server.start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output()
