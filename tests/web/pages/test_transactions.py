"""Transactions: who sees which, the chart of one, and closing it in the record."""

import re
from datetime import UTC, datetime, timedelta

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.identity import (
    DEFAULT_TENANT,
    Evse,
    IdToken,
    Sender,
    StationId,
    TransactionRef,
)
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Phase, TransactionUpdate
from voltkeep.web.pages.meter_curves import MOST_POINTS, curves

AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
TOKEN = IdToken("04A1B2C3D4")


def value(minutes, **more):
    return MeterValue(at=AT + timedelta(minutes=minutes), **more)


async def begin(api, ref="tx-1", station="CS-1", token=TOKEN, values=(), **more):
    id = StationId(DEFAULT_TENANT, station)
    async with api.store.begin() as work:
        epoch = (await work.stations.get(id)).epoch
    update = TransactionUpdate(
        phase=Phase.STARTED,
        at=AT,
        ref=TransactionRef(ref),
        seq_no=0,
        evse=Evse(1, 1),
        id_token=token,
        values=values or (value(0, energy_wh=1000.0),),
        **more,
    )
    await api.services.transactions.record(Sender(id, epoch, AT), update)


def rows(text):
    return len(re.findall(r'<a href="/transactions/[^"]+/', text))


async def chart(browser, path="/transactions/CS-1/tx-1/chart.json"):
    answer = await see(browser, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_transactions_are_listed_and_filtered(api):
    browser = await setup(api)
    await api.add("CS-1", "CS-2")
    await begin(api)
    await begin(api, "tx-2", "CS-2", IdToken("OTHER"))

    async def found(query):
        answer = await see(browser, f"/transactions?{query}")
        assert answer.status_code == 200, answer.text
        return rows(answer.text)

    assert await found("active=&closed=&station=&token=&started_since=") == 2
    assert await found("station=CS-2") == 1
    assert await found("token=other") == 1
    assert await found("active=false") == 0
    assert await found("group=none") == 0
    assert await found("site=none") == 0
    assert await found("started_before=2026-05-02T09:30:00Z") == 0
    for bad in ("active=perhaps", "started_since=2026-05-02T09:30"):
        assert 'class="fault"' in (await see(browser, f"/transactions?{bad}")).text
    text = (await see(browser, "/transactions?station=none")).text
    assert "No transaction fits." in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)


async def test_more_than_a_page_goes_on(api):
    browser = await setup(api)
    await api.add("CS-1")
    for number in range(55):
        await begin(api, f"tx-{number}")
    text = (await see(browser, "/transactions?active=true")).text
    (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)[:1]

    assert rows(text) == 50
    assert rows((await see(browser, "/transactions" + following.replace("&amp;", "&"))).text) == 5


async def test_one_is_shown_with_what_happened_and_closed_by_a_form(api):
    browser = await setup(api)
    await api.add("CS-1")
    await begin(api)
    text = (await see(browser, "/transactions/CS-1/tx-1")).text

    assert 'data-chart="/transactions/CS-1/tx-1/chart.json"' in text
    assert "POST /api/v1/stations/{station}/transactions/{transaction}/close" in forms(text)
    assert 'data-confirm="CS-1"' in text
    check_forms(api, text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)

    path = "/stations/CS-1/transactions/tx-1/close"
    assert (await browser.post(path, json={"reason": "replaced"})).status_code == 200
    text = (await see(browser, "/transactions/CS-1/tx-1")).text
    assert "replaced" in text
    assert "closed by ada" in text
    assert "/close" not in "".join(forms(text))
    assert (await see(browser, "/transactions/CS-1/none")).status_code == 404
    assert (await see(browser, "/transactions/CS-1/none/chart.json")).status_code == 404


async def test_who_may_only_look_closes_nothing_and_sees_no_whole_token(api):
    await setup(api)
    await api.add("CS-1")
    await begin(api)
    reader = api.by(await api.key(Permission.READ_TRANSACTIONS))

    for path in ("/transactions", "/transactions/CS-1/tx-1"):
        text = (await see(reader, path)).text
        assert TOKEN.masked in text
        assert TOKEN.value not in text
        assert 'name="token"' not in text
        assert "/close" not in "".join(forms(text))
    assert (await see(reader, f"/transactions?token={TOKEN.value}")).status_code == 404
    other = api.by(await api.key(Permission.READ_STATIONS))
    for path in ("/transactions", "/transactions/CS-1/tx-1", "/transactions/CS-1/tx-1/chart.json"):
        assert (await see(other, path)).status_code == 403
        assert (await see(browser_of(api), path)).status_code == 303


