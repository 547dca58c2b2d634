"""Keys, security profiles and security events, in the words of each version."""

from datetime import UTC, datetime

import pytest
from msgspec import Raw, json

from tests.dialects.recorder import answer, hears
from voltkeep.dialects import DIALECTS
from voltkeep.domain.commands import (
    GetNetworkProfiles,
    NetworkProfilesTold,
    RawCommand,
    SetKey,
    SetNetworkProfile,
    SetOrganization,
    UseNetworkProfile,
)
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.ports import CommandUnfit

OCPP16, OCPP201, OCPP21 = (DIALECTS[f"ocpp{v}"] for v in ("1.6", "2.0.1", "2.1"))
EACH = pytest.mark.parametrize("dialect", [OCPP16, OCPP201, OCPP21], ids=["1.6", "2.0.1", "2.1"])
TWO = pytest.mark.parametrize("dialect", [OCPP201, OCPP21], ids=["2.0.1", "2.1"])
KEY = "6f" * 20
RAISE = SetNetworkProfile(profile=SecurityProfile.TLS_BASIC, url="wss://csms.example/ocpp", slot=2)


def asked(dialect, command):
    action, payload = dialect.request(command)
    return action, json.decode(payload)


def variable(component, name, **more):
    return {"component": {"name": component}, "variable": {"name": name}, **more}


@pytest.mark.parametrize(
    ("command", "key", "value"),
    [
        (SetKey(key=KEY), "AuthorizationKey", KEY),
        (RAISE, "SecurityProfile", "2"),
        (SetOrganization(name="Volt"), "CpoName", "Volt"),
    ],
)
def test_in_1_6_everything_is_a_configuration_key(command, key, value):
    """A01.FR.02, A05, whitepaper section 7."""
    assert asked(OCPP16, command) == ("ChangeConfiguration", {"key": key, "value": value})


def test_in_1_6_there_is_one_network_profile_and_nothing_to_say_of_it():
    assert OCPP16.request(UseNetworkProfile()) is None
    assert OCPP16.request(GetNetworkProfiles()) is None


@TWO
@pytest.mark.parametrize(
    ("command", "component", "name", "value"),
    [
        (SetKey(key=KEY), "SecurityCtrlr", "BasicAuthPassword", KEY),
        (SetOrganization(name="Volt"), "SecurityCtrlr", "OrganizationName", "Volt"),
        (
            UseNetworkProfile(slots=(2, 1)),
            *("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1"),
        ),
    ],
)
def test_in_2_x_everything_is_a_variable(dialect, command, component, name, value):
    """A01.FR.02, A05, B10."""
    expected = {"setVariableData": [variable(component, name, attributeValue=value)]}

    assert asked(dialect, command) == ("SetVariables", expected)


@pytest.mark.parametrize(
    ("dialect", "version", "interface"),
    [(OCPP201, "OCPP20", "Wired0"), (OCPP21, "OCPP21", "Any")],
    ids=["2.0.1", "2.1"],
)
def test_a_network_profile_says_all_that_it_must(dialect, version, interface):
    """B09.FR.01."""
    command = SetNetworkProfile(
        profile=RAISE.profile, url=RAISE.url, slot=2, subprotocol=dialect.subprotocol
    )

    assert asked(dialect, command) == (
        "SetNetworkProfile",
        {
            "configurationSlot": 2,
            "connectionData": {
                "ocppInterface": interface,
                "ocppTransport": "JSON",
                "messageTimeout": 30,
                "ocppCsmsUrl": RAISE.url,
                "securityProfile": 2,
                "ocppVersion": version,
            },
        },
    )


def test_an_interface_is_one_that_the_version_knows():
    for interface in ("Carrier pigeon", "Any"):  # the second is 2.1's
        with pytest.raises(CommandUnfit):
            OCPP201.request(
                SetNetworkProfile(profile=RAISE.profile, url=RAISE.url, interface=interface)
            )


