"""A station that says whatever it is told to: what no simulated one would say."""

import itertools
import json
from contextlib import asynccontextmanager
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from voltkeep.sim.spec import basic


class Wire:
    """Its connection. ``asked`` is what came, by action.

    A CALL is answered while something is said: as ``answers`` has it, else with an error.
    """

    def __init__(self, socket, answers, words):
        self._socket = socket
        self._answers = answers
        self._words = words
        self._ids = itertools.count()
        self.asked: dict[str, list[dict[str, object]]] = {}

    async def say(self, action, **payload):
        """Send a CALL, and wait for the result."""
        answer = await self.call(action, **payload)
        assert answer[0] == 3, answer
        return answer[2]

    async def call(self, action, **payload):
        """Send a CALL, and wait for its answer, which may be an error."""
        id = f"{next(self._ids)}"
        await self._socket.send(json.dumps([2, id, action, payload]))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer[0] == 2:
                await self._answer(*answer[1:])
            elif answer[1] == id:
                return answer

    async def _answer(self, id, action, payload):
        self.asked.setdefault(action, []).append(payload)
        refusal = [4, id, "NotSupported", self._words, {self._words: self._words}]
        answer = [3, id, self._answers[action]] if action in self._answers else refusal
        await self._socket.send(json.dumps(answer))

    async def status(self, status, connector=1, **more):
        """Say how a connector is."""
        said = {"connectorId": connector, "status": status, "errorCode": "NoError", **more}
        await self.say("StatusNotification", **said)


@asynccontextmanager
async def wire(url, name, password=None, version="ocpp1.6", answers=(), words=""):
    """A connection of that station. ``words`` are in what it answers else."""
    headers = {} if password is None else {"Authorization": basic(name, password)}
    options = {
        "subprotocols": [Subprotocol(version)],
        "proxy": None,
        "additional_headers": headers,
    }
    async with connect(f"{url}/{quote(name, safe='')}", **options) as socket:
        yield Wire(socket, dict(answers), words)
