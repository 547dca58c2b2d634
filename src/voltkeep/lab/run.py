"""A run: every case on every security profile it applies to, and what became of each."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.case import Case
from voltkeep.lab.driver import Driver, NotMapped, Refused
from voltkeep.lab.plan import Plan
from voltkeep.lab.verdicts import Failed, Inapplicable, Judgement, Kind, Unclear, Verdict

Told = Callable[[Judgement], None]

log = logging.getLogger("voltkeep.lab")


async def run(
    plan: Plan,
    driver: Driver,
    cases: Sequence[Case],
    profiles: Sequence[int],
    *,
    told: Told | None = None,
    at_once: bool = True,
) -> list[Judgement]:
    """Play all cases on each profile, the profiles side by side; judgements in their order.

    Whatever the CSMS does, every case is judged and none waits for ever. `told` hears each
    judgement when it is made. Without `at_once` one profile follows the other.
    """
    credentials = {name: Credentials.of(each) for name, each in plan.stations.items()}

    async def on(profile: int) -> list[Judgement]:
        judged = []
        for case in cases:
            judgement = await play(case, Bench(plan, driver, profile, credentials))
            if told is not None:
                told(judgement)
            judged.append(judgement)
        return judged

    if at_once:
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
    except TimeoutError:
        limit = f"{bench.plan.deadlines.case_s:g} s"
        verdict, expected, came = Verdict.FAIL, f"an end of the case in {limit}", "came none"
    except Exception as error:
        log.exception("The laboratory failed at %s", case.id)
        verdict, remark = Verdict.INCONCLUSIVE, f"the laboratory itself failed: {error!r}"
    step = bench.at_step if verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE} else ""
    await _clear_away(bench)
    return Judgement(
        case=case.id,
        profile=bench.profile,
        verdict=verdict,
        step=step,
        expected=expected,
        came=came,
        remark=remark,
        warnings=tuple(bench.warnings),
        seconds=bench.log.seconds,
        log=bench.log.entries,
    )


async def _play(case: Case, bench: Bench) -> None:
    if case.functionality.value in bench.plan.unsupported:
        raise Inapplicable(f"the product does not claim {case.functionality.value}")
    if bench.profile not in case.profiles:
        applies = " and ".join(map(str, case.profiles))
        raise Inapplicable(f"only on security profile {applies}")
    async with asyncio.timeout(bench.plan.deadlines.case_s):
        await case.script(bench)
        for station in bench.stations:
            await station.hears_nothing()


async def _clear_away(bench: Bench) -> None:
    """Leave the CSMS idle, whatever the case has left undone."""
    try:
        async with asyncio.timeout(bench.plan.deadlines.answer_s):
            for station in bench.stations:
                await station.clean_up()
                await station.disconnect()
            await bench.finish_orders()
    except (TimeoutError, Failed, Refused) as error:
        bench.log.add(Kind.NOTE, f"clearing away: {error}")
    except Exception as error:
        log.exception("The laboratory failed to clear away")
        bench.log.add(Kind.NOTE, f"clearing away: {error!r}")
