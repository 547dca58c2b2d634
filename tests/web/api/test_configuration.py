"""Configuration over the API: what stations say, templates, and how far stations are from them."""

from datetime import UTC, datetime

from voltkeep.domain.accounts import Permission
from voltkeep.domain.commands import Outcome, VariablesTold
from voltkeep.domain.device_model import VariableTold, told, variable
from voltkeep.domain.identity import Sender, TenantId, station_id

DEPOT = {"name": "depot", "values": [{"variable": "HeartbeatInterval", "value": "60"}]}
HEARTBEAT = "OCPPCommCtrlr.HeartbeatInterval"


async def says(api, station, *values, at=None):
    """The station reports these variables."""
    async with api.store.begin() as work:
        epoch = await work.stations.connected(
            station_id(station), at=datetime.now(UTC), subprotocol="ocpp2.1", address="-"
        )
    said = [told(variable(of), value) for of, value in values]
    sender = Sender(station_id(station), epoch, at or datetime.now(UTC))
    await api.services.configuration.reported(sender, 1, 0, said, is_last=True)


async def test_what_a_station_said_is_listed_in_pages(api):
    await api.add("CP1")
    await says(api, "CP1", *((f"C.V{n}", str(n)) for n in range(5)), ("D.Password", "s3cret"))

    first = await api.request("GET", "/stations/CP1/configuration?limit=4")
    rest = await api.request(
        "GET", "/stations/CP1/configuration", params={"limit": 4, "cursor": first["next"]}
    )

    assert [each["variable"] for each in first["items"]] == [f"C.V{n}" for n in range(4)]
    assert [(each["variable"], each["value"]) for each in rest["items"]] == [
        ("C.V4", "4"),
        ("D.Password", None),
    ]
    assert rest["next"] is None
    found = await api.request("GET", "/stations/CP1/configuration?component=d")
    assert len(found["items"]) == 1


async def test_a_template_is_kept_changed_assigned_and_removed(api):
    await api.add("CP1")
    made = await api.request("POST", "/configuration/templates", 201, json=DEPOT)
    assert made["values"] == [{"variable": HEARTBEAT, "value": "60", "attribute": "Actual"}]
    await api.request("POST", "/configuration/templates", 409, json=DEPOT)

    path = "/configuration/templates/depot"
    content = {"values": DEPOT["values"], "sites": ["north"], "after_boot": True}
    changed = await api.request("PUT", path, json=content)
    assert (changed["sites"], changed["after_boot"]) == (["north"], True)
    await api.request("PUT", path, 412, json=content, headers={"if-match": '"older"'})

    await api.request("PUT", f"{path}/stations/CP1", 204)
    assert (await api.request("GET", f"{path}/stations"))["items"] == ["CP1"]
    await api.request("DELETE", f"{path}/stations/CP1", 204)
    assert (await api.request("GET", f"{path}/stations"))["items"] == []
    assert [e["name"] for e in (await api.request("GET", path[:-6]))["items"]] == ["depot"]
    await api.request("DELETE", path, 204)
    await api.request("GET", path, 404)


async def test_a_template_says_nothing_that_could_part_a_station_from_us_or_be_a_secret(api):
    for of in ("AuthorizationKey", "SecurityCtrlr.SecurityProfile", "C.Identity", "C.Password"):
        values = [{"variable": of, "value": "1"}]
        await api.request(
            "POST", "/configuration/templates", 422, json={"name": "x", "values": values}
        )
    for body, field in (
        ({"name": "x", "values": []}, "values"),
        ({"name": "x", "values": [{"variable": "[", "value": ""}]}, "values[0].variable"),
        ({"name": "a/b", "values": DEPOT["values"]}, "name"),
        (DEPOT | {"state": "mine"}, "state"),
    ):
        answer = await api.client.post("/configuration/templates", json=body)
        assert answer.status_code in {400, 422}
        assert field in answer.text


async def test_drift_is_shown_of_a_station_and_of_the_fleet(api):
    await api.add("CP1", "CP2", "CP3")
    await api.request("POST", "/configuration/templates", 201, json=DEPOT)
    for name in ("CP1", "CP2"):
        await api.request("PUT", f"/configuration/templates/depot/stations/{name}", 204)
    await says(api, "CP1", ("HeartbeatInterval", "300"))
    await says(api, "CP2", ("HeartbeatInterval", "60.0"))

    of_one = await api.request("GET", "/stations/CP1/configuration/drift")
    assert [(e["variable"], e["wanted"], e["value"], e["kind"]) for e in of_one["drift"]] == [
        (HEARTBEAT, "60", "300", "different")
    ]
    first = await api.request("GET", "/configuration/drift?limit=1")
    rest = await api.request(
        "GET", "/configuration/drift", params={"limit": 1, "cursor": first["next"]}
    )
    assert [(e["station"], len(e["drift"])) for e in first["items"] + rest["items"]] == [
        ("CP1", 1),
        ("CP2", 0),
    ]
    await api.request("GET", "/stations/CP1/configuration/drift?template=none", 404)


async def test_variables_are_written_by_a_command(api):
    await api.add("CP1")
    said = VariableTold(variable=variable("HeartbeatInterval"), status="RebootRequired")
    api.stations.outcome = Outcome(
        accepted=True, status="RebootRequired", told=VariablesTold((said,))
    )

    done = await api.request(
        "POST",
        "/stations/CP1/commands?wait=5",
        202,
        json={"command": "WriteConfiguration", "values": DEPOT["values"]},
    )

    assert done["told"]["variables"][0]["status"] == "RebootRequired", done
    (row,) = (await api.request("GET", "/stations/CP1/configuration?needs_reboot=true"))["items"]
    assert (row["pending"], row["value"], row["needs_reboot"]) == ("60", None, True)


async def test_who_sees_some_sites_only_changes_no_template_and_sees_their_drift_only(api):
    await api.add("CP1", site="north")
    await api.add("CP2", site="south")
    content = DEPOT | {"sites": ["north", "south"]}
    await api.request("POST", "/configuration/templates", 201, json=content)
    north = api.by(await api.key(sites=("north",)))

    assert (await north.post("/configuration/templates", json=DEPOT)).status_code == 403
    assert (await north.delete("/configuration/templates/depot")).status_code == 403
    drift = (await north.get("/configuration/drift")).json()
    assert [each["station"] for each in drift["items"]] == ["CP1"]
    assert (await north.get("/stations/CP2/configuration")).status_code == 404
    path = "/configuration/templates/depot/stations/CP2"
    assert (await north.put(path)).status_code == 404


async def test_nobody_sees_the_templates_or_variables_of_another_tenant(api):
    await api.add("CP1", tenant=TenantId("acme"))
    await api.request("POST", "/configuration/templates", 201, json=DEPOT)
    acme = api.by(await api.key(tenant=TenantId("acme")))

    assert (await acme.get("/configuration/templates")).json()["items"] == []
    assert (await acme.get("/configuration/templates/depot")).status_code == 404
    path = "/configuration/templates/depot/stations/CP1"
    assert (await acme.put(path)).status_code == 404
    reader = api.by(await api.key(Permission.READ_STATIONS))
    assert (await reader.post("/configuration/templates", json=DEPOT)).status_code == 403
