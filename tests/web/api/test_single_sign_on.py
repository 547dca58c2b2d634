"""Sign-in at an OpenID provider: a real one, which a test has say something wrong."""

from typing import Any

import httpx
import pytest
from msgspec import structs

from tests.web.api.conftest import Api
from tests.web.api.people import browser_of, problem
from tests.web.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    another_key,
    code_of,
    elliptic_key,
    running_provider,
)
from voltkeep.web.application import make_application
from voltkeep.wiring import now

BACK = "http://localhost:8080/api/v1/sign-in/oidc/callback"


@pytest.fixture
async def provider():
    async with running_provider(BACK) as running:
        yield running


@pytest.fixture
def api(provider):
    return api_with(provider)


def api_with(provider, **more):
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_roles": "voltkeep-admins=administrator, hotline = operator",
    }
    api = Api(**(settings | more))
    app: Any = make_application(api.services, api.settings, b"key", now, {})
    api.app = app
    return api


async def to_provider(browser, **query):
    """The way there: where the provider sends the browser back to."""
    begun = await browser.get("/sign-in/oidc", params=query)
    assert begun.status_code == 302, begun.text
    async with httpx.AsyncClient() as there:
        answer = await there.get(begun.headers["location"])
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def back(browser, location):
    return await browser.get("/sign-in/oidc/callback", params=code_of(location))


async def signs_in(api, **query):
    browser = browser_of(api)
    return browser, await back(browser, await to_provider(browser, **query))


async def users(api):
    async with api.store.read() as work:
        return await work.users.all()


async def test_who_the_provider_vouches_for_is_let_in_with_their_role(api):
    assert (await browser_of(api).get("/sign-in")).json()["provider"] == "Single sign-on"
    browser, answer = await signs_in(api, return_to="/stations?site=north")
    assert (answer.status_code, answer.headers["location"]) == (302, "/stations?site=north")

    me = (await browser.get("/me")).json()
    assert (me["name"], me["everywhere"]) == ("Ada", True)
    assert "accounts:write" in me["permissions"]
    [ada] = await users(api)
    assert (ada.subject, ada.role, ada.password_hash) == ("42", "administrator", None)


async def test_who_comes_again_is_the_same_person_with_the_role_of_today(api, provider):
    await signs_in(api)
    provider.person |= {"roles": ["hotline", "cooks"], "preferred_username": "Ada L."}
    browser, _ = await signs_in(api)
    [ada] = await users(api)
    assert (ada.name, ada.role) == ("Ada L.", "operator")
    assert "accounts:write" not in (await browser.get("/me")).json()["permissions"]


async def test_who_has_no_role_here_is_not_let_in(api, provider):
    for roles in (None, [], "cooks", ["cooks"], 7, {"voltkeep-admins": True}):
        provider.person["roles"] = roles
        _, answer = await signs_in(api)
        assert problem(answer) == (403, "not-allowed"), roles
    assert await users(api) == []


async def test_roles_may_be_told_inside_another_claim_or_by_userinfo(provider):
    api = api_with(provider, oidc_role_claim="realm_access.roles", oidc_tenant="acme")
    provider.person = {"sub": "42", "email": "ada@example.com"}
    provider.userinfo = {"sub": "43", "realm_access": {"roles": ["hotline"]}}
    _, answer = await signs_in(api)
    assert problem(answer) == (403, "not-allowed")  # userinfo was somebody else's

    provider.userinfo["sub"] = "42"
    browser, answer = await signs_in(api)
    assert answer.status_code == 302
    me = (await browser.get("/me")).json()
    assert (me["name"], me["tenant"], me["everywhere"]) == ("ada@example.com", "acme", False)


async def test_who_was_disabled_here_stays_out(api):
    await signs_in(api)
    [ada] = await users(api)
    async with api.store.begin() as work:
        await work.users.put(structs.replace(ada, state="disabled"))
    _, answer = await signs_in(api)
    assert problem(answer) == (403, "not-allowed")


async def test_nobody_takes_over_an_account_by_its_name(api, provider):
    """A name at the provider is not a name here."""
    token = await api.services.people.sign_in.new_setup_token()
    body = {"token": token, "name": "ada", "password": "seven green trams"}
    await browser_of(api).post("/setup", json=body)
    provider.person |= {"preferred_username": "ada", "roles": ["hotline"]}
    await signs_in(api)
    assert sorted((each.role, each.issuer) for each in await users(api)) == [
        ("administrator", ""),
        ("operator", provider.issuer),
    ]
    taken = {"name": "oidc-1", "role": "viewer", "password": "seven green trams"}
    browser = browser_of(api)
    signed_in = await browser.post(
        "/sign-in", json={"name": "ada", "password": "seven green trams"}
    )
    browser.headers["x-voltkeep-csrf"] = signed_in.json()["csrf"]
    assert (await browser.post("/users", json=taken)).status_code == 422


