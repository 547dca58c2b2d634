"""Functional block P: what vendors say to each other over OCPP, by handlers that they register."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import structlog
from msgspec import MsgspecError, Raw, json

from voltkeep.domain.commands import Outcome, TransferData
from voltkeep.domain.data_transfer import Reply, TransferStatus
from voltkeep.domain.device_model import SECRET
from voltkeep.domain.events import DataReceived
from voltkeep.domain.identity import Sender, StationId
from voltkeep.services.ports import Begin, CommandUnfit, Read, Stations
from voltkeep.services.provisioning import registered
from voltkeep.services.rates import Buckets, Rate

log = structlog.get_logger(__name__)

PLUGINS = "voltkeep.data_transfer"
"""The group of entry points: each is a function that is given the registry."""

MOST_DATA_BYTES = 65_536  # of JSON, in either direction
_KEPT = 1000  # characters of it, in the event
_NOTED = Rate(burst=10, per_s=10 / 3600)  # events for what nobody handles, of one station
_MASKED = "***"

Handle = Callable[[StationId, str, Any], Awaitable[Reply]]
"""Takes the station, the message's id ("" for none) and the data (None for none).

It may be asked the same twice: a station resends what was not answered in time. It must not ask
the station anything before it has answered.
"""


class Registry:
    """Who answers which messages of which vendor. Names are compared without regard to case."""

    def __init__(self) -> None:
        self._handlers: dict[str, dict[str | None, Handle]] = {}

    def register(self, vendor: str, message: str | None, handle: Handle) -> None:
        """Have a vendor's message answered; None: whatever else that vendor says.

        Raises ValueError if somebody answers it already.
        """
        of_vendor = self._handlers.setdefault(vendor.casefold(), {})
        key = message if message is None else message.casefold()
        if key in of_vendor:
            raise ValueError(f"{vendor} {message or '(any message)'} is handled already")
        of_vendor[key] = handle

    def find(self, vendor: str, message: str) -> Handle | TransferStatus:
        """Who answers; or what is answered if nobody does (4.3; P02.FR.06, FR.07)."""
        of_vendor = self._handlers.get(vendor.casefold())
        if of_vendor is None:
            return TransferStatus.UNKNOWN_VENDOR
        handle = of_vendor.get(message.casefold()) or of_vendor.get(None)
        return TransferStatus.UNKNOWN_MESSAGE if handle is None else handle

    def load(self, plugins: Iterable[EntryPoint] | None = None) -> None:
        """Let what is installed beside us register itself; one that fails is left out."""
        for plugin in entry_points(group=PLUGINS) if plugins is None else plugins:
            try:
                plugin.load()(self)
            except Exception:
                log.exception("a plug-in for DataTransfer cannot be used", plugin=plugin.value)


class DataTransferService:
    """Answers what vendors say, and says what they are to be told."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        registry: Registry,
        *,
        patience_s: float = 10.0,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self.registry = registry
        self._patience_s = patience_s
        self._noted: Buckets[StationId] = Buckets(_NOTED)

    async def receive(self, sender: Sender, vendor: str, message: str, data: Any) -> Reply:
        """Answer a station's message (P02); no database transaction is held meanwhile."""
        try:
            text = "" if data is None else json.encode(data).decode()
        except RecursionError:  # nested as nobody means it
            return Reply(TransferStatus.REJECTED)
        handle = self.registry.find(vendor, message)
        if isinstance(handle, TransferStatus):
            reply = Reply(handle)
            if not self._noted.take(sender.station, sender.received_at.timestamp()):
                return reply
        elif len(text.encode()) > MOST_DATA_BYTES:
            reply = Reply(TransferStatus.REJECTED)
        else:
            reply = await self._handled(handle, sender.station, vendor, message, data)
        async with self._begin() as work:
            await work.stations.hold(sender)
            work.emit(
                DataReceived(
                    station=sender.station,
                    at=sender.received_at,
                    vendor=vendor,
                    message=message,
                    status=reply.status,
                    size_bytes=len(text.encode()),
                    data=_MASKED if SECRET.search(text) else text[:_KEPT],
                )
            )
        return reply

    async def _handled(
        self, handle: Handle, station: StationId, vendor: str, message: str, data: Any
    ) -> Reply:
        what = {"station": str(station), "vendor": vendor, "vendor_message": message}
        try:
            async with asyncio.timeout(self._patience_s):
                answer = await handle(station, message, data)
            reply = Reply(TransferStatus(answer.status), answer.data)
            size = len(json.encode(reply.data))
        except TimeoutError:
            log.warning("a handler of DataTransfer took too long", **what)
        except Exception:
            log.exception("a handler of DataTransfer failed", **what)
        else:
            if size <= MOST_DATA_BYTES:
                return reply
            log.warning("a handler of DataTransfer answers too much", size_bytes=size, **what)
        return Reply(TransferStatus.REJECTED)

    async def send(
        self, station: StationId, vendor: str, message: str = "", data: bytes = b""
    ) -> Outcome:
        """Tell a station something (P01); ``data`` is JSON.

        Raises what `Stations.send` raises, and UnknownStation.
        """
        if data:
            try:
                json.decode(data)
            except (MsgspecError, RecursionError, UnicodeError) as error:
                raise CommandUnfit(f"the data is not JSON: {error}") from error
        async with self._read() as work:
            await registered(work, station)
        command = TransferData(vendor=vendor, message=message, data=Raw(data))
        return await self._stations.send(station, command)
