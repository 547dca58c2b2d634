"""Why a station is refused, in plain words, and what to do about it."""

from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.barriers import Barrier, meaning, remedy
from voltkeep.domain.certificates import CertificateState, IssuedCertificate
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Refusal
from voltkeep.domain.stations import Registration, SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.ports import Clock, Read, Work
from voltkeep.services.refusals import NOBODY, host_of

_SHOWN = 20
_NOBODYS = timedelta(days=1)  # TLS failures that may be of a station never heard of
_WITH_KEY = (SecurityProfile.BASIC, SecurityProfile.TLS_BASIC)
_IN_USE = (CertificateState.ACTIVE, CertificateState.ACCEPTED, CertificateState.SENT)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is so, and what to do if it should not be."""

    topic: str
    text: str
    do: str = ""
    is_wrong: bool = False


class Explained(Struct, frozen=True, kw_only=True):
    """Refusals of one reason and one host."""

    reason: str
    means: str
    do: str
    count: int
    first_at: datetime
    at: datetime
    host: str
    detail: str
    is_surely_its: bool = True  # no station was named: it comes from where this one was


class Explanation(Struct, frozen=True, kw_only=True):
    """All that decides over the connections of a station, the sum of it first."""

    station: StationId
    is_registered: bool
    is_connected: bool
    summary: str
    findings: tuple[Finding, ...]
    refusals: tuple[Explained, ...]


class ExplainService:
    """Reads what is known of a station, its connections and its refusals, and says it."""

    def __init__(self, read: Read, clock: Clock, addresses: Addresses) -> None:
        self._read = read
        self._clock = clock
        self._addresses = addresses

    async def explain(self, station: StationId) -> Explanation:
        """Also for an id that is not registered."""
        now = self._clock()
        async with self._read() as work:
            known = await work.stations.get(station)
            refusals = await _refusals(work, station, known, now)
            alike = await _alike(work, station) if known is None else []
            certificates = await work.certificates.of(station, states=_IN_USE)
        if known is None:
            findings = _unregistered(station, alike)
        else:
            url = self._addresses.station(station, known.security_profile)
            findings = [
                *_connection(known, url, now),
                *_key(known),
                *_certificate(known, certificates, now),
                *_holds(known, now),
            ]
        is_connected = known is not None and known.is_connected
        return Explanation(
            station=station,
            is_registered=known is not None,
            is_connected=is_connected,
            summary=_summary(station, known, refusals),
            findings=tuple(findings),
            refusals=tuple(refusals),
        )


async def _refusals(
    work: Work, station: StationId, known: Station | None, now: datetime
) -> list[Explained]:
    own = await work.refusals.of(station, limit=_SHOWN)
    hosts = {each.host for each in own}
    if known is not None and known.remote_address is not None:
        hosts.add(host_of(known.remote_address))
    nobody = StationId(station.tenant, NOBODY.name)
    others = await work.refusals.of(nobody, limit=_SHOWN * 10)
    near = [
        each for each in others if each.host in hosts or (not hosts and each.at > now - _NOBODYS)
    ]
    shown = [_explained(each, station, is_its=True) for each in own]
    shown += [_explained(each, station, is_its=False) for each in near[:_SHOWN]]
    return sorted(shown, key=lambda each: each.at, reverse=True)


def _explained(refusal: Refusal, station: StationId, *, is_its: bool) -> Explained:
    return Explained(
        reason=refusal.reason,
        means=meaning(refusal.reason),
        do=remedy(refusal.reason, station),
        count=refusal.count,
        first_at=refusal.first_at,
        at=refusal.at,
        host=refusal.host,
        detail=refusal.detail,
        is_surely_its=is_its,
    )


async def _alike(work: Work, station: StationId) -> list[StationId]:
    """Stations that differ in case only: the mistake that is made most often."""
    found: list[StationId] = []
    after: StationId | None = None
    while page := await work.stations.all(station.tenant, after=after):
        after = page[-1].id
        found += [each.id for each in page if each.id.name.casefold() == station.name.casefold()]
    return found


def _unregistered(station: StationId, alike: list[StationId]) -> list[Finding]:
    findings = [
        Finding(
            topic="Registration",
            text="No station of this id is registered.",
            do=f"voltkeep station add {station.quoted}",
            is_wrong=True,
        )
    ]
    for other in alike:
        text = f"There is {other}: upper and lower case count."
        findings.append(Finding(topic="Alike", text=text, do=f"Enter {other} in the station"))
    return findings


def _connection(station: Station, url: str, now: datetime) -> list[Finding]:
    profile = int(station.security_profile)
    findings = []
    if not url:
        findings.append(
            Finding(
                topic="Address",
                text=f"It has security profile {profile}, and nothing listens for that.",
                do="Switch the listener on (ocpp, ocpp_tls, ocpp_mtls): voltkeep config show",
                is_wrong=True,
            )
        )
    else:
        text = f"Security profile {profile}: it connects to {url}"
        findings.append(Finding(topic="Address", text=text))
    if station.is_connected:
        text = f"Connected since {_time(station.connected_at)} from {station.remote_address}."
    elif station.connected_at is None:
        text = "It has never connected."
    else:
        text = f"Last connected from {station.remote_address}, until "
        text += f"{_time(station.disconnected_at)}; last heard {_time(station.last_heard_at)}."
    findings.append(Finding(topic="Connection", text=text))
    asked = station.trust.next_profile
    if asked is not None:
        text = (
            f"It was told to use security profile {int(asked)} at "
            f"{_time(station.trust.next_profile_at)}; until it does, both count."
        )
        findings.append(Finding(topic="Upgrade", text=text))
    return findings


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
            f"A new key was sent at {_time(station.trust.next_key_at)}, and its answer is not "
            "here: the old and the new key count, until one is used."
        )
        findings.append(Finding(topic="Key", text=text))
    return findings


def _certificate(
    station: Station, certificates: list[IssuedCertificate], now: datetime
) -> list[Finding]:
    wants_one = SecurityProfile.TLS_CERTIFICATE in {
        station.security_profile,
        station.trust.next_profile,
    }
    if not certificates:
        if not wants_one:
            return []
        text = "We have issued none to it; it may show one of an authority that we trust."
        return [Finding(topic="Certificate", text=text)]
    latest = max(certificates, key=lambda each: (each.not_after, each.id))
    text = f"Serial {latest.id}, {latest.state.value}, valid until {_time(latest.not_after)}."
    if latest.not_after > now:
        return [Finding(topic="Certificate", text=text)]
    return [
        Finding(
            topic="Certificate",
            text=f"EXPIRED. {text}",
            do=remedy("an expired client certificate", station.id) if wants_one else "",
            is_wrong=wants_one,
        )
    ]


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
                text=f"Until {_time(until)}: two connections contend for this id. Nobody new is "
                "let in while one of them is connected and alive.",
                do=f"voltkeep station rotate-key {station.id.quoted}, then "
                f"voltkeep station release {station.id.quoted}",
                is_wrong=True,
            )
        )
    return findings


def _summary(station: StationId, known: Station | None, refusals: list[Explained]) -> str:
    # A file that it was not given keeps no station out.
    refusals = [each for each in refusals if each.reason != Barrier.TOKEN]
    its = [each for each in refusals if each.is_surely_its]
    last = its[0] if its else None
    if known is not None and known.is_connected:
        text = f"{station} is connected."
        if last is not None and known.connected_at is not None and last.at > known.connected_at:
            text += f" Somebody else was refused since: {last.reason}."
        return text
    if last is not None and (
        known is None or known.disconnected_at is None or last.at > known.disconnected_at
    ):
        return f"{station} is refused: {last.reason}."
    if known is None:
        return f"{station} is not registered, and nobody has tried to connect as it."
    if refusals:
        return f"{station} is not connected. Somebody fails before saying who it is: see below."
    return (
        f"{station} is not connected, and nobody has been refused in its name: it does not reach "
        "this server. Check its address, the network and the firewall."
    )


def _time(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
