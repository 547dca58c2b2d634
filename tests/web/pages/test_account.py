"""One's own account, the sign-in, and what a page does when a session is over."""

from tests.web.api.people import PASSWORD, Codes, active, browser_of, setup, signed_in, user
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import see
from voltkeep.domain.accounts import Role


async def test_the_account_shows_sessions_and_forms_that_there_are(api):
    browser = await setup(api)
    await signed_in(api, "ada")
    text = (await see(browser, "/account")).text

    assert "DELETE /api/v1/me/sessions" in forms(text)
    assert forms(text).count("DELETE /api/v1/me/sessions/{session}") == 1  # not for this one
    assert "POST /api/v1/me/second-factor" in forms(text)
    assert check_forms(api, text)


async def test_who_has_to_change_the_password_gets_to_no_other_page(api):
    ada = await setup(api)
    await user(api, ada, "vera", Role.VIEWER)
    vera = await signed_in(api, "vera")

    for path in ("/stations", "/connect", "/people"):
        answer = await see(vera, path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    text = (await see(vera, "/account")).text
    assert "Choose one of your own now" in text
    assert "POST /api/v1/me/password" in forms(text)
    assert "second-factor" not in text


async def test_the_second_factor_is_turned_off_where_it_is_on(api):
    browser = await setup(api)
    secret = (await browser.post("/me/second-factor", json={"password": PASSWORD})).json()["secret"]
    codes = Codes(api, secret)
    await browser.post("/me/second-factor/confirm", json={"code": codes.code()})
    text = (await see(browser, "/account")).text

    assert secret not in text
    assert "POST /api/v1/me/second-factor/remove" in forms(text)
    assert "POST /api/v1/me/second-factor" not in forms(text)


async def test_a_program_has_no_account(api):
    assert (await see(api.client, "/account")).status_code == 404


async def test_the_code_is_asked_for_only_when_it_is_needed(api):
    await setup(api)
    text = (await see(browser_of(api), "/sign-in")).text

    assert 'id="code-field" hidden' in text
    assert check_forms(api, text)


async def test_an_open_page_keeps_what_it_shows_when_its_session_is_over(api):
    """A part of it is answered as programs are: the sign-in would be put in its place."""
    await setup(api)
    answer = await see(browser_of(api), "/stations", **{"hx-request": "true"})

    assert answer.status_code == 401
    page = (await see(await signed_in(api, "ada"), "/stations")).text
    assert 'id="over"' in page
    assert "data-go-on" in page


async def test_nobody_sees_the_account_of_another(api):
    ada = await setup(api)
    vera = await active(api, ada, "vera", Role.VIEWER)
    text = (await see(vera, "/account")).text

    assert "<dd>vera</dd>" in text
    assert "<dd>ada</dd>" not in text
