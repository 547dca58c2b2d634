"""Write the pages of docs that the code itself says: commands, settings, events, messages, cases.

``--check`` writes nothing and fails when a page is not what would be written.
"""

import argparse
import enum
import functools
import inspect
import pathlib
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, get_args

import msgspec
import typer
from tools.lab_cases import lab_cases_page
from tools.reference_samples import SAMPLES

from voltkeep.cli.__main__ import tree
from voltkeep.cli.command import EVERYWHERE
from voltkeep.cli.errors import MEANINGS
from voltkeep.config import Field, Settings, fields
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.dialect import Dialect
from voltkeep.domain import commands as asked
from voltkeep.domain import events
from voltkeep.domain.telling import LIVE_ONLY, name_of, needs
from voltkeep.services.ports import CommandUnfit
from voltkeep.store import MemoryStore
from voltkeep.web.auth import ANYBODY, PUBLIC
from voltkeep.web.http import make_api
from voltkeep.web.openapi import ApiSchema
from voltkeep.wiring import make_services

TARGET = pathlib.Path(__file__).parent.parent / "docs"
_GENERATED = "<!-- Written by tools/generate_reference.py: change the code it reads. -->"

_COMMANDS = f"""\
# The command line

{_GENERATED}

`voltkeep --help` and `voltkeep COMMAND --help` say the same at a terminal. Results go to stdout,
messages to stderr. Colours are for terminals only, and not with `NO_COLOR`.

## Accepted by every command
"""

_AFTER_EVERYWHERE = """
Those of `voltkeep lab` use no installation of ours: of these they take `--json` and `--debug`.
`VOLTKEEP_DEBUG=1` is the same as `--debug`. What else can be set: [settings](settings.md).

## Exit codes

| Code | Means |
|---|---|"""

_SETTINGS = f"""\
# Settings

{_GENERATED}

A setting has its value from the first of these that names it:

1. a flag of `voltkeep serve`; `--data` and `--database` with every command
2. an environment variable; an empty one counts as unset
3. one TOML file: what `--config` or `VOLTKEEP_CONFIG` names, else `voltkeep.toml` in the data
   directory if it is there; relative paths are meant from where the file is
4. its default

A name that is no setting is an error in each of them. `voltkeep config show --origin` tells what
counts, and why."""

_EVENTS = f"""\
# Events

{_GENERATED}

What happened, in past tense. An event is written in the database transaction of what it tells, and
published after that has committed, in order and at least once. `voltkeep serve --log-format json`
logs them, but for `EnergyMetered`.

The heading is the event's name inside; the line below it has the public one, by which
[streams](../howto/follow-events.md) and [webhooks](../howto/webhooks.md) tell it, and what one
needs besides `events:read` to get it. Outside, its fields are in `data`; `timestamp` is when we
learnt of it, UTC."""


_CONFORMANCE = f"""\
# Conformance

{_GENERATED}

Voltkeep has not been certified by anybody. What follows is what the code does, by messages;
where it does something else than OCPP says, and what of OCPP it does not do yet, is told in
[divergences](divergences.md). By behaviour, for OCPP 1.6, the certification cases say it, which you
can [play against it yourself](howto/run-the-laboratory.md).

## What stations may say

Other messages that OCPP has for a CSMS are answered with `NotSupported`, those it does not have
with `NotImplemented`.
"""

_SENT = """
## What we say

Each of these has a command, and the messages that it sends in each version; every other message
that OCPP has for a station of that version can be sent with `voltkeep station command STATION raw`.
Certificates of stations are renewed in time without any.
"""

# Commands.


def commands_page() -> str:
    """Every command, in the order of `voltkeep --help`."""
    root = typer.main.get_command(tree)
    lines = [
        _COMMANDS,
        *_options(each for each in root.params if each.name in EVERYWHERE),
        _AFTER_EVERYWHERE,
        *(f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()),
        "",
        "With `--json` a failure is a JSON object on stderr: `error`, `message`, `next_step`.",
    ]
    for names, command in _commands(root, ()):
        lines += ["", *_command(names, command)]
    return "\n".join(lines) + "\n"


