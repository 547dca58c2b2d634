"""TLS as the cases look at it: what a CSMS speaks, what it shows, and what it refuses."""

import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from voltkeep.lab import tls
from voltkeep.lab.ocpp16.security import is_let_in
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.verdicts import Failed, Unclear
from voltkeep.lab.wire import NotOpened
from voltkeep.sim.tls import Terms

_ACCEPTABLE = {"TLSv1.2", "TLSv1.3"}
_OF_EACH_FAMILY = ("ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-GCM-SHA256")  # ECDSA, RSA
_TLS_12, _TLS_13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


async def speaks_tls(station: ChargePoint) -> None:
    """Of all versions a good one is chosen (A00.FR.312 and 416). Raises Failed."""
    terms = Terms(verify=False, ciphers=tls.only("DEFAULT"), maximum=_TLS_13)
    seen = await _shake_hands(station, terms, "a TLS handshake")
    station.bench.check(seen.version in _ACCEPTABLE, "TLS 1.2 or higher", seen.version)


async def speaks_every_suite(station: ChargePoint) -> None:
    """Each of the four, and the certificate that comes with it is sound. Raises Failed."""
    for name, suite in tls.SUITES.items():
        terms = Terms(verify=False, ciphers=tls.only(suite), maximum=_TLS_12)
        seen = await _shake_hands(station, terms, f"a TLS handshake with {name}")
        is_sound(station, seen)


def is_sound(station: ChargePoint, seen: tls.Seen) -> None:
    """The server's certificate is what it must be (A00.FR.501 to 510). Raises Failed."""
    bench, host = station.bench, name_of(station)
    certificate = tls.read(seen.certificate)
    if certificate is None:
        raise Failed("a certificate of X.509", "came none that can be read")
    for rule in tls.rules(certificate, datetime.now(UTC)):
        bench.check(rule.holds, rule.expected, rule.came)
    names = tls.common_names(certificate)
    fits = [name.casefold() for name in names] == [host.casefold()]
    bench.check(fits, f"CN {host}, the name in the URL", f"CN {names}")
    if not tls.organizations(certificate):
        bench.warn("the server's certificate names no organization (O), as A00.FR.509 wants it")


async def is_trusted(station: ChargePoint) -> list[tls.Seen]:
    """As stations do it: by the plan's roots and the name, with either family. Raises Failed."""
    expected = "a certificate that a station believes"
    return [
        await _shake_hands(station, _of_family(station, suite), expected)
        for suite in _OF_EACH_FAMILY
    ]


async def is_let_in_with_each_family(station: ChargePoint) -> None:
    """The connection is upgraded and the station boots, with a suite of either. Raises Failed."""
    for suite in _OF_EACH_FAMILY:
        context = station.tls(_of_family(station, suite))
        await is_let_in(station, station.way()._replace(tls=context))


async def refuses_old_versions(station: ChargePoint) -> None:
    """No handshake with TLS 1.1 or below. Raises Failed, and Unclear."""
    terms = Terms(verify=False, ciphers=tls.only("ALL"), maximum=ssl.TLSVersion.TLSv1_1)
    await _refuses(station, terms, "the CSMS refuses TLS 1.1 and below")


async def refuses_broken_suites(station: ChargePoint) -> None:
    """No handshake with suites that protect nothing. Raises Failed, and Unclear."""
    broken = tls.broken_suites()
    if not broken:
        raise Unclear("the OpenSSL of this machine speaks no broken suite")
    terms = Terms(verify=False, ciphers=tls.only(broken), maximum=_TLS_12)
    await _refuses(station, terms, "the CSMS refuses suites with NULL, 3DES, MD5 and the like")


async def should_refuse_sha1(station: ChargePoint) -> None:
    """A handshake with CBC and an HMAC of SHA-1 earns a warning."""
    suites = tls.sha1_suites()
    if not suites:
        return
    terms = Terms(verify=False, ciphers=tls.only(suites), maximum=_TLS_12)
    try:
        seen = await _try(station, terms)
    except NotOpened:
        return
    station.bench.warn(f"the CSMS speaks {seen.suite}, with CBC and SHA-1: it is for legacy only")


async def refuses_compression(station: ChargePoint) -> None:
    """It is offered, and not chosen. Raises Failed."""
    bench = station.bench
    context = station.tls(Terms(verify=False, ciphers=tls.only("DEFAULT"), maximum=_TLS_12))
    way = station.way()._replace(tls=context)
    try:
        is_chosen = await tls.compresses(way, bench.log, bench.plan.deadlines.connection_s)
    except NotOpened as refusal:
        raise Failed("a ServerHello", f"came {refusal.words}") from None
    bench.check(not is_chosen, "no TLS compression", "DEFLATE was chosen")


def name_of(station: ChargePoint) -> str:
    """The server's name, as the station's URL has it."""
    return urlsplit(station.way().url).hostname or ""


def _of_family(station: ChargePoint, suite: str) -> Terms:
    return Terms(roots=station.bench.plan.csms.roots, ciphers=suite, maximum=_TLS_12)


async def _shake_hands(station: ChargePoint, terms: Terms, expected: str) -> tls.Seen:
    try:
        return await _try(station, terms)
    except NotOpened as refusal:
        raise Failed(expected, f"came {refusal.words}") from None


async def _refuses(station: ChargePoint, terms: Terms, expected: str) -> None:
    try:
        seen = await _try(station, terms)
    except NotOpened as refusal:
        station.bench.check(refusal.is_refusal, expected, refusal.words)
        return
    raise Failed(expected, f"came {seen.version} with {seen.suite}")


async def _try(station: ChargePoint, terms: Terms) -> tls.Seen:
    bench = station.bench
    way = station.way()._replace(tls=station.tls(terms))
    return await tls.shake_hands(way, bench.log, bench.plan.deadlines.connection_s)
