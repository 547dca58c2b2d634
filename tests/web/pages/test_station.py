"""The pages of a station: who sees which, what is shown as text, and where their forms lead."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api.people import active, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.asks import Ask
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.device_model import Component, ComponentState, VariableState
from voltkeep.domain.events import StationConnected, StationDisconnected
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef, station_id
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.smart_charging import Period, Schedule
from voltkeep.domain.telling import KINDS, LIVE_ONLY
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.web.pages import station_command, station_pictures, station_timeline
from voltkeep.web.pages.station_frame import TABS

HTML = {"accept": "text/html,application/xhtml+xml"}
CS = station_id("CS-1")
TOKEN = "04A1B2C3D4E5F6"
RESET = {"command": "Reset", "kind": "OnIdle"}


def now():
    return datetime.now(UTC)


async def see(browser, path, expect=200):
    answer = await browser.get(f"http://localhost:8080{path}", headers=HTML)
    assert answer.status_code == expect, answer.text
    return answer.text


async def data(browser, path, expect=200):
    headers = {"accept": "application/json"}
    answer = await browser.get(f"http://localhost:8080{path}", headers=headers)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def says(api, word, ago=timedelta(), **more):
    at = now() - ago
    known = word in set(ConnectorStatus)
    status = ConnectorStatus(word) if known else ConnectorStatus.FAULTED
    update = StatusUpdate(evse=Evse(1, 1), status=status, raw_status=word, at=at, **more)
    api.services.availability.record(Sender(CS, 1, at), update)
    await api.services.availability.save()


async def charges(api, ref="tx-1", power_w=7360.0):
    at = now() - timedelta(minutes=3)
    update = TransactionUpdate(
        phase=Phase.STARTED,
        at=at,
        ref=TransactionRef(ref),
        seq_no=0,
        evse=Evse(1, 1),
        id_token=IdToken(TOKEN),
        values=(MeterValue(at=at, energy_wh=1000.0, power_w=power_w, raw=b"[]"),),
    )
    station = await api.services.provisioning.get(CS)
    await api.services.transactions.record(Sender(CS, station.epoch, at), update)
    await publish(api)


async def publish(api):
    """As the relay does: a list shows what was told."""
    outbox = api.store.outbox
    await outbox.published([seq for seq, _ in await outbox.unpublished()])


async def emit(api, *events):
    async with api.store.begin() as work:
        for event in events:
            work.emit(event)
    await publish(api)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.end or "overview")
async def test_each_page_of_a_station_that_said_nothing(api, tab):
    browser = await setup(api)
    await api.add("CS-1")

    text = await see(browser, f"/stations/CS-1{tab.end}")
    assert "<h1>CS-1</h1>" in text
    assert f'href="/stations/CS-1{tab.end}" aria-current="page"' in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    check_forms(api, text)


async def test_who_may_not_see_a_page_is_not_led_there(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    vera = await active(api, ada, "vera", Role.VIEWER)

    text = await see(vera, "/stations/CS-1")
    for tab in TABS:
        may = tab.needs in {
            Permission.READ_STATIONS,
            Permission.READ_TRANSACTIONS,
            Permission.READ_EVENTS,
        }
        assert (f'href="/stations/CS-1{tab.end}"' in text) is may
        shown = await see(vera, f"/stations/CS-1{tab.end}", 200 if may else 403)
        assert not forms(shown)[1:] or all("/commands" not in each for each in forms(shown))
    await data(vera, "/command-forms.json", 403)


async def test_a_station_elsewhere_is_not_there(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    olga = await active(api, ada, "olga", Role.ENGINEER, sites=["south"])

    for tab in TABS:
        await see(olga, f"/stations/CS-1{tab.end}", 404)
        await see(olga, f"/stations/CS-2{tab.end}")
    await data(olga, "/stations/CS-1/power.json", 404)


async def test_what_a_station_says_is_text_on_every_page(api):
    browser = await setup(api)
    await api.add("CS-1", note=HOSTILE)
    await says(api, HOSTILE, info=HOSTILE, error_code=HOSTILE, vendor_error_code=HOSTILE)
    await charges(api, HOSTILE)
    await emit(api, StationDisconnected(station=CS, at=now(), epoch=1, reason=HOSTILE))
    variable = VariableState(name="Some", at=now(), value=HOSTILE, read_only=False)
    async with api.store.begin() as work:
        component = Component("Vendor")
        state = ComponentState(
            station=CS, id=component.key, at=now(), component=component, variables=(variable,)
        )
        await work.variables.put(state)

    for tab in TABS:
        text = await see(browser, f"/stations/CS-1{tab.end}")
        assert "<img" not in text
        assert "<script>" not in text
    for end in ("", "/transactions", "/timeline", "/configuration", "/settings"):
        text = await see(browser, f"/stations/CS-1{end}")
        assert "&lt;script&gt;alert(1)" in text or "\\u003cscript" in text


async def test_connectors_are_shown_with_what_can_be_done(api):
    browser = await setup(api)
    await api.add("CS-1")
    await says(api, "Unavailable")
    text = await see(browser, "/stations/CS-1")
    assert "EVSE 1, connector 1" in text
    assert "Put into service" in text
    assert 'data-open="start"' in text

    await charges(api)
    text = await see(browser, "/stations/CS-1")
    assert 'value="RemoteStop"' in text
    assert 'name="transaction" value="tx-1"' in text
    assert "left over" not in text
    assert 'data-open="unlock"' in text
    unlock = re.findall(r'<dialog id="unlock".*?</dialog>', text, re.DOTALL)
    assert 'data-confirm="CS-1"' in unlock[0]
    check_forms(api, text)


async def test_what_a_restart_left_over_is_told_from_what_charges(api):
    browser = await setup(api)
    await api.add("CS-1")
    await says(api, "Available")
    await charges(api, "tx-old")
    await charges(api, "tx-new")

    text = await see(browser, "/stations/CS-1")
    assert ">Stop tx-old<" in text
    assert ">Stop tx-new<" in text
    assert text.count("probably left over") == 1
    assert re.search(r">tx-old</a><br>.{1,200}probably left over", text, re.DOTALL)


async def test_what_cannot_be_taken_back_is_confirmed_by_the_stations_id(api):
    browser = await setup(api)
    await api.add("CS-1")
    await says(api, "Available")

    def weighty(text):
        return set(re.findall(r'<option value="(\w+)" data-weighty', text))

    always = {"Reset", "ClearChargingProfiles", "UpdateFirmware", "RotateKey", "RaiseProfile"}
    always |= {"DeleteCertificate", "AnyMessage"}
    text = await see(browser, "/stations/CS-1/command")
    assert weighty(text) == always
    assert 'data-confirm="CS-1"' in text
    await charges(api)
    text = await see(browser, "/stations/CS-1/command")
    assert weighty(text) == always | {"UnlockConnector"}


async def test_a_command_offers_what_it_can_be_about_to_those_who_may_see_it(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    await says(api, "Available")
    await charges(api)
    await ada.post("/tokens", json={"value": TOKEN, "note": HOSTILE})
    text = await see(ada, "/stations/CS-1/command")
    assert '<option value="tx-1">EVSE 1</option>' in text
    assert '<option value="1">EVSE 1</option>' in text
    assert f'<option value="{TOKEN}">&#34;&gt;&lt;script' in text
    otto = await active(api, ada, "otto", Role.OPERATOR, sites=["north"])
    text = await see(otto, "/stations/CS-1/command")
    assert '<option value="tx-1">' in text
    assert TOKEN not in text


async def test_a_commands_outcome_has_one_sign_and_one_word_everywhere(api):
    browser = await setup(api)
    await api.add("CS-1")
    await browser.post("/stations/CS-1/commands?wait=5", json=RESET)
    text = await see(browser, "/stations/CS-1/command")
    words = re.findall(r'data-word="(\w+)" data-look="(\w*)" data-sign="(.)">([^<]+)<', text)
    known = {word: more for word, *more in words}
    assert known["rejected"] == ["bad", "✖", "rejected"]
    assert known["offline"] == ["warn", "▲", "the station is away"]
    assert known["left"][0] == known["unclear"][0] == known["interrupted"][0] == "warn"
    look, sign, word = known["accepted"]
    assert re.search(rf'<td><span class="badge {look}"><span [^>]*>{sign}</span> {word}<', text)


async def test_power_is_drawn_for_those_who_may_see_meters(api):
    browser = await setup(api)
    await api.add("CS-1")
    assert await data(browser, "/stations/CS-1/power.json") == {"times": [], "series": []}

    await charges(api)
    found = await data(browser, "/stations/CS-1/power.json")
    (series,) = found["series"]
    assert series["unit"] == "kW"
    assert series["values"][0] == 7.36
    assert len(series["values"]) == len(found["times"])


async def test_transactions_are_filtered_and_their_tokens_masked(api):
    ada = await setup(api)
    await api.add("CS-1")
    await charges(api)
    vera = await active(api, ada, "vera", Role.VIEWER)

    assert TOKEN in await see(ada, "/stations/CS-1/transactions")
    text = await see(vera, "/stations/CS-1/transactions?active=true")
    assert "tx-1" in text
    assert TOKEN not in text
    assert "No transaction fits" in await see(ada, "/stations/CS-1/transactions?active=false")


async def test_a_reservation_that_holds_can_be_given_up(api):
    ada = await setup(api)
    await api.add("CS-1")
    words = {
        "command": "Reserve",
        "id_token": {"value": TOKEN, "kind": "ISO14443"},
        "expires_at": (now() + timedelta(hours=1)).isoformat(),
        "evse": {"id": 1},
        "id": 5,
    }
    await api.request("POST", "/stations/CS-1/commands?wait=5", 202, json=words)
    assert "Give up" in await see(ada, "/stations/CS-1/reservations")

    words = {"command": "CancelReservation", "id": 5}
    await api.request("POST", "/stations/CS-1/commands?wait=5", 202, json=words)
    assert "Give up" not in await see(ada, "/stations/CS-1/reservations")


async def test_the_timeline_shows_what_somebody_may_see(api):
    ada = await setup(api)
    await api.add("CS-1")
    await charges(api)
    vera = await active(api, ada, "vera", Role.VIEWER)

    text = await see(ada, "/stations/CS-1/timeline")
    assert "Transaction started" in text
    assert TOKEN in text
    assert TOKEN not in await see(vera, "/stations/CS-1/timeline")
    text = await see(ada, "/stations/CS-1/timeline?about=connection")
    assert "Registered" in text
    assert "Transaction started" not in text


def test_every_kind_of_event_that_stays_has_a_title_where_it_is_of_a_station():
    nouns = {noun for nouns in station_timeline._NOUNS.values() for noun in nouns}
    kept = {name for name in KINDS if name not in LIVE_ONLY and name.partition(".")[0] in nouns}
    assert kept <= station_timeline.TITLES.keys()


async def test_connections_are_counted_by_day(api):
    browser = await setup(api)
    await api.add("CS-1")
    said = {"subprotocol": "ocpp1.6", "security_profile": 1, "remote_address": "::1", "epoch": 1}
    ago = (timedelta(hours=1), timedelta(hours=2), timedelta(days=3))
    await emit(api, *(StationConnected(station=CS, at=now() - each, **said) for each in ago))

    assert "2 times in the last 24 hours" in await see(browser, "/stations/CS-1")


async def test_every_command_has_a_form_for_those_who_may_give_it(api):
    ada = await setup(api)
    await api.add("CS-1")
    otto = await active(api, ada, "otto", Role.OPERATOR)
    documents = api.app.state.schema.document["components"]["schemas"]

    found = await data(ada, "/command-forms.json")
    wanted = {kind.__name__ for kind in Ask.__args__ if kind.__name__ != "RawMessage"}
    assert wanted | {"AnyMessage"} <= found.keys()
    assert {name: documents[name] for name in found} == found
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)))
    assert named <= found.keys()
    less = await data(otto, "/command-forms.json")
    assert "RemoteStart" in less
    assert not {"WriteConfiguration", "RotateKey", "AnyMessage"} & less.keys()
    text = await see(otto, "/stations/CS-1/command")
    assert '<option value="RemoteStart">' in text
    assert '<option value="RotateKey">' not in text


def test_every_command_has_a_title():
    titled = {kind for _, kinds in station_command._GROUPS for kind, _ in kinds}
    assert titled == set(Ask.__args__)


async def test_a_command_is_filled_in_from_the_address_and_is_text(api):
    browser = await setup(api)
    await api.add("CS-1")
    text = await see(browser, '/stations/CS-1/command?ask={"command":"Reset"}')
    assert 'data-preset="{&#34;command&#34;:&#34;Reset&#34;}"' in text
    text = await see(browser, "/stations/CS-1/command?ask=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in text


async def test_what_was_asked_is_listed_without_what_they_may_not_see(api):
    ada = await setup(api)
    await api.add("CS-1")
    body = {"command": "RemoteStart", "id_token": {"value": TOKEN}}
    answer = await ada.post("/stations/CS-1/commands?wait=5", json=body)
    assert answer.status_code == 202

    text = await see(ada, "/stations/CS-1/command")
    assert "RemoteStart" in text
    assert "accepted" in text


async def test_a_secret_of_the_configuration_is_not_offered_to_be_changed(api):
    browser = await setup(api)
    await api.add("CS-1")
    component = Component("SecurityCtrlr")
    variables = (
        VariableState(name="BasicAuthPassword", at=now(), read_only=False),
        VariableState(name="Identity", at=now(), value="CS-1", read_only=False),
        VariableState(name="Fixed", at=now(), value="7", read_only=True),
    )
    async with api.store.begin() as work:
        state = ComponentState(
            station=CS, id=component.key, at=now(), component=component, variables=variables
        )
        await work.variables.put(state)

    text = await see(browser, "/stations/CS-1/configuration")
    assert "3 of 3 variables" in text
    assert 'aria-label="Change SecurityCtrlr.Identity"' in text
    assert "Security<wbr>Ctrlr.<wbr>Identity</td>" in text
    assert 'aria-label="Change SecurityCtrlr.BasicAuthPassword"' not in text
    assert 'aria-label="Change SecurityCtrlr.Fixed"' not in text
    assert "1 of 3 variables" in await see(browser, "/stations/CS-1/configuration?search=ident")


async def test_settings_are_changed_by_the_forms_that_there_are(api):
    browser = await setup(api)
    await api.add("CS-1")
    text = await see(browser, "/stations/CS-1/settings")

    assert 'data-confirm="CS-1"' in text
    version = text.partition('data-if-match="')[2].partition('">')[0].replace("&#34;", '"')
    change = {"note": "behind the bakery", "policy": {"unknown_tokens": "record"}}
    headers = {"if-match": version}
    answer = await browser.patch("/stations/CS-1", json=change, headers=headers)
    assert answer.status_code == 200
    assert (await browser.patch("/stations/CS-1", json=change, headers=headers)).status_code == 412


def test_a_schedule_is_steps_of_a_picture():
    schedule = Schedule(
        periods=(Period(limit_w=10_000), Period(start_s=50, limit_w=5000)), duration_s=100
    )
    drawn = station_pictures.of_schedule(schedule, None)
    assert [(each.x, each.width, each.height) for each in drawn.bars] == [
        (0, 500, 90),
        (500, 500, 45),
    ]
    assert drawn.top == "10 kW"
    assert drawn.bars[1].text.endswith("5 kW")


@pytest.mark.parametrize("limits", [(0.0,), (-5.0, 3.0)])
def test_limits_of_any_sign_are_drawn(limits):
    periods = tuple(Period(start_s=at * 10, limit_a=each) for at, each in enumerate(limits))
    drawn = station_pictures.of_schedule(
        Schedule(periods=periods), datetime.max.replace(tzinfo=UTC)
    )
    assert all(0 <= each.y <= 100 and each.height > 0 for each in drawn.bars)


def test_states_are_a_strip_that_begins_where_it_is_known():
    begins = now()
    hour = timedelta(hours=1)
    changes = [
        (begins - hour, "Available"),
        (begins, "Charging"),
        (begins + 6 * hour, "Charging"),
        (begins + 12 * hour, "Faulted"),
    ]
    drawn = station_pictures.strip(changes, begins, begins + 24 * hour)
    assert [(each.x, each.width, each.look) for each in drawn.bars] == [
        (0, 500, "busy"),
        (500, 500, "bad"),
    ]


async def test_what_charges_there_has_the_energy_that_its_meter_says_by_now(api):
    """What only metered does not change the record."""
    await api.add("CS-1")
    browser = await setup(api)
    await says(api, "Occupied")
    await charges(api)
    station = await api.services.provisioning.get(CS)
    at = now()
    update = TransactionUpdate(
        phase=Phase.UPDATED,
        at=at,
        ref=TransactionRef("tx-1"),
        seq_no=1,
        trigger="MeterValuePeriodic",
        values=(MeterValue(at=at, energy_wh=5200.0, raw=b"[]"),),
    )
    await api.services.transactions.record(Sender(CS, station.epoch, at), update)

    assert "<dd>4.20 kWh</dd>" in await see(browser, "/stations/CS-1")
