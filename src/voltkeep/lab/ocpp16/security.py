"""Who may connect, and what is told of security: what the cases of security share."""

import contextlib
import re
from collections.abc import AsyncIterator

from voltkeep.lab.bench import Bench
from voltkeep.lab.log import forms
from voltkeep.lab.ocpp16.line import Asked
from voltkeep.lab.ocpp16.states import boot
from voltkeep.lab.ocpp16.station import ChargePoint, now
from voltkeep.lab.plan import Shown
from voltkeep.lab.verdicts import Failed, Kind, Unclear
from voltkeep.lab.wire import NotOpened, Way
from voltkeep.ocpp.v16 import (
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    ChangeConfigurationResponseStatus,
    SecurityEventNotificationRequest,
    SecurityEventNotificationResponse,
)
from voltkeep.sim.spec import basic

AUTHORIZATION_KEY = "AuthorizationKey"
Changed = ChangeConfigurationResponseStatus

_IS_KEY = re.compile(r"(?:[0-9A-Fa-f]{2}){16,20}")


async def is_let_in(station: ChargePoint, way: Way | None = None) -> None:
    """The CSMS accepts the connection, and the boot after it; the station leaves. Raises Failed."""
    await station.connect(way)
    await boot(station)
    await station.leave()


async def is_shut_out(station: ChargePoint, way: Way, *, before_upgrade: bool = False) -> NotOpened:
    """The CSMS refuses the connection; ``before_upgrade``: best by an answer of HTTP.

    Raises Failed.
    """
    refusal = await station.is_refused(way)
    # Which status is nowhere said, nor that there must be one (OCTT, TC_085 and TC_088).
    if before_upgrade and refusal.status is None:
        station.bench.warn(f"refused without an answer of HTTP: {refusal.words}")
    return refusal


async def new_key(station: ChargePoint) -> bytes:
    """The operator orders a new key: the CSMS sends one, and it counts. The key before.

    Raises Failed.
    """
    bench, own = station.bench, station.credentials
    order = bench.driver.rotate_key(station.identity)
    asked = await station.asked(order, ChangeConfigurationRequest)
    key = await _told_key(station, asked)
    former = own.key
    bench.log.hide(*forms(key, station.identity))
    own.take_key(key)
    station.may_be_closed = True
    async with or_key_before(station, former):
        await asked.answer(ChangeConfigurationResponse(status=Changed.ACCEPTED))
    return former


@contextlib.asynccontextmanager
async def or_key_before(station: ChargePoint, former: bytes) -> AsyncIterator[None]:
    """Where this fails and only the key before still lets in, the station goes on with that one.

    Else a CSMS that keeps to it would fail every later case, of later runs too.
    """
    try:
        yield
    except Failed:
        bench, own = station.bench, station.credentials
        if not await _lets_in(station, own.key) and await _lets_in(station, former):
            bench.log.add(Kind.NOTE, "the station goes on with the key before, which lets in")
            own.take_key(former)
        raise


async def _lets_in(station: ChargePoint, key: bytes) -> bool:
    await station.disconnect()
    try:
        await station.connect(station.way()._replace(authorization=basic(station.identity, key)))
    except Failed:
        return False
    await station.disconnect()
    return True


async def _told_key(station: ChargePoint, asked: Asked[ChangeConfigurationRequest]) -> bytes:
    """The octets of the key in a request; a wrong one is rejected. Raises Failed."""
    came = asked.request
    if came.key.casefold() != AUTHORIZATION_KEY.casefold():
        await asked.answer(ChangeConfigurationResponse(status=Changed.NOT_SUPPORTED))
        raise Failed(f"key {AUTHORIZATION_KEY}", f"came key {came.key}")
    is_key = _IS_KEY.fullmatch(came.value)
    is_new = is_key and bytes.fromhex(came.value) != station.credentials.key
    if not is_new:
        await asked.answer(ChangeConfigurationResponse(status=Changed.REJECTED))
    # What came is not repeated: it may be a key all the same.
    station.bench.check(
        is_key, "32 to 40 hex digits, two for each octet", f"{len(came.value)} characters"
    )
    station.bench.check(is_new, "another key than the one before", "the same once more")
    return bytes.fromhex(came.value)


async def tell_security_event(station: ChargePoint, type: str) -> None:
    """Tell a security event; the CSMS must take it. Raises Failed."""
    event = SecurityEventNotificationRequest(type=type, timestamp=now())
    await station.tell(event, SecurityEventNotificationResponse)


def shown(bench: Bench, name: str) -> Shown:
    """A certificate of the plan that must be refused. Raises Unclear if there is none."""
    found = bench.plan.shown.get(name)
    if found is None or not found.certificate:
        raise Unclear(f'the plan has no [shown."{name}"]')
    return found
