"""TC_023_2: a token that has expired."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import authorize, booted


@case(
    "TC_023_2",
    "Authorize expired",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, sections 4.1 and 7.2; OCTT, TC_023_2",
)
async def authorize_expired(bench: Bench) -> None:
    """A token that has expired is told to be just that, and no other token with it."""
    station = await booted(bench)

    bench.step("A token that has expired is presented, and told to be Expired")
    await authorize(station, bench.plan.tokens.expired, "Expired")

    bench.step("A valid token is presented, and accepted")
    await authorize(station, bench.plan.tokens.valid)
