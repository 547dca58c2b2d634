"""Refusals in the language of a page; and what pages can say when something is in the way."""

import re
from pathlib import Path

import pytest

from tests.web.api.people import active, browser_of, setup
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.accounts import Role
from voltkeep.web import problems
from voltkeep.web.pages.problem_words import DETAILS, FIELDS, WORDS

GERMAN = {"accept-language": "de"}
STATES = ("well", "away", "still", "over", "forbidden", "failed", "unsent")


def test_every_refusal_has_words():
    said = {code for _, _, code in problems.KNOWN}
    for path in Path(problems.__file__).parent.rglob("*.py"):
        said |= set(re.findall(r'code="([a-z-]+)"', path.read_text()))
    said.discard("headers-too-large")  # no page is asked for with such

    assert said <= set(WORDS)


def test_what_is_said_of_fields_is_said_so():
    text = Path(problems.__file__).read_text()

    for each in FIELDS:
        assert f'"{each}"' in text


def test_what_pages_say_in_other_words_is_said_by_somebody():
    sources = Path(problems.__file__).parent.parent.rglob("*.py")
    texts = [each.read_text() for each in sources if each.name != "problem_words.py"]

    assert [each for each in DETAILS if not any(f'"{each}"' in text for text in texts)] == []


async def test_a_wrong_password_is_told_in_german_alone(api):
    await setup(api)
    browser = browser_of(api)
    refused = await browser.post("/sign-in", json={"name": "nobody", "password": "wrong password"})
    page = (await see(browser, "/sign-in", **GERMAN)).text

    detail = refused.json()["detail"]
    assert f'<span data-word="{detail}">Der Name oder das Passwort stimmt nicht.</span>' in page


async def test_a_page_in_another_language_brings_words_for_refusals_and_an_english_one_none(api):
    browser = await setup(api)
    template = re.compile(r'<template id="problem-words">(.*?)</template>', re.DOTALL)

    (words,) = template.findall((await see(browser, "/stations", **GERMAN)).text)
    assert set(re.findall(r'data-word="([^"]+)"', words)) == set(WORDS) | set(FIELDS) | set(DETAILS)
    assert not template.findall((await see(browser, "/stations")).text)
    assert template.findall((await see(browser_of(api), "/sign-in", **GERMAN)).text)


@pytest.mark.parametrize("headers", [{}, GERMAN])
async def test_what_is_not_translated_is_marked_as_english(api, headers):
    browser = await setup(api)
    answer = await see(browser, f"/stations/{HOSTILE[:20]}", **headers)

    assert answer.status_code == 404
    assert re.search(r'<p lang="en">no station is called ', answer.text)
    assert "<script>" not in answer.text


async def test_a_permission_that_is_missing_is_said_in_words(api):
    ada = await setup(api)
    vera = await active(api, ada, "vera", Role.VIEWER)
    answer = await see(vera, "/messages")

    assert answer.status_code == 403
    assert "this needs the permission messages:read" in answer.text
    german = (await see(vera, "/messages", **GERMAN)).text
    assert re.search(r'<p lang="en">this needs the permission', german)
    assert re.search(r"<h1>[^<]+</h1>", german)


async def test_pages_can_say_what_is_in_the_way(api):
    browser = await setup(api)
    text = (await see(browser, "/stations")).text
    (line,) = re.findall(r'<span id="connection"[^>]*>', text)

    for state in STATES:
        assert re.search(rf'data-{state}="[^"]+"', line), state
    assert re.search(r'<p id="working" role="status" data-text="[^"]+"></p>', text)
    assert '<dialog id="over"' in text
