"""What services say in English, in the language of a page and with the times that people chose."""

import re
from pathlib import Path

import voltkeep
from tests.web.api.people import setup
from tests.web.pages.test_connect import refuse
from tests.web.pages.test_problem_words import GERMAN
from tests.web.pages.test_rendering import HOSTILE, see
from voltkeep.domain.security import Verdict
from voltkeep.domain.stations import SecurityProfile
from voltkeep.web.pages.spoken import spoken
from voltkeep.web.pages.spoken_sentences import SENTENCES


def say(text, translate=str, *, is_known=False):
    return str(spoken(translate, text, is_known=is_known))


def test_times_in_sentences_are_shown_as_other_times():
    text = "Connected since 2026-11-22 21:57:42Z from 192.0.2.7."
    made = '<time datetime="2026-11-22T21:57:42Z">2026-11-22 21:57:42 UTC</time>'

    assert say(text) == f"Connected since {made} from 192.0.2.7."
    assert made in say("Nobody knows this, of 2026-11-22 21:57:42Z.")
    assert say("at 2026-99-99 99:99:99Z", is_known=True) == "at 2026-99-99 99:99:99Z"


def test_what_is_unknown_is_marked_as_english_and_is_text():
    assert say("never heard") == '<span lang="en">never heard</span>'
    assert say("never heard", is_known=True) == "never heard"
    assert say("") == ""
    for text in (HOSTILE, f"{HOSTILE} is connected.", "100 %(at)s %s % is connected."):
        assert "<script" not in say(text)
        assert "<img" not in say(text)


def test_sentences_within_sentences_are_translated():
    words = {
        "%(id)s is refused: %(reason)s.": "%(id)s wird abgewiesen: %(reason)s.",
        "wrong password": "falsches Passwort",
    }
    german = say("CS 1 is refused: wrong password.", lambda text: words.get(text, text))

    assert german == "CS 1 wird abgewiesen: falsches Passwort."


def test_every_sentence_is_said_by_somebody():
    package = Path(voltkeep.__file__).parent
    sources = [path for part in ("domain", "services") for path in (package / part).rglob("*.py")]
    text = re.sub(r'"\s*\n\s*f?"', "", "\n".join(each.read_text() for each in sources))
    pieces = {each: re.split(r"%\(\w+\)s|[.:] | since", each) for each in SENTENCES}

    assert [each for each, of in pieces.items() if max(of, key=len) not in text] == []


async def test_how_a_station_stands_is_said_in_german(api):
    browser = await setup(api)
    await api.add("CS-1", security_profile=SecurityProfile.BASIC)
    await refuse(api, "CS-1", Verdict.WRONG_PASSWORD)

    for address in ("/connect?station=CS-1", "/stations/CS-1"):
        text = (await see(browser, address, **GERMAN)).text
        assert "CS-1 wird abgewiesen: falsches Passwort." in text, address
        assert "wrong password</" not in text, address
    text = (await see(browser, "/connect?station=CS-1", **GERMAN)).text
    assert "Sie war noch nie verbunden." in text
    assert "It has never connected." not in text
