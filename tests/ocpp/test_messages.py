"""The generated messages, and how they are read and written."""

import datetime as dt
import typing

import pytest
from msgspec import UNSET, Raw, json
from tools import generate_messages

from tests.ocpp.wires import MODULES
from voltkeep.ocpp import messages, v16, v21
from voltkeep.ocpp.errors import Refusal


@pytest.mark.parametrize("version", MODULES)
def test_the_committed_module_is_what_the_schemas_say(version):
    path = generate_messages.TARGET / f"{version}.py"

    assert path.read_text(encoding="utf-8") == generate_messages.generate(version)


def test_a_stale_module_fails_the_check_and_is_mended_by_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate_messages, "TARGET", tmp_path)
    monkeypatch.setattr(generate_messages, "generate", lambda version: f"# {version}\n")

    monkeypatch.setattr("sys.argv", ["generate_messages", "--check"])
    assert generate_messages.main() == 1
    assert "make generate" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["generate_messages"])
    assert generate_messages.main() == 0
    monkeypatch.setattr("sys.argv", ["generate_messages", "--check"])
    assert generate_messages.main() == 0


def definition(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            definition(status={"type": "string", "maxLength": 5}),
            definition(status={"type": "string", "maxLength": 6}),
        ),
        (
            definition(status={"enum": ["A", "B"]}),
            definition(status={"enum": ["A", "C"]}),
        ),
        (
            definition(status={"enum": ["A", "B"]}),
            definition(status={"enum": ["A"]}),
        ),
    ],
)
def test_two_shapes_of_one_name_stop_the_generator(one, other):
    schemas = {"ARequest": definition(thing=one), "BRequest": definition(thing=other)}

    with pytest.raises(ValueError, match="has two"):
        list(generate_messages.Module(schemas).render())


def test_two_enum_values_of_one_name_stop_the_generator():
    schema = definition(unit={"enum": ["kWh", "k-Wh"]})

    with pytest.raises(ValueError, match="two values have one name"):
        list(generate_messages.Module({"ARequest": schema}).render())


def test_an_unknown_type_stops_the_generator():
    with pytest.raises(ValueError, match="no rule for type 'fraction'"):
        list(generate_messages.Module({"ARequest": definition(x={"type": "fraction"})}).render())


def test_a_structure_in_itself_stops_the_generator():
    schema = definition(a={"$ref": "#/definitions/Loop"})
    schema["definitions"] = {"Loop": definition(again={"$ref": "#/definitions/Loop"})}

    with pytest.raises(ValueError, match="Loop contains itself"):
        list(generate_messages.Module({"ARequest": schema}).render())


@pytest.mark.parametrize(("version", "count"), [("v16", 39), ("v201", 64), ("v21", 91)])
def test_every_action_is_there(version, count):
    assert len(MODULES[version].ACTIONS) == count


def test_one_action_is_a_send():
    sends = [action for action, (_, response) in v21.ACTIONS.items() if response is None]

    assert sends == ["NotifyPeriodicEventStream"]


@pytest.mark.parametrize("version", MODULES)
def test_every_message_can_be_read(version):
    for request, response in MODULES[version].ACTIONS.values():
        for message in filter(None, (request, response)):
            assert messages.decoder(message) is messages.decoder(message)
            assert typing.get_type_hints(message) is not None


def test_wire_names_are_exact():
    """A wire name that camelCase does not make of ours is written out."""
    hashes = v21.OCSPRequestData(
        hash_algorithm=v21.HashAlgorithmEnum.SHA256,
        issuer_name_hash="",
        issuer_key_hash="",
        serial_number="",
        responder_url="http://x",
    )

    assert b'"responderURL":"http://x"' in messages.encode(hashes)


def test_what_is_not_set_is_not_sent():
    """OCPP has no null: an absent field is absent (OCPP-J 2.0.1, section 4.1.5)."""
    info = v16.IdTagInfo(status=v16.IdTagInfoStatus.ACCEPTED)

    assert info.expiry_date is UNSET
    assert messages.encode(info) == b'{"status":"Accepted"}'


def test_a_time_is_sent_in_utc_with_a_z():
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)

    assert messages.encode(v16.HeartbeatResponse(current_time=noon)) == (
        b'{"currentTime":"2026-01-01T12:00:00Z"}'
    )


def test_custom_data_keeps_what_the_vendor_wrote():
    payload = b'{"customData":{"vendorId":"com.example","meter":[1,{"a":null}]}}'

    request = messages.read(v21.HeartbeatRequest, Raw(payload))

    assert isinstance(request.custom_data, messages.CustomData)
    assert request.custom_data.vendor_id == "com.example"
    assert request.custom_data["meter"] == [1, {"a": None}]
    assert messages.encode(request) == payload


@pytest.mark.parametrize(
    ("custom", "code"),
    [
        ("{}", "OccurrenceConstraintViolation"),
        ('{"vendorId":1}', "TypeConstraintViolation"),
        ('{"vendorId":null}', "TypeConstraintViolation"),
        (f'{{"vendorId":"{"a" * 256}"}}', "PropertyConstraintViolation"),
        ("[]", "TypeConstraintViolation"),
        ("null", "TypeConstraintViolation"),
    ],
)
def test_custom_data_names_its_vendor(custom, code):
    with pytest.raises(Refusal) as caught:
        messages.read(v21.HeartbeatRequest, f'{{"customData":{custom}}}'.encode())

    assert caught.value.code == code
    assert "$.customData" in caught.value.description


def test_the_last_of_two_equal_keys_counts():
    assert messages.read(v16.AuthorizeRequest, b'{"idTag":"A","idTag":"B"}').id_tag == "B"


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b'{"data":NaN}',
        b'{"data":"\\ud800"}',
        b'{"data":"\xff"}',
        b'{"data":' + b"[" * 100_000,
        b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"\xef\xbb\xbf{}",
    ],
    ids=["cut", "NaN", "surrogate", "latin1", "open", "deep", "BOM"],
)
def test_what_is_no_json_is_a_format_violation(payload):
    with pytest.raises(Refusal) as caught:
        messages.read(v21.DataTransferRequest, payload)

    assert caught.value.code == "FormatViolation"


def test_a_message_is_a_value():
    request = messages.read(v16.AuthorizeRequest, b'{"idTag":"A"}')

    assert request == v16.AuthorizeRequest(id_tag="A")
    with pytest.raises(AttributeError):
        request.id_tag = "B"  # type: ignore[misc]  # mypy knows it too: this is the point
    assert json.decode(messages.encode(request)) == {"idTag": "A"}
