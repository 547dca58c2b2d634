"""LAB_23: a token in other letters."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import authorize, booted
from voltkeep.lab.verdicts import Unclear


@case(
    "LAB_23",
    "Letter case of a token",
    Functionality.CORE,
    source="Errata to OCPP 1.6, 3.74; OCPP 1.6 edition 2, section 7.28",
    official=False,
)
async def letter_case(bench: Bench) -> None:
    """A token is the same in capital and in small letters, whichever a reader gives."""
    station = await booted(bench)
    tokens = bench.plan.tokens
    if any(token == token.swapcase() for token in (tokens.valid, tokens.blocked)):
        raise Unclear("the valid or the blocked token of the plan has no letters")

    bench.step("A valid token is presented with its letters in the other case, and accepted")
    await authorize(station, tokens.valid.swapcase())

    bench.step("A blocked token is presented with its letters in the other case: Blocked")
    await authorize(station, tokens.blocked.swapcase(), "Blocked")
