"""TC_083: the security profile is raised."""

from functools import partial

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import WITH_PASSWORD, Functionality, case
from voltkeep.lab.ocpp16 import orders
from voltkeep.lab.ocpp16.security import is_let_in, is_shut_out
from voltkeep.lab.ocpp16.states import boot
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Inapplicable, Unclear
from voltkeep.ocpp.v16 import (
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    ChangeConfigurationResponseStatus,
    ResetRequest,
    ResetRequestType,
    ResetResponse,
    ResetResponseStatus,
)

_KEY = "SecurityProfile"


@case(
    "TC_083",
    "Upgrade Charge Point security profile, accepted",
    Functionality.SECURITY,
    source="Security whitepaper edition 3, use case A05 (A05.FR.09); OCTT, TC_083",
    profiles=WITH_PASSWORD,
)
async def upgrade_security_profile(bench: Bench) -> None:
    """A station is raised to the next security profile; the one before is refused from then on.

    It has a station of its own, which cannot go back: before the case is played once more, give
    that station its lower security profile again in the CSMS, and have the laboratory forget that
    it was raised (`voltkeep lab forget`). The CSMS may send the reset between of its own accord. On
    plain ws the refusal is best an answer of HTTP; over TLS the handshake may be refused instead.
    """
    lower, higher = bench.profile, bench.profile + 1
    if higher not in bench.plan.csms.urls:
        raise Inapplicable(f"the product offers no security profile {higher}")
    station = ChargePoint(bench, bench.credentials(f"{lower}-to-{higher}"))
    if station.credentials.raised_to is not None:
        raise Unclear(_raised_before(station.identity, lower, higher))

    bench.step("The station connects on its security profile, and boots")
    await station.connect()
    await boot(station)

    bench.step("The operator raises it: ChangeConfiguration SecurityProfile to the next")
    await _asked_to_raise(station, higher)

    bench.step("The CSMS resets the station hard, or the operator orders that, and it restarts")
    await _reset(station)
    await station.leave()

    bench.step("The station connects on the higher security profile, and boots")
    former_way = station.way()
    station.profile = higher
    await is_let_in(station)

    bench.step("The station connects on the lower security profile, and is refused")
    await is_shut_out(station, former_way, before_upgrade=former_way.tls is None)

    bench.step("The station connects on the higher security profile again, and boots")
    await is_let_in(station)


async def _reset(station: ChargePoint) -> None:
    """The CSMS may do it of its own accord, once it has raised the profile, and then once more."""
    early = await station.may_hear(ResetRequest)
    if early is None:
        await orders.reset(station, ResetRequestType.HARD)
    else:
        await early.answer(_answered(station.bench, early.request))
    station.may_be_asked(ResetRequest, partial(_answered, station.bench))


def _answered(bench: Bench, request: ResetRequest) -> ResetResponse:
    bench.check(request.type == ResetRequestType.HARD, "type Hard", f"type {request.type}")
    return ResetResponse(status=ResetResponseStatus.ACCEPTED)


def _raised_before(identity: str, lower: int, higher: int) -> str:
    return (
        f"{identity} has accepted security profile {higher} in an earlier run: give it profile "
        f"{lower} again in the CSMS, then `voltkeep lab forget FOLDER {identity}`"
    )


async def _asked_to_raise(station: ChargePoint, higher: int) -> None:
    bench = station.bench
    order = bench.driver.raise_profile(station.identity, to=higher)
    asked = await station.asked(order, ChangeConfigurationRequest)
    came, status = asked.request, ChangeConfigurationResponseStatus
    is_it = came.key.casefold() == _KEY.casefold() and came.value.strip() == str(higher)
    if is_it:
        station.credentials.raise_to(higher)
        station.may_be_closed = True
    await asked.answer(
        ChangeConfigurationResponse(status=status.ACCEPTED if is_it else status.REJECTED)
    )
    bench.check(came.key.casefold() == _KEY.casefold(), f"key {_KEY}", f"key {came.key}")
    bench.check(is_it, f"value {higher}", "another value")
