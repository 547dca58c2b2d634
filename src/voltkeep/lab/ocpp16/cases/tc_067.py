"""TC_067: profiles that are cleared."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.smart_charging import Purpose, a_profile, cleared, given_profile
from voltkeep.lab.ocpp16.states import Reason, booted, charging, end_charging


@case(
    "TC_067",
    "Clear charging profile",
    Functionality.SMART_CHARGING,
    source="OCPP 1.6 edition 2, sections 5.5 and 5.16; errata 3.25; OCTT, TC_067",
)
async def clear_profiles(bench: Bench) -> None:
    """Three profiles are set, then cleared by an id, by what they are, and whatever they are."""
    station = await booted(bench)
    transaction = await charging(station)

    bench.step("The operator sets a ChargePointMaxProfile for the station as a whole")
    of_station = a_profile(bench, Purpose.CHARGE_POINT_MAX_PROFILE, 671)
    first = await given_profile(station, 0, of_station)

    bench.step("The operator sets a TxDefaultProfile on a connector")
    default = a_profile(bench, Purpose.TX_DEFAULT_PROFILE, 672)
    second = await given_profile(station, 1, default)

    bench.step("The operator sets a TxProfile for the transaction")
    of_transaction = a_profile(bench, Purpose.TX_PROFILE, 673, transaction=transaction)
    third = await given_profile(station, 1, of_transaction)
    ids = [each.charging_profile_id for each in (first, second, third)]
    bench.check(len(set(ids)) == len(ids), "three chargingProfileIds", ids)

    bench.step("The operator clears the first by its id, and nothing but that")
    await cleared(station, profile_id=first.charging_profile_id)

    bench.step("The operator clears the second by its connector, purpose and stack level")
    await cleared(
        station,
        connector=1,
        purpose=Purpose.TX_DEFAULT_PROFILE.value,
        stack_level=bench.plan.charging.stack_level,
    )

    bench.step("The operator clears all there are")
    await cleared(station)

    bench.step("Charging ends")
    await end_charging(station, transaction, Reason.LOCAL)
