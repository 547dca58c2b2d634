"""How people sign in, stay so, and are out: with a password, a code, and a cookie."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api.people import (
    OTHER,
    PASSWORD,
    Codes,
    active,
    browser_of,
    problem,
    setup,
    signed_in,
    user,
)
from voltkeep.domain.accounts import Permission
from voltkeep.services.accounts import NotAuthenticated
from voltkeep.services.passwords import TooManyTries
from voltkeep.services.sessions import Visit
from voltkeep.services.sign_in import Credentials

ALL = tuple(sorted(Permission))


# The first administrator.


async def test_the_link_makes_one_administrator_once(api):
    assert (await api.request("GET", "/sign-in"))["needs_setup"]
    token = await api.services.people.sign_in.new_setup_token()
    body = {"token": token, "name": "Ada", "password": PASSWORD}
    wrong = await browser_of(api).post("/setup", json=body | {"token": "x" * 43})
    assert problem(wrong) == (401, "not-authenticated")

    browser = browser_of(api)
    made = await browser.post("/setup", json=body)
    assert made.status_code == 201
    assert made.json()["user"]["role"] == "administrator"
    me = (await browser.get("/me")).json()
    assert (me["name"], me["everywhere"], tuple(me["permissions"])) == ("Ada", True, ALL)
    again = await browser_of(api).post("/setup", json=body | {"name": "eve"})
    assert problem(again) == (401, "not-authenticated")
    assert not (await api.request("GET", "/sign-in"))["needs_setup"]


async def test_a_newer_link_ends_the_older_one(api):
    old = await api.services.people.sign_in.new_setup_token()
    await api.services.people.sign_in.new_setup_token()
    body = {"token": old, "name": "ada", "password": PASSWORD}
    assert problem(await browser_of(api).post("/setup", json=body))[0] == 401


# Sign-in.


async def test_an_unknown_name_and_a_wrong_password_are_told_alike(api):
    await setup(api)
    browser = browser_of(api)
    wrong = await browser.post("/sign-in", json={"name": "ada", "password": OTHER})
    unknown = await browser.post("/sign-in", json={"name": "eve", "password": OTHER})
    assert wrong.json() == unknown.json()
    assert problem(wrong) == (401, "not-authenticated")


async def test_names_are_one_whatever_their_case(api):
    ada = await setup(api, "Ada")
    assert (await user(api, ada, "ADA", expect=409))["type"].endswith("conflict")
    await signed_in(api, "aDa")


async def test_guesses_are_slowed_down_and_lock_out_nobody_elsewhere(api):
    await setup(api)
    browser = browser_of(api)
    guesses = [
        await browser.post("/sign-in", json={"name": "ada", "password": OTHER}) for _ in range(6)
    ]
    assert [each.status_code for each in guesses] == [401] * 5 + [429]
    assert int(guesses[-1].headers["retry-after"]) >= 1
    right = await browser.post("/sign-in", json={"name": "ada", "password": PASSWORD})
    assert right.status_code == 429  # from here; and not from elsewhere
    shown = Credentials("ada", PASSWORD)
    assert await api.services.people.sign_in.sign_in(shown, Visit("192.0.2.9"))


async def test_passwords_are_not_typed_for_others_to_read(api):
    await setup(api)
    answer = await api.by(None).post("/sign-in", json={"name": "ada", "password": PASSWORD})
    assert problem(answer) == (403, "not-private")


async def test_over_https_the_cookie_is_bound_to_this_host(api):
    await setup(api)
    browser = api.by(None)
    browser.base_url = "https://voltkeep.test/api/v1"
    answer = await browser.post("/sign-in", json={"name": "ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-voltkeep=")
    assert {each.strip().lower() for each in cookie.split(";")[1:]} >= {
        "secure",
        "httponly",
        "path=/",
        "samesite=lax",
    }
    assert "domain" not in cookie.lower()
    assert (await browser.get("/me")).status_code == 200


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 257,
        "passwordpassword",
        "Password1234!",
        "ada",
        "abababababab",
        "voltkeep2026",
    ],
)
async def test_a_bad_password_is_not_taken(api, password):
    ada = await setup(api)
    answer = await ada.post(
        "/users", json={"name": "grace", "role": "viewer", "password": password}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "password"


async def test_a_password_that_another_has_set_must_be_changed_first(api):
    ada = await setup(api)
    await user(api, ada, "grace")
    grace = await signed_in(api, "grace")
    assert problem(await grace.get("/stations")) == (403, "password-change-needed")
    body = {"old_password": PASSWORD, "new_password": PASSWORD}
    assert problem(await grace.post("/me/password", json=body)) == (422, "unfit")
    body = {"old_password": OTHER, "new_password": OTHER}
    assert problem(await grace.post("/me/password", json=body)) == (403, "wrong-password")
    body = {"old_password": PASSWORD, "new_password": OTHER}
    assert (await grace.post("/me/password", json=body)).status_code == 204
    assert (await grace.get("/stations")).status_code == 200


# Sessions.


async def test_a_password_that_is_changed_ends_all_other_sessions(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace")
    elsewhere = await signed_in(api, "grace", OTHER)
    body = {"old_password": OTHER, "new_password": PASSWORD + "!"}
    assert (await grace.post("/me/password", json=body)).status_code == 204
    assert (await elsewhere.get("/me")).status_code == 401
    assert (await grace.get("/me")).status_code == 200


async def test_sessions_are_listed_and_revoked(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace")
    elsewhere = await signed_in(api, "grace", OTHER)
    listed = (await grace.get("/me/sessions")).json()["items"]
    assert [each["current"] for each in listed].count(True) == 1
    assert len(listed) == 2
    theirs = next(each["id"] for each in listed if not each["current"])
    assert (await grace.delete(f"/me/sessions/{theirs}")).status_code == 204
    assert (await elsewhere.get("/me")).status_code == 401
    assert (await grace.delete(f"/me/sessions/{theirs}")).status_code == 404

    assert len((await ada.get("/users/grace/sessions")).json()["items"]) == 1
    assert (await ada.delete("/users/grace/sessions")).json() == {"sessions": 1}
    assert (await grace.get("/me")).status_code == 401


async def test_who_signs_out_is_out(api):
    ada = await setup(api)
    token = ada.cookies["voltkeep"]
    assert (await ada.post("/sign-out")).status_code == 204
    assert "voltkeep" not in ada.cookies
    ada.cookies["voltkeep"] = token
    assert (await ada.get("/me")).status_code == 401


async def test_who_is_disabled_is_out_at_once_and_stays_out(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace")
    answer = await ada.patch("/users/grace", json={"disabled": True})
    assert answer.json()["state"] == "disabled"
    assert (await grace.get("/me")).status_code == 401
    again = await browser_of(api).post("/sign-in", json={"name": "grace", "password": OTHER})
    assert again.status_code == 401
    await ada.patch("/users/grace", json={"disabled": False})
    await signed_in(api, "grace", OTHER)


async def test_a_session_ends_when_it_is_idle_or_old(api, monkeypatch):
    ada = await setup(api)
    sessions, now = api.services.people.sessions, datetime.now(UTC)
    for hours, status in ((11, 200), (22, 200), (35, 401)):
        sessions._clock = lambda hours=hours: now + timedelta(hours=hours)
        assert (await ada.get("/me")).status_code == status, hours
        await sessions.save_seen()
    await sessions.forget_over()
    async with api.store.read() as work:
        assert await work.sessions.all() == []

    sessions._clock = lambda: now
    ada = await signed_in(api, "ada")
    for hours in range(6, 169, 6):
        sessions._clock = lambda hours=hours: now + timedelta(hours=hours)
        assert (await ada.get("/me")).status_code == (200 if hours < 168 else 401), hours


async def test_no_other_site_makes_a_browser_change_anything(api):
    """`reference/security.md` 2.8, 71: CSRF."""
    ada = await setup(api)
    csrf = ada.headers.pop("x-voltkeep-csrf")
    body = {"id": "acme"}
    for headers in (
        {},
        {"x-voltkeep-csrf": "wrong"},
        {"x-voltkeep-csrf": "ü"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8080"},
    ):
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = await ada.post("/tenants", json=body, headers=encoded)
        assert problem(answer) == (403, "cross-site"), headers
        assert (await ada.get("/me", headers=encoded)).status_code == 200
    for number, headers in enumerate(
        (
            {"x-voltkeep-csrf": csrf},
            {"origin": "http://localhost:8080"},
            {"sec-fetch-site": "same-origin"},
        )
    ):
        answer = await ada.post("/tenants", json={"id": f"acme{number}"}, headers=headers)
        assert answer.status_code == 201, headers


async def test_no_other_site_signs_a_browser_in(api):
    await setup(api)
    body = {"name": "ada", "password": PASSWORD}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await browser_of(api).post("/sign-in", json=body, headers=headers)
        assert problem(answer) == (403, "cross-site")


async def test_a_key_needs_no_proof_of_a_page_and_counts_before_a_cookie(api):
    ada = await setup(api)
    del ada.headers["x-voltkeep-csrf"]
    token = await api.key(Permission.READ_STATIONS)
    answer = await ada.post(
        "/tenants", json={"id": "acme"}, headers={"authorization": f"Bearer {token}"}
    )
    assert problem(answer) == (403, "not-allowed")


async def test_a_session_that_was_made_up_is_none(api):
    """Fixation: a cookie that we did not give is never taken over."""
    await setup(api)
    browser = browser_of(api)
    browser.cookies["voltkeep"] = "x" * 43
    assert (await browser.get("/me")).status_code == 401
    answer = await browser.post("/sign-in", json={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.cookies["voltkeep"] != "x" * 43


# The second factor.


async def test_a_code_is_asked_for_and_taken_once(api):
    ada = await setup(api)
    answer = await ada.post("/me/second-factor", json={"password": OTHER})
    assert problem(answer) == (403, "wrong-password")
    begun = (await ada.post("/me/second-factor", json={"password": PASSWORD})).json()
    assert begun["uri"].startswith("otpauth://totp/Voltkeep:ada?")
    signed_in_without = await signed_in(api, "ada")  # it does not count before it was confirmed
    wrong = await ada.post("/me/second-factor/confirm", json={"code": "000000x"})
    assert problem(wrong) == (403, "wrong-code")

    clock = Codes(api, begun["secret"])
    confirmed = await ada.post("/me/second-factor/confirm", json={"code": clock.code()})
    codes = confirmed.json()["codes"]
    assert len(set(codes)) == 10
    assert (await signed_in_without.get("/me")).status_code == 401
    async with api.store.read() as work:
        kept = str(await work.users.all())
    assert begun["secret"] not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)

    browser, body = browser_of(api), {"name": "ada", "password": PASSWORD}
    assert problem(await browser.post("/sign-in", json=body)) == (401, "code-needed")
    used = await browser.post("/sign-in", json=body | {"code": clock.code()})
    assert problem(used) == (401, "not-authenticated")  # it confirmed the app
    clock.later(30)
    fresh = clock.code()
    assert (await browser.post("/sign-in", json=body | {"code": fresh})).status_code == 200
    again = await browser_of(api).post("/sign-in", json=body | {"code": fresh})
    assert problem(again) == (401, "not-authenticated")

    recovered = await browser.post("/sign-in", json=body | {"code": codes[0]})
    assert recovered.status_code == 200
    again = await browser_of(api).post("/sign-in", json=body | {"code": codes[0]})
    assert problem(again) == (401, "not-authenticated")


async def test_wrong_codes_are_slowed_down_wherever_they_come_from(api):
    ada = await setup(api)
    begun = (await ada.post("/me/second-factor", json={"password": PASSWORD})).json()
    clock = Codes(api, begun["secret"])
    await ada.post("/me/second-factor/confirm", json={"code": clock.code()})
    sign_in, results = api.services.people.sign_in, []
    for number in range(12):
        try:
            shown = Credentials("ada", PASSWORD, "000000")
            await sign_in.sign_in(shown, Visit(f"192.0.2.{number}"))
        except (NotAuthenticated, TooManyTries) as error:
            results.append(type(error).__name__)
    assert results == ["NotAuthenticated"] * 10 + ["TooManyTries"] * 2


async def test_an_administrator_lets_in_whose_phone_is_gone(api):
    ada = await setup(api)
    grace = await active(api, ada, "grace")
    begun = (await grace.post("/me/second-factor", json={"password": OTHER})).json()
    clock = Codes(api, begun["secret"])
    await grace.post("/me/second-factor/confirm", json={"code": clock.code()})
    assert (await ada.get("/users/grace")).json()["second_factor"]
    assert (await ada.delete("/users/grace/second-factor")).status_code == 204
    await signed_in(api, "grace", OTHER)
