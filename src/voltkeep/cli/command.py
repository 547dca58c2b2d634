"""What every command has in common: the options accepted everywhere, and how it ends."""

import asyncio
import inspect
import os
import pwd
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from voltkeep.cli.errors import LOCAL_ONLY, ExitCode, Failure, as_failure
from voltkeep.cli.output import Output
from voltkeep.cli.server_lock import find_server
from voltkeep.cli.text import escape
from voltkeep.config import (
    Field,
    Loaded,
    Settings,
    default_data,
    fields,
    load,
    make_data_directory,
)

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.cli.remote import RemoteApp
    from voltkeep.domain.audit import Actor

Action = Callable[..., Coroutine[Any, Any, None]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

EVERYWHERE: dict[str, Any] = {
    "data": Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="The data directory.")
    ],
    "config": Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The settings file (TOML).")
    ],
    "database": Annotated[
        str | None,
        typer.Option(
            "--database", metavar="URL", help="The database; else a file in the data directory."
        ),
    ],
    "server": Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Ask a server elsewhere, over its API."),
    ],
    "api_key": Annotated[
        str | None,
        typer.Option(
            "--api-key", metavar="@FILE", help="The key for it; else VOLTKEEP_API_KEY is."
        ),
    ],
    "json": Annotated[bool, typer.Option("--json", help="Write for programs: JSON on stdout.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show tracebacks of what went wrong.")],
}
ANYHOW = ("json", "debug")  # of them, what counts without an installation too
_UNITS = {"_per_s": "N", "_s": "SECONDS", "_bytes": "BYTES", "_days": "DAYS"}
_SETTINGS_EVERYWHERE = ("data", "database")
# What concerns the machine itself: the rest is asked of a server elsewhere, or says that it cannot.
_LOCAL = {"serve", "db", "ca", "sim", "lab", "doctor", "config"}
USUAL_DATA, DEMO_DATA = "voltkeep", "voltkeep-demo"  # default data directories


