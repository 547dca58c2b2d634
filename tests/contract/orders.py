"""Orders and batches to store: every field of each has a value of its own."""

from datetime import UTC, datetime, timedelta

from voltkeep.domain.audit import Actor
from voltkeep.domain.orders import Batch, BatchState, Order, OrderMessage, OrderState

_NOON = datetime(2026, 5, 1, 12, 0, 0, 123457, tzinfo=UTC)
_ALICE = Actor(kind="api", name="alice", address="192.0.2.1", authenticated_by="key")


def _after(seconds: float) -> datetime:
    return _NOON + timedelta(seconds=seconds)


ORDERS = {
    "orders": (
        Order,
        {
            "state": OrderState.DONE,
            "command": "Reset",
            "ask": '{"command":"Reset"}',
            "sealed": "gAAAA",
            "actor": _ALICE,
            "issued_by": "alice",
            "batch": "b-1",
            "given_at": _after(-9),
            "queue_until": _after(60),
            "timeout_s": 2.5,
            "runner": "server",
            "started_at": _after(-8),
            "done_at": _after(-7),
            "result": "accepted",
            "status": "Accepted",
            "warning": "forced",
            "error": "none",
            "told": '{"a":1}',
            "messages": (
                OrderMessage(
                    action="Reset",
                    request='{"type":"Soft"}',
                    sent_at=_after(-8),
                    response='{"status":"Accepted"}',
                    latency_ms=12.5,
                    result="ok",
                ),
            ),
        },
    ),
    "batches": (
        Batch,
        {
            "state": BatchState.RUNNING,
            "command": "Reset",
            "ask": '{"command":"Reset"}',
            "sealed": "gAAAA",
            "actor": _ALICE,
            "issued_by": "alice",
            "which": '{"vendor":"Acme"}',
            "at_once": 7,
            "given_at": _after(-9),
            "queue_until": _after(60),
            "timeout_s": 2.5,
            "filled_to": '["CS-9"]',
            "stations": 9,
        },
    ),
}
