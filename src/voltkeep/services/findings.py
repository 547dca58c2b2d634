"""What is so with a station that decides over its connections: one finding for each thing."""

import math
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.barriers import Barrier, remedy
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Refusal, Verdict
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.services.addresses import Addresses

_WITH_KEY = (SecurityProfile.BASIC, SecurityProfile.TLS_BASIC)
_IN_USE = (CertificateState.ACTIVE, CertificateState.ACCEPTED, CertificateState.SENT)
_NOT_CREDENTIALS = {Barrier.FAILED_TOO_OFTEN, Barrier.TOKEN}


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is so, and what to do if it should not be."""

    topic: str
    text: str
    do: str = ""
    is_wrong: bool = False


def unregistered(station: StationId, alike: list[StationId]) -> list[Finding]:
    """Of an id that nobody registered; ``alike`` differ from it in case only."""
    findings = [
        Finding(
            topic="Registration",
            text="No station of this id is registered.",
            do=remedy(Verdict.UNKNOWN_STATION, station)
            if station.tenant == station.name
            else f"voltkeep station add {station.quoted}",
            is_wrong=True,
        )
    ]
    for other in alike:
        text = f"There is {other}: upper and lower case count."
        findings.append(Finding(topic="Alike", text=text, do=f"Enter {other} in the station"))
    return findings


def registered(
    station: Station,
    addresses: Addresses,
    certificates: list[IssuedCertificate],
    now: datetime,
) -> list[Finding]:
    """Of a station that we know; ``certificates`` are all that we have issued to it."""
    return [
        *_connection(station, addresses),
        *_key(station),
        *_certificate(station, certificates, now),
        *_holds(station, now),
    ]


def waits(
    station: StationId, known: Station | None, refusals: Sequence[Refusal], now: datetime
) -> list[Finding]:
    """Who is told to wait whatever they show, for how long, and what came before that."""
    findings = []
    let_in_at = known.connected_at if known is not None else None
    for refusal in refusals:
        until = refusal.until
        if until is None or until <= now or (let_in_at is not None and let_in_at > refusal.at):
            continue
        failed = [
            f"{each.reason} ({each.count})"
            for each in refusals
            if each.host == refusal.host and each.reason not in _NOT_CREDENTIALS
        ]
        why = f"after {', '.join(failed)}" if failed else "after failures from other addresses"
        left = (until - now).total_seconds()
        span = f"{math.ceil(left / 60)} min" if left > 60 else f"{math.ceil(left)} s"
        findings.append(
            Finding(
                topic="Told to wait",
                text=f"For another {span}, until {shown(until)}, right and wrong credentials are "
                f"not looked at if they come from {refusal.host}: {why}.",
                do=remedy(refusal.reason, station),
                is_wrong=True,
            )
        )
    return findings


def _connection(station: Station, addresses: Addresses) -> list[Finding]:
    findings = [_address(station, station.security_profile, addresses)]
    if station.is_connected:
        text = f"Connected since {shown(station.connected_at)} from {station.remote_address}."
    elif station.connected_at is None:
        text = "It has never connected."
    else:
        text = f"Last connected from {station.remote_address}, until "
        text += f"{shown(station.disconnected_at)}; last heard {shown(station.last_heard_at)}."
    findings.append(Finding(topic="Connection", text=text))
    asked = station.trust.next_profile
    if asked is not None:
        text = (
            f"It was told to use security profile {int(asked)} at "
            f"{shown(station.trust.next_profile_at)}; until it does, both count."
        )
        findings.append(Finding(topic="Upgrade", text=text))
        findings.append(_address(station, asked, addresses))
    return findings


def _address(station: Station, profile: SecurityProfile, addresses: Addresses) -> Finding:
    url = addresses.station(station.id, profile)
    if url:
        return Finding(
            topic="Address", text=f"Security profile {int(profile)}: it connects to {url}"
        )
    return Finding(
        topic="Address",
        text=f"Security profile {int(profile)}: nothing listens for that.",
        do="Switch the listener on (ocpp, ocpp_tls, ocpp_mtls): voltkeep config show",
        is_wrong=True,
    )


def _key(station: Station) -> list[Finding]:
    profiles = {station.security_profile, station.trust.next_profile}
    if not profiles.intersection(_WITH_KEY):
        return []
    findings = []
    if station.key_hash is None:
        findings.append(
            Finding(
                topic="Key",
                text="It has no key.",
                do=f"voltkeep station rotate-key {station.id.quoted}",
                is_wrong=True,
            )
        )
    else:
        text = f"It has a key. The user name is {station.id.name}."
        findings.append(Finding(topic="Key", text=text))
    if station.trust.next_key_hash is not None:
        text = (
            f"A new key was sent at {shown(station.trust.next_key_at)}, and its answer is not "
            "here: the old and the new key count, until one is used."
        )
        findings.append(Finding(topic="Key", text=text))
    return findings


def _certificate(
    station: Station, certificates: list[IssuedCertificate], now: datetime
) -> list[Finding]:
    needs_one = station.security_profile is SecurityProfile.TLS_CERTIFICATE
    wants_one = needs_one or station.trust.next_profile is SecurityProfile.TLS_CERTIFICATE
    in_use = [each for each in certificates if each.state in _IN_USE]
    if not certificates:
        text = "We have issued none to it; it may show one of an authority that we trust."
        return [Finding(topic="Certificate", text=text)] if wants_one else []
    latest = max(in_use or certificates, key=lambda each: (each.not_after, each.id))
    text = f"Serial {latest.id}, {latest.state.value}, valid until {shown(latest.not_after)}."
    has_expired = latest.not_after <= now
    if has_expired:
        text = f"EXPIRED. {text}"
    elif in_use:
        return [Finding(topic="Certificate", text=text)]
    else:
        text = f"None that counts; its last one: {text}{_because(latest)}"
    if needs_one:
        # Of profile 3, it cannot connect to renew it.
        do = remedy(
            Verdict.CERTIFICATE_EXPIRED if has_expired else Verdict.CERTIFICATE_REVOKED, station.id
        )
    else:
        do = f"voltkeep certificate renew {station.id.quoted}" if wants_one else ""
    return [Finding(topic="Certificate", text=text, do=do, is_wrong=wants_one)]


def _because(certificate: IssuedCertificate) -> str:
    if certificate.state is CertificateState.REVOKED:
        reason = certificate.revocation_reason
        why = f" ({reason.value.replace('_', ' ')})" if reason is not None else ""
        return f" It was revoked at {shown(certificate.revoked_at)}{why}."
    return f" {certificate.problem}." if certificate.problem else ""


def _holds(station: Station, now: datetime) -> list[Finding]:
    findings = []
    if station.registration is not Registration.ACCEPTED:
        held = station.registration.lower()
        findings.append(
            Finding(
                topic="Registration",
                text=f"It is {held}: it may connect and boot, and do nothing else.",
                do=f"voltkeep station accept {station.id.quoted}",
                is_wrong=True,
            )
        )
    until = station.trust.quarantined_until
    if until is not None and until > now:
        findings.append(
            Finding(
                topic="Quarantine",
                text=f"Until {shown(until)}: two connections contend for this id. Nobody new is "
                "let in while one of them is connected and alive.",
                do=f"voltkeep station rotate-key {station.id.quoted}, then "
                f"voltkeep station release {station.id.quoted}",
                is_wrong=True,
            )
        )
    return findings


def shown(at: datetime | None) -> str:
    """A time as people read it."""
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