WRONG: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"iss": None},
    {"aud": ["another"]},
    {"aud": ["another"], "azp": CLIENT_ID},
    {"aud": None},
    {"aud": [CLIENT_ID, "another"], "azp": "another"},
    {"nonce": "of another sign-in"},
    {"nonce": None},
    {"exp": 1_000_000_000},
    {"exp": None},
    {"iat": None},
    {"nbf": 100_000_000_000},
    {"sub": None},
    {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
]


async def test_an_id_token_that_says_something_wrong_is_refused(api, provider):
    """OpenID Connect Core 1.0, 3.1.3.7; `reference/security.md` 2.8, 71."""
    for claims in WRONG:
        provider.wrong_claims = claims
        browser, answer = await signs_in(api)
        assert problem(answer) == (401, "not-authenticated"), claims
        assert (await browser.get("/me")).status_code == 401
    assert await users(api) == []


@pytest.mark.parametrize("case", ["none", "hmac", "another key", "unknown key"])
async def test_an_id_token_that_the_provider_did_not_sign_is_refused(api, provider, case):
    match case:
        case "none":
            provider.wrong_header = {"alg": "none"}
        case "hmac":
            provider.wrong_header = {"alg": "HS256"}
        case "another key":
            provider.wrong_key = another_key()
        case "unknown key":
            provider.wrong_key, provider.wrong_header = another_key(), {"kid": "two"}
    _, answer = await signs_in(api)
    assert problem(answer) == (401, "not-authenticated")
    assert await users(api) == []


async def test_a_provider_may_change_its_keys(api, provider):
    await signs_in(api)
    provider.key = elliptic_key()
    provider.wrong_header = {"alg": "ES256"}
    _, answer = await signs_in(api)
    assert answer.status_code == 302, answer.text


async def test_a_sign_in_ends_where_it_began_and_once(api):
    """State: forged, of another browser, none, and replayed."""
    browser = browser_of(api)
    location = await to_provider(browser)
    for state in ("forged", ""):
        answer = await browser.get(
            "/sign-in/oidc/callback", params=code_of(location) | {"state": state}
        )
        assert problem(answer) == (401, "not-authenticated")
    assert problem(await back(browser_of(api), location)) == (401, "not-authenticated")

    kept = browser.cookies["voltkeep-oidc"]
    assert (await back(browser, location)).status_code == 302
    assert "voltkeep-oidc" not in browser.cookies
    browser.cookies["voltkeep-oidc"] = kept
    again = await back(browser, location)
    assert problem(again) == (401, "not-authenticated")
    assert "finished already" in again.json()["detail"]
    other = browser_of(api)
    other.cookies["voltkeep-oidc"] = "forged"
    assert problem(await back(other, location)) == (401, "not-authenticated")


async def test_a_code_is_worth_nothing_without_what_the_browser_keeps(api):
    """PKCE: a code that somebody stole, brought back in a sign-in of their own."""
    stolen = code_of(await to_provider(browser_of(api)))
    thief = browser_of(api)
    theirs = code_of(await to_provider(thief))
    answer = await thief.get("/sign-in/oidc/callback", params=theirs | {"code": stolen["code"]})
    assert problem(answer) == (401, "not-authenticated")


async def test_another_provider_does_not_send_people_back(api, provider):
    """RFC 9207: mix-up."""
    browser = browser_of(api)
    location = await to_provider(browser)
    answer = await browser.get(
        "/sign-in/oidc/callback", params=code_of(location) | {"iss": "https://evil.example"}
    )
    assert problem(answer) == (401, "not-authenticated")
    told = await to_provider(browser)
    answer = await browser.get(
        "/sign-in/oidc/callback", params=code_of(told) | {"iss": provider.issuer, "hd": "x"}
    )
    assert answer.status_code == 302


async def test_who_says_no_at_the_provider_is_not_let_in(api, provider):
    provider.denies = True
    _, answer = await signs_in(api)
    assert problem(answer) == (401, "not-authenticated")
    assert "access_denied" in answer.json()["detail"]


async def test_nobody_is_sent_elsewhere_after_a_sign_in(api):
    """`reference/security.md` 2.8, 71: open redirect."""
    for wanted in (
        *("https://evil.example", "//evil.example", "/\\evil.example"),
        *("javascript:x", "", "/a\r\nb: c"),
    ):
        _, answer = await signs_in(api, return_to=wanted)
        assert (answer.status_code, answer.headers["location"]) == (302, "/"), wanted


async def test_a_provider_that_says_nonsense_of_itself_is_not_asked(api, provider):
    for metadata in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": 7},
    ):
        provider.metadata = metadata
        answer = await browser_of(api).get("/sign-in/oidc")
        assert problem(answer) == (502, "provider-away"), metadata


async def test_a_provider_that_is_away_is_said_to_be(provider):
    api = api_with(provider, oidc_issuer="http://127.0.0.1:1")
    assert problem(await browser_of(api).get("/sign-in/oidc")) == (502, "provider-away")


async def test_without_a_provider_there_is_no_such_sign_in():
    api = Api()
    app: Any = make_application(api.services, api.settings, b"key", now, {})
    api.app = app
    assert (await browser_of(api).get("/sign-in")).json()["provider"] is None
    assert problem(await browser_of(api).get("/sign-in/oidc")) == (404, "not-found")
