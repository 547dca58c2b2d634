"""What a simulated station is: written down before it is started."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Literal
from urllib.parse import quote, urlsplit

from voltkeep.sim.meter import PACK_VOLTAGE, VOLTAGE

ECHO = "="  # in place of an answer to DataTransfer: what came
_ANSWERS = {"": "", "Echo": ECHO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a station was given for TLS before it was installed; all of it PEM.

    Without roots it believes those of the machine it runs on, and if `verify` is off anybody.
    """

    roots: str = ""
    manufacturer_roots: str = ""
    certificate: str = ""  # its own, and those up to the root
    key: str = field(default="", repr=False)
    verify: bool = True


VENDOR = "Voltkeep"
"""The vendor that simulated stations name when they boot, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpec:
    """One station.

    `version` is "1.6", "2.0.1", "2.1" or a subprotocol; several, with commas between them, are
    offered in that order. `profile` is the security profile to begin with, by default the one that
    the URL and the credentials make; `urls` says where other profiles connect. `ssl` replaces
    whatever the credentials would make.
    `vendors` are those whose DataTransfer it knows: what it answers, by message id ("" for none).
    """

    id: str
    version: str
    url: str
    password: str | bytes | None = field(default=None, repr=False)
    connectors: int = 1
    vendor: str = VENDOR
    model: str = "Simulator"
    serial: str | None = None
    firmware: str = "1.0.0"
    phases: int = 3
    dc: bool = False
    max_power_w: float = 11_000.0
    misbehave: tuple[str, ...] = ()
    meter_interval_s: int = 60
    vendors: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {VENDOR: _ANSWERS})
    configuration: Mapping[str, str] = field(default_factory=dict)
    ssl: SSLContext | None = None
    credentials: Credentials = Credentials()
    profile: int | None = None
    urls: Mapping[int, str] = field(default_factory=dict)
    key_kind: Literal["ec", "rsa"] = "ec"  # of the keys it makes for itself
    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"] = "SHA256"  # names its certificates
    upload_by: Literal["PUT", "POST", "form"] = "PUT"
    reports_startup: bool = False  # as a security event

    @property
    def address(self) -> str:
        """Where it connects at first."""
        return self.address_at(self.url)

    def address_at(self, url: str) -> str:
        """A base URL and its id, percent-encoded (OCPP-J, section 3.1.1)."""
        return f"{url.rstrip('/')}/{quote(self.id, safe='')}"

    @property
    def security_profile(self) -> int:
        """The one to begin with."""
        if self.profile is not None:
            return self.profile
        if urlsplit(self.url).scheme == "wss":
            return 3 if self.credentials.certificate else 2
        return 0 if self.password is None else 1

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
