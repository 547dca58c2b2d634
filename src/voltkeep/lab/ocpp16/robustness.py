"""What a charge point sends that is wrong, and how it must be answered all the same."""

from typing import Any
from uuid import uuid4

from msgspec import Raw, json

from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp import frames

_CODES = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}


def is_code(bench: Bench, code: str) -> None:
    """An error code as OCPP 1.6 spells it (OCPP-J 1.6, section 4.2.3). Raises Failed."""
    bench.check(code in _CODES, "an error code of OCPP 1.6", f"CALLERROR {code}")


async def heartbeat_after(station: ChargePoint, sent: str | None = None) -> list[frames.CallError]:
    """Send this, and a Heartbeat, which is answered; the CALLERRORs in between. Raises Failed."""
    if sent is not None:
        await station.post(sent)
    strays: list[frames.CallError] = []
    frame = await station.call(_call("Heartbeat", b"{}"), strays)
    if isinstance(frame, frames.CallError):
        raise Failed("Heartbeat.conf", f"came CALLERROR {frame.code}")
    return strays


async def is_refused(station: ChargePoint, action: str, payload: Any) -> str:
    """A CALL that must be answered with a CALLERROR; its code. Raises Failed."""
    code = await answered(station, action, json.encode(payload))
    if code is None:
        raise Failed("a CALLERROR", "came a CALLRESULT")
    return code


async def answered(station: ChargePoint, action: str, payload: bytes) -> str | None:
    """A CALL that must be answered; the code of the CALLERROR, if it is one. Raises Failed."""
    frame = await station.call(_call(action, payload))
    return frame.code if isinstance(frame, frames.CallError) else None


def _call(action: str, payload: bytes) -> frames.Call:
    return frames.Call(str(uuid4()), action, Raw(payload))