async def test_nobody_sees_those_of_other_sites_or_tenants(api):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    await begin(api, "in-the-north", "N-1")
    await begin(api, "in-the-south", "S-1")
    nora = await active(api, ada, "nora", Role.OPERATOR, sites=["north"])
    await api.by(await api.key()).post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    for query in ("", "?site=south", "?station=S-1"):
        assert "in-the-south" not in (await see(nora, f"/transactions{query}")).text
        assert "in-the-south" not in (await see(acme, f"/transactions{query}")).text
    assert "in-the-north" in (await see(nora, "/transactions")).text
    for end in ("", "/chart.json"):
        for who in (nora, acme):
            path = f"/transactions/S-1/in-the-south{end}"
            assert (await see(who, path)).status_code == 404
        assert (await see(nora, f"/transactions/N-1/in-the-north{end}")).status_code == 200


async def test_what_a_station_says_is_text(api):
    browser = await setup(api)
    await api.add("CS-1")
    hostile = HOSTILE.replace("/", "")
    await begin(api, hostile, token=IdToken(HOSTILE))
    text = (await see(browser, "/transactions")).text
    (address,) = re.findall(r'<a href="(/transactions/CS-1/[^"]+)"', text)[:1]

    for shown in (text, (await see(browser, address)).text):
        assert "&lt;script&gt;" in shown
        assert "<script>" not in shown
        assert "<img" not in shown


async def test_a_chart_has_what_the_meter_said_from_the_beginning_on(api):
    browser = await setup(api)
    await api.add("CS-1")
    said = [
        value(0, energy_wh=1000.0, power_w=0.0, soc_percent=20.0),
        value(30, energy_wh=6000.0, power_w=10_000.0),
    ]
    await begin(api, values=tuple(said))
    drawn = await chart(browser)

    assert [each - drawn["times"][0] for each in drawn["times"]] == [0, 1800]
    found = {each["label"]: (each["unit"], each["values"]) for each in drawn["series"]}
    assert found == {
        "Power": ("kW", [0, 10]),
        "Energy": ("kWh", [0, 5]),
        "State of charge": ("%", [20, None]),
    }


async def test_what_runs_has_the_energy_that_the_meter_says_by_now(api):
    """What only metered does not change the record."""
    browser = await setup(api)
    await api.add("CS-1")
    await begin(api)
    update = TransactionUpdate(
        phase=Phase.UPDATED,
        at=AT,
        ref=TransactionRef("tx-1"),
        seq_no=1,
        trigger="MeterValuePeriodic",
        values=(value(30, energy_wh=5200.0), value(31, power_w=1.0)),
    )
    id = StationId(DEFAULT_TENANT, "CS-1")
    async with api.store.begin() as work:
        epoch = (await work.stations.get(id)).epoch
    await api.services.transactions.record(Sender(id, epoch, AT), update)

    assert "<dd>4.20 kWh</dd>" in (await see(browser, "/transactions/CS-1/tx-1")).text
    assert "kWh</td>" not in (await see(browser, "/transactions")).text


def test_power_is_taken_from_the_energy_where_none_was_said():
    drawn = curves([value(0, energy_wh=0.0), value(6, energy_wh=1000.0)], None)

    assert [each.label for each in drawn.series] == ["Power, from the energy", "Energy"]
    assert drawn.series[0].values == [None, 10.0]


def test_times_ascend_and_are_no_more_than_can_be_drawn():
    said = [value(n // 2, energy_wh=float(n)) for n in range(5000)]
    drawn = curves(said, 0.0)

    assert len(drawn.times) == MOST_POINTS
    assert all(one < other for one, other in zip(drawn.times, drawn.times[1:], strict=False))
    assert drawn.times[-1] == said[-1].at.timestamp()


def test_a_meter_that_said_nothing_has_no_chart():
    assert curves([], None).times == []
    assert curves([value(0, voltage_v=230.0)], None).times == []
