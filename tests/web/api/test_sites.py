"""Sites over the API, and the stations at them."""

from voltkeep.domain.accounts import Permission

NORTH = {
    "id": "north",
    "name": "Car park north",
    "address": ["Hafenstrasse 1", "20457 Hamburg"],
    "country": "DE",
    "latitude": 53.5438,
    "longitude": 9.9684,
    "time_zone": "Europe/Berlin",
    "note": "barrier code at the bakery",
}


async def test_a_site_is_added_shown_changed_and_removed(api):
    added = await api.request("POST", "/sites", 201, json=NORTH)
    assert NORTH.items() <= added.items()
    changed = await api.request("PATCH", "/sites/north", json={"note": "", "latitude": 53.6})
    assert (changed["note"], changed["latitude"], changed["name"]) == ("", 53.6, NORTH["name"])
    assert await api.request("GET", "/sites/north") == changed
    assert [each["id"] for each in (await api.request("GET", "/sites"))["items"]] == ["north"]
    await api.request("DELETE", "/sites/north", 204)
    await api.request("GET", "/sites/north", 404)
    actions = [each.deed.action for each in await api.services.audit.entries("default")]
    assert actions[-3:] == ["site.added", "site.changed", "site.removed"]


async def test_what_cannot_be_a_site_is_said_by_its_field(api):
    for wrong, status, field in (
        ({"id": "a/b"}, 422, "id"),
        ({"id": "x" * 49}, 400, "id"),
        ({"latitude": 91}, 400, "latitude"),
        ({"longitude": -181}, 400, "longitude"),
        ({"latitude": None}, 422, "latitude"),
        ({"country": "Germany"}, 400, "country"),
        ({"time_zone": "Europe/Atlantis"}, 422, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, 422, "time_zone"),
        ({"name": "two\nlines"}, 422, "name"),
        ({"address": ["line"] * 7}, 400, "address"),
        ({"tenant": "other"}, 400, "tenant"),
    ):
        problem = await api.request("POST", "/sites", status, json=NORTH | wrong)
        assert problem["errors"][0]["field"].startswith(field) or field in problem["detail"], wrong
    await api.request("POST", "/sites", 201, json=NORTH)
    await api.request("POST", "/sites", 409, json=NORTH)


async def test_who_changes_an_old_version_of_a_site_is_told_so(api):
    await api.request("POST", "/sites", 201, json=NORTH)
    seen = (await api.client.get("/sites/north")).headers["etag"]
    for expect in (200, 412):
        answer = await api.client.patch(
            "/sites/north", json={"note": str(expect)}, headers={"if-match": seen}
        )
        assert answer.status_code == expect


async def test_a_station_stands_at_a_site_that_there_is(api):
    problem = await api.request("POST", "/stations", 404, json={"id": "CP1", "site": "north"})
    assert "no site north" in problem["detail"]
    await api.request("POST", "/sites", 201, json=NORTH)
    await api.request("POST", "/stations", 201, json={"id": "CP1", "site": "north"})
    await api.request("PATCH", "/stations/CP1", 404, json={"site": "south"})
    problem = await api.request("DELETE", "/sites/north", 409)
    assert "CP1 stands at north" in problem["detail"]
    await api.request("PATCH", "/stations/CP1", json={"site": ""})
    await api.request("DELETE", "/sites/north", 204)


async def test_a_station_at_a_site_that_never_was_is_changed_all_the_same(api):
    await api.add("CP1")
    async with api.store.begin() as work:
        await work.stations.set_site((await api.services.provisioning.all())[0].id, "old words")
    changed = await api.request("PATCH", "/stations/CP1", json={"note": "x", "site": "old words"})
    assert (changed["site"], changed["note"]) == ("old words", "x")


async def test_who_is_limited_to_sites_sees_those_only(api):
    for site in ("north", "south", "west"):
        await api.request("POST", "/sites", 201, json={"id": site})
    key = await api.key(sites=("north", "west", "gone"))
    async with api.by(key) as client:
        found = (await client.get("/sites")).json()["items"]
        assert [each["id"] for each in found] == ["west", "north"]
        first = (await client.get("/sites?limit=1")).json()
        rest = (await client.get("/sites", params={"limit": 1, "cursor": first["next"]})).json()
        assert [each["id"] for each in rest["items"]] == ["north"]
        for method, path, expect in (
            ("GET", "/sites/south", 404),
            ("PATCH", "/sites/south", 404),
            ("PATCH", "/sites/north", 200),
            ("DELETE", "/sites/north", 403),
            ("POST", "/sites", 403),
        ):
            body = None if method in {"GET", "DELETE"} else {"id": "x"} if method == "POST" else {}
            answer = await client.request(method, path, json=body)
            assert answer.status_code == expect, (method, path, answer.text)


async def test_sites_are_paged(api):
    for number in range(5):
        await api.request("POST", "/sites", 201, json={"id": f"s{number}"})
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await api.request("GET", "/sites", params=params)
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["s4", "s3", "s2", "s1", "s0"]


async def test_reading_sites_does_not_change_them(api):
    await api.request("POST", "/sites", 201, json=NORTH)
    async with api.by(await api.key(Permission.READ_STATIONS)) as client:
        assert (await client.get("/sites/north")).status_code == 200
        assert (await client.patch("/sites/north", json={})).status_code == 403
