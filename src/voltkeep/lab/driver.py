"""What a CSMS must be told to do, as an operator tells it: one method per operation.

A driver only asks. Whether the CSMS has done it is judged by what comes over the wire. Everything
may be asked for, also what no station can do: some cases are about just that.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar


class Refused(Exception):
    """The CSMS was asked, and its answer was no, or none. Says what it answered."""


class NotMapped(Exception):
    """The driver has no way to ask for this operation. Names it."""


Profile = dict[str, Any]  # a ChargingProfile, as OCPP 1.6 writes it


class Driver(ABC):
    """How operations are asked for: each by `perform`, unless a driver has a method of its own.

    ``station`` is its identity, ``token`` the text of an idToken. Each method raises Refused and
    NotMapped. It may return before the station was reached, or wait for the station's answer.

    ``at_once``: it can be asked for several stations side by side. ``ends_on_arrival``: there is
    nothing to wait for once the station has heard of an order.
    """

    at_once: ClassVar[bool] = True
    ends_on_arrival: ClassVar[bool] = False

    @abstractmethod
    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        """Ask for an operation of `OPERATIONS`; what is optional and not said is None."""

    @abstractmethod
    async def close(self) -> None:
        """Nothing more is asked for."""

    def announce(self, heading: str) -> None:  # noqa: B027  # most have nobody to tell
        """What is played next, in words for a person."""

    async def change_availability(
        self, station: str, *, operative: bool, connector: int | None = None
    ) -> None:
        await self.perform(
            "change_availability", station, {"operative": operative, "connector": connector}
        )

    async def clear_cache(self, station: str) -> None:
        await self.perform("clear_cache", station, {})

    async def remote_start(
        self,
        station: str,
        *,
        token: str,
        connector: int | None = None,
        profile: Profile | None = None,
    ) -> None:
        """``profile``: for the transaction that is to start."""
        await self.perform(
            "remote_start", station, {"token": token, "connector": connector, "profile": profile}
        )

    async def remote_stop(self, station: str, *, transaction: int) -> None:
        await self.perform("remote_stop", station, {"transaction": transaction})

    async def reset(self, station: str, *, kind: str) -> None:
        """``kind``: Hard or Soft."""
        await self.perform("reset", station, {"kind": kind})

    async def unlock(self, station: str, *, connector: int) -> None:
        await self.perform("unlock", station, {"connector": connector})

    async def read_configuration(self, station: str, *, keys: tuple[str, ...] = ()) -> None:
        """Without keys: all."""
        await self.perform("read_configuration", station, {"keys": keys})

    async def write_configuration(self, station: str, *, key: str, value: str) -> None:
        await self.perform("write_configuration", station, {"key": key, "value": value})

    async def trigger(self, station: str, *, message: str, connector: int | None = None) -> None:
        """By TriggerMessage."""
        await self.perform("trigger", station, {"message": message, "connector": connector})

    async def trigger_extended(
        self, station: str, *, message: str, connector: int | None = None
    ) -> None:
        """By ExtendedTriggerMessage."""
        await self.perform(
            "trigger_extended", station, {"message": message, "connector": connector}
        )

    async def get_local_list_version(self, station: str) -> None:
        await self.perform("get_local_list_version", station, {})

    async def send_local_list(
        self, station: str, *, full: bool, tokens: tuple[str, ...], version: int
    ) -> None:
        """Of these tokens, which the CSMS knows; all there are, or what changed of them."""
        await self.perform(
            "send_local_list", station, {"full": full, "tokens": tokens, "version": version}
        )

    async def reserve(
        self,
        station: str,
        *,
        connector: int,
        token: str,
        expires_at: datetime,
        parent: str | None = None,
    ) -> None:
        await self.perform(
            "reserve",
            station,
            {"connector": connector, "token": token, "expires_at": expires_at, "parent": parent},
        )

    async def cancel_reservation(self, station: str, *, reservation: int) -> None:
        await self.perform("cancel_reservation", station, {"reservation": reservation})

    async def set_charging_profile(self, station: str, *, connector: int, profile: Profile) -> None:
        await self.perform(
            "set_charging_profile", station, {"connector": connector, "profile": profile}
        )

    async def clear_charging_profiles(
        self,
        station: str,
        *,
        profile_id: int | None = None,
        connector: int | None = None,
        purpose: str | None = None,
        stack_level: int | None = None,
    ) -> None:
        """Those that all of it is true of; with nothing said, all."""
        await self.perform(
            "clear_charging_profiles",
            station,
            {
                "profile_id": profile_id,
                "connector": connector,
                "purpose": purpose,
                "stack_level": stack_level,
            },
        )

    async def get_composite_schedule(
        self, station: str, *, connector: int, duration_s: int, unit: str
    ) -> None:
        await self.perform(
            "get_composite_schedule",
            station,
            {"connector": connector, "duration_s": duration_s, "unit": unit},
        )

    async def update_firmware(self, station: str, *, location: str) -> None:
        """By UpdateFirmware, without a signature."""
        await self.perform("update_firmware", station, {"location": location})

    async def update_signed_firmware(
        self, station: str, *, location: str, signature: str, signing_certificate: str
    ) -> None:
        """By SignedUpdateFirmware; the signature may be wrong."""
        await self.perform(
            "update_signed_firmware",
            station,
            {
                "location": location,
                "signature": signature,
                "signing_certificate": signing_certificate,
            },
        )

    async def get_diagnostics(self, station: str, *, location: str) -> None:
        """By GetDiagnostics."""
        await self.perform("get_diagnostics", station, {"location": location})

    async def get_log(self, station: str, *, kind: str, location: str) -> None:
        """``kind``: DiagnosticsLog or SecurityLog."""
        await self.perform("get_log", station, {"kind": kind, "location": location})

    async def install_certificate(self, station: str, *, use: str, certificate: str) -> None:
        """``use``: CentralSystemRootCertificate or ManufacturerRootCertificate; a root as PEM."""
        await self.perform("install_certificate", station, {"use": use, "certificate": certificate})

    async def get_installed_certificates(self, station: str, *, use: str) -> None:
        await self.perform("get_installed_certificates", station, {"use": use})

    async def delete_certificate(self, station: str, *, certificate: dict[str, str]) -> None:
        """``certificate``: its CertificateHashData, as the station has told it."""
        await self.perform("delete_certificate", station, {"certificate": certificate})

    async def renew_certificate(self, station: str) -> None:
        """Have the station ask for a new certificate of its own."""
        await self.perform("renew_certificate", station, {})

    async def rotate_key(self, station: str) -> None:
        """Give the station a new AuthorizationKey."""
        await self.perform("rotate_key", station, {})

    async def raise_profile(self, station: str, *, to: int) -> None:
        await self.perform("raise_profile", station, {"to": to})


OPERATIONS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(method).parameters)[2:]
    for name, method in vars(Driver).items()
    if inspect.iscoroutinefunction(method) and name not in {"perform", "close"}
}
"""Every operation that a driver may be asked for, and the names of its arguments."""
