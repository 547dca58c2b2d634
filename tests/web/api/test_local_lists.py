"""Local lists over the API."""

import pytest


async def test_a_list_is_shown_and_its_keeping_changed(api):
    await api.add("CP1")
    shown = await api.client.get("/stations/CP1/local-list")
    assert shown.json()["state"] == "new"

    changed = await api.request(
        "PATCH",
        "/stations/CP1/local-list",
        json={"on": True, "groups": ["FLEET"]},
        headers={"If-Match": shown.headers["etag"]},
    )

    assert (changed["on"], changed["groups"]) == (True, ["FLEET"])
    assert (await api.request("GET", "/local-lists"))["items"] == [changed]
    await api.request(
        "PATCH",
        "/stations/CP1/local-list",
        412,
        json={"on": False},
        headers={"If-Match": shown.headers["etag"]},
    )


@pytest.mark.parametrize(
    "body", [{"on": "yes"}, {"groups": [""]}, {"groups": ["x"] * 101}, {"version": 3}]
)
async def test_what_cannot_be_is_refused(api, body):
    await api.add("CP1")

    await api.request("PATCH", "/stations/CP1/local-list", 400, json=body)


async def test_a_list_of_a_station_elsewhere_is_not_there(api):
    await api.add("CP1", site="south")
    await api.request("PATCH", "/stations/CP1/local-list", json={"on": True})
    client = api.by(await api.key(sites=("north",)))

    assert (await client.get("/local-lists")).json()["items"] == []
    assert (await client.get("/stations/CP1/local-list")).status_code == 404