class Run:
    """One run of a command: what it was given, its settings, and where it writes."""

    def __init__(self, given: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        self.out = Output(as_json=bool(given.get("json")))
        self.debug = bool(given.get("debug") or os.environ.get("VOLTKEEP_DEBUG"))
        self.flags = {name: given[name] for name in _SETTINGS_EVERYWHERE if given.get(name)}
        self.flags |= {name: value for name, value in flags.items() if value is not None}
        self.target: str = given.get("target", "")  # the station of `station command`
        self._file: Path | None = given.get("config")
        self._server, self._api_key = given.get("server"), given.get("api_key")
        self._data_name = DEMO_DATA if given.get("demo") else USUAL_DATA

    @cached_property
    def loaded(self) -> Loaded:
        """Raises ConfigError."""
        return load(self.flags, os.environ, self._file, self._data_name)

    @cached_property
    def settings(self) -> Settings:
        """As loaded; beside a running server, stations are told what that one runs with."""
        settings = self.loaded.settings
        server = find_server(settings.data)
        return settings if server is None else server.over(settings)

    @cached_property
    def server(self) -> str:
        """The address of a server elsewhere that is asked over its API; "" without one."""
        from voltkeep.cli.remote import server_of

        return server_of(self._server)

    @asynccontextmanager
    async def app(self) -> AsyncIterator["App"]:
        """The store and the services, without listeners; a server may run beside.

        With a server elsewhere, its services over its API, as far as that reaches. An empty
        database gets its tables. One that is out of date is left as it is: a server of the older
        release may be running on it.
        """
        if self._server or os.environ.get("VOLTKEEP_SERVER"):
            async with self.remote() as elsewhere:
                yield cast("App", elsewhere)
            return
        from voltkeep.app import App
        from voltkeep.cli.logs import quiet_logs
        from voltkeep.services.audit import acting_as
        from voltkeep.store import migrate, schema_status

        quiet_logs(debug=self.debug)
        make_data_directory(self.settings)
        if (await schema_status(self.settings.database_url)).current is None:
            await migrate(self.settings.database_url)
        app = App(self.settings)
        with acting_as(_person()):
            async with app.running(serve=False):
                yield app

    @asynccontextmanager
    async def remote(self) -> AsyncIterator["RemoteApp"]:
        """A server elsewhere. Raises Failure."""
        from voltkeep.cli.remote import api_key, remote_app

        key = api_key(self._api_key, os.environ)
        async with remote_app(self.server, key, self.loaded.settings) as elsewhere:
            yield elsewhere

    def program(self) -> str:
        """How to type `voltkeep` again, so that it finds this installation."""
        typed = Path(sys.argv[0])
        if typed.name == "__main__.py":
            words = ["python -m voltkeep.cli"]
        elif (found := shutil.which(typed.name)) and Path(found).resolve() == typed.resolve():
            words = [typed.name]
        else:
            words = [shlex.quote(os.path.relpath(typed))]
        data = self.settings.data
        if data != default_data(os.environ, USUAL_DATA):
            words += ["--data", shell_path(data)]
        if self._file is not None:
            words += ["--config", shell_path(self._file)]
        return " ".join(words)

    def confirm(self, name: str, *, yes: bool) -> None:
        """Have a person type the name of what will be gone. Raises Failure otherwise."""
        if yes:
            return
        if not sys.stdin.isatty() or self.out.as_json:
            raise Failure(f"{name} was not removed.", "Say --yes to confirm.", ExitCode.USAGE)
        sys.stderr.write(f"Type {escape(name)} to remove it: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip() != name:
            raise Failure(f"That was not the name: {name} was not removed.")


def _person() -> "Actor":
    """Who types, as the system knows it: the environment says whatever one likes."""
    from voltkeep.domain.audit import Actor

    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    by = os.environ.get("SUDO_USER", "") if user == 0 else ""
    return Actor(kind="cli", name=name, authenticated_by=f"sudo by {by}" if by else "shell")


def command(
    group: typer.Typer,
    name: str,
    *,
    examples: Sequence[str] = (),
    settings: Sequence[str] = (),
    event_loop: Callable[[Run], LoopFactory | None] = lambda _: None,
    installation: bool = True,
) -> Callable[[Action], Action]:
    """Make a command of a function that takes a `Run` and its own parameters.

    ``settings`` names those that have a flag here; the rest comes from other sources. Without an
    ``installation`` it uses neither data nor a server of ours: options that name one are refused.
    """
    known = fields()

    def register(action: Action) -> Action:
        def invoke(ctx: typer.Context, **given: Any) -> None:
            everywhere = remember(ctx, given)
            flags = {key: given.pop(key) for key in settings}
            run = Run(everywhere | {"demo": given.get("demo")}, flags)
            if not installation and (idle := everywhere.keys() - ANYHOW):
                _, words = ctx.command_path.split(maxsplit=1)
                options = " and ".join(f"--{each.replace('_', '-')}" for each in sorted(idle))
                message = (
                    f"`{words}` uses no installation of Voltkeep: {options} would mean nothing."
                )
                run.out.fail(Failure(message, code=ExitCode.USAGE))
                raise typer.Exit(ExitCode.USAGE)
            if everywhere.get("server") and ctx.command_path.split()[1] in _LOCAL:
                run.out.fail(LOCAL_ONLY)
                raise typer.Exit(LOCAL_ONLY.code)
            raise typer.Exit(execute(run, action, given, event_loop))

        own = list(inspect.signature(action, eval_str=True).parameters.values())[1:]
        own += [parameter(key, _flag(known[key]), None) for key in settings]
        common = EVERYWHERE if installation else ANYHOW
        group.command(name, help=_help(action, examples))(accepts(invoke, own, common))
        return action

    return register


def accepts(
    callback: Callable[..., None],
    own: Sequence[inspect.Parameter] = (),
    everywhere: Iterable[str] = EVERYWHERE,
) -> Callable[..., None]:
    """Let Typer see a context, these parameters, and these of the options accepted everywhere."""
    context = parameter("ctx", typer.Context, inspect.Parameter.empty)
    common = [
        parameter(key, hint, False if hint.__origin__ is bool else None)
        for key, hint in EVERYWHERE.items()
        if key in everywhere
    ]
    parameters = [context, *(each.replace(kind=context.kind) for each in own), *common]
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # as documented in inspect
    callback.__annotations__ = {each.name: each.annotation for each in parameters}
    return callback


def remember(ctx: typer.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Take the options accepted everywhere out of ``given``; nearer ones count more."""
    nearer = {key: value for key in EVERYWHERE if (value := given.pop(key, None))}
    return {**(ctx.obj or {}), **nearer}


def shell_path(path: Path) -> str:
    """A path as one would type it."""
    home = Path.home()
    if path.is_relative_to(home) and path != home:
        return f"~/{shlex.quote(str(path.relative_to(home)))}"
    return shlex.quote(str(path))


def execute(
    run: Run,
    action: Action,
    given: Mapping[str, Any],
    event_loop: Callable[[Run], LoopFactory | None],
) -> int:
    """Run a command to its end, and tell how it ended: an exit code."""
    try:
        with asyncio.Runner(loop_factory=event_loop(run)) as runner:
            runner.run(action(run, **given))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # who read us has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001  # the one place where a command ends
        if run.debug:
            import traceback

            traceback.print_exc()
        run.out.fail(as_failure(error) or _unexpected(error))
        return (as_failure(error) or _unexpected(error)).code
    return ExitCode.OK


def _unexpected(error: Exception) -> Failure:
    return Failure(
        f"Something went wrong inside Voltkeep: {type(error).__name__}: {error}",
        "This is a defect. Run it again with --debug and report what it shows.",
    )


def parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _flag(field: Field) -> Any:
    """A setting's flag. Its value stays text: `load` checks it as it checks every source."""
    if isinstance(field.default, bool):
        flag = f"{field.flag}/--no-{str(field.flag).removeprefix('--')}"
        return Annotated[bool | None, typer.Option(flag, help=field.description)]
    help_ = field.description + (f" [default: {field.default}]" if field.default != "" else "")
    return Annotated[str | None, typer.Option(str(field.flag), metavar=_metavar(field), help=help_)]


def _metavar(field: Field) -> str:
    if " or " in field.allowed and not field.allowed.startswith("empty"):
        return field.allowed.replace(" or ", ", ").replace(",, ", ", ").replace(", ", "|")
    for suffix, word in (
        ("_per_s", "N"),
        ("_s", "SECONDS"),
        ("_bytes", "BYTES"),
        ("_days", "DAYS"),
    ):
        if field.name.endswith(suffix):
            return word
    return "N" if isinstance(field.default, int) else "TEXT"


def _help(action: Action, examples: Sequence[str]) -> str:
    text = inspect.getdoc(action) or ""
    if not examples:
        return text
    # \b keeps the lines of a paragraph as they are.
    return text + "\n\n\b\nExamples:\n" + "\n".join(f"  voltkeep {each}" for each in examples)