def _commands(group: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from _commands(each, (*names, name))
        else:
            yield (*names, name), each


def _command(names: tuple[str, ...], command: Any) -> Iterator[str]:
    said, _, examples = (command.help or "").partition("\b\nExamples:\n")
    own = [each for each in command.params if each.name not in EVERYWHERE]
    arguments = [each for each in own if each.param_type_name == "argument"]
    options = [each for each in own if each.param_type_name != "argument" and each.name != "ctx"]
    before = " STATION" if names[:2] == ("station", "command") else ""
    words = ["voltkeep", *names[:2], before.strip(), *names[2:]]
    usage = " ".join(filter(None, [*words, "[OPTIONS]", *map(_metavar, arguments)]))
    yield from (f"## `voltkeep {' '.join(names)}`", "", said.strip(), "", "```text", usage, "```")
    if arguments:
        yield ""
        for each in arguments:
            yield f"* `{_metavar(each)}`: {each.help}{_choices(each)}"
    if options and names != ("serve",):
        if not arguments:
            yield ""
        yield from _options(options)
    if names == ("serve",):
        demo = next(each for each in options if each.name == "demo")
        yield from (
            "",
            *_options([demo]),
            "* a flag for each of the [settings](settings.md).",
        )
    if examples:
        yield from ("", "```sh", *(line.strip() for line in examples.rstrip().splitlines()), "```")


def _choices(argument: Any) -> str:
    kind = argument.type_descriptor.annotation
    if not (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return ""
    return " One of " + ", ".join(f"`{each.value}`" for each in kind) + "."


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _options(options: Iterable[Any]) -> Iterator[str]:
    for each in options:
        names = ", ".join((*each.opts, *each.secondary_opts))
        is_told = each.is_flag or each.default in (None, "")
        default = "" if is_told else f" Default: `{_plain(each.default)}`."
        yield f"* `{names}{'' if each.is_flag else ' ' + _value(each)}`: {each.help}{default}"


def _value(option: Any) -> str:
    if option.metavar:
        return str(option.metavar)
    kind = option.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "|".join(str(each.value) for each in kind)
    return {int: "N", float: "NUMBER", datetime: "TIME"}.get(kind, "TEXT")


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


# Settings.


def settings_page() -> str:
    """Every setting, in the order of `Settings`."""
    lines = [_SETTINGS]
    for field in fields().values():
        lines += ["", *_setting(field)]
    return "\n".join(lines) + "\n"


def _setting(field: Field) -> Iterator[str]:
    if field.name == "data":
        default = "`voltkeep` in `$XDG_DATA_HOME`, or in `~/.local/share` if that is not set; "
        default += "the demo's is `voltkeep-demo` there"
    elif field.default == "":
        default = "empty"
    else:
        default = f"`{msgspec.json.encode(field.default).decode().strip(chr(34))}`"
    flag = f"`{field.flag}`" if field.flag else "none"
    if isinstance(field.default, bool):
        flag += f", `--no-{str(field.flag).removeprefix('--')}`"
    yield from (f"## `{field.name}`", "", field.description, "")
    yield f"* Default: {default}"
    yield f"* Allowed: {field.allowed}"
    yield f"* Variable: `{field.variable}`"
    yield f"* Flag: {flag}"


# Events.


def events_page() -> str:
    """Every event, in the order of the module."""
    lines = [_EVENTS]
    for kind in get_args(events.Anything):
        lines += ["", *_event(kind)]
    return "\n".join(lines) + "\n"


def _event(kind: Any) -> Iterator[str]:
    yield f"## `{kind.__name__}`"
    name = name_of(kind)
    need = f", needs `{needs(name)}`" if needs(name) else ""
    yield from ("", f"`{name}`{need}{'; live only' if name in LIVE_ONLY else ''}")
    if kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}("):
        yield from ("", " ".join((inspect.getdoc(kind) or "").split()).replace("``", "`"))
    own = [field for field in msgspec.structs.fields(kind) if field.name not in ("station", "at")]
    if own:
        yield ""
        for field in own:
            yield f"* `{field.name}`: {_type(field.type)}"


def _type(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(_type(each) for each in get_args(hint)).replace("NoneType", "nothing")
    name = getattr(hint, "__name__", str(hint))
    plain = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    return {**plain, "datetime": "time", "NoneType": "nothing"}.get(name, f"`{name}`")


# Conformance.


def conformance_page() -> str:
    """Which messages are handled, and which commands have words of their own."""
    dialects = list(reversed(DIALECTS.values()))
    heads = [dialect.subprotocol.removeprefix("ocpp") for dialect in dialects]
    lines = [_CONFORMANCE, *_row("Message", heads), "|---|" + "---|" * len(heads)]
    for action in sorted({action for dialect in dialects for action in dialect.handlers}):
        lines += _row(action, [_handled(dialect, action) for dialect in dialects])
    lines += [_SENT, *_row("Command", heads), "|---|" + "---|" * len(heads)]
    shown = {type(sample) for samples in SAMPLES.values() for sample in samples}
    assert {kind for each in dialects for kind in each.requests} <= shown
    for words, samples in SAMPLES.items():
        lines += _row(f"`{words}`", [_sent(each, samples) for each in dialects])
    counts = ", ".join(
        f"{len(each.actions)} in OCPP {head}" for each, head in zip(dialects, heads, strict=True)
    )
    return "\n".join(lines) + f"\n\nMessages that are known: {counts}.\n"


def _row(name: str, cells: Iterable[str]) -> Iterator[str]:
    yield f"| {name} | {' | '.join(cells)} |"


def _sent(dialect: Dialect, samples: Iterable[asked.Command]) -> str:
    actions = {}  # in order
    for sample in samples:
        try:
            built = dialect.request(sample)
        except CommandUnfit:
            continue
        if built is not None:
            actions[built[0]] = True
    return ", ".join(actions)


def _handled(dialect: Dialect, action: str) -> str:
    return "handled" if action in dialect.handlers else ""


class _Nobody:
    """Stations of an API that is only described."""

    async def send(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


_API = f"""\
# The HTTP API

{_GENERATED}

Every operation, and the permission that it needs. Parameters, bodies and examples are in
[openapi.json](openapi.json); how it is used is told in [use the API](../howto/use-the-api.md)."""

_NEEDS = re.compile(r"Needs: (`.*`)\.$")


def api_page() -> str:
    """Every operation of the HTTP API, for people."""
    document = _api_schema().document
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            needs = _NEEDS.search(operation.get("description", ""))
            words = needs[1] if needs and needs[1] != f"`{ANYBODY}`" else ANYBODY
            if operation.get("security") == []:
                words = PUBLIC
            row = f"| `{method.upper()} {path}` | {operation['summary']} | {words} |"
            by_tag.setdefault(operation["tags"][0], []).append(row)
    lines = [_API]
    for tag, rows in sorted(by_tag.items()):
        head = f"## {tag[0].upper()}{tag[1:]}"
        lines += ["", head, "", "| Operation | What it does | Needs |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def openapi_page() -> str:
    """The description of the HTTP API, for programs."""
    return _api_schema().content.decode() + "\n"


def _api_schema() -> ApiSchema:
    nothing: Any = None
    services = make_services(
        MemoryStore(),
        _Nobody(),
        lambda _: None,
        settings=Settings(data=pathlib.Path("/nonexistent")),
        secret=bytes(32),
        authority=nothing,
        files=nothing,
    )
    schema: ApiSchema = make_api(services, bytes(32)).state.schema
    return schema


PAGES: dict[str, Callable[[], str]] = {
    "reference/openapi.json": openapi_page,
    "reference/api.md": api_page,
    "reference/cli.md": commands_page,
    "reference/settings.md": settings_page,
    "reference/events.md": events_page,
    "reference/lab-cases.md": functools.partial(lab_cases_page, _GENERATED),
    "conformance.md": conformance_page,
}


def main() -> int:
    """Write, or with ``--check`` compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path, text = TARGET / name, page()
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.write_text(text)
    for name in stale:
        print(f"docs/{name} {'is out of date' if check else 'written'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
