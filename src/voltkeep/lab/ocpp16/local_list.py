"""Local authorization lists: what a CSMS sends, and what an entry of it must be."""

from msgspec import UNSET

from voltkeep.lab.bench import Bench
from voltkeep.lab.driver import Driver
from voltkeep.lab.ocpp16.fields import is_just
from voltkeep.lab.ocpp16.station import Asked, ChargePoint
from voltkeep.ocpp.errors import plain
from voltkeep.ocpp.v16 import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
    SendLocalListResponseStatus,
)

ListStatus = SendLocalListResponseStatus


async def asked_version(station: ChargePoint, version: int) -> None:
    """The CSMS is told to ask for the version of the list; it is answered. Raises Failed."""
    driver = station.bench.driver
    order = driver.get_local_list_version(station.identity)
    asked = await station.asked(order, GetLocalListVersionRequest)
    await asked.answer(GetLocalListVersionResponse(list_version=version))


async def sent_full(station: ChargePoint, answer: ListStatus) -> int:
    """The CSMS is told to send a full list of two tokens; its version. Raises Failed."""
    tokens = station.bench.plan.tokens
    wanted = (tokens.valid, tokens.sibling)
    asked = await _sent(station, station.bench.driver, full=True, tokens=wanted, version=1)
    entries = _entries(station.bench, asked.request)
    for token in wanted:
        came = ", ".join(entries) or "none"
        station.bench.check(token.casefold() in entries, f"an entry of {token}", came)
    await asked.answer(SendLocalListResponse(status=answer))
    return asked.request.list_version


async def sent_differential(station: ChargePoint, reported: int) -> None:
    """The CSMS is told to send a differential list of one token; it is accepted.

    ``reported``: the version that the station has. Raises Failed.
    """
    bench, token = station.bench, station.bench.plan.tokens.sibling
    # It is for the CSMS to ask which version the station has, or to know (OCTT, TC_043_5).
    station.may_be_asked(
        GetLocalListVersionRequest, GetLocalListVersionResponse(list_version=reported)
    )
    wanted = (token,)
    asked = await _sent(station, bench.driver, full=False, tokens=wanted, version=reported + 1)
    version = asked.request.list_version
    bench.check(version > reported, f"listVersion above {reported}", f"listVersion {version}")
    entries = _entries(bench, asked.request)
    is_just(bench, "entries", ", ".join(entries) or "none", token.casefold())
    await asked.answer(SendLocalListResponse(status=ListStatus.ACCEPTED))


async def _sent(
    station: ChargePoint, driver: Driver, *, full: bool, tokens: tuple[str, ...], version: int
) -> Asked[SendLocalListRequest]:
    order = driver.send_local_list(station.identity, full=full, tokens=tokens, version=version)
    asked = await station.asked(order, SendLocalListRequest)
    kind = "Full" if full else "Differential"
    is_just(station.bench, "updateType", asked.request.update_type, kind)
    # 0 and -1 are what stations say for no list (errata 3.52).
    came = asked.request.list_version
    station.bench.check(came > 0, "listVersion above 0", f"listVersion {came}")
    return asked


def _entries(bench: Bench, request: SendLocalListRequest) -> list[str]:
    """The tokens of a list, each once and accepted, in small letters. Raises Failed."""
    entries = request.local_authorization_list or []
    tokens = [plain(each.id_tag.casefold()) for each in entries]
    for each, token in zip(entries, tokens, strict=True):
        info = each.id_tag_info
        bench.check(info is not UNSET, f"idTagInfo of {token}", "none")
    bench.check(len(set(tokens)) == len(tokens), "each idTag once", ", ".join(tokens))
    return tokens
