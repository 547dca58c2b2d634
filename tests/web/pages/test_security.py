"""The security centre: what needs a person, and what stations reported."""

import re
from datetime import UTC, datetime, timedelta

from tests.web.api.people import active, browser_of, setup
from tests.web.api.test_records import put
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.identity import DEFAULT_TENANT, StationId, station_id
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.services.lists import EventFilter, Page
from voltkeep.store.memory_lists import MemoryLists

CP1, CP2 = station_id("CP1"), station_id("CP2")
NOBODY = StationId("default", "")


def now(minutes=0):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def event(station, id, minutes=0, **values):
    at = now(minutes)
    values = {"type": "TamperDetectionActivated", "state": "critical"} | values
    return SecurityEvent(station=station, id=id, at=at, happened_at=at, **values)


def alert(station, id, **values):
    values = {"kind": "password guessing", "text": f"somebody guesses at {id}"} | values
    return Alert(station=station, id=id, at=now(), first_at=now(), **values)


def refusal(station, id, reason="wrong password", **values):
    host = f"192.0.2.{id}"
    values = {"at": now(), "first_at": now(9), "count": 3, "reason": reason, "host": host} | values
    return Refusal(station=station, id=id, **values)


async def told(api):
    """As the relay does: a list shows what was told."""
    outbox = api.store.outbox
    await outbox.published([seq for seq, _ in await outbox.unpublished()])


async def two(api):
    await api.add("CP1", site="north")
    await api.add("CP2", site="south")


async def test_only_who_may_sees_it_and_an_empty_one_says_what_would_be_there(api):
    ada = await setup(api)
    viewer = await active(api, ada, "vera", Role.VIEWER)

    text = (await see(ada, "/security")).text
    assert "No alert is open" in text
    assert "No security event fits" in text
    assert check_forms(api, text) == 3  # with the way out
    assert (await see(viewer, "/security")).status_code == 403
    assert (await see(browser_of(api), "/security")).status_code == 303


async def test_an_alert_is_open_until_somebody_says_what_they_found(api):
    ada = await setup(api)
    await two(api)
    await put(api, "alerts", alert(CP1, "a1"), alert(NOBODY, "a2"))
    text = (await see(ada, "/security")).text
    assert "somebody guesses at a1" in text
    assert "the whole fleet" in text
    assert "POST /api/v1/alerts/{alert}/acknowledge" in forms(text)

    assert (await ada.post("/alerts/a1/acknowledge?note=a+drill")).status_code == 200
    text = (await see(ada, "/security")).text
    assert 'data-alert="a1"' not in text
    assert "a drill" in text
    reader = api.by(await api.key(Permission.READ_SECURITY))
    text = (await see(reader, "/security")).text
    assert "somebody guesses at a2" in text
    assert "I have looked at it" not in text


async def test_a_station_in_quarantine_stands_there_until_it_is_released(api):
    ada = await setup(api)
    await two(api)
    await api.services.intrusion.quarantine(CP1, 3, ("192.0.2.1:1", "192.0.2.2:1"))
    opened = (await ada.get("/alerts")).json()["items"]
    await ada.post(f"/alerts/{opened[0]['id']}/acknowledge")
    text = (await see(ada, "/security")).text
    assert "Stations in quarantine" in text  # though somebody has seen the alert
    assert 'data-confirm-as="CP1"' in text

    assert (await ada.post("/stations/CP1/release")).json()["was_quarantined"]
    assert "Stations in quarantine" not in (await see(ada, "/security")).text


async def test_who_is_refused_is_counted_by_reason_and_who_waits_is_named(api):
    ada = await setup(api)
    waits = refusal(CP2, "3", "too many failed attempts: told to wait", until=now(-5))
    old = refusal(CP1, "4", "no such address", at=now(3000))
    await put(api, "refusals", refusal(CP1, "1"), refusal(CP2, "2", count=4), waits, old)
    text = (await see(ada, "/security")).text

    assert "7 attempts" in text
    assert "192.0.2.3" in text
    assert "192.0.2.1" not in text
    assert "no such address" not in text
    assert "The key that it sent is not the one we know." in text


async def test_a_second_connection_is_told_to_who_may_see_events(api):
    ada = await setup(api)
    await two(api)
    await api.services.intrusion.duplicate(CP1, "192.0.2.7:1", "192.0.2.8:2", admitted=True)
    await told(api)
    assert "192.0.2.8:2 → 192.0.2.7:1" in (await see(ada, "/security")).text
    reader = api.by(await api.key(Permission.READ_SECURITY))
    text = (await see(reader, "/security")).text
    assert "192.0.2.7" not in text
    assert "You may not see events." in text


async def test_events_are_filtered(api):
    ada = await setup(api)
    await two(api)
    events = [event(CP1, f"e{each}", each) for each in range(3)]
    noted = event(CP2, "n", 1, state="noted", type="SettingSystemTimeOdd")
    await put(api, "security_events", *events, noted, event(CP2, "old", 60 * 24 * 40))

    async def rows(query):
        text = (await see(ada, f"/security?{query}")).text
        return text.partition('id="list"')[2].count("<tr>") - 1

    assert await rows("") == 5
    for query, number in (
        ("station=CP1", 3),
        ("site=south", 2),
        ("type=SettingSystemTimeOdd", 1),
        ("type=SettingSystemTimeOdd&state=critical", -1),
        ("state=noted", 1),
        ("before=2020-01-01T00:00:00Z", -1),
        ("since=2020-01-01T00:00:00Z", 5),
    ):
        assert await rows(query) == number, query
    assert 'class="fault"' in (await see(ada, "/security?state=odd")).text


