"""How things read on a terminal: hostile text escaped, times, ages and amounts in words."""

import unicodedata
from datetime import datetime, timedelta

# Control characters move the cursor or recolour the screen, format characters (bidirectional
# overrides, zero-width ones) make text look like other text, the rest is undefined or no text.
_DISGUISES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_SET_BACK = timedelta(minutes=1)  # no handler takes so long


def escape(text: object, limit: int | None = None) -> str:
    """Any text as it may be shown on a terminal or in a log: on one line, without disguises.

    Whatever a station or somebody on the network said goes through here before a person sees it.
    """
    shown = str(text)
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(map(_visible, shown))
    if limit is not None and len(shown) > limit:
        shown = shown[: max(0, limit - 1)] + "…"
    return shown


def _visible(character: str) -> str:
    if character == " " or unicodedata.category(character) not in _DISGUISES:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if then is None:
        return "never"
    return f"{duration(max(now - then, timedelta()))} ago"


def duration(span: timedelta) -> str:
    """A length of time, in the largest unit that fits."""
    seconds = span.total_seconds()
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def instant(at: datetime | None) -> str:
    """A time as people read it and as other programs do: UTC, to the second."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


class Timeline:
    """The times of lines that come from several sources: none is before the one above it.

    What happened first is not always told first. A clock that was set back is believed.
    """

    def __init__(self) -> None:
        self._latest: datetime | None = None

    def at(self, time: datetime) -> str:
        """The time of the next line, of something that happened then."""
        latest = self._latest
        if latest is None or not latest - _SET_BACK < time < latest:
            self._latest = latest = time
        return f"{latest:%H:%M:%S}"


def energy(wh: float | None) -> str:
    return "" if wh is None else f"{wh / 1000:.3f} kWh"


def power(w: float | None) -> str:
    if w is None:
        return ""
    return f"{w / 1000:.1f} kW" if abs(w) >= 1000 else f"{w:.0f} W"


def count(number: int, noun: str) -> str:
    """``1 station``, ``2 stations``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
