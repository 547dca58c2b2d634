"""The message log must not hold what opens a station's connection."""

from pathlib import Path

import pytest
from msgspec import json

from voltkeep.config import Settings
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.masking import _ACTIONS, without_secrets_of
from voltkeep.domain.identity import station_id
from voltkeep.services.addresses import Addresses
from voltkeep.services.transfers import Listeners, Via, new_token

SECRET = "4f8c2d-SECRET"
KEPT = "something-else"


def call(action, payload):
    return json.encode([2, "id", action, payload])


def result(payload):
    return json.encode([3, "id", payload])


SECRETS = [
    ("ChangeConfiguration", call("", {"key": "AuthorizationKey", "value": SECRET})),
    ("ChangeConfiguration", call("", {"key": "authorizationkey", "value": SECRET})),
    ("ChangeConfiguration", call("", {"key": "FreevendPassword", "value": SECRET})),
    ("ChangeConfiguration", call("", {"key": "VendorApiToken", "value": SECRET})),
    ("ChangeConfiguration", call("", {"key": "ModemSimPin", "value": SECRET})),
    (
        "GetConfiguration",
        result({"configurationKey": [{"key": "AuthorizationKey", "value": SECRET}]}),
    ),
    (
        "SetVariables",
        call(
            "",
            {
                "setVariableData": [
                    {
                        "component": {"name": "SecurityCtrlr"},
                        "variable": {"name": "BasicAuthPassword"},
                        "attributeValue": SECRET,
                    }
                ]
            },
        ),
    ),
    (
        "GetVariables",
        result(
            {
                "getVariableResult": [
                    {"variable": {"name": "SharedSecret"}, "attributeValue": SECRET}
                ]
            }
        ),
    ),
    (
        "NotifyReport",
        call(
            "",
            {
                "reportData": [
                    {"variable": {"name": "VpnKey"}, "variableAttribute": [{"value": SECRET}, 1]},
                    {"variable": {"name": "ApnPassword"}, "variableAttribute": {"value": SECRET}},
                ][:1]
            },
        ),
    ),
    (
        "NotifyEvent",
        call("", {"eventData": [{"variable": {"name": "simPin"}, "actualValue": SECRET}]}),
    ),
    (
        "SetNetworkProfile",
        call(
            "",
            {
                "connectionData": {
                    "basicAuthPassword": SECRET,
                    "apn": {"apnPassword": SECRET, "simPin": 1234},
                    "vpn": {"password": SECRET, "key": SECRET, "server": "s"},
                }
            },
        ),
    ),
    ("GetLog", call("", {"log": {"remoteLocation": f"ftp://me:{SECRET}@host/dir"}})),
    ("GetDiagnostics", call("", {"location": f"FTPS://{SECRET}@host/dir"})),
    ("UpdateFirmware", call("", {"firmware": {"location": f"https://me:{SECRET}@host/f.bin"}})),
    ("SignedUpdateFirmware", call("", {"firmware": {"location": f"sftp://a:{SECRET}@h"}})),
    ("PublishFirmware", call("", {"location": f"https://me:{SECRET}@host/f.bin"})),
    ("DataTransfer", call("", {"vendorId": "v", "data": {"password": SECRET}})),
    ("GetLog", json.encode(f"ftp://me:{SECRET}@host")),
    ("", call("Unheard", {"key": "AuthorizationKey", "value": SECRET})),
    ("", b'[2,"id","SetVariables",{"BasicAuthPassword":"' + SECRET.encode()),
    ("SetVariables", b'[2,"id","SetVariables",{"attributeValue":"' + SECRET.encode()),
    ("SetVariables", b"[" * 5000 + SECRET.encode()),
    ("GetConfiguration", b'[3,"id",{"a":"\xff' + SECRET.encode() + b'"}]'),
]


@pytest.mark.parametrize(("action", "frame"), SECRETS)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_secret_is_masked(dialect, action, frame):
    masked = dialect.mask(action, frame)

    assert SECRET.encode() not in masked
    assert b"1234" not in masked
    assert b"***" in masked


@pytest.mark.parametrize("via", Via)
@pytest.mark.parametrize("place", ["upload", "firmware"])
def test_the_token_in_an_address_of_ours_is_masked(via, place):
    settings = Settings(data=Path("/nonexistent"), ftp="127.0.0.1:21", public_host="h")
    token = new_token(station_id("CS-1"), "1")
    url = Listeners(Addresses(settings)).url(via, place, token, "fw.bin")

    masked = DIALECTS["ocpp2.1"].mask("GetLog", call("", {"log": {"remoteLocation": url}}))

    assert token.secret.encode() not in masked
    assert b"***" in masked


@pytest.mark.parametrize(
    ("action", "frame"),
    [
        ("ChangeConfiguration", call("", {"key": "HeartbeatInterval", "value": KEPT})),
        ("ChangeConfiguration", call("", {"key": "AuthorizeRemoteTxRequests", "value": KEPT})),
        ("ChangeConfiguration", call("", {"key": "LocalPreAuthorize", "value": KEPT})),
        ("ChangeConfiguration", call("", {"key": "SpinningLight", "value": KEPT})),
        ("GetLog", call("", {"log": {"remoteLocation": "ftp://host/a@b"}})),
        ("SetVariables", result({"setVariableResult": [{"variable": {"name": "BasicAuthPassword"},
                                                        "attributeStatus": "Accepted"}]})),
        ("SetVariables", result({"setVariableResult": [{"variable": 7, "key": 8, "vpn": 9}]})),
        ("GetVariables", json.encode([4, "id", "NotSupported", "", {}])),
        ("MeterValues", call("", {"key": "AuthorizationKey", "value": KEPT})),
        ("NoSuchAction", b"\xff["),
        ("", b'[3,"late",{}]'),
        ("", b"\xff["),
        ("GetLog", b"null"),
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_crossed_the_wire(action, frame):
    assert DIALECTS["ocpp2.1"].mask(action, frame) is frame


def test_every_action_that_is_looked_at_exists():
    assert {action for dialect in DIALECTS.values() for action in dialect.actions} >= _ACTIONS


def test_the_rest_of_a_masked_frame_can_be_read():
    frame = call("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET})

    assert json.decode(DIALECTS["ocpp1.6"].mask("ChangeConfiguration", frame)) == [
        2,
        "id",
        "ChangeConfiguration",
        {"key": "AuthorizationKey", "value": "***"},
    ]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (json.encode([4, "id", "X", f"no {SECRET}", {}]), b"no ***"),
        (json.encode([3, "id", {"status": "Accepted"}]), b"Accepted"),
    ],
)
def test_an_answer_that_repeats_a_secret_is_kept_without_it(answer, kept):
    """Whitepaper A01.FR.09."""
    asked = json.encode({"key": "AuthorizationKey", "value": SECRET})

    words = without_secrets_of("ChangeConfiguration", asked, answer)

    assert kept in words
    assert SECRET.encode() not in words


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("Reset", json.encode({"key": "AuthorizationKey", "value": SECRET})),
        ("ChangeConfiguration", json.encode({"key": "AuthorizationKey", "value": "on"})),
        ("ChangeConfiguration", b"nonsense"),
    ],
    ids=["without secrets", "a word of any sentence", "unreadable"],
)
def test_other_answers_are_kept_as_they_are(action, call):
    assert without_secrets_of(action, call, b"turned on") == b"turned on"
