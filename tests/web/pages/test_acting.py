"""Acting in another tenant: who may, what it changes, and that pages say so."""

import re

from tests.web.api.people import active, browser_of, setup, signed_in
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import see
from voltkeep.domain.accounts import Role


async def choose(browser, tenant, **headers):
    return await browser.post(f"http://localhost:8080/tenant/{tenant}", headers=headers)


async def companies(api):
    """An administrator of all tenants, and two tenants with a station each."""
    ada = await setup(api)
    for tenant in ("acme", "blue"):
        await ada.post("/tenants", json={"id": tenant})
        await api.add(f"{tenant}-1", tenant=tenant)
    await api.add("own-1")
    return ada


async def of_blue(api, ada):
    """An administrator of one tenant."""
    await choose(ada, "blue")
    return await active(api, ada, "bob", Role.ADMINISTRATOR)


async def stations(browser):
    return set(re.findall(r'href="/stations/([\w-]+-1)"', (await see(browser, "/stations")).text))


async def test_who_is_of_every_tenant_acts_in_one_and_pages_say_in_which(api):
    ada = await companies(api)
    text = (await see(ada, "/tenants")).text
    assert forms(text).count("POST /tenant/{tenant}") == 2
    check_forms(api, text)
    assert "in default" in text
    assert await stations(ada) == {"own-1"}

    assert (await choose(ada, "acme")).status_code == 204
    assert await stations(ada) == {"acme-1"}
    for path in ("/stations", "/messages", "/account", "/stations/acme-1", "/stations/none"):
        text = (await see(ada, path)).text
        assert "You act in the tenant acme." in text
        assert '<meta name="tenant" content="acme">' in text
    assert (await see(ada, "/stations/own-1")).status_code == 404
    assert (await ada.get("/stations")).json()["items"][0]["id"] == "acme-1"

    assert (await choose(ada, "default")).status_code == 204
    assert await stations(ada) == {"own-1"}
    assert "You act in" not in (await see(ada, "/stations")).text


async def test_a_page_acts_in_the_tenant_that_it_shows(api):
    ada = await companies(api)
    await choose(ada, "blue")
    body = {"id": "new-1"}
    answer = await ada.post("/stations", json=body, headers={"voltkeep-tenant": "acme"})

    assert answer.status_code == 201
    assert await stations(ada) == {"blue-1"}
    assert (await ada.get("/stations/new-1", headers={"voltkeep-tenant": "acme"})).is_success


async def test_nobody_else_can(api):
    ada = await companies(api)
    cookie = {"cookie": "voltkeep-tenant=acme"}
    bob = await of_blue(api, ada)
    assert (await choose(bob, "acme")).status_code == 403
    assert (await choose(bob, "blue")).status_code == 403
    bob.cookies.set("voltkeep-tenant", "acme", domain="localhost.local")
    bob.cookies.set("voltkeep-tenant", "acme", domain="localhost")
    assert await stations(bob) == {"blue-1"}
    text = (await see(bob, "/account")).text
    assert "in blue" in text
    assert 'name="tenant"' not in text
    assert (await bob.get("/stations", headers={"voltkeep-tenant": "acme"})).status_code == 403

    nobody = browser_of(api)
    assert (await choose(nobody, "acme")).status_code == 401
    assert (await see(nobody, "/stations", **cookie)).status_code == 303
    program = api.by(await api.key(tenant="blue"))
    said = (await program.get("/stations", headers=cookie)).json()["items"]
    assert [each["id"] for each in said] == ["blue-1"]


async def test_there_is_no_acting_in_what_is_not_there(api):
    ada = await companies(api)

    assert (await choose(ada, "nowhere")).status_code == 404
    ada.cookies.set("voltkeep-tenant", "%22nowhere%0a", domain="localhost.local")
    assert await stations(ada) == {"own-1"}


async def test_another_site_cannot_choose(api):
    ada = await companies(api)
    del ada.headers["x-voltkeep-csrf"]

    assert (await choose(ada, "acme", **{"sec-fetch-site": "cross-site"})).status_code == 403
    assert await stations(ada) == {"own-1"}


async def test_who_signs_in_after_another_is_where_they_belong(api):
    ada = await companies(api)
    await of_blue(api, ada)
    await choose(ada, "acme")
    bob = await signed_in(api, "bob", "nine yellow ferries")
    for each in ada.cookies.jar:
        if each.name == "voltkeep-tenant":
            bob.cookies.jar.set_cookie(each)

    assert await stations(bob) == {"blue-1"}
