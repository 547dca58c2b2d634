"""TC_023_3: a token that is blocked."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import authorize, booted


@case(
    "TC_023_3",
    "Authorize blocked",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1 and 7.2; OCTT, TC_023_3",
)
async def authorize_blocked(bench: Bench) -> None:
    """A token that is blocked is told to be just that, and no other token with it."""
    station = await booted(bench)

    bench.step("A token that is blocked is presented, and told to be Blocked")
    await authorize(station, bench.plan.tokens.blocked, "Blocked")

    bench.step("A valid token is presented, and accepted")
    await authorize(station, bench.plan.tokens.valid)
