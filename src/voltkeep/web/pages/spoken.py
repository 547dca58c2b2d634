"""What services say in English sentences, in the language of a page and with its times."""

import functools
import re
from collections.abc import Callable
from datetime import datetime

from markupsafe import Markup, escape

from voltkeep.web.pages.formats import instant
from voltkeep.web.pages.spoken_sentences import SENTENCES

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
_FILLED_IN = re.compile(r"%\\\((\w+)\\\)s")
_OPENED = ("reason", "rest", "state")  # what is filled in there is said in words of ours too
_LONGEST = 2000


def spoken(translate: Callable[[str], str], text: str, zone: str = "", *, is_known: bool) -> Markup:
    """A sentence, translated if it is known, its times as browsers show them.

    What is not known is marked as English, unless the page is: ``is_known`` says that.
    """
    for english, pattern in _patterns():
        found = pattern.fullmatch(text[:_LONGEST])
        if found is not None:
            values = {
                name: spoken(translate, value, zone, is_known=True)
                if name in _OPENED
                else with_times(value, zone)
                for name, value in found.groupdict().items()
            }
            return escape(translate(english)) % values
    shown = with_times(text, zone)
    return shown if is_known or not text else Markup('<span lang="en">{}</span>').format(shown)


def with_times(text: str, zone: str = "") -> Markup:
    """A text, escaped; the times in it are shown as others of a page."""
    made = Markup("")
    end = 0
    for found in _TIME.finditer(text):
        made += text[end : found.start()]
        try:
            made += instant(datetime.fromisoformat(found.group()), zone)
        except ValueError:  # somebody's digits, and no time
            made += found.group()
        end = found.end()
    return made + text[end:]


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (each, re.compile(_FILLED_IN.sub(_group, re.escape(each)), re.DOTALL)) for each in SENTENCES
    ]


def _group(found: re.Match[str]) -> str:
    return rf"(?P<{found[1]}>.+?)"
