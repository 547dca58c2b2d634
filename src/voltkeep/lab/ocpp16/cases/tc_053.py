"""TC_053: a reservation for a group of tokens."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.reservations import charging_as_reserved, is_parent, reserved
from voltkeep.lab.ocpp16.states import (
    Reason,
    Status,
    authorize,
    booted,
    end_charging,
    tell_status,
)


@case(
    "TC_053",
    "Use a reserved connector with parentIdTag",
    Functionality.RESERVATION,
    source="OCPP 1.6 edition 2, sections 5.13 and 3.10; OCTT, TC_053",
)
async def reservation_for_group(bench: Bench) -> None:
    """A connector is reserved for a group: one of its tokens starts charging, another ends it."""
    station = await booted(bench)

    bench.step("The operator reserves a connector for a token and its group")
    reservation = await reserved(station, for_group=True)
    await tell_status(station, Status.RESERVED)
    transaction = await charging_as_reserved(station, reservation.reservation_id)

    bench.step("Another token of the group is presented; it is accepted, and of the same group")
    sibling = bench.plan.tokens.sibling
    answer = await authorize(station, sibling)
    is_parent(bench, answer.id_tag_info.parent_id_tag)

    bench.step("It ends the charging")
    await end_charging(station, transaction, Reason.LOCAL, token=sibling)
