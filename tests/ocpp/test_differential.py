"""Our decoders and OCA's JSON schemas agree about every field of every message.

Each message is tried with valid payloads and with everything that can be wrong in one place, on our
decoder and on ``jsonschema``. Where they are meant to differ is said here, and nowhere else.
"""

import json
from typing import Any

import jsonschema
import pytest
from msgspec import Struct
from tools.generate_messages import load

from tests.ocpp.payloads import DATE, around, build, fields, mutations
from tests.ocpp.wires import MODULES
from voltkeep.ocpp import messages
from voltkeep.ocpp.errors import Refusal

SCHEMAS = {version: load(version) for version in MODULES}
MESSAGES = [(version, name) for version, schemas in SCHEMAS.items() for name in schemas]

# OCA forgot StopTransaction when it added this unit to MeterValues: we read it in both.
HERTZ = ("StopTransactionRequest", "Hertz")


def code(version: str, name: str, payload: Any) -> str | None:
    """How we refuse a payload, or None."""
    type_: type[Struct] = getattr(MODULES[version], name)
    try:
        messages.read(type_, json.dumps(payload).encode())
    except Refusal as refusal:
        return refusal.code
    return None


def valid(version: str, name: str, payload: Any) -> bool:
    """What the schema says."""
    schema = SCHEMAS[version][name]
    formats = jsonschema.FormatChecker(["date-time"])
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=formats)
    is_valid: bool = validator.is_valid(payload)
    return is_valid


def shown(path: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)


@pytest.mark.parametrize(("version", "name"), MESSAGES)
def test_valid_payloads_are_read(version, name):
    schema = SCHEMAS[version][name]

    for full in (False, True):
        payload = build(schema, schema, full=full)

        assert valid(version, name, payload)
        assert code(version, name, payload) is None


@pytest.mark.parametrize(("version", "name"), MESSAGES)
def test_each_field_is_judged_as_the_schema_judges_it(version, name):
    schema = SCHEMAS[version][name]
    formats = jsonschema.FormatChecker(["date-time"])
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=formats)
    wrong = []

    for what, path, payload, expected in mutations(schema):
        ours, theirs = code(version, name, payload), validator.is_valid(payload)
        if ours != expected or theirs != (expected is None):
            wrong.append(f"{what} at {shown(path)}: {ours}, the schema says {theirs}")

    assert not wrong


def places(type_: str) -> list[tuple[str, str, tuple[str | int, ...]]]:
    """Every field of a type, in every message."""
    return [
        (version, name, path)
        for version, name in MESSAGES
        for path, schema, _ in fields(SCHEMAS[version][name], SCHEMAS[version][name])
        if schema.get("type") == type_
    ]


def at(version: str, name: str, path: tuple[str | int, ...], value: Any) -> Any:
    schema = SCHEMAS[version][name]
    return around(schema, schema, path, value)


# The differences. Each is one we choose, and each has its reason.


def test_an_integer_with_a_fraction_of_zero_is_none():
    """Draft 6 takes 1.0 for an integer, draft 4 does not, and nor did any station we know of."""
    for version, name, path in places("integer"):
        payload = at(version, name, path, 1.0)

        draft6 = "draft-06" in SCHEMAS[version][name]["$schema"]
        assert valid(version, name, payload) == draft6
        assert code(version, name, payload) == "TypeConstraintViolation"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**40, 10**4000])
def test_an_integer_that_no_column_holds_is_out_of_range(value):
    """The schemas have no bounds; the specification says 32 bits, and a database ends at 64."""
    for version, name, path in places("integer"):
        assert code(version, name, at(version, name, path, value)) == "PropertyConstraintViolation"


@pytest.mark.parametrize("value", ["1e999", "-1e999"])
def test_a_number_that_no_float_holds_is_out_of_range(value):
    for version, name, path in places("number"):
        text = json.dumps(at(version, name, path, "HERE")).replace('"HERE"', value)

        with pytest.raises(Refusal) as caught:
            messages.read(getattr(MODULES[version], name), text.encode())

        assert caught.value.code == "PropertyConstraintViolation"


def test_a_limit_with_two_decimals_is_read():
    """1.6 wants one decimal (multipleOf 0.1); no float is a multiple of that, not even 0.3."""
    odd = [
        place
        for place in places("number")
        if place[0] == "v16" and place[2][-1] in ("limit", "minChargingRate")
    ]

    assert len(odd) == 6
    for version, name, path in odd:
        payload = at(version, name, path, 8.15)
        assert not valid(version, name, payload)
        assert code(version, name, payload) is None


def test_hertz_is_a_unit_of_both_messages_with_sampled_values():
    name, unit = HERTZ
    path = ("transactionData", 0, "sampledValue", 0, "unit")
    payload = at("v16", name, path, unit) | {"reason": "Local"}

    assert not valid("v16", name, payload)
    assert code("v16", name, payload) is None


def test_the_character_nul_is_refused():
    """JSON and the schemas allow it; PostgreSQL cannot store it."""
    assert code("v16", "AuthorizeRequest", {"idTag": "a\0b"}) == "FormatViolation"
    assert code("v16", "AuthorizeRequest", {"idTag": r"a\u0000b"}) is None


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        (DATE, True, True),
        ("2026-01-01T00:00:00.123Z", True, True),
        ("2026-01-01T00:00:00.1234567890Z", True, True),
        ("2026-01-01T02:00:00+02:00", True, True),
        ("2026-01-01T00:00:00-00:00", True, True),
        ("2026-01-01t00:00:00z", True, True),
        ("2026-02-29T00:00:00Z", False, False),
        ("2026-01-01T24:00:00Z", False, False),
        ("2026-00-01T00:00:00Z", False, False),
        ("2026-01-01T00:00:00+25:00", False, False),
        ("2026-01-01T00:00:00+02", False, False),  # a quirk of the field: for quirks to mend
        ("2026-01-01", False, False),
        ("222222017-10-27T19:10:11Z", False, False),
        ("1000000", False, False),
        ("", False, False),
        # Read although RFC 3339 has no such form, because stations send it:
        ("2026-01-01T00:00:00", True, False),  # no offset: read as UTC by the dialects
        ("2026-01-01 00:00:00Z", True, False),  # a space, which RFC 3339 leaves to agreement
        ("2026-01-01T02:00:00+0200", True, False),
        ("2016-12-31T23:59:60Z", False, False),  # RFC 3339 has it, no datetime library does
    ],
)
def test_which_dates_are_read(text, ours, theirs):
    payload = {"currentTime": text}

    assert valid("v16", "HeartbeatResponse", payload) == theirs
    assert code("v16", "HeartbeatResponse", payload) == (None if ours else "FormatViolation")
