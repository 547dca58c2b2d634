"""Nobody sees or changes what is another's: every route of the API, walked with the wrong key.

The routes are those that the application has, and the rows those that `tests.contract.samples`
knows: a new route, or a new kind of record, is walked by itself.
"""

import asyncio
import re

import pytest

from tests.contract import samples
from tests.services.authority import authority
from tests.web.api.conftest import Api
from voltkeep.domain.accounts import INSTALLATION, home
from voltkeep.domain.identity import IdToken, StationId, TransactionRef
from voltkeep.store.files import DirectoryFiles
from voltkeep.web.auth import NEEDS, PUBLIC

THEIRS = "others-9f3a"  # everything of theirs has this in its name
OTHER = StationId(samples.TENANT, THEIRS)
OURS = "acme"
_ANSWERS_WITHIN_S = 3.0
_STREAMS = {"/api/v1/events"}  # without an end: what is in them is tested where they are
_OF_ANY_NAME = "/api/v1/stations/{name}/explanation"  # also of one that nobody has registered
_ACCOUNTS = {"users", "api_keys"}


class WithAuthority(Api):
    authority = authority()


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """What is taken in is kept there."""
    monkeypatch.setattr(WithAuthority, "files", DirectoryFiles(tmp_path))


async def installation():
    """A tenant that has a row of everything, and another one beside it."""
    api = WithAuthority()
    async with api.store.begin() as work:
        await work.tenants.put(samples.record("tenants", OURS, home(None)))
        await work.stations.add(samples.station(OTHER, site="theirs"))
        await work.connectors.save([samples.connector(station=OTHER)])
        token = samples.token(THEIRS, note=THEIRS)
        await work.tokens.save(samples.TENANT, token)
        await work.transactions.add(
            samples.transaction(TransactionRef(THEIRS), OTHER, id_token=IdToken(THEIRS))
        )
        await work.commands.add(samples.command(THEIRS, OTHER))
        for name in samples.RECORDS:
            rows = getattr(work, name)
            for place in places(name):
                await rows.put(samples.record(name, THEIRS, place))
    return api


def places(name):
    """Where a kind of record is kept that is of the tenant, or of the station."""
    if name in _ACCOUNTS:
        return [home(samples.TENANT)]
    if name == "sessions":
        return [StationId(INSTALLATION, THEIRS)]
    if name in {"tenants", "installation"}:
        return []
    return [OTHER, StationId(samples.TENANT, "")]


def routes(api):
    """Of each: the method, the path with its parameters, and the handler."""
    for route in (each for each in api.app.routes if each.path.startswith("/api/v1/")):
        for handler in getattr(route, "route_handlers", ()):
            for method in sorted(set(handler.http_methods) - {"HEAD", "OPTIONS"}):
                yield method, route.path_format, handler


def body_of(api, method, path):
    """The example that the description has of the route's body."""
    operation = api.app.state.schema.document["paths"].get(path, {}).get(method.lower(), {})
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "example" in media:
        return media["example"]
    examples = media.get("examples", {})
    return next(iter(examples.values()))["value"] if examples else None


async def ask(api, client, method, path):
    """The status, and the text unless there is no end to it."""
    asked = re.sub(r"{[^}]*}", THEIRS, path)
    body = body_of(api, method, path)
    options = {} if body is None else {"json": body}
    async with asyncio.timeout(_ANSWERS_WITHIN_S):
        answer = await client.request(method, f"http://localhost{asked}", **options)
    return answer.status_code, answer.text


def theirs(api):
    """Every row that is not of our tenant."""
    state = api.store._state
    tables = {
        name: {key: row for key, row in table.items() if not is_ours(key)}
        for name, table in vars(state).items()
        if isinstance(table, dict) and name not in {"records", "commands"}
    }
    tables["commands"] = {id: row for id, row in state.commands.items() if id == THEIRS}
    for kind, table in state.records.items():
        tables[kind.__name__] = {
            key: row for key, row in table.items() if THEIRS in (key[0].name, key[1])
        }
    return {name: table for name, table in tables.items() if table}


def is_ours(key):
    whose = key[0] if isinstance(key, tuple) else key
    tenant = whose.tenant if isinstance(whose, StationId) else whose
    return tenant in {OURS, INSTALLATION}


async def test_nothing_is_seen_or_changed_with_the_key_of_another_tenant():
    api = await installation()
    client, before = api.by(await api.key(tenant=OURS)), theirs(api)
    walked = 0
    for method, path, _ in routes(api):
        if path in _STREAMS:
            continue
        status, text = await ask(api, client, method, path)
        walked += 1
        assert status < 500, (method, path, text)
        if path == _OF_ANY_NAME:
            assert '"is_registered":false' in text
            continue
        if "{" in path:
            assert status >= 400, (method, path, text)
        if status < 400:
            assert THEIRS not in text, (method, path, text)
        assert theirs(api) == before, (method, path)
    assert walked > 30


async def test_nothing_of_other_sites_is_seen_or_changed():
    api = await installation()
    client = api.by(await api.key(tenant=samples.TENANT, sites=["ours"]))
    before = of_the_station(api)
    for method, path, _ in routes(api):
        if path in _STREAMS:
            continue
        status, text = await ask(api, client, method, path)
        assert status < 500, (method, path, text)
        if "{station}" in path:
            assert status >= 400, (method, path, text)
        if status < 400 and "{" not in path:
            assert f'"{THEIRS}"' not in stations_in(text), (method, path, text)
        assert of_the_station(api) == before, (method, path)


def of_the_station(api):
    state = api.store._state
    tables = {
        "stations": state.stations,
        "transactions": state.transactions,
        **{kind.__name__: table for kind, table in state.records.items()},
    }
    found = {
        name: {key: row for key, row in table.items() if OTHER in {key, key[0]}}
        for name, table in tables.items()
    }
    return {name: table for name, table in found.items() if table}


def stations_in(text):
    return " ".join(re.findall(r'"station": ?("[^"]*")', text))


async def test_without_a_key_every_route_but_the_open_ones_is_closed():
    api = await installation()
    client, before = api.by(None), theirs(api)
    for method, path, handler in routes(api):
        if handler.opt.get(NEEDS) != PUBLIC:
            status, text = await ask(api, client, method, path)
            assert status == 401, (method, path, text)
    assert theirs(api) == before


async def test_each_route_asks_for_the_permission_that_it_says(monkeypatch):
    """With a key that has all but that one."""
    api = await installation()
    everything = await api.services.accounts.principal_of_key(
        await api.key(tenant=samples.TENANT), None, ""
    )
    for method, path, handler in routes(api):
        needs = handler.opt.get(NEEDS)
        any_of = {*needs} if isinstance(needs, tuple) else {needs}
        if not any_of <= everything.permissions:
            continue
        token = await api.key(*(everything.permissions - any_of), tenant=samples.TENANT)
        status, text = await ask(api, api.by(token), method, path)
        assert status == 403, (method, path, text)


@pytest.mark.parametrize(
    "path",
    [f"/stations/{THEIRS}", f"/tokens/{THEIRS}", f"/users/{THEIRS}", f"/api-keys/{THEIRS}"],
)
async def test_who_may_see_it_does(path):
    """Or the walks above would prove nothing."""
    api = await installation()
    answer = await api.by(await api.key(tenant=samples.TENANT)).get(path)
    assert answer.status_code == 200, answer.text
    assert THEIRS in answer.text
