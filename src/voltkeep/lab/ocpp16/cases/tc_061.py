"""TC_061: the station's cache of tokens is cleared."""

from voltkeep.lab.bench import Bench
from voltkeep.lab.case import Functionality, case
from voltkeep.lab.ocpp16.states import booted, is_served
from voltkeep.ocpp.v16 import ClearCacheRequest, ClearCacheResponse, ClearCacheResponseStatus


@case(
    "TC_061",
    "Clear authorization data in the authorization cache",
    Functionality.CORE,
    source="OCPP 1.6 edition 2, section 5.4; OCTT, TC_061",
)
async def clear_cache(bench: Bench) -> None:
    """A person has the CSMS clear the tokens that a station remembers."""
    station = await booted(bench)

    bench.step("The operator orders that the cache is cleared; the station does")
    asked = await station.asked(bench.driver.clear_cache(station.identity), ClearCacheRequest)
    await asked.answer(ClearCacheResponse(status=ClearCacheResponseStatus.ACCEPTED))

    bench.step("The station is served as before")
    await is_served(station)
