"""How things read: nothing hostile acts on a terminal, and amounts are in words."""

from datetime import UTC, datetime, timedelta

import pytest

from voltkeep.cli.output import encode
from voltkeep.cli.text import age, count, duration, energy, escape, power

HOSTILE = {
    "ANSI colour": ("\x1b[31mred", r"\x1b[31mred"),
    "one-byte CSI": ("\x9b31m", r"\x9b31m"),
    "title": ("\x1b]0;pwned\x07", r"\x1b]0;pwned\x07"),
    "newline": ("a\nb\r", r"a\x0ab\x0d"),
    "backspace": ("ab\x08\x7f", r"ab\x08\x7f"),
    "bidirectional override": ("CS\u202e10", r"CS\u202e10"),
    "isolate": ("\u2066x\u2069", r"\u2066x\u2069"),
    "zero width": ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
    "line separator": ("a\u2028b", r"a\u2028b"),
    "lone surrogate": ("a\ud800", r"a\ud800"),
    "tag characters": ("\U000e0041", r"\U000e0041"),
    "private use": ("\ue000", r"\ue000"),
}


@pytest.mark.parametrize(("hostile", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_could_act_on_a_terminal_is_shown_instead(hostile, shown):
    assert escape(hostile) == shown


@pytest.mark.parametrize("text", ["CS-01", "Müller", "東京", "a b", "é", "🔌", ""])
def test_what_people_write_stays_as_it_is(text):
    assert escape(text) == text


def test_long_text_is_cut_where_it_is_shown():
    assert escape("x" * 100, limit=10) == "x" * 9 + "…"
    assert escape("\x1b" * 100, limit=8) == r"\x1b\x1" + "…"


@pytest.mark.parametrize("hostile", [hostile for hostile, _ in HOSTILE.values()])
def test_json_is_printable_ascii(hostile):
    written = encode({"told": hostile})

    assert written.isascii()
    assert written.isprintable()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 d"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds, words):
    assert duration(timedelta(seconds=seconds)) == words


def test_an_age_is_never_negative():
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert age(now + timedelta(seconds=5), now) == "0 s ago"
    assert age(now - timedelta(minutes=3), now) == "3 min ago"
    assert age(None, now) == "never"


def test_amounts_have_their_units():
    assert energy(4200.0) == "4.200 kWh"
    assert energy(None) == power(None) == ""
    assert power(11_040.0) == "11.0 kW"
    assert power(40.0) == "40 W"
    assert (count(1, "station"), count(0, "station")) == ("1 station", "0 stations")
