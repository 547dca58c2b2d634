"""The driver's file that comes with us: what it asks of Voltkeep is what the case has ordered."""

from datetime import datetime
from pathlib import Path

import pytest
from msgspec import json, toml

from voltkeep.dialects.ocpp16 import smart_charging
from voltkeep.domain import asks
from voltkeep.lab.driver import OPERATIONS
from voltkeep.lab.drivers.http import HttpDriverFile, templates
from voltkeep.lab.drivers.samples import STATION, samples
from voltkeep.ocpp import v16

FILE = toml.decode(Path("src/voltkeep/lab/drivers/voltkeep.toml").read_bytes(), type=HttpDriverFile)
EVERY = [
    pytest.param(operation, arguments, id=f"{operation}-{words}")
    for operation in OPERATIONS
    for words, arguments in samples(operation)
]
PROFILES = [
    pytest.param(purpose, profile, id=f"{purpose}-{place}-{profile['chargingProfileKind']}")
    for place, (_, arguments) in enumerate(samples("set_charging_profile"))
    for purpose in ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")
    for profile in (arguments["profile"] | {"chargingProfilePurpose": purpose},)
]


def ask(operation, **arguments):
    """What Voltkeep's API reads of an order."""
    (request,) = FILE.requests(operation)
    given = dict.fromkeys(OPERATIONS[operation]) | arguments
    text = templates().from_string(request.body)
    body = text.render(values=FILE.values, environ={}, station=STATION, **given)
    return json.decode(body, type=asks.Ask)


@pytest.mark.parametrize(("operation", "arguments"), EVERY)
def test_every_order_is_one_that_the_api_takes(operation, arguments):
    assert ask(operation, **arguments)


@pytest.mark.parametrize(("purpose", "profile"), PROFILES)
@pytest.mark.parametrize("operation", ["set_charging_profile", "remote_start"])
def test_a_profile_goes_out_as_it_was_ordered(operation, purpose, profile):
    asked = ask(operation, connector=1, token="T", profile=profile)

    came = smart_charging.profile(asked.profile)

    assert came == json.decode(json.encode(profile), type=v16.ChargingProfile)


def test_connector_0_is_the_station_as_a_whole():
    assert (
        ask("reserve", connector=0, token="T", expires_at=datetime(2030, 1, 1).astimezone()).evse
        is None
    )
    assert ask("clear_charging_profiles", connector=0).criteria.whole_station
    assert not ask("clear_charging_profiles").criteria.whole_station
    assert ask("change_availability", operative=True, connector=0).evse is None


def test_a_list_is_sent_of_just_the_tokens_that_were_ordered():
    asked = ask("send_local_list", full=False, tokens=("ONE", "TWO"), version=7)

    assert [entry.id_token.value for entry in asked.entries] == ["ONE", "TWO"]
    assert (asked.full, asked.version) == (False, 7)
