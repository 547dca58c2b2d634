"""What a simulated station is: written down before it is started."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import quote

from voltkeep.sim.meter import PACK_VOLTAGE, VOLTAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpec:
    """One station.

    `version` is "1.6", "2.0.1", "2.1" or a subprotocol; several, with commas between them, are
    offered in that order.
    """

    id: str
    version: str
    url: str
    password: str | bytes | None = field(default=None, repr=False)
    connectors: int = 1
    vendor: str = "Voltkeep"
    model: str = "Simulator"
    serial: str | None = None
    firmware: str = "1.0.0"
    phases: int = 3
    dc: bool = False
    max_power_w: float = 11_000.0
    misbehave: tuple[str, ...] = ()
    meter_interval_s: int = 60
    configuration: Mapping[str, str] = field(default_factory=dict)
    ssl: SSLContext | None = None

    @property
    def address(self) -> str:
        """Where it connects: the base URL and its id, percent-encoded (OCPP-J, section 3.1.1)."""
        return f"{self.url.rstrip('/')}/{quote(self.id, safe='')}"

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What it offers, the best liked first."""
        names = (part.strip() for part in self.version.split(","))
        return tuple(name if name.startswith("ocpp") else f"ocpp{name}" for name in names)

    @property
    def max_current_a(self) -> float:
        """The most it can deliver: of each phase, or of direct current."""
        return self.max_power_w / (PACK_VOLTAGE if self.dc else VOLTAGE * self.phases)


def basic(user: str, password: str | bytes) -> str:
    """The Authorization header of HTTP Basic."""
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()
