"""A run: every case on every security profile it applies to, and what became of each."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.case import Case
from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.plan import Plan
from voltkeep.lab.verdicts import Failed, Inapplicable, Judgement, Kind, Unclear, Verdict
from voltkeep.ocpp.errors import plain

Told = Callable[[Judgement], None]

_LONGEST = 2_000  # characters of what is said in a judgement
_MOST_WARNINGS = 50
_CLOSING_S = 5.0

log = logging.getLogger("voltkeep.lab")


async def run(
    plan: Plan,
    driver: Driver,
    cases: Sequence[Case],
    profiles: Sequence[int],
    *,
    told: Told | None = None,
    credentials: dict[str, Credentials] | None = None,
) -> list[Judgement]:
    """Play all cases on each profile; judgements in the order of profiles and cases.

    Whatever the CSMS does, every case is judged and none waits for ever. `told` hears each
    judgement when it is made. Profiles are played side by side, if the driver can do that.
    `credentials` are those of the plan's stations at present; else what the plan says.
    """
    if credentials is None:
        credentials = {name: Credentials.of(each) for name, each in plan.stations.items()}

    async def on(profile: int) -> list[Judgement]:
        judged = []
        for number, case in enumerate(cases, 1):
            which = f"security profile {profile}, case {number} of {len(cases)}"
            driver.announce(f"{case.id} {case.name}: {which}")
            judgement = await play(case, Bench(plan, driver, profile, credentials))
            if told is not None:
                told(judgement)
            judged.append(judgement)
        return judged

    if driver.at_once:
        by_profile = await asyncio.gather(*(on(profile) for profile in profiles))
    else:
        by_profile = [await on(profile) for profile in profiles]
    return [judgement for judged in by_profile for judgement in judged]


async def play(case: Case, bench: Bench) -> Judgement:
    """Play one case, and judge it. Raises nothing."""
    verdict, expected, came, remark = Verdict.PASS, "", "", ""
    try:
        await _play(case, bench)
    except Failed as failure:
        verdict, expected, came = Verdict.FAIL, failure.expected, failure.came
    except (Unclear, NotMapped) as reason:
        verdict, remark = Verdict.INCONCLUSIVE, str(reason)
    except Inapplicable as reason:
        verdict, remark = Verdict.NOT_APPLICABLE, str(reason)
    except Exception as error:
        log.exception("The laboratory failed at %s", case.id)
        verdict, remark = Verdict.INCONCLUSIVE, f"the laboratory itself failed: {error!r}"
    except asyncio.CancelledError:
        await _let_go(bench)
        raise
    step = bench.at_step if verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE} else ""
    await _clear_away(bench)
    return Judgement(
        case=case.id,
        profile=bench.profile,
        verdict=verdict,
        step=_shown(bench, step),
        expected=_shown(bench, expected),
        came=_shown(bench, came),
        remark=_shown(bench, remark),
        warnings=tuple(_shown(bench, each) for each in bench.warnings[:_MOST_WARNINGS]),
        seconds=bench.log.seconds,
        log=bench.log.entries,
    )


async def _play(case: Case, bench: Bench) -> None:
    if case.functionality.value in bench.plan.unsupported:
        raise Inapplicable(f"the product does not claim {case.functionality.value}")
    if bench.profile not in case.profiles:
        applies = " and ".join(map(str, case.profiles))
        raise Inapplicable(f"only on security profile {applies}")
    limit = bench.plan.deadlines.case_s
    try:
        async with asyncio.timeout(limit) as whole:
            await case.script(bench)
            for station in bench.stations:
                await station.hears_nothing()
    except TimeoutError:
        # One that the script itself set, and did not put into words.
        expected = f"an end of the case in {limit:g} s" if whole.expired() else "an answer in time"
        raise Failed(expected, "came none") from None


def _shown(bench: Bench, text: str) -> str:
    """Words that may quote a peer, as a report may have them."""
    return plain(bench.log.told(text), _LONGEST)


async def _clear_away(bench: Bench) -> None:
    """Leave the CSMS idle, whatever the case has left undone. Raises nothing."""
    for station in bench.stations:
        await _noted(bench, station.clean_up())
        await _noted(bench, station.disconnect())
    await _noted(bench, bench.finish_orders())


async def _let_go(bench: Bench) -> None:
    """Drop everything: the run is called off."""
    bench.drop_orders()
    for station in bench.stations:
        await _noted(bench, station.disconnect(abruptly=True))


async def _noted(bench: Bench, work: Coroutine[Any, Any, None]) -> None:
    """Do something that judges nothing; how it failed is noted."""
    try:
        async with asyncio.timeout(2 * bench.plan.deadlines.answer_s + _CLOSING_S):
            await work
    except (TimeoutError, Failed, Refused) as error:
        bench.log.add(Kind.NOTE, f"clearing away: {str(error) or 'no end came'}")
    except Exception as error:
        log.exception("The laboratory failed to clear away")
        bench.log.add(Kind.NOTE, f"clearing away: {error!r}")
