"""TC_023_1: a token that nobody knows."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import authorize, booted


@case(
    "TC_023_1",
    "Authorize invalid",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1 and 7.2; OCTT, TC_023_1",
)
async def authorize_invalid(bench: Bench) -> None:
    """A token that nobody knows is told to be just that, and no other token with it."""
    station = await booted(bench)

    bench.step("A token that nobody knows is presented, and told to be Invalid")
    await authorize(station, bench.plan.tokens.unknown, "Invalid")

    bench.step("A valid token is presented, and accepted")
    await authorize(station, bench.plan.tokens.valid)
