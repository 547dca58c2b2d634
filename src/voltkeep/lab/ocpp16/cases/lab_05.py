"""LAB_05: a lower security profile than the station has."""

import secrets

from voltkeep.lab.bench import Bench, Credentials
from voltkeep.lab.case import OVER_TLS, Functionality, case
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Inapplicable


@case(
    "LAB_05",
    "Lower security profile",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, A00.FR.001 to .005 and A05.FR.09",
    profiles=OVER_TLS,
    official=False,
)
async def lower_profile(bench: Bench) -> None:
    """A station is refused wherever it does not prove all that its security profile demands."""
    station = ChargePoint(bench)
    lower = [profile for profile in sorted(bench.plan.csms.urls) if profile < bench.profile]
    if not lower:
        raise Inapplicable("the product offers no lower security profile")
    own = station.credentials
    # A station that never had a key shows one all the same: there must be none that fits.
    key = own.key or secrets.token_bytes(20)
    lowered = Credentials(own.account, key, own.certificate, own.private_key)

    for profile in lower:
        bench.step(f"The station connects on security profile {profile}, and is refused")
        other = ChargePoint(bench, lowered, profile)
        way = other.way()
        await is_shut_out(other, way, before_upgrade=way.tls is None)

    bench.step("On its own security profile it is let in")
    await is_let_in(station)
