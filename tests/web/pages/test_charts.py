"""Charts: who sees what of which sites, the numbers beside the pictures, and words for nothing."""

import re
from datetime import UTC, datetime, timedelta

from msgspec import structs

from tests.web.api.people import browser_of, setup
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission
from voltkeep.domain.availability import ConnectorStatus, StatusUpdate
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    Sender,
    StationId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterReport, MeterValue
from voltkeep.domain.sites import of_tenant
from voltkeep.domain.smart_charging import ChargingProfile, Period, Purpose, Schedule
from voltkeep.domain.transactions import Transaction
from voltkeep.services.ports import ConnectorRow
from voltkeep.web.pages import charts_now, station_timeline

PAGES = ("/charts", "/charts/power", "/charts/status", "/charts?site=north&days=7")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=")


async def charge(api, ref, station="CS-1", wh=5000.0, over=True, tenant=DEFAULT_TENANT):
    now = datetime.now(UTC)
    begun = now - timedelta(minutes=30)
    found = Transaction(
        station=StationId(tenant, station),
        ref=TransactionRef(ref),
        evse=Evse(1, 1),
        started_at=begun,
        ended_at=now if over else None,
        meter_start_wh=0.0,
        meter_stop_wh=wh,
        first_heard_at=begun,
        last_heard_at=now,
    )
    async with api.store.begin() as work:
        assert await work.transactions.add(found)
        update = StatusUpdate(
            evse=Evse(1, 1), status=ConnectorStatus.OCCUPIED, raw_status="Charging", at=begun
        )
        row = ConnectorRow(station=found.station, update=update, received_at=begun)
        await work.connectors.save([row])
        if not over:
            value = MeterValue(at=now - timedelta(minutes=1), power_w=7000.0)
            report = MeterReport(evse=Evse(1, 1), ref=found.ref, values=(value,))
            await work.store_meter_values(Sender(found.station, 1, now), report)


async def count(api):
    for _ in range(2):
        await api.services.day_counter.count()


async def shown(browser, path):
    answer = await see(browser, path)
    assert answer.status_code == 200, answer.text
    assert not INLINE.search(answer.text)
    return answer.text


