"""The operator of the small CSMS: every operation is a CALL of OCPP 1.6, as it was asked for."""

import base64
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.lab.csms.link import Gone, Link
from tests.lab.csms.state import Payload, State, now
from voltkeep.lab.driver import Driver, Refused

_Made = Callable[..., tuple[str, Payload]]
_KEY_OCTETS = 20


class CsmsDriver(Driver):
    """Asks in the process of the test. Waits for the station's answer, and does what follows it."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def perform(self, operation: str, station: str, arguments: Mapping[str, Any]) -> None:
        link = self._state.links.get(station)
        if link is None:
            raise Refused("the station is not connected")
        try:
            if operation in SEQUENCES:
                await SEQUENCES[operation](link, **arguments)
            elif operation in NUMBERED:
                await link.call(*NUMBERED[operation](link, **arguments))
            else:
                await link.call(*CALLS[operation](**arguments))
        except Gone:
            return

    async def close(self) -> None:
        pass


def _some(**fields: Any) -> Payload:
    return {name: value for name, value in fields.items() if value is not None}


def _local_list(link: Link, *, full, tokens, version):
    entries = [{"idTag": each, "idTagInfo": _info(link, each)} for each in tokens]
    payload = {"listVersion": version, "updateType": "Full" if full else "Differential"}
    return "SendLocalList", payload | {"localAuthorizationList": entries}


def _info(link: Link, token: str) -> Payload:
    return link.state.tokens.get(token.upper(), {"status": "Invalid"})


def _reservation(link: Link, *, connector, token, expires_at, parent):
    return "ReserveNow", _some(
        connectorId=connector,
        expiryDate=_time(expires_at),
        idTag=token,
        parentIdTag=parent,
        reservationId=next(link.state.numbers),
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _signed_firmware(link: Link, *, location, signature, signing_certificate):
    if len(base64.b64decode(signature)) < link.state.shortest_signature:
        raise Refused("no signature is that short")
    firmware = {
        "location": location,
        "retrieveDateTime": now(),
        "signingCertificate": signing_certificate,
        "signature": signature,
    }
    return "SignedUpdateFirmware", {"requestId": next(link.state.numbers), "firmware": firmware}


def _log(link: Link, *, kind, location):
    log = {"remoteLocation": location}
    return "GetLog", {"logType": kind, "requestId": next(link.state.numbers), "log": log}


NUMBERED: dict[str, _Made] = {
    "get_log": _log,
    "reserve": _reservation,
    "send_local_list": _local_list,
    "update_signed_firmware": _signed_firmware,
}
"""Those that need what the CSMS knows: a new number, or a token."""

CALLS: dict[str, _Made] = {
    "change_availability": lambda operative, connector: (
        "ChangeAvailability",
        {"connectorId": connector or 0, "type": "Operative" if operative else "Inoperative"},
    ),
    "clear_cache": lambda: ("ClearCache", {}),
    "remote_start": lambda token, connector, profile: (
        "RemoteStartTransaction",
        _some(idTag=token, connectorId=connector, chargingProfile=profile),
    ),
    "remote_stop": lambda transaction: (
        "RemoteStopTransaction",
        {"transactionId": transaction},
    ),
    "reset": lambda kind: ("Reset", {"type": kind}),
    "unlock": lambda connector: ("UnlockConnector", {"connectorId": connector}),
    "read_configuration": lambda keys: (
        "GetConfiguration",
        {"key": list(keys)} if keys else {},
    ),
    "write_configuration": lambda key, value: (
        "ChangeConfiguration",
        {"key": key, "value": value},
    ),
    "trigger": lambda message, connector: (
        "TriggerMessage",
        _some(requestedMessage=message, connectorId=connector),
    ),
    "trigger_extended": lambda message, connector: (
        "ExtendedTriggerMessage",
        _some(requestedMessage=message, connectorId=connector),
    ),
    "get_local_list_version": lambda: ("GetLocalListVersion", {}),
    "cancel_reservation": lambda reservation: (
        "CancelReservation",
        {"reservationId": reservation},
    ),
    "set_charging_profile": lambda connector, profile: (
        "SetChargingProfile",
        {"connectorId": connector, "csChargingProfiles": profile},
    ),
    "clear_charging_profiles": lambda profile_id, connector, purpose, stack_level: (
        "ClearChargingProfile",
        _some(
            id=profile_id,
            connectorId=connector,
            chargingProfilePurpose=purpose,
            stackLevel=stack_level,
        ),
    ),
    "get_composite_schedule": lambda connector, duration_s, unit: (
        "GetCompositeSchedule",
        {"connectorId": connector, "duration": duration_s, "chargingRateUnit": unit},
    ),
    "update_firmware": lambda location: (
        "UpdateFirmware",
        {"location": location, "retrieveDate": now()},
    ),
    "get_diagnostics": lambda location: ("GetDiagnostics", {"location": location}),
    "install_certificate": lambda use, certificate: (
        "InstallCertificate",
        {"certificateType": use, "certificate": certificate},
    ),
    "get_installed_certificates": lambda use: (
        "GetInstalledCertificateIds",
        {"certificateType": use},
    ),
    "delete_certificate": lambda certificate: (
        "DeleteCertificate",
        {"certificateHashData": certificate},
    ),
    "renew_certificate": lambda: (
        "ExtendedTriggerMessage",
        {"requestedMessage": "SignChargePointCertificate"},
    ),
}


async def _rotate_key(link: Link) -> None:
    """A station's new key counts as soon as it has taken it (whitepaper, A01.FR.03)."""
    key = secrets.token_bytes(_KEY_OCTETS)
    payload = {"key": "AuthorizationKey", "value": key.hex()}
    if (await link.call("ChangeConfiguration", payload)).get("status") != "Accepted":
        return
    if link.state.keeps_old_keys:
        link.record.former_keys.append(link.record.key)
    if not link.state.forgets_changes:
        link.record.key = key


async def _raise_profile(link: Link, *, to: int) -> None:
    """The lower one is let in until the higher one has been used (whitepaper, A05.FR.08, .09)."""
    payload = {"key": "SecurityProfile", "value": str(to)}
    if (await link.call("ChangeConfiguration", payload)).get("status") != "Accepted":
        return
    if not link.state.forgets_changes:
        link.record.next_profile = to


SEQUENCES: dict[str, Callable[..., Awaitable[None]]] = {
    "rotate_key": _rotate_key,
    "raise_profile": _raise_profile,
}
