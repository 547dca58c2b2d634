"""Reservations over the API: made by commands, looked at as what they are."""

from voltkeep.domain.accounts import Permission

RESERVE = {
    "command": "Reserve",
    "id_token": {"value": "04A2B3C4D5E680"},
    "evse": {"id": 1},
    "expires_at": "2099-01-01T00:00:00Z",
}


async def reserve(api, **changes):
    return await api.request("POST", "/stations/CP1/commands?wait=5", 202, json=RESERVE | changes)


async def test_a_reservation_is_made_seen_and_given_up(api):
    await api.add("CP1")
    await reserve(api)

    [made] = (await api.request("GET", "/reservations?station=CP1"))["items"]
    assert (made["state"], made["status"], made["station"]) == ("active", "Accepted", "CP1")
    assert made["id_token"]["value"] == "04A2B3C4D5E680"
    path = f"/stations/CP1/reservations/{made['id']}"
    assert await api.request("GET", path) == made

    cancel = {"command": "CancelReservation", "id": made["id"]}
    await api.request("POST", "/stations/CP1/commands?wait=5", 202, json=cancel)
    assert (await api.request("GET", path))["state"] == "cancelled"
    assert (await api.request("GET", "/reservations?state=active"))["items"] == []


async def test_whose_it_is_is_shown_to_those_who_may_read_tokens(api):
    await api.add("CP1")
    await reserve(api, group="FLEET-OF-ONE")
    client = api.by(await api.key(Permission.READ_STATIONS))

    [made] = (await client.get("/reservations")).json()["items"]

    assert made["id_token"]["value"] == "…E680"
    assert made["group"] == "…-ONE"


async def test_a_reservation_elsewhere_is_not_there(api):
    await api.add("CP1", site="south")
    await reserve(api)
    [made] = (await api.request("GET", "/reservations"))["items"]
    client = api.by(await api.key(sites=("north",)))

    assert (await client.get("/reservations")).json()["items"] == []
    answer = await client.get(f"/stations/CP1/reservations/{made['id']}")
    assert answer.status_code == 404
    await api.request("GET", "/stations/CP1/reservations/99", 404)
