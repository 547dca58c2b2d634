"""Local authorization lists: what a CSMS sends, and what an entry of it must be."""

from msgspec import UNSET

from voltkeep.lab.bench import Bench
from voltkeep.lab.driver import Driver
from voltkeep.lab.ocpp16.fields import is_just
from voltkeep.lab.ocpp16.line import Asked
from voltkeep.lab.ocpp16.station import ChargePoint
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
    driver, tokens = station.bench.driver, station.bench.plan.tokens
    wanted = (tokens.valid, tokens.sibling)
    asked = await _sent(station, driver, full=True, tokens=wanted, version=1)
    if answer is ListStatus.ACCEPTED:
        _is_kept(station, asked.request.list_version)
    statuses = _statuses(station.bench, asked.request)
    for token in wanted:
        _is_accepted(station.bench, statuses, token)
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
    _is_kept(station, version)
    bench.check(version > reported, f"listVersion above {reported}", f"listVersion {version}")
    statuses = _statuses(bench, asked.request)
    _is_accepted(bench, statuses, token)
    is_just(bench, "entries", ", ".join(statuses), token.casefold())
    await asked.answer(SendLocalListResponse(status=ListStatus.ACCEPTED))


def _is_kept(station: ChargePoint, version: int) -> None:
    """The station has a list of this version, which an empty one takes back."""
    driver = station.bench.driver
    station.takes_back(
        "a local list",
        lambda: driver.send_local_list(station.identity, full=True, tokens=(), version=version + 1),
        SendLocalListRequest,
        SendLocalListResponse(status=ListStatus.ACCEPTED),
    )


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


def _statuses(bench: Bench, request: SendLocalListRequest) -> dict[str, str]:
    """What the list says of each token, in small letters; of each once. Raises Failed."""
    statuses: dict[str, str] = {}
    for entry in request.local_authorization_list or []:
        token, info = plain(entry.id_tag.casefold()), entry.id_tag_info
        bench.check(token not in statuses, "each idTag once", f"{token} again")
        bench.check(info is not UNSET, f"idTagInfo of {token}", "none")
        statuses[token] = "" if info is UNSET else info.status
    return statuses


def _is_accepted(bench: Bench, statuses: dict[str, str], token: str) -> None:
    status = statuses.get(token.casefold())
    is_listed = status is not None
    bench.check(is_listed, f"an entry of {token}", ", ".join(statuses) or "none")
    bench.check(status == "Accepted", f"{token} is Accepted", f"{token} is {status}")
