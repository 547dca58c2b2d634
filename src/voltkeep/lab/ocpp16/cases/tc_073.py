"""TC_073: a new password."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, new_key, or_key_before
from voltkeep.lab.ocpp16.states import booted, is_left_alone, restart


@case(
    "TC_073",
    "Update Charge Point password for HTTP Basic authentication",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A01.FR.01 to .03 and A00.FR.205; OCTT, TC_073",
    profiles=WITH_PASSWORD,
)
async def update_password(bench: Bench) -> None:
    """A station is given another AuthorizationKey, as hex digits, and connects with its octets."""
    station = await booted(bench)

    bench.step("The operator orders a new key: ChangeConfiguration AuthorizationKey, accepted")
    former = await new_key(station)
    async with or_key_before(station, former):
        bench.step("For a while nothing more is asked of the station")
        await is_left_alone(station)

        bench.step("The station connects with the octets of the new key, and boots")
        await restart(station)
        await station.leave()

        bench.step("It connects again with the same key")
        await is_let_in(station)
