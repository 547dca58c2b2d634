"""`voltkeep lab run`: play the cases against a CSMS, and write the report."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from voltkeep.cli.command import Run, command, shell_path
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import count, escape

if TYPE_CHECKING:
    from voltkeep.lab.bench import Credentials
    from voltkeep.lab.case import Case
    from voltkeep.lab.driver import Driver
    from voltkeep.lab.drivers.http import HttpDriver
    from voltkeep.lab.kept import Kept
    from voltkeep.lab.plan import Plan
    from voltkeep.lab.report import Report
    from voltkeep.lab.verdicts import Judgement

_SERVER_LOG = "server.log"
_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "not applicable": "dim"}
_LONGEST = 500  # characters of what is quoted in a line

Folder = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="With the plan; `lab init` makes one.")
]
Against = Annotated[
    Literal["voltkeep"] | None,
    typer.Option(help="In place of a plan: a server of our own, started for the run."),
]
Cases = Annotated[
    str, typer.Option(metavar="LIST", help="Which cases, as TC_013,TC_08*; else all.")
]
Profiles = Annotated[
    str, typer.Option(metavar="LIST", help="Which security profiles, as 1,2,3; else all of them.")
]
ReportFolder = Annotated[
    Path, typer.Option("--report", metavar="FOLDER", help="Where the report goes.")
]
Database = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        help="With --against: an empty database, which is left filled; else a file that goes.",
    ),
]


class _Tested(NamedTuple):
    """A CSMS, how it is told what to do, and stations' credentials that are not the plan's.

    ``unknown`` says what to do if it does not know the stations.
    """

    plan: "Plan"
    driver: "Driver"
    credentials: "dict[str, Credentials] | None" = None
    unknown: str = ""


class Loaded(NamedTuple):
    """What a folder holds. Without a driver, a person is it."""

    plan: "Plan"
    driver: "HttpDriver | None"
    kept: "Kept"


def add_to(group: typer.Typer) -> None:
    """Make it a command of `voltkeep lab`."""
    command(
        group,
        "run",
        examples=(
            "lab run my-csms",
            "lab run my-csms --cases TC_001,TC_08* --profiles 2",
            "lab run --against voltkeep",
        ),
        installation=False,
    )(run_)


async def run_(
    run: Run,
    folder: Folder = None,
    *,
    against: Against = None,
    cases: Cases = "",
    profiles: Profiles = "",
    report: ReportFolder = Path("lab-report"),
    filled: Database = "",
) -> None:
    """Play certification cases against a CSMS, judge each, and write the report.

    It exits with 0 only if all passed that apply. Ctrl-C stops it: judged is what was until then.
    """
    from voltkeep.cli.logs import quiet_logs
    from voltkeep.lab.ocpp16.catalogue import catalogue
    from voltkeep.lab.report import remove, report_on, write

    if (folder is None) is (against is None):
        raise Failure("What is to be tested?", "Name a folder, or say --against.", ExitCode.USAGE)
    if filled and folder is not None:
        words = "--database is for --against: a folder says where its CSMS is."
        raise Failure(words, code=ExitCode.USAGE)
    quiet_logs(debug=run.debug)
    session = _Session(run, _chosen(catalogue(), cases))
    wanted = _numbers(profiles)
    _try(report, remove)  # whatever comes: nobody takes the last report for that of this run
    if folder is not None:
        tested = _as_planned(run, folder, wanted, report)
    else:
        tested = _ourselves(filled, report)
    started_at, began = datetime.now(UTC), time.monotonic()
    await _until_stopped(session.play(tested, wanted))
    if session.plan is None:
        raise Failure("The run was stopped before it began.", code=ExitCode.INTERRUPTED)
    made = report_on(
        session.plan, catalogue(), session.judged, started_at, session.profiles, session.chosen
    )
    page = await asyncio.to_thread(write, made, report)
    session.end(made, page, time.monotonic() - began)


class _Session:
    """One run: what is played, and what was judged until now."""

    def __init__(self, run: Run, cases: "Sequence[Case]") -> None:
        self.run = run
        self.plan: Plan | None = None
        self.profiles: tuple[int, ...] = ()
        self.judged: list[Judgement] = []
        self._cases = cases
        self._names = {case.id: case.name for case in cases}
        self._unknown = ""  # to be said once

    @property
    def chosen(self) -> frozenset[str]:
        """The ids of the cases that are to be played."""
        return frozenset(self._names)

    async def play(
        self, tested: contextlib.AbstractAsyncContextManager[_Tested], wanted: tuple[int, ...]
    ) -> None:
        """Play all cases. Cancelled, it keeps what was judged."""
        from voltkeep.lab.run import run

        async with tested as (plan, driver, credentials, self._unknown):
            self.profiles = wanted or tuple(sorted(plan.csms.urls))
            self.plan = plan
            if missing := set(self.profiles) - set(plan.csms.urls):
                words = f"The plan has no URL for security profile {min(missing)}."
                raise Failure(words, "It is in [csms.urls].", ExitCode.USAGE)
            await run(
                plan,
                driver,
                self._cases,
                self.profiles,
                told=self._tell,
                credentials=credentials,
            )

    def _tell(self, judgement: "Judgement") -> None:
        self.judged.append(judgement)
        if self.run.out.as_json:
            return
        name = self._names[judgement.case]
        before = f"{judgement.case:<10} {name[:48]:<48} profile {judgement.profile}  "
        verdict = Cell(judgement.verdict.value, _STYLES[judgement.verdict])
        self.run.out.styled(before, verdict, f"  {judgement.seconds:.1f} s")
        if judgement.verdict in {"fail", "inconclusive"}:
            for word, text in (
                ("at", judgement.step),
                ("expected", judgement.expected),
                ("but", judgement.came),
                ("because", judgement.remark),
            ):
                if text:
                    self.run.out.line(f"           {word}: {escape(text, _LONGEST)}")
        sys.stdout.flush()
        if self._unknown and _is_unknown(judgement) and not self._has_passed(judgement.profile):
            self.run.out.say(escape(self._unknown))
            self._unknown = ""

    def _has_passed(self, profile: int) -> bool:
        return any(each.verdict == "pass" for each in self.judged if each.profile == profile)

    def end(self, report: "Report", page: Path, seconds: float) -> None:
        """Say what came of it. Raises Failure unless all of it passed."""
        from voltkeep.lab.report import in_part, lines

        total = len(self._cases) * len(self.profiles)
        out = self.run.out
        if out.as_json:
            out.data(
                {
                    "report": page,
                    "seconds": round(seconds, 1),
                    "stopped": report.stopped,
                    "summary": report.summary,
                    "judgements": [_without_log(each) for each in self.judged],
                }
            )
        else:
            out.line()
            for line in lines(report):
                out.line(line)
            out.line()
            out.line(f"{count(len(self.judged), 'judgement')} in {seconds:.0f} s. Report: {page}")
        if report.stopped:
            raise Failure(in_part(report), code=ExitCode.INTERRUPTED)
        bad = sum(each.verdict in {"fail", "inconclusive"} for each in self.judged)
        if bad:
            raise Failure(f"{bad} of {total} judgements did not pass.", f"See {page}")
        if not any(each.verdict == "pass" for each in self.judged):
            raise Failure("Nothing passed: no case that was chosen applies.", f"See {page}")


def _is_unknown(judgement: "Judgement") -> bool:
    """Whether the CSMS does not know who connects."""
    return judgement.verdict == "fail" and "HTTP 401" in judgement.came


def _without_log(judgement: "Judgement") -> dict[str, object]:
    return {name: getattr(judgement, name) for name in judgement.__struct_fields__ if name != "log"}


def _chosen(cases: "Sequence[Case]", wanted: str) -> "list[Case]":
    """Those of a list of patterns. Raises Failure if one of them names none."""
    patterns = [each.strip() for each in wanted.split(",") if each.strip()]
    for pattern in patterns:
        if not any(fnmatchcase(case.id, pattern.upper()) for case in cases):
            words = f"{escape(pattern)} names no case."
            raise Failure(words, "`voltkeep lab list` shows those there are.", ExitCode.USAGE)
    return [
        case
        for case in cases
        if not patterns or any(fnmatchcase(case.id, each.upper()) for each in patterns)
    ]


def _numbers(wanted: str) -> tuple[int, ...]:
    """Security profiles, the lowest first; none if nothing is said. Raises Failure."""
    named = {each.strip() for each in wanted.split(",") if each.strip()}
    if not named <= {"1", "2", "3"}:
        words = f"{escape(wanted)} is no list of security profiles."
        raise Failure(words, "There are 1, 2 and 3.", ExitCode.USAGE)
    return tuple(sorted(map(int, named)))


def _make_folder(report: Path) -> None:
    """Before the run: nobody wants to hear of it afterwards. Raises Failure."""
    _try(report, lambda folder: folder.mkdir(parents=True, exist_ok=True))


def _try(report: Path, do: Callable[[Path], None]) -> None:
    try:
        do(report)
    except OSError as error:
        words = f"The report cannot go into {report}: {error.strerror}."
        raise Failure(words, "Name another folder with --report.", ExitCode.USAGE) from None


def loaded(folder: Path, profiles: tuple[int, ...] = ()) -> Loaded:
    """The plan, the driver, and what was kept of stations. Raises Mistakes: those of both files.

    ``profiles`` are those to be run; else all that the plan has URLs for.
    """
    from voltkeep.lab.drivers.load import load_driver
    from voltkeep.lab.folder import DRIVER, PLAN
    from voltkeep.lab.kept import Kept
    from voltkeep.lab.plan_file import load_plan
    from voltkeep.lab.toml_file import Mistakes

    try:
        plan, file = load_plan(folder / PLAN, profiles or None)
    except Mistakes as mistakes:
        usual = folder / DRIVER
        if (folder / PLAN).is_file() and usual.is_file():
            try:
                load_driver(usual)
            except Mistakes as more:
                raise Mistakes([*mistakes.found, *more.found]) from None
        raise
    kept = Kept.load(folder, plan.stations)
    return Loaded(plan, None if file is None else load_driver(file), kept)


def about(kept: "Kept") -> list[str]:
    """Which stations do not go by the plan, and which do again."""
    said = []
    if kept.used:
        names = ", ".join(kept.used)
        said.append(f"{kept.path}: used for {names}, with what earlier runs have changed.")
    if kept.outdated:
        names = ", ".join(kept.outdated)
        said.append(f"lab.toml was changed for {names}: what earlier runs kept is forgotten.")
    return said


@contextlib.asynccontextmanager
async def _as_planned(
    run: Run, folder: Path, profiles: tuple[int, ...], report: Path
) -> AsyncIterator[_Tested]:
    """The CSMS of a folder. Raises Failure, having told each mistake."""
    from voltkeep.lab.drivers.manual import ManualDriver, patient
    from voltkeep.lab.toml_file import Mistakes

    try:
        plan, driver, kept = await asyncio.to_thread(loaded, folder, profiles)
    except Mistakes as mistakes:
        for each in mistakes.found:
            run.out.say(escape(each))
        words = f"{count(len(mistakes.found), 'mistake')} in {folder}: nothing was tested."
        raise Failure(words, code=ExitCode.USAGE) from None
    if driver is None and not sys.stdin.isatty():
        words = "The driver is a person, and there is no terminal to ask one: nothing was tested."
        raise Failure(words, "Run it in a terminal, or name a driver's file.", ExitCode.USAGE)
    _make_folder(report)
    for line in about(kept):
        run.out.say(escape(line))
    credentials = kept.credentials(lambda text: run.out.say(escape(text)))
    unknown = _about_unknown(folder, kept)
    if driver is None:
        yield _Tested(patient(plan), ManualDriver(run.out.say), credentials, unknown)
        return
    try:
        yield _Tested(plan, driver, credentials, unknown)
    finally:
        await driver.close()


def _about_unknown(folder: Path, kept: "Kept") -> str:
    """What is likely if the CSMS knows no station from the first case on."""
    words = "Hint: HTTP 401 says that the CSMS does not know a station, or with another key than"
    if not kept.used:
        return f"{words} lab.toml does. Runs with a copy of the folder may have changed it."
    forget = f"`voltkeep lab forget {shell_path(folder)}`"
    names = ", ".join(kept.used)
    return f"{words} {kept.path.name} does, which counts for {names}: {forget} has lab.toml count."


@contextlib.asynccontextmanager
async def _ourselves(database: str, report: Path) -> AsyncIterator[_Tested]:
    """A server of our own, in a folder that is gone afterwards. Raises Failure."""
    import tempfile

    from voltkeep.cli.lab_server import ServerFailed, running_server

    _make_folder(report)
    log = report / _SERVER_LOG
    with tempfile.TemporaryDirectory(prefix="voltkeep-lab-", ignore_cleanup_errors=True) as folder:
        try:
            async with running_server(Path(folder), database, log) as (plan, driver):
                yield _Tested(plan, driver)
        except ServerFailed as error:
            words = f"The server that was to be tested did not start: {error}"
            raise Failure(words) from None


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    """Do it until it ends, or Ctrl-C or SIGTERM ends it; a second one ends us at once."""
    task = asyncio.ensure_future(work)

    def stop() -> None:
        if task.cancelling():
            os._exit(ExitCode.INTERRUPTED)
        task.cancel()

    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task
