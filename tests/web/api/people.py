"""People who use the API, with browsers and with authenticator apps."""

import base64
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from voltkeep.domain.accounts import Role

PASSWORD = "seven green trams"
OTHER = "nine yellow ferries"


def problem(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def setup(api, name="ada"):
    """The first administrator, and a browser that is signed in as them."""
    token = await api.services.people.sign_in.new_setup_token()
    browser = browser_of(api)
    answer = await browser.post("/setup", json={"token": token, "name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return with_csrf(browser, answer)


def browser_of(api):
    browser = api.by(None)
    browser.base_url = "http://localhost:8080/api/v1"
    return browser


def with_csrf(browser, answer):
    browser.headers["x-voltkeep-csrf"] = answer.json()["csrf"]
    return browser


async def user(api, by, name, role=Role.OPERATOR, expect=201, **more):
    body = {"name": name, "role": role, "password": PASSWORD, **more}
    answer = await by.post("/users", json=body)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def signed_in(api, name, password=PASSWORD, **more):
    browser = browser_of(api)
    answer = await browser.post("/sign-in", json={"name": name, "password": password, **more})
    assert answer.status_code == 200, answer.text
    return with_csrf(browser, answer)


async def active(api, by, name, role=Role.OPERATOR, **more):
    """A person who has chosen their own password, signed in."""
    await user(api, by, name, role, **more)
    browser = await signed_in(api, name)
    body = {"old_password": PASSWORD, "new_password": OTHER}
    answer = await browser.post("/me/password", json=body)
    assert answer.status_code == 204, answer.text
    return browser


class Codes:
    """An authenticator app, and the clock of the server, which it can move."""

    def __init__(self, api, secret):
        self._totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
        self._people = api.services.people
        self._now = datetime.now(UTC)
        self.later(0)

    def later(self, seconds):
        self._now += timedelta(seconds=seconds)
        for service in (self._people.sign_in, self._people.users):
            service._clock = lambda: self._now

    def code(self):
        return self._totp.generate(int(self._now.timestamp())).decode()
