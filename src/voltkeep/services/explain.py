"""Why a station is refused, in plain words, and what to do about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from voltkeep.domain.barriers import Barrier, meaning, remedy
from voltkeep.domain.identity import StationId
from voltkeep.domain.security import Refusal, TlsFault, Verdict
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services import findings
from voltkeep.services.addresses import Addresses
from voltkeep.services.findings import Finding
from voltkeep.services.ports import Clock, Read, Work
from voltkeep.services.refusals import NOBODY, host_of

_SHOWN = 20
_NOBODYS = timedelta(days=1)  # TLS failures that may be of a station never heard of
_LATELY = timedelta(minutes=10)  # and of one that was let in since


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

    async def explain(self, station: StationId, *, is_all: bool = False) -> Explanation:
        """Also for an id that is not registered. ``is_all``: also what is probably not its."""
        now = self._clock()
        async with self._read() as work:
            known = await work.stations.get(station)
            own = await work.refusals.of(station, limit=_SHOWN)
            since = None if is_all else _since(known, now)
            near = await _near(work, station, known, own, since)
            alike = await _alike(work, station) if known is None else []
            certificates = await work.certificates.of(station)
        if known is None:
            found = findings.unregistered(station, alike)
        else:
            found = findings.registered(known, self._addresses, certificates, now)
        found += findings.waits(station, known, own, now)
        refusals = [self._explained(each, station, known, is_its=True) for each in own]
        refusals += [self._explained(each, station, known, is_its=False) for each in near]
        refusals.sort(key=lambda each: each.at, reverse=True)
        return Explanation(
            station=station,
            is_registered=known is not None,
            is_connected=known is not None and known.is_connected,
            summary=_summary(station, known, refusals),
            findings=tuple(found),
            refusals=tuple(refusals),
        )

    def _explained(
        self, refusal: Refusal, station: StationId, known: Station | None, *, is_its: bool
    ) -> Explained:
        return Explained(
            reason=refusal.reason,
            means=meaning(refusal.reason),
            do=self._do(refusal.reason, station, known),
            count=refusal.count,
            first_at=refusal.first_at,
            at=refusal.at,
            host=refusal.host,
            detail=refusal.detail,
            is_surely_its=is_its,
        )

    def _do(self, reason: str, station: StationId, known: Station | None) -> str:
        """As `remedy` has it, and nearer where more is known."""
        if reason == TlsFault.NO_SHARED_CIPHER:
            update = "It knows none of our suites: update its firmware"
            is_modern = self._addresses.settings.tls_policy == "modern"
            return f"{update}, or set tls_policy to ocpp-legacy" if is_modern else update
        said = remedy(reason, station)
        if known is None:
            return said
        url = self._addresses.station(station, _wanted(known, reason))
        if not url:
            return said
        match reason:
            case Verdict.CERTIFICATE_AWAITED:
                is_asked = self._addresses.settings.ocpp_tls_client_certificates
                or_set = "" if is_asked else ", or set ocpp_tls_client_certificates"
                cancel = f"voltkeep station raise-profile {station.quoted} --cancel"
                return f"Enter {url} in it{or_set}; to take it back: {cancel}"
            case TlsFault.NO_CERTIFICATE:
                return _without_certificate(known, url)
            case Verdict.TLS_REQUIRED | Verdict.CERTIFICATE_REQUIRED if known.connected_at is None:
                return (
                    f"Let it connect to {url}. If it cannot, lower its profile here: voltkeep "
                    f"station set {station.quoted} --security-profile "
                    f"{int(known.security_profile) - 1}"
                )
            case Verdict.TLS_REQUIRED | Verdict.CERTIFICATE_REQUIRED:
                return (
                    f"Let it connect to {url}. It has connected before: somebody else may be "
                    "using its name, or it was reset"
                )
            case _:
                return said


def _wanted(known: Station, reason: str) -> SecurityProfile:
    """The profile that a station should come with, which was refused for this reason."""
    asked = known.trust.next_profile
    is_next = asked is not None and reason == Verdict.CERTIFICATE_AWAITED
    return asked if asked is not None and is_next else known.security_profile


def _without_certificate(known: Station, url: str) -> str:
    asked = known.trust.next_profile
    if SecurityProfile.TLS_CERTIFICATE in {known.security_profile, asked}:
        return (
            "It must show a client certificate there; which it has been given: "
            f"voltkeep certificate list --station {known.id.quoted}"
        )
    return (
        "That is the address of security profile 3. It has profile "
        f"{int(known.security_profile)}: enter {url} in it"
    )


def _let_in_at(known: Station) -> datetime | None:
    """When it was last known to be well, of one that is not connected."""
    times = [each for each in (known.connected_at, known.disconnected_at) if each is not None]
    return max(times, default=None)


def _since(known: Station | None, now: datetime) -> datetime:
    """What came before is nobody's in particular."""
    last = _let_in_at(known) if known is not None else None
    if last is None:
        return now - _NOBODYS
    is_connected = known is not None and known.is_connected
    return now - _LATELY if is_connected else min(last, now - _LATELY)


async def _near(
    work: Work,
    station: StationId,
    known: Station | None,
    own: Sequence[Refusal],
    since: datetime | None,
) -> list[Refusal]:
    """Who failed without saying which station it is, where this one was; of all if nobody knows."""
    hosts = {each.host for each in own}
    if known is not None and known.remote_address is not None:
        hosts.add(host_of(known.remote_address))
    nobody = StationId(station.tenant, NOBODY.name)
    return [
        each
        for each in await work.refusals.of(nobody, limit=_SHOWN * 10)
        if (not hosts or each.host in hosts) and (since is None or each.at > since)
    ][:_SHOWN]


async def _alike(work: Work, station: StationId) -> list[StationId]:
    """Stations that differ in case only: the mistake that is made most often."""
    found: list[StationId] = []
    after: StationId | None = None
    while page := await work.stations.all(station.tenant, after=after):
        after = page[-1].id
        found += [each.id for each in page if each.id.name.casefold() == station.name.casefold()]
    return found


def _summary(station: StationId, known: Station | None, refusals: list[Explained]) -> str:
    # A file that it was not given keeps no station out.
    refusals = [each for each in refusals if each.reason != Barrier.TOKEN]
    if known is not None:  # what was refused as unknown before is no longer
        unknown = Verdict.UNKNOWN_STATION
        refusals = [
            each for each in refusals if each.reason != unknown or each.at > known.created_at
        ]
    if known is not None and known.is_connected:
        since = known.connected_at
    else:
        since = _let_in_at(known) if known is not None else None
    refusals = [each for each in refusals if since is None or each.at > since]
    last = next((each for each in refusals if each.is_surely_its), None)
    if known is not None and known.is_connected:
        text = f"{station} is connected."
        return f"{text} Somebody else was refused since: {last.reason}." if last else text
    if last is not None:
        return f"{station} is refused: {last.reason}."
    if known is None:
        return f"{station} is not registered, and nobody has tried to connect as it."
    if refusals:
        return f"{station} is not connected. Somebody fails before saying who it is: see below."
    if since is None:
        return (
            f"{station} waits for its first attempt: it has not tried yet, or does not reach this "
            "server. If it has tried, check its address, the network and the firewall."
        )
    return (
        f"{station} is not connected, and nobody has been refused in its name since: it does not "
        "reach this server. Check its address, the network and the firewall."
    )
