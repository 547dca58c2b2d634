"""A charging station made of someone else's libraries: `ocpp`, `websockets`, `httpx`."""

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager
from typing import Any

from ocpp.routing import on
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ocpp import v16, v201

LIBRARY: dict[str, Any] = {"1.6": v16, "2.0.1": v201}


class Foreign:
    """What a connected station heard, and how it answers: by action, in the library's words."""

    def __init__(self, module, peer):
        self.answers = {}
        self.heard = []
        self._module = module
        self._peer = peer
        self._news = asyncio.Event()
        peer.owner = self

    async def ask(self, action, **payload):
        """Send a CALL; its answer, checked against its schema."""
        request = getattr(self._module.call, action)(**payload)
        return await self._peer.call(request, suppress=False)

    async def hear(self, action):
        """Wait for a CALL of the CSMS; its payload."""
        async with asyncio.timeout(20):
            while True:
                for heard, payload in self.heard:
                    if heard == action:
                        return payload
                self._news.clear()
                await self._news.wait()

    def take(self, action, payload):
        """A CALL came; the answer."""
        self.heard.append((action, payload))
        self._news.set()
        return getattr(self._module.call_result, action)(**self.answers[action])

    async def boot(self):
        """Say what one is; whether one may work."""
        if self._module is v16:
            names = {"charge_point_model": "M", "charge_point_vendor": "V"}
            names["charge_point_serial_number"] = "SN-1"
            return (await self.ask("BootNotification", **names)).status
        names = {"model": "M", "vendor_name": "V", "serial_number": "SN-1"}
        booted = await self.ask("BootNotification", reason="PowerUp", charging_station=names)
        return booted.status


@asynccontextmanager
async def foreign(version, url, name, *, password=None, tls=None):
    """A connection of such a station, until the block ends."""
    headers = {}
    if password is not None:
        basic = base64.b64encode(f"{name}:".encode() + password).decode()
        headers["Authorization"] = f"Basic {basic}"
    offered = [Subprotocol(f"ocpp{version}")]
    options = {"additional_headers": headers, "ssl": tls, "proxy": None}
    async with connect(f"{url}/{name}", subprotocols=offered, **options) as socket:
        peer = _PEERS[version](name, socket)
        station = Foreign(LIBRARY[version], peer)
        reading = asyncio.create_task(_read(peer))
        try:
            yield station
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _read(peer):
    try:
        await peer.start()
    except ConnectionClosed:
        return


def tls_client(root, chain=None, key=None):
    """A client that believes one root, and shows a certificate from a file if it has one."""
    context = ssl.create_default_context(cadata=root)
    if chain is not None:
        context.load_cert_chain(chain, key)
    return context


_ASKED = {
    "1.6": (
        *("ChangeConfiguration", "ExtendedTriggerMessage", "SignedUpdateFirmware"),
        *("CertificateSigned", "InstallCertificate", "GetInstalledCertificateIds"),
        *("DeleteCertificate", "GetLog"),
        *("CancelReservation", "ChangeAvailability", "ClearCache", "ClearChargingProfile"),
        *("DataTransfer", "GetCompositeSchedule", "GetConfiguration", "GetDiagnostics"),
        *("GetLocalListVersion", "RemoteStartTransaction", "RemoteStopTransaction"),
        *("ReserveNow", "Reset", "SendLocalList", "SetChargingProfile", "TriggerMessage"),
        *("UnlockConnector", "UpdateFirmware"),
    ),
    "2.0.1": (
        *("SetVariables", "GetVariables", "SetNetworkProfile", "TriggerMessage", "UpdateFirmware"),
        *("CertificateSigned", "InstallCertificate", "GetInstalledCertificateIds"),
        *("DeleteCertificate", "GetLog", "Reset"),
    ),
}


def _handler(action):
    def handle(self, **payload):
        return self.owner.take(action, payload)

    handle.__name__ = f"on_{action}"  # the library finds handlers by name
    return on(action)(handle)


_PEERS = {
    version: type(
        f"Peer{version}",
        (LIBRARY[version].ChargePoint,),
        {f"on_{action}": _handler(action) for action in actions},
    )
    for version, actions in _ASKED.items()
}
