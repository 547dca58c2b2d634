"""Transactions, their meter values, and closing the record, over the API."""

from datetime import UTC, datetime, timedelta

from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import Evse, IdToken, Sender, TransactionRef, station_id
from voltkeep.domain.meter_values import MeterValue
from voltkeep.domain.transactions import Phase, TransactionUpdate

CS = station_id("CS-1")
TOKEN = IdToken("04A1B2C3D4")


def now():
    return datetime.now(UTC)


async def open_one(api, ago=timedelta(hours=20)):
    await api.add("CS-1", epoch=0)
    async with api.store.begin() as work:
        station = await work.stations.get(CS)
    epoch = station.epoch
    at = now() - ago
    await api.services.transactions.record(
        Sender(CS, epoch, at),
        TransactionUpdate(
            phase=Phase.STARTED,
            at=at,
            ref=TransactionRef("tx-1"),
            seq_no=0,
            evse=Evse(1, 1),
            id_token=TOKEN,
            values=(MeterValue(at=at, energy_wh=1000.0, raw=b"[]"),),
        ),
    )
    later = at + timedelta(minutes=30)
    await api.services.transactions.record(
        Sender(CS, epoch, later),
        TransactionUpdate(
            phase=Phase.UPDATED,
            at=later,
            ref=TransactionRef("tx-1"),
            seq_no=1,
            trigger="MeterValuePeriodic",
            values=(MeterValue(at=later, energy_wh=5200.0, raw=b"[]"),),
        ),
    )
    return at


async def test_a_transaction_is_listed_and_shown_with_its_meter_values(api):
    await open_one(api)
    page = await api.request("GET", "/transactions?active=true&station=CS-1")
    assert [each["ref"] for each in page["items"]] == ["tx-1"]
    assert page["items"][0]["id_token"]["value"] == TOKEN.value
    values = await api.request("GET", "/stations/CS-1/transactions/tx-1/meter-values")
    assert [each["values"]["energy_wh"] for each in values["items"]] == [1000.0, 5200.0]
    assert len((await api.request("GET", "/stations/CS-1/meter-values?limit=1"))["items"]) == 1


async def test_a_token_is_shown_to_those_who_may_read_tokens(api):
    await open_one(api)
    reader = api.by(await api.key(Permission.READ_TRANSACTIONS))
    shown = (await reader.get("/stations/CS-1/transactions/tx-1")).json()
    assert shown["id_token"]["value"] == TOKEN.masked
    asked = await reader.get("/transactions", params={"token": TOKEN.value})
    assert asked.status_code == 404


async def test_what_never_ended_is_found_and_closed_in_the_record_only(api):
    at = await open_one(api)
    await api.services.closing.look()
    found = (await api.request("GET", "/transactions/unended"))["items"]
    assert [(each["ref"], each["evidence"]) for each in found] == [("tx-1", "station offline")]

    closed = await api.request(
        "POST", "/stations/CS-1/transactions/tx-1/close", json={"reason": "replaced"}
    )
    assert (closed["active"], closed["ended_at"], closed["stop_reason"]) == (False, None, None)
    assert (closed["closed"]["reason"], closed["energy_wh"]) == ("replaced", 4200.0)
    as_of = datetime.fromisoformat(closed["closed"]["as_of"])
    assert as_of == at + timedelta(minutes=30)
    assert api.stations.asked == []
    assert (await api.request("GET", "/transactions/unended"))["items"] == []

    problem = await api.request("POST", "/stations/CS-1/transactions/tx-1/close", 409, json={})
    assert "was closed by" in problem["detail"]


async def test_an_end_that_cannot_be_is_refused(api):
    await open_one(api)
    path = "/stations/CS-1/transactions/tx-1/close"
    for body, status in (
        ({"ended_at": "2999-01-01T00:00:00Z"}, 409),
        ({"ended_at": "2001-01-01T00:00:00Z"}, 409),
        ({"ended_at": "2001-01-01T00:00:00"}, 400),
        ({"meter_wh": 1}, 409),
        ({"meter_wh": -1}, 400),
        ({"closed_by": "somebody else"}, 400),
    ):
        await api.request("POST", path, status, json=body)
    await api.request("POST", "/stations/CS-1/transactions/none/close", 404, json={})


async def test_closing_takes_a_permission_and_the_site(api):
    await open_one(api)
    path = "/stations/CS-1/transactions/tx-1/close"
    reader = api.by(await api.key(Permission.READ_TRANSACTIONS))
    assert (await reader.post(path, json={})).status_code == 403
    elsewhere = api.by(await api.key(sites=("elsewhere",)))
    assert (await elsewhere.post(path, json={})).status_code == 404
    assert (await elsewhere.get("/stations/CS-1/transactions/tx-1")).status_code == 404
    assert (await elsewhere.get("/transactions")).json()["items"] == []