async def test_what_was_charged_is_drawn_and_told_in_numbers(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2")
    await charge(api, "tx-1")
    await charge(api, "tx-2", "CS-2", 1000.0)
    await count(api)

    text = await shown(browser, "/charts")
    assert "6.00 kWh" in text
    assert re.search(r"in 2\s+sessions", text)
    assert text.count("<details>") >= 2
    assert 'role="img"' in text
    assert "No site" in text
    assert "Still counting" not in text
    text = await shown(browser, "/charts?site=north&days=7")
    assert "5.00 kWh" in text
    assert "6.00 kWh" not in text
    assert "days are those of UTC" in text


async def test_the_api_has_the_same_numbers(api):
    await setup(api)
    await api.add("CS-1", site="north")
    await charge(api, "tx-1")
    await count(api)

    found = await api.request("GET", "/statistics/days?days=7&site=north")
    assert len(found["days"]) == 7
    assert found["is_complete"] is True
    assert sum(day["energy_wh"] for day in found["days"]) == 5000
    assert sum(day["sessions"] for day in found["days"]) == 1
    assert found["days"][-1]["utilisation"] is not None
    (site,) = (await api.request("GET", "/statistics/sites?days=7"))["sites"]
    assert (site["site"], site["days"]) == ("north", found["days"])
    none = await api.request("GET", "/statistics/days?site=nowhere")
    assert sum(day["energy_wh"] for day in none["days"]) == 0
    security = await api.request("GET", "/statistics/security-events?days=7")
    assert (len(security["days"]), security["kinds"]) == (7, [])
    for bad in ("days=0", "days=400", "days=x"):
        await api.request("GET", f"/statistics/days?{bad}", 400)


async def test_nobody_sees_numbers_of_other_sites_or_tenants(api):
    await setup(api)
    await api.add("CS-1", site="north")
    await api.add("CS-2", site="south")
    await charge(api, "tx-1", over=False)
    await charge(api, "tx-2", "CS-2", 1000.0, over=False)
    await count(api)

    south = api.by(await api.key(sites=("south",)))
    for path in ("/charts", "/charts?site=south"):
        text = await shown(south, path)
        assert "1.00 kWh" in text
        assert "north" not in text
        assert "6.00 kWh" not in text
    assert "Nothing was charged" in await shown(south, "/charts?site=north")
    assert "You see no such site" in await shown(south, "/charts/power?site=north")
    assert "north" not in await shown(south, "/charts/power")
    assert "CS-1" not in await shown(south, "/charts/status?site=north")
    for site in ("north", "*"):
        found = (await south.get(f"/statistics/days?site={site}")).json()
        assert sum(day["energy_wh"] for day in found["days"]) == 0
    found = (await south.get("/statistics/days")).json()
    assert sum(day["energy_wh"] for day in found["days"]) == 1000
    sites = (await south.get("/statistics/sites")).json()["sites"]
    assert [each["site"] for each in sites] == ["south"]


async def test_who_may_not_read_transactions_sees_none(api):
    await setup(api)
    other = api.by(await api.key(Permission.READ_TOKENS))
    for path in PAGES:
        assert (await see(other, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303


async def test_security_events_are_for_who_may_see_them(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    reader = api.by(await api.key(Permission.READ_TRANSACTIONS))
    async with api.store.begin() as work:
        day = datetime.now(UTC).date()
        await work.days.add(
            DEFAULT_TENANT,
            {(site, "security/InvalidMessages", day): 3 for site in ("north", "*")},
        )

    assert "InvalidMessages (3)" in await shown(browser, "/charts")
    text = await shown(reader, "/charts")
    assert "InvalidMessages" not in text
    assert "/charts/status" not in text
    assert (await see(reader, "/charts/status")).status_code == 403
    found = (await browser.get("/statistics/security-events?days=7&site=north")).json()
    assert [(each["kind"], each["number"]) for each in found["kinds"]] == [("InvalidMessages", 3)]


async def test_power_stands_against_the_limit_that_is_known(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await charge(api, "tx-1", over=False)
    await count(api)

    text = await shown(browser, "/charts/power?site=north")
    assert "7.0 kW" in text
    assert "No limit is known" in text
    assert "of 1 transaction that runs" in text
    await api.services.smart_charging.set(
        StationId(DEFAULT_TENANT, "CS-1"),
        ChargingProfile(
            purpose=Purpose.STATION_MAX,
            schedules=(Schedule(starts_at=datetime.now(UTC), periods=(Period(limit_w=11000.0),)),),
        ),
    )
    for path in ("/charts/power?site=north", "/charts/power"):
        text = await shown(browser, path)
        assert "within the limit" in text
        assert "11.0 kW" in text


async def test_what_is_left_over_of_a_connector_draws_no_power(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await charge(api, "tx-old", over=False)
    await charge(api, "tx-new", over=False)
    await count(api)

    text = await shown(browser, "/charts/power?site=north")
    assert "<strong>7.0 kW</strong>" in text
    assert "of 1 transaction that runs. 1 is not counted" in " ".join(text.split())


async def test_a_part_of_the_power_is_not_compared_with_a_limit(api, monkeypatch):
    monkeypatch.setattr("voltkeep.web.pages.charts_now._LOOKED_AT", 1)
    browser = await setup(api)
    for name in ("CS-1", "CS-2"):
        await api.add(name, site="north")
        await charge(api, name, name, over=False)
    await api.services.smart_charging.set(
        StationId(DEFAULT_TENANT, "CS-1"),
        ChargingProfile(
            purpose=Purpose.STATION_MAX,
            schedules=(Schedule(starts_at=datetime.now(UTC), periods=(Period(limit_w=11000.0),)),),
        ),
    )
    await count(api)

    text = await shown(browser, "/charts/power?site=north")
    assert "transactions that were looked at" in text
    assert "not compared with a limit" in text
    assert "for 1 of 2 stations" not in text


async def test_statuses_are_drawn_and_told_in_words(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await charge(api, "tx-1", over=False)

    text = await shown(browser, "/charts/status?site=north")
    assert "Every connector of the site" in text
    assert "CS-1" in text
    assert "Charging: " in text
    assert "No connector is faulted" in await shown(browser, "/charts/status")


async def test_a_connector_that_is_silent_beside_a_busy_one_is_drawn_as_it_is(api, monkeypatch):
    monkeypatch.setattr(charts_now, "_CHANGES", 4)
    monkeypatch.setattr(station_timeline, "_MOST_CHANGES", 4)
    browser = await setup(api)
    await api.add("CS-1", site="north")
    station, now = StationId(DEFAULT_TENANT, "CS-1"), datetime.now(UTC)
    said = [(30, 2, "Available"), (20, 2, "Faulted")]
    said += [(hours, 1, ("Occupied", "Available")[hours % 2]) for hours in (6, 5, 4, 3, 2, 1)]
    async with api.store.begin() as work:
        for hours, evse, state in said:
            at = now - timedelta(hours=hours)
            update = StatusUpdate(
                evse=Evse(evse, 1), status=ConnectorStatus(state), raw_status=state, at=at
            )
            api.store.journal.status(Sender(station, 1, at), update)
            await work.connectors.save(
                [ConnectorRow(station=station, update=update, received_at=at)]
            )

    for address in ("/charts/status?site=north", "/stations/CS-1/timeline"):
        text = await shown(browser, address)
        bars = re.findall("<title>(Available|Occupied|Faulted): ([^<]+)</title>", text)
        assert [state for state, _ in bars[:-1]] == ["Occupied", "Available"] * 2, address
        assert bars[-1] == ("Faulted", "4 h 00 min"), address


async def test_an_empty_installation_teaches(api):
    browser = await setup(api)
    text = await shown(browser, "/charts")
    assert "Not counted yet" in text
    assert "Nothing was charged on these days" in text
    assert "No connector is known here" in text
    await shown(browser, "/charts/power")
    for bad in ("days=8", "days=x", f"site={'x' * 60}"):
        assert (await see(browser, f"/charts?{bad}")).status_code == 400


async def test_hostile_words_are_text(api):
    browser = await setup(api)
    await api.add("CS-1", site="north")
    await charge(api, "tx-1", over=False)
    async with api.store.begin() as work:
        site = await work.sites.get(of_tenant(DEFAULT_TENANT), "north")
        await work.sites.put(structs.replace(site, name=HOSTILE))
        found = await work.connectors.of(StationId(DEFAULT_TENANT, "CS-1"))
        update = structs.replace(found[0].update, raw_status=HOSTILE)
        await work.connectors.save([structs.replace(found[0], update=update)])
    await count(api)
    for path in ("/charts", "/charts/power", "/charts/status?site=north", "/charts?site=<b>x"):
        answer = await see(browser, path)
        text = answer.text
        assert answer.status_code == 200, text
        assert HOSTILE not in text
        assert "<b>x" not in text
