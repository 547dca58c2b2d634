"""How far OCPP 2.1 is a superset of OCPP 2.0.1: the licence for one dialect for both."""

import enum

import msgspec

from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.messages import Message


def test_every_action_survives():
    assert set(v201.ACTIONS) <= set(v21.ACTIONS)


def fields(struct):
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def narrowings():
    for name in vars(v201).keys() & vars(v21).keys():
        old, new = getattr(v201, name), getattr(v21, name)
        if not isinstance(old, type) or old is Message:
            continue
        if issubclass(old, Message):
            before, after = fields(old), fields(new)
            yield from (f"{name}.{key} is gone" for key in before.keys() - after.keys())
            for key, field in after.items():
                if field.required and not (key in before and before[key].required):
                    yield f"{name}.{key} is newly required"
        elif issubclass(old, enum.Enum):
            yield from (f"{name} lost {value}" for value in set(old) - set(new))


def test_where_21_is_narrower_than_201():
    assert sorted(narrowings()) == ["VariableMonitoring.eventNotificationType is newly required"]


def test_what_21_no_longer_defines():
    """Three enums became strings of any value."""
    gone = {name for name in vars(v201) if name[0].isupper()} - set(vars(v21))

    assert gone == {"ChargingLimitSourceEnum", "ConnectorEnum", "IdTokenEnum"}
