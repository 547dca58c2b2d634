"""What is kept of configuration: every field of each has a value of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from voltkeep.domain.configuration import Assignment, MakePrefix, Template
from voltkeep.domain.device_model import (
    Attribute,
    Characteristics,
    Component,
    ComponentState,
    DeviceReport,
    ReportState,
    Variable,
    VariableState,
    VariableValue,
)
from voltkeep.domain.identity import Evse

NOON = datetime(2026, 5, 1, 12, 0, 0, 123457, tzinfo=UTC)

_VARIABLE = Variable(Component("C[.", "1", Evse(1, 2)), "V", "i")
_COMPONENT = {
    "state": "told",
    "component": _VARIABLE.component,
    "variables": (
        VariableState(
            name="V",
            instance="i",
            at=NOON,
            value="1 \u20ac",
            others=((Attribute.MAX_SET, "9"),),
            read_only=True,
            characteristics=Characteristics(data_type="integer", unit="s", minimum=0.5),
            pending="2",
            pending_at=NOON + timedelta(seconds=1),
        ),
    ),
}
_REPORT = {
    "state": ReportState.COMING,
    "asked_at": NOON,
    "base": "FullInventory",
    "parts": (0, 2),
    "last": 2,
    "variables": 3,
    "dropped": 1,
    "problem": "late",
}
_TEMPLATE = {
    "state": "in use",
    "values": (VariableValue(variable=_VARIABLE, value="1", attribute=Attribute.MAX_SET),),
    "sites": ("north",),
    "makes": (MakePrefix(vendor="Acme", firmware="1."),),
    "after_boot": True,
    "note": "as agreed",
}

CONFIGURATION: dict[str, tuple[Any, dict[str, Any]]] = {
    "variables": (ComponentState, _COMPONENT),
    "reports": (DeviceReport, _REPORT),
    "templates": (Template, _TEMPLATE),
    "assignments": (Assignment, {"state": "assigned"}),
}
