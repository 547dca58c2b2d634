"""People, keys and tenants: who sees them, and what they can do there."""

import pytest

from tests.web.api.people import active, browser_of, setup, signed_in, user
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import PERMISSIONS, Permission, Role
from voltkeep.web.pages.people import PERMISSIONS_IN_WORDS, ROLES_IN_WORDS

PAGES = ("/people", "/people/ada", "/keys", "/tenants")


def test_every_permission_and_every_role_has_words():
    assert PERMISSIONS_IN_WORDS.keys() == set(Permission)
    assert ROLES_IN_WORDS.keys() == PERMISSIONS.keys()


@pytest.mark.parametrize("path", PAGES)
async def test_only_who_may_sees_them(api, path):
    ada = await setup(api)
    engineer = await active(api, ada, "erna", Role.ENGINEER)

    answer = await see(ada, path)
    assert answer.status_code == 200
    check_forms(api, answer.text)
    assert (await see(engineer, path)).status_code == 403
    assert (await see(browser_of(api), path)).status_code == 303


async def test_a_person_is_changed_by_forms_that_there_are(api):
    ada = await setup(api)
    await api.add("CS-1", site="north")
    await user(api, ada, "vera", Role.VIEWER, sites=["north"])
    await signed_in(api, "vera")
    text = (await see(ada, "/people/vera")).text

    assert check_forms(api, text) == 6  # with the way out
    assert 'value="north" checked' in text
    assert 'data-confirm="vera"' in text
    assert "DELETE /api/v1/users/vera/sessions/{session}" in forms(text)
    version = text.partition('data-if-match="')[2].partition('">')[0].replace("&#34;", '"')
    change = {"role": "operator", "sites": None}
    answer = await ada.patch("/users/vera", json=change, headers={"if-match": version})
    assert answer.status_code == 200


async def test_nobody_is_offered_to_change_themselves_or_who_may_more(api):
    ada = await setup(api)
    text = (await see(ada, "/people/ada")).text
    assert "This is you." in text
    assert "PATCH" not in text

    await api.add("CS-1", site="north")
    nora = await active(api, ada, "nora", Role.ADMINISTRATOR, sites=["north"])
    await user(api, ada, "otto", Role.OPERATOR)
    text = (await see(nora, "/people/otto")).text
    assert "They may more than you" in text
    assert "PATCH" not in text
    assert "Remove them" not in text


async def test_people_of_another_tenant_are_not_there(api):
    ada = await setup(api)
    await user(api, ada, "vera", Role.VIEWER)
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    assert "vera" not in (await see(acme, "/people")).text
    assert "ada" not in (await see(acme, "/people?everywhere=true")).text.replace("data-", "")
    assert (await see(acme, "/people/vera")).status_code == 404
    await ada.post("/api-keys", json={"name": "billing", "scopes": ["stations:read"]})
    assert "billing" in (await see(ada, "/keys")).text
    assert "billing" not in (await see(acme, "/keys?everywhere=true&of_state=")).text


async def test_lists_are_filtered_and_empty_ones_say_what_would_be_there(api):
    ada = await setup(api)
    await user(api, ada, "vera", Role.VIEWER)
    await ada.patch("/users/vera", json={"disabled": True})

    assert "/people/vera" in (await see(ada, "/people?of_state=disabled")).text
    assert "/people/vera" not in (await see(ada, "/people?of_state=active")).text
    assert "/people/ada" in (await see(ada, "/people?everywhere=true")).text
    assert "No key here" in (await see(ada, "/keys?of_state=revoked")).text
    assert (await see(ada, "/keys?of_state=odd")).status_code == 400


async def test_names_are_text(api):
    ada = await setup(api)
    body = {"name": HOSTILE, "scopes": ["stations:read"]}
    assert (await ada.post("/api-keys", json=body)).status_code == 201
    text = (await see(ada, "/keys")).text

    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text


async def test_a_key_offers_no_scope_that_its_maker_has_not(api):
    ada = await setup(api)
    text = (await see(ada, "/keys")).text
    assert 'name="scopes" data-type="item" value="tenants:write"' in text
    few = api.by(await api.key(Permission.READ_ACCOUNTS, Permission.WRITE_ACCOUNTS))
    text = (await see(few, "/keys")).text

    assert 'value="accounts:write"' in text
    assert 'value="tenants:write"' not in text


async def test_a_token_stands_on_no_page_after_it_was_told(api):
    ada = await setup(api)
    body = {"name": "billing", "scopes": ["stations:read"]}
    made = (await ada.post("/api-keys", json=body)).json()
    text = (await see(ada, "/keys")).text

    assert made["token"] not in text
    assert "billing" in text
    assert 'data-confirm="billing"' in text


async def test_tenants_are_removed_by_name_but_for_the_first(api):
    ada = await setup(api)
    await ada.post("/tenants", json={"id": "acme", "title": HOSTILE})
    text = (await see(ada, "/tenants")).text

    assert forms(text).count("DELETE /api/v1/tenants/{tenant}") == 1
    assert 'data-confirm="acme"' in text
    assert "<img" not in text


async def test_where_the_tenant_has_nobody_those_at_home_everywhere_are_shown(api):
    ada = await setup(api)
    led = await see(ada, "/people")
    asked = await see(ada, "/people?everywhere=false")

    assert led.status_code == 303
    assert led.headers["location"] == "/people?everywhere=true"
    assert "Nobody here." in asked.text
    await active(api, ada, "vera", Role.VIEWER)
    assert (await see(ada, "/people")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/people", "/tokens", "/reservations", "/audit", "/refusals", "/messages"]
)
async def test_filters_are_folded_on_a_narrow_screen(api, path):
    ada = await setup(api)
    await active(api, ada, "vera", Role.VIEWER)
    text = (await see(ada, path)).text

    assert text.index('<details class="filtering">') < text.index('<form class="filters')
