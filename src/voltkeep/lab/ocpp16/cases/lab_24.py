"""LAB_24: a higher security profile than the station has."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Inapplicable, Unclear


@case(
    "LAB_24",
    "Higher security profile",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.001 and .002",
    profiles=WITH_PASSWORD,
    official=False,
)
async def higher_profile(bench: Bench) -> None:
    """A station is refused on a security profile that it was never raised to."""
    station = ChargePoint(bench)
    offered = [profile for profile in sorted(bench.plan.csms.urls) if profile > bench.profile]
    if not offered:
        raise Inapplicable("the product offers no higher security profile")
    # Without a certificate it would be refused for that.
    higher = [each for each in offered if each != 3 or station.credentials.certificate]
    if not higher:
        raise Unclear(f"the plan has no certificate of {station.identity}")

    for profile in higher:
        bench.step(f"The station connects on security profile {profile}, and is refused")
        other = ChargePoint(bench, station.credentials, profile)
        await is_shut_out(other, other.way())

    bench.step("On its own security profile it is let in")
    await is_let_in(station)
