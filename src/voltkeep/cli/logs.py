"""Where log lines go: as JSON for collectors, as sentences for people, nowhere for short commands.

Every value passes `escape`, or the ASCII of `encode`: a log shows what stations said, too.
"""

import contextlib
import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from datetime import datetime
from typing import Any, TextIO, cast

import structlog

from voltkeep.cli.output import encode
from voltkeep.cli.text import Timeline, escape

_LONGEST = 500
_TOLD_BY_THE_VIEW = "refused"  # the gateway's; the view adds what to do about it
# What the view or the greeting says in other words, and what is for collectors only.
_TOLD_OTHERWISE = {
    *("station connected", "station disconnected", "made a certificate authority"),
    *("lenient", "audit head", "a command begins", "a command ends"),
}
_BESIDE = {"event", "level", "timestamp", "exc_info", "exception"}

Event = MutableMapping[str, Any]


def quiet_logs(*, debug: bool) -> None:
    """For commands that end soon: what they have to say they say themselves."""
    _configure("debug" if debug else "critical", _Human(debug=debug), sys.stderr)


def server_logs(level: str, *, human: bool, debug: bool, timeline: Timeline | None = None) -> None:
    """For the server. Sentences go to stderr, beside the view; JSON lines to stdout."""
    if human:
        shown = _Human(debug=debug, is_brief=level != "debug", timeline=timeline)
        _configure(level, shown, sys.stderr)
    else:
        _configure(level, _json, sys.stdout)


def _configure(level: str, render: Callable[[Any, str, Event], str], stream: TextIO) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Unbreakable(stream))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _Bridge)]
    root.addHandler(_Bridge())
    root.setLevel(logging.WARNING)


class _Unbreakable(io.TextIOBase):
    """A stream whose reader may go away: a station must not suffer for a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _Bridge(logging.Handler):
    """What libraries log the standard way, in with the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


def _json(_: Any, __: str, event: Event) -> str:
    exc_info = event.pop("exc_info", None)
    if error := _raised(exc_info):
        event["exception"] = "".join(traceback.format_exception(error))
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return encode(first | dict(event))


class _Human:
    """`12:00:01  warning  a job failed (job=relay)`; a traceback only for who wants to debug."""

    def __init__(
        self, *, debug: bool, is_brief: bool = True, timeline: Timeline | None = None
    ) -> None:
        self._debug = debug
        self._timeline = timeline or Timeline()
        self._dropped = {_TOLD_BY_THE_VIEW} | (_TOLD_OTHERWISE if is_brief else set())

    def __call__(self, _: Any, __: str, event: Event) -> str:
        if event["event"] in self._dropped:
            raise structlog.DropEvent
        error = _raised(event.get("exc_info"))
        shown = ", ".join(_fields(event))
        at = self._timeline.at(datetime.fromisoformat(event["timestamp"]))
        line = f"{at}  {event['level']}: {escape(event['event'], _LONGEST)}"
        if shown:
            line += f" ({shown})"
        if error is not None and self._debug:
            return line + "\n" + "".join(traceback.format_exception(error))
        if error is not None:
            line += f": {escape(f'{type(error).__name__}: {error}', _LONGEST)}"
        return line


def _fields(event: Event) -> Iterable[str]:
    for name, value in event.items():
        if name not in _BESIDE:
            yield f"{name}={escape(value, _LONGEST)}"


def _raised(exc_info: Any) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exception()
        case _:
            return None
