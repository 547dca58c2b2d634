"""A station that says whatever it is told to, in OCPP 1.6: what no simulated one would say."""

import itertools
import json
from contextlib import asynccontextmanager
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from voltkeep.sim.spec import basic


class Wire:
    """Its connection."""

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count()

    async def say(self, action, **payload):
        """Send a CALL, and wait for its answer."""
        id = f"{next(self._ids)}"
        await self._socket.send(json.dumps([2, id, action, payload]))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer[0] == 2:
                await self._socket.send(json.dumps([4, answer[1], "NotSupported", "", {}]))
            elif answer[1] == id:
                assert answer[0] == 3, answer
                return answer[2]

    async def status(self, status, connector=1, **more):
        """Say how a connector is."""
        said = {"connectorId": connector, "status": status, "errorCode": "NoError", **more}
        await self.say("StatusNotification", **said)


@asynccontextmanager
async def wire(url, name, password=None):
    """A connection of that station."""
    headers = {} if password is None else {"Authorization": basic(name, password)}
    options = {
        "subprotocols": [Subprotocol("ocpp1.6")],
        "proxy": None,
        "additional_headers": headers,
    }
    async with connect(f"{url}/{quote(name, safe='')}", **options) as socket:
        yield Wire(socket)
