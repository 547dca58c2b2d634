"""One connection of a station: its CALLs are answered in order, ours go out one after the other."""

import asyncio

from msgspec import json
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.lab.csms.out import CALL, ERROR, RESULT, Out
from tests.lab.csms.state import Payload, Record, State
from voltkeep.ocpp import frames, messages, v16
from voltkeep.ocpp.errors import ErrorCode, Refusal, spelling


class Gone(Exception):
    """The station has left before it answered."""


class Link:
    """A connection that the door let in."""

    def __init__(self, state: State, record: Record, socket: ServerConnection) -> None:
        self.state = state
        self.record = record
        self._socket = socket
        self._turn = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[frames.CallResult | frames.CallError]] = {}
        # A CALL that is repeated gets the same answer again, on whatever connection it comes.
        self._given = state.given.setdefault(record.identity, {})
        self._orders: set[asyncio.Task[object]] = set()

    async def serve(self) -> None:
        """Until the connection ends."""
        former = self.state.links.get(self.record.identity)
        self.state.links[self.record.identity] = self
        if former is not None:
            await former.close()
        try:
            async for data in self._socket:
                await self._take(data)
        except ConnectionClosed:
            pass
        finally:
            if self.state.links.get(self.record.identity) is self:
                del self.state.links[self.record.identity]
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(Gone())
            for task in self._orders:
                task.cancel()
            await asyncio.gather(*self._orders, return_exceptions=True)

    async def close(self) -> None:
        await self._socket.close()

    # Asking

    def order(self, action: str, payload: Payload) -> None:
        """Ask for something when there is time for it."""
        task = asyncio.create_task(self.call(action, payload))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)

    async def call(self, action: str, payload: Payload) -> Payload:
        """Ask, and wait for the answer; {} if it was a CALLERROR. Raises Gone."""
        if not self.state.waits_for_answers:
            return await self.state.call(self, action, payload)
        async with self._turn:
            return await self.state.call(self, action, payload)

    async def sent(self, action: str, payload: Payload) -> Payload:
        """The answer to a CALL that goes out at once. Raises Gone."""
        id = self.state.new_id()
        coming = asyncio.get_running_loop().create_future()
        self._answers[id] = coming
        try:
            await self.put(Out(CALL, action, id, payload))
            frame = await coming
        except ConnectionClosed:
            raise Gone from None
        finally:
            self._answers.pop(id, None)
        if action in self.state.follow_ups:
            self.order(*self.state.follow_ups.pop(action))
        if isinstance(frame, frames.CallError):
            return {}
        answer: Payload = json.decode(frame.payload)
        return answer

    # Answering

    async def _take(self, data: str | bytes) -> None:
        try:
            frame = frames.decode(data)
        except frames.UNREADABLE:
            if not self.state.takes_garbage:
                await self.close()
                return
            remains = frames.remains(data)
            if remains.type == CALL and remains.id:
                await self.put(_error("", remains.id, ErrorCode.FORMAT_VIOLATION))
            return
        if isinstance(frame, frames.Call):
            if frame.id not in self._given:
                self._given[frame.id] = self._answer(frame)
            await self.put(self._given[frame.id])
        elif isinstance(frame, frames.CallResult | frames.CallError):
            future = self._answers.get(frame.id)
            if future is not None and not future.done():
                future.set_result(frame)

    def _answer(self, call: frames.Call) -> Out:
        types = v16.ACTIONS.get(call.action)
        rule = self.state.rules.get(call.action)
        if types is None or rule is None:
            return _error(call.action, call.id, ErrorCode.NOT_IMPLEMENTED)
        if not self.record.was_accepted and call.action != "BootNotification":
            return _error(call.action, call.id, ErrorCode.SECURITY_ERROR)
        try:
            request = messages.read(types[0], frames.payload(call.payload))
        except Refusal as refusal:
            return _error(call.action, call.id, refusal.code)
        return Out(RESULT, call.action, call.id, rule(self, request))

    async def put(self, out: Out) -> None:
        """Send a frame, or what faults have made of it."""
        outs = [out]
        for spoil in self.state.spoilings:
            outs = [each for one in outs for each in spoil(self, one)]
        for each in outs:
            if each.closes:
                await self.close()
            elif each.pause_s:
                await asyncio.sleep(each.pause_s)
            else:
                await self._socket.send(each.data, text=True)


def _error(action: str, id: str, code: str) -> Out:
    return Out(ERROR, action, id, (spelling(code, misspells=True), ""))
