"""The three wires, as the dialects will have them, and shorthands for frames."""

from typing import Any

from msgspec import json

from voltkeep.ocpp import v16, v21, v201
from voltkeep.ocpp.session import Session, Wire

AFRESH = frozenset({"BootNotification", "Heartbeat"})

WIRES = {
    "1.6": Wire(
        rpc_framework_error=False,
        message_types=frozenset({2, 3, 4}),
        misspells_error_codes=True,
        answers_afresh=AFRESH,
    ),
    "2.0.1": Wire(
        rpc_framework_error=True,
        message_types=frozenset({2, 3, 4}),
        misspells_error_codes=False,
        answers_afresh=AFRESH,
    ),
    "2.1": Wire(
        rpc_framework_error=True,
        message_types=frozenset({2, 3, 4, 5, 6}),
        misspells_error_codes=False,
        answers_afresh=AFRESH,
    ),
}

MODULES = {"v16": v16, "v201": v201, "v21": v21}


def session(version: str = "2.1", **limits: Any) -> Session:
    return Session(WIRES[version], **limits)


def sent(session: Session) -> list[Any]:
    """What the session has to send, as values; nothing is left to send."""
    frames = [json.decode(frame) for frame in session.outbox]
    session.outbox.clear()
    return frames