async def test_the_days_are_those_of_the_charts(api):
    ada = await setup(api)
    today = now().date()
    counts = {"TamperDetectionActivated": 3, "InvalidMessages": 1200, "Other": 1}
    async with api.store.begin() as work:
        await work.days.add(
            DEFAULT_TENANT, {("*", f"security/{kind}", today): n for kind, n in counts.items()}
        )
    for address in ("/security", "/security/days"):
        days = (await see(ada, address)).text.partition('id="days"')[2].partition("</table>")[0]
        numbers = re.findall(r'<td class="number">(\d+)</td>', days)
        assert numbers == ["3", "1204"] + ["0"] * 26


async def test_each_part_that_is_loaded_again_has_its_own_address(api):
    ada = await setup(api)
    await two(api)
    await put(api, "alerts", alert(CP1, "a1"))
    await put(api, "security_events", event(CP1, "e1"), event(CP2, "e2"))
    text = (await see(ada, "/security?station=CP1")).text
    parts = dict(re.findall(r'<div id="(\w+)"[^>]* hx-get="([^"]+)"', text))
    assert parts == {
        "attention": "/security/attention",
        "days": "/security/days",
        "list": "/security/events?station=CP1",
    }
    reader = api.by(await api.key(Permission.READ_STATIONS))
    for name, address in parts.items():
        part = (await see(ada, address)).text
        assert re.findall(r'<div id="(\w+)"', part) == [name]
        assert "<html" not in part
        assert "CP2" not in part
        assert (await see(reader, address)).status_code == 403


async def test_what_was_not_looked_at_is_not_said_to_be_none(api, monkeypatch):
    ada = await setup(api)
    await two(api)
    nothing = "</span> None</span>"
    assert nothing in (await see(ada, "/security")).text
    await told(api)  # what happened, none of which is looked for
    look = MemoryLists.events

    async def shortly(self, tenant, which, sort="at", **more):
        found = await look(self, tenant, EventFilter(), sort, **more)
        return Page([], (found.rows[0].position,)) if which.types else found

    monkeypatch.setattr(MemoryLists, "events", shortly)
    said = "Only events since this time were looked at"
    text = (await see(ada, "/security")).text
    assert (nothing in text, said in text) == (False, True)
    text = (await see(ada, "/certificates/requests")).text
    assert ("None was refused" in text, said in text) == (False, True)


async def test_events_of_a_type_are_found_among_many_others(api, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.security._ROWS", 2)
    await two(api)
    ada = await setup(api)
    others = [event(CP1, f"e{each}", each) for each in range(5)]
    those = ((CP1, "x1"), (CP1, "x2"), (CP2, "x3"))
    rare = [event(at, id, 99, type="MemoryExhaustion") for at, id in those]
    await put(api, "security_events", *others, *rare)

    text = (await see(ada, "/security?type=MemoryExhaustion")).text
    assert text.count("<td>MemoryExhaustion</td>") == 2
    following = re.search(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)
    assert following
    text = (await see(ada, "/security" + following[1].replace("&amp;", "&"))).text
    assert text.count("<td>MemoryExhaustion</td>") == 1
    north = api.by(await api.key(sites=["north"]))
    text = (await see(north, "/security?type=MemoryExhaustion")).text
    assert (text.count("<td>MemoryExhaustion</td>"), "CP2" in text) == (2, False)


async def test_who_is_limited_to_sites_sees_what_is_of_them_only(api):
    await two(api)
    await put(api, "alerts", alert(CP1, "a1"), alert(CP2, "a2"), alert(NOBODY, "a3"))
    await put(api, "security_events", event(CP1, "e1", tech_info="one"), event(CP2, "e2"))
    await put(api, "refusals", refusal(CP2, "2"), refusal(NOBODY, "3"))
    await api.services.intrusion.quarantine(CP2, 3, ("192.0.2.9:1", "192.0.2.8:1"))
    await api.services.intrusion.duplicate(CP2, "192.0.2.7:1", "192.0.2.8:2", admitted=True)
    await told(api)
    north = api.by(await api.key(sites=["north"]))
    text = (await see(north, "/security")).text

    assert "guesses at a1" in text
    assert "CP1" in text
    for hidden in ("CP2", "guesses at a2", "guesses at a3", "192.0.2"):
        assert hidden not in text, hidden
    await (await setup(api)).post("/tenants", json={"id": "acme"})
    elsewhere = api.by(await api.key(tenant="acme"))
    assert "CP1" not in (await see(elsewhere, "/security")).text


async def test_what_a_station_says_is_text(api):
    ada = await setup(api)
    await two(api)
    hostile = event(CP1, "e", type=HOSTILE[:50], tech_info=HOSTILE)
    await put(api, "security_events", hostile)
    await put(api, "alerts", alert(CP1, "a", text=HOSTILE, kind=HOSTILE, note=HOSTILE))
    await put(api, "refusals", refusal(CP1, "1", host=HOSTILE, until=now(-9), reason=HOSTILE))
    text = (await see(ada, "/security")).text

    assert text.count("&lt;img") >= 3
    assert "<img" not in text
    assert "<script>" not in text
