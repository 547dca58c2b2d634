"""Pages that are shown to keys of one scope: what another scope is for is not on them."""

import pytest

from tests.web.pages.test_rendering import see
from voltkeep.domain.accounts import Permission
from voltkeep.domain.identity import DEFAULT_TENANT

P = Permission


async def named_site(api):
    await api.add("CS-1", site="north-7")
    await api.services.sites.change(DEFAULT_TENANT, "north-7", {"name": "Depot of Acme"})


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        (P.READ_MESSAGES, "/messages"),
        (P.READ_SECURITY, "/security"),
        (P.READ_SECURITY, "/refusals"),
        (P.READ_SECURITY, "/certificates"),
        (P.READ_SECURITY, "/certificates/requests"),
        (P.READ_TRANSACTIONS, "/transactions"),
        (P.READ_TRANSACTIONS, "/charts"),
        (P.READ_WEBHOOKS, "/webhooks"),
        (P.READ_ACCOUNTS, "/keys"),
    ],
)
async def test_sites_are_for_who_may_read_stations(api, scope, path):
    await named_site(api)
    only = api.by(await api.key(scope))

    page = await see(only, path)
    assert page.status_code == 200
    assert "Depot of Acme" not in page.text
    assert "north-7" not in page.text
    assert "Depot of Acme" in (await see(api.by(await api.key()), path)).text


async def test_which_stations_fit_is_for_who_may_read_stations(api):
    await api.add("CS-1")
    for scopes in ([P.SEND_COMMANDS], [P.READ_STATIONS]):
        answer = await api.by(await api.key(*scopes)).get("http://localhost:8080/bulk/fitting.json")
        assert answer.status_code == 403
        assert "CS-1" not in answer.text


async def test_what_is_known_of_a_station_to_connect_is_for_who_may_read_stations(api):
    await api.add("CS-1")
    for scopes in ([P.WRITE_STATIONS], [P.READ_SECURITY]):
        page = (await see(api.by(await api.key(*scopes)), "/connect?station=CS-1")).text
        assert "What to enter in CS-1" not in page
    both = api.by(await api.key(P.WRITE_STATIONS, P.READ_STATIONS))
    assert "What to enter in CS-1" in (await see(both, "/connect?station=CS-1")).text
