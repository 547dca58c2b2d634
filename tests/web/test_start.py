"""The page where the first administrator is made."""

import re

from tests.web.api.conftest import running_api
from tests.web.api.people import browser_of, setup

HTML = {"accept": "text/html"}


async def seen(api):
    answer = await browser_of(api).get("http://localhost:8080/setup", headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return answer


async def test_the_page_loads_our_files_and_has_nothing_inline():
    async with running_api() as api:
        answer = await seen(api)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|style=|https?://", answer.text)


async def test_the_token_is_sent_to_the_api_and_to_nobody_else():
    """It stands behind the #, which browsers send to nobody; a script puts it into this field."""
    async with running_api() as api:
        text = (await seen(api)).text

    assert 'data-api="POST /api/v1/setup"' in text
    assert '<input type="hidden" name="token">' in text
    assert 'data-then="go:/connect"' in text


async def test_once_there_is_an_administrator_it_leads_to_the_sign_in():
    async with running_api() as api:
        assert "the link that the server printed" in (await seen(api)).text
        await setup(api)
        text = (await seen(api)).text

    assert "the link that the server printed" not in text
    assert 'href="/sign-in"' in text