@TWO
@pytest.mark.parametrize(
    ("statuses", "accepted", "status"),
    [
        (["Accepted"], True, "Accepted"),
        (["RebootRequired"], True, "RebootRequired"),
        (["Rejected"], False, "Rejected"),
        (["UnknownVariable"], False, "UnknownVariable"),
        (["Accepted", "NotSupportedAttributeType"], False, "NotSupportedAttributeType"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [SetKey(key=KEY), RawCommand(action="SetVariables", payload=Raw(b"{}"))],
    ids=["key", "by hand"],
)
def test_what_became_of_each_variable_decides(dialect, command, statuses, accepted, status):
    """A01.FR.03, FR.04: the answer has no word for the whole."""
    results = [variable("C", "V", attributeStatus=each) for each in statuses]
    payload = Raw(json.encode({"setVariableResult": results}))

    outcome = dialect.outcome(command, "SetVariables", payload)

    assert (outcome.accepted, outcome.status) == (accepted, status)


@TWO
@pytest.mark.parametrize(
    ("active", "priority", "told"),
    [
        ("1", "1,2", NetworkProfilesTold(1, (1, 2))),
        ("0", " 0, 3 ", NetworkProfilesTold(0, (0, 3))),
        ("", "x,-1,99999999", NetworkProfilesTold(None, ())),
        (None, None, NetworkProfilesTold(None, ())),
    ],
)
def test_the_slots_of_a_station_are_read_with_care(dialect, active, priority, told):
    values = {"ActiveNetworkProfile": active, "NetworkConfigurationPriority": priority}
    results = [
        variable("OCPPCommCtrlr", name, attributeStatus="Accepted", attributeValue=value)
        if value is not None
        else variable("OCPPCommCtrlr", name, attributeStatus="UnknownVariable")
        for name, value in values.items()
    ]
    payload = Raw(json.encode({"getVariableResult": results}))

    assert dialect.outcome(GetNetworkProfiles(), "GetVariables", payload).told == told


@EACH
@pytest.mark.parametrize("tech_info", ["the lid", None])
async def test_a_security_event_is_heard_and_confirmed(dialect, tech_info):
    """A04.FR.03; whatever its type."""
    payload = {"type": "Anything at all", "timestamp": "2026-01-01T12:00:00+02:00"}
    payload |= {"techInfo": tech_info} if tech_info else {}
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)

    assert await hears(dialect, "SecurityEventNotification", payload) == (
        "Anything at all",
        at,
        tech_info,
    )
    assert (await answer(dialect, "SecurityEventNotification", payload)).payload == b"{}"


def setting(*names):
    items = [variable("AnyCtrlr", name, attributeValue="x") for name in names]
    return "SetVariables", {"setVariableData": items}


NETWORK_PROFILE = {
    "configurationSlot": 1,
    "connectionData": {
        "ocppInterface": "Wired0",
        "ocppTransport": "JSON",
        "messageTimeout": 30,
        "ocppCsmsUrl": "ws://csms.example/ocpp",
        "securityProfile": 1,
        "ocppVersion": "OCPP20",
    },
}
DANGEROUS = [
    (dialect, *message, do)
    for dialects, message, do in [
        ([OCPP16], ("ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY}), "rotate"),
        ([OCPP16], ("ChangeConfiguration", {"key": " AUTHORIZATIONKEY", "value": KEY}), "rotate"),
        ([OCPP16], ("ChangeConfiguration", {"key": "SecurityProfile", "value": "1"}), "raise"),
        ([OCPP201, OCPP21], setting("basicauthpassword"), "rotate"),
        ([OCPP201, OCPP21], setting("Harmless", "BasicAuthPassword"), "rotate"),
        ([OCPP201, OCPP21], setting("SecurityProfile"), "raise"),
        ([OCPP201, OCPP21], setting("AllowSecurityProfileDowngrade"), "raise"),
        ([OCPP201, OCPP21], setting("Identity"), "station add"),
        ([OCPP201, OCPP21], ("SetNetworkProfile", NETWORK_PROFILE), "raise"),
    ]
    for dialect in dialects
]


def by_hand(action, payload, *, force=False):
    return RawCommand(action=action, payload=Raw(json.encode(payload)), force=force)


@pytest.mark.parametrize(("dialect", "action", "payload", "do"), DANGEROUS)
def test_what_would_lock_a_station_out_is_not_sent_by_hand_unforced(dialect, action, payload, do):
    """A00.FR.005; A01: a key or profile that we do not know is one that we refuse."""
    with pytest.raises(CommandUnfit, match=f"`voltkeep .*{do}") as unfit:
        dialect.request(by_hand(action, payload))
    assert KEY not in str(unfit.value)

    forced = by_hand(action, payload, force=True)
    assert dialect.request(forced) == (action, bytes(forced.payload))
    warned = dialect.outcome(forced, action, Raw(b'{"status":"Accepted"}')).warning
    assert "`voltkeep station" in warned


@EACH
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "SecurityProfile"}),
        ("ChangeConfiguration", {"key": 3}),
        ("ChangeConfiguration", [{"key": None}]),
        setting("HeartbeatInterval"),
        ("SetVariables", {"setVariableData": [[], {"variable": "Identity"}, {"variable": {}}]}),
        ("GetConfiguration", {"key": ["AuthorizationKey"]}),
    ],
)
def test_what_is_harmless_by_hand_is_sent_without_a_warning(dialect, action, payload):
    forced = by_hand(action, payload, force=True)

    assert dialect.request(forced) == (action, bytes(forced.payload))
    assert dialect.outcome(forced, action, Raw(b"{}")).warning == ""


def test_harmless_settings_need_no_force():
    asked(OCPP16, by_hand("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}))
    asked(OCPP16, by_hand("GetConfiguration", {"key": ["AuthorizationKey"]}))
    asked(OCPP21, by_hand(*setting("HeartbeatInterval")))
