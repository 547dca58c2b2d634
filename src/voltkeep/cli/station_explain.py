"""`voltkeep station explain` and `release`: why a station is refused, and what to do about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.output import Cell, Output
from voltkeep.cli.station import Name, group
from voltkeep.cli.text import age, count, escape

if TYPE_CHECKING:
    from datetime import datetime

    from voltkeep.services.explain import Explained, Explanation

_INDENT = " " * 4


@command(group, "explain", examples=("station explain CS-01",))
async def explain(
    run: Run,
    name: Name,
    *,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also old failures where it was, which may be others'.")
    ] = False,
) -> None:
    """Why a station is refused, in plain words, and what to do. Also for ids nobody registered."""
    from voltkeep.domain.identity import parse_station
    from voltkeep.wiring import now

    id = parse_station(name)
    async with run.app() as app:
        explanation = await app.services.explain.explain(id, is_all=is_all)
    if run.out.as_json:
        run.out.data(_plain(explanation))
        return
    _show(run.out, explanation, now())


@command(group, "release", examples=("station release CS-01",))
async def release(run: Run, name: Name) -> None:
    """End the quarantine of a station: its new connections are let in again."""
    from voltkeep.domain.identity import parse_station

    id = parse_station(name)
    async with run.app() as app:
        was_held = await app.services.intrusion.lift_quarantine(id)
    if run.out.as_json:
        run.out.data({"station": str(id), "done": was_held})
    elif was_held:
        run.out.line(f"{id} is released: its new connections are let in again.")
    else:
        run.out.line(f"{id} was not in quarantine.")


def _plain(explanation: "Explanation") -> dict[str, object]:
    return {
        "station": str(explanation.station),
        "registered": explanation.is_registered,
        "connected": explanation.is_connected,
        "summary": explanation.summary,
        "findings": explanation.findings,
        "refusals": explanation.refusals,
    }


def _show(out: Output, explanation: "Explanation", time: "datetime") -> None:
    is_well = explanation.is_connected
    out.styled("", Cell(explanation.summary, "green" if is_well else "bold yellow"))
    out.line()
    for finding in explanation.findings:
        style = "red" if finding.is_wrong else ""
        out.styled(f"  {finding.topic + ':':<14}", Cell(finding.text, style))
        if finding.do:
            out.line(f"  {'':<14}-> {escape(finding.do)}")
    for title, is_its in (
        ("Refused:", True),
        ("Failed before saying which station it is, perhaps this one:", False),
    ):
        shown = [each for each in explanation.refusals if each.is_surely_its is is_its]
        if shown:
            out.line(f"\n{title}")
        for refusal in shown:
            _show_refusal(out, refusal, time)


def _show_refusal(out: Output, refusal: "Explained", time: "datetime") -> None:
    seen = f"{count(refusal.count, 'time')}, last {age(refusal.at, time)}"
    where = f" from {refusal.host}" if refusal.host else ""
    out.styled("  ", Cell(refusal.reason, "red"), escape(f" ({seen}{where})"))
    for line in (refusal.means, refusal.detail):
        if line:
            out.line(_INDENT + escape(line))
    if refusal.do:
        out.line(f"{_INDENT}-> {escape(refusal.do)}")
