"""`voltkeep lab`: certification cases against any CSMS: a folder for them, and the list of them."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltkeep.cli import lab_run
from voltkeep.cli.command import Run, command, shell_path
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import count, escape

if TYPE_CHECKING:
    from voltkeep.lab.case import Case
    from voltkeep.lab.drivers.http import HttpDriver
    from voltkeep.lab.plan import Plan
    from voltkeep.lab.toml_file import Mistake

group = typer.Typer(
    help="Play certification cases of OCPP 1.6 against any CSMS, and report on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
of_the_laboratory = partial(command, group, installation=False)

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="With lab.toml and all that it names.")
]


@of_the_laboratory(
    "init",
    examples=(
        "lab init my-csms",
        'lab init my-csms --operator "Example Charging"',
        "lab init my-csms --driver manual",
    ),
)
async def init(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.")],
    *,
    operator: Annotated[
        str,
        typer.Option(metavar="NAME", help="The organization (O) in the stations' certificates."),
    ] = "Laboratory",
    driver: Annotated[
        Literal["http", "manual", "voltkeep"],
        typer.Option(
            help="Who gives orders: requests of an API, a person, or requests of Voltkeep's API."
        ),
    ] = "http",
) -> None:
    """Write a folder to begin with: the plan, the driver's file, and certificates.

    Nothing that is there is overwritten. Keys and certificates are new each time.
    """
    from voltkeep.lab.folder import make_folder
    from voltkeep.wiring import now

    if not operator.strip() or len(operator) > 64 or not operator.isprintable():
        raise Failure("--operator is no name of 1 to 64 characters.", code=ExitCode.USAGE)
    try:
        files = await asyncio.to_thread(make_folder, folder, operator, driver, now())
    except FileExistsError as error:
        message = f"{error.filename} is there already: nothing was written."
        raise Failure(message, "Name another folder.") from None
    except OSError as error:
        raise Failure(f"{error.filename} cannot be written: {error.strerror}.") from None
    if run.out.as_json:
        run.out.data({"folder": folder, "files": [str(file) for file in files]})
        return
    run.out.line(f"Wrote {count(len(files), 'file')} into {escape(folder)}. What to do next:")
    for number, step in enumerate(_next_steps(shell_path(folder), driver), 1):
        run.out.line(f"  {number}. {step}")


def _next_steps(folder: str, driver: str) -> tuple[str, ...]:
    orders = {
        "http": "Say in driver.toml which request of its API each operation is.",
        "manual": "Be there when it runs: you are told what to have the CSMS do.",
        "voltkeep": "Set VOLTKEEP_SERVER and VOLTKEEP_API_KEY, which driver.toml asks for.",
    }
    return (
        "Fill in lab.toml: the product, the laboratory, and where stations connect.",
        "Register the stations and tokens of lab.toml in the CSMS, with their keys.",
        "Have it trust certificates/root.pem and revocation-list.pem, for stations and firmware.",
        orders[driver],
        f"`voltkeep lab check {folder}` tells what is missing, `voltkeep lab run {folder}` plays.",
    )


@of_the_laboratory("check", examples=("lab check my-csms",))
async def check(run: Run, folder: Folder) -> None:
    """Tell what is wrong in a folder, line by line. Nobody is connected to and nobody is asked."""
    from voltkeep.lab.plan_certificates import ending
    from voltkeep.lab.toml_file import Mistakes
    from voltkeep.wiring import now

    try:
        plan, driver, kept = await asyncio.to_thread(lab_run.loaded, folder)
    except Mistakes as mistakes:
        found = mistakes.found
        if run.out.as_json:
            run.out.data({"mistakes": [_plain_mistake(each) for each in found], "notes": []})
        else:
            for each in found:
                run.out.line(escape(each))
        words = f"{count(len(found), 'mistake')} in {folder}."
        what = "it" if len(found) == 1 else "them"
        raise Failure(words, f"Mend {what}, and check again.", ExitCode.USAGE) from None
    if driver is not None:
        await driver.close()
    said = [*lab_run.about(kept), *ending(plan, kept, now())]
    notes = [*_gaps(plan, driver), *map(escape, said)]
    if run.out.as_json:
        run.out.data({"mistakes": [], "notes": notes})
        return
    for note in notes:
        run.out.say(f"Note: {note}")
    profiles = ", ".join(map(str, sorted(plan.csms.urls)))
    run.out.line(f"No mistake. Security profiles that can be run: {profiles}.")


def _plain_mistake(mistake: "Mistake") -> dict[str, object]:
    return {"file": str(mistake.path), "line": mistake.line, "text": mistake.text}


def _gaps(plan: "Plan", driver: "HttpDriver | None") -> "list[str]":
    """What is no mistake, and leaves cases without a verdict."""
    from voltkeep.lab.driver import OPERATIONS

    gaps = []
    if driver is not None:
        missing = [name for name in OPERATIONS if not driver.file.requests(name)]
        if len(missing) == len(OPERATIONS):
            gaps.append("the driver has no operation; the cases that need one are inconclusive.")
        elif missing:
            names = ", ".join(missing)
            gaps.append(f"the driver has no {names}; their cases are inconclusive.")
    for name, profile in (("1-to-2", 1), ("2-to-3", 2)):
        if {profile, profile + 1} <= plan.csms.urls.keys() and name not in plan.stations:
            gaps.append(f'there is no [stations."{name}"], whose security profile is raised.')
    if 3 in plan.csms.urls:
        gaps += [
            f'there is no [shown."{name}"], a certificate that must be refused.'
            for name in ("expired", "revoked", "of another station")
            if name not in plan.shown
        ]
    return gaps


lab_run.add_to(group)


@of_the_laboratory("forget", examples=("lab forget my-csms LAB-1-TO-2", "lab forget my-csms"))
async def forget_(
    run: Run,
    folder: Folder,
    stations: Annotated[
        list[str] | None, typer.Argument(metavar="[STATION]...", help="Which; else all of them.")
    ] = None,
) -> None:
    """Forget what runs have kept of stations: their new keys, and that their profile was raised.

    The plan counts again, so the CSMS must have of them what lab.toml says.
    """
    from voltkeep.lab.kept import KEPT, forget
    from voltkeep.lab.toml_file import Mistakes

    path = folder / KEPT
    try:
        forgotten = await asyncio.to_thread(forget, folder, stations or ())
    except KeyError as unknown:
        message = f"Nothing was kept of {escape(unknown.args[0])}."
        raise Failure(message, f"It is all in {path}.", ExitCode.NOT_FOUND) from None
    except Mistakes as mistakes:
        raise Failure(str(mistakes), code=ExitCode.USAGE) from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from None
    if run.out.as_json:
        run.out.data({"forgotten": forgotten})
        return
    names = ", ".join(map(escape, forgotten))
    run.out.line(f"Forgot {names}: lab.toml counts again." if forgotten else "Nothing was kept.")


@of_the_laboratory("list", examples=("lab list", "lab list --json"))
async def list_(run: Run) -> None:
    """Every case, in the order in which they are played."""
    from voltkeep.lab.ocpp16.catalogue import catalogue

    cases = catalogue()
    if run.out.as_json:
        run.out.data([_plain(case) for case in cases])
        return
    run.out.table(
        ("CASE", "NAME", "FUNCTIONALITY", "PROFILES"),
        [(case.id, case.name, _functionality(case), _profiles(case)) for case in cases],
    )


@of_the_laboratory("show", examples=("lab show TC_083",))
async def show(
    run: Run, name: Annotated[str, typer.Argument(metavar="CASE", help="Its id, as TC_083.")]
) -> None:
    """What a case is for, where that is written, and its steps."""
    from voltkeep.lab.ocpp16.catalogue import catalogue

    wanted = name.upper().removesuffix("_CSMS")
    found = next((case for case in catalogue() if case.id == wanted), None)
    if found is None:
        message = f"There is no case {name}."
        raise Failure(message, "`voltkeep lab list` shows those there are.", ExitCode.NOT_FOUND)
    if run.out.as_json:
        run.out.data(_plain(found))
        return
    run.out.pairs(
        [
            ("Case", found.id if found.official else f"{found.id}, beyond the official list"),
            ("Name", found.name),
            ("Functionality", _functionality(found)),
            ("Profiles", _profiles(found)),
            ("Source", found.source),
        ]
    )
    run.out.line()
    run.out.line(found.purpose)
    run.out.line()
    for number, step in enumerate(found.steps, 1):
        run.out.line(f"{number:>3}. {step}")


def _functionality(case: "Case") -> str:
    """As the report's summary has it."""
    from voltkeep.lab.case import Functionality

    name = case.functionality.value
    is_security = case.functionality is Functionality.SECURITY
    return f"{name} Profile {_profiles(case)}" if is_security else name


def _profiles(case: "Case") -> str:
    return ", ".join(map(str, case.profiles))


def _plain(case: "Case") -> dict[str, object]:
    """A case for programs."""
    return {
        "case": case.id,
        "name": case.name,
        "functionality": case.functionality.value,
        "profiles": case.profiles,
        "is_official": case.official,
        "source": case.source,
        "purpose": case.purpose,
        "steps": case.steps,
    }
