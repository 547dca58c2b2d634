"""Functional blocks A and M, certificates of our own: asked for, issued, renewed, revoked.

The roots that stations have and that we trust are `voltkeep.services.roots`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, structs

from voltkeep.config import Settings
from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import (
    CertificateRequest,
    CertificateState,
    IssuedCertificate,
    RequestState,
    RevocationReason,
)
from voltkeep.domain.commands import Outcome, SetOrganization, Trigger, Triggered
from voltkeep.domain.events import CertificateChanged, CertificateRequested, StationChanged
from voltkeep.domain.identity import DEFAULT_TENANT, Sender, StationId, TenantId
from voltkeep.domain.security import holds, serial_number
from voltkeep.domain.stations import NameCheck, Station, Trust
from voltkeep.services.audit import audit
from voltkeep.services.authority import Authority, BadCertificate, RequestedCertificate
from voltkeep.services.expiries import ExpiryService
from voltkeep.services.issuing import Issuing
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    Stations,
    StoreUnavailable,
    Work,
)
from voltkeep.services.provisioning import locked, registered
from voltkeep.services.rates import Buckets, Rate
from voltkeep.services.renewal import Renewal
from voltkeep.services.security_events import raise_alert

_OWN_USES = {"", "ChargingStationCertificate"}
_REQUESTS = Rate(burst=10, per_s=10 / 60)  # of one station: signing costs CPU
_ACCEPTED = Rate(burst=100, per_s=100 / 86_400)  # and keeping what was signed costs room
_TELLINGS = Rate(burst=1, per_s=1 / 60)
_CRL_KEPT = timedelta(seconds=30)  # who asks for it costs a signature at most that often
_MOST_ASKED = 20  # certificates in one OCSP request
_PAGE = 1000


class Names(Struct, frozen=True, kw_only=True):
    """What an operator changes of the names that a station's certificate must bear; None: not."""

    serial_number: str | None = None
    common_name: NameCheck | None = None
    common_name_value: str | None = None
    organization: NameCheck | None = None
    organization_value: str | None = None
    forget_pin: bool = False  # of the one certificate that a station without a name check showed


class UnknownCertificate(LookupError):
    """No certificate of ours has that serial number."""


class CertificateService:
    """Requests in, chains out; renewed in time, revoked at once. ``expiries``: what ends when."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        authority: Authority,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._authority = authority
        self._clock = clock
        self._settings = settings
        self._issuing = Issuing(begin, read, stations, authority, clock)
        self.expiries = ExpiryService(read, authority, clock)
        self._renewal = Renewal(begin, read, authority, clock, self._ask_to_renew)
        self._requests: Buckets[StationId] = Buckets(_REQUESTS)
        self._accepted: Buckets[StationId] = Buckets(_ACCEPTED)
        self._tellings: Buckets[StationId] = Buckets(_TELLINGS)
        self._crls: dict[str, tuple[datetime, bytes]] = {}

    # What stations ask.

    async def requested(
        self, sender: Sender, request: str, *, use: str = "", request_id: int | None = None
    ) -> str:
        """A station asks for a certificate (A02, A03). Why it gets none, in words for it.

        "": it will get one, in a message of its own (A02.FR.11). ``use`` is what a 2.x station
        wants it for; "" and ChargingStationCertificate are its own.
        """
        self._issuing.answering.add(sender.station)
        try:
            problem = await self._requested(sender, request, use, request_id)
        except StoreUnavailable:
            self._requests.forget(sender.station)  # it will be asked again, and is not to blame
            raise
        finally:
            self._issuing.answering.discard(sender.station)
        if not problem:
            self._issuing.wake()
        return problem

    async def _requested(self, sender: Sender, pem: str, use: str, request_id: int | None) -> str:
        station, now = sender.station, sender.received_at
        asked: RequestedCertificate | None = None
        problem = ""
        if not self._requests.take(station, now.timestamp()):
            problem = "too many requests: at most 10 a minute are looked at"
            if not self._tellings.take(station, now.timestamp()):
                return problem
        elif use not in _OWN_USES:
            problem = f"no {use} is signed here, only the station's own certificate"
        else:
            try:
                asked = self._authority.read_request(pem)
            except BadCertificate as error:
                problem = str(error)
        async with self._begin() as work:
            known = await work.stations.hold(sender)
            if asked is not None:
                problem = _names_problem(known, asked, self._settings)
                problem = problem or await _key_problem(work, station, asked)
                if not problem and not self._accepted.take(station, now.timestamp()):
                    problem = "too many certificates: at most 100 a day are made for a station"
            work.emit(
                CertificateRequested(
                    station=station,
                    at=now,
                    subject=asked.subject if asked else "",
                    problem=problem,
                )
            )
            if problem:
                text = f"a request for a certificate was refused: {problem}"
                await raise_alert(work, station, "certificate request refused", text, now)
            elif asked is not None:
                # Where O is not looked at it may be missing, and A00.FR.509 wants one.
                name = asked.organization or self._settings.cpo_name
                asked = structs.replace(asked, organization=name)
                await _accept(work, sender, asked, pem, use, request_id)
        return problem

    @property
    def soonest(self) -> Mapping[str, datetime]:
        """When the first expires of those in use, by kind: as of the last look."""
        return self._renewal.soonest

    async def run(self) -> None:
        """Sign and send what was asked for, and renew what grows old, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._issuing.run())
            tasks.create_task(self._renewal.run())

    async def catch_up(self) -> None:
        """Sign and send once what there is to sign and send now."""
        await self._issuing.catch_up()

    async def renew_due(self) -> None:
        """Ask once those stations for a new request whose certificates grow old."""
        await self._renewal.look()

    # What operators ask.

    async def renew(self, station: StationId, *, prepare: bool = False) -> Outcome:
        """Have a station ask for a new certificate (A02).

        With ``prepare`` it is told first which organization to name in its request: for stations
        whose CpoName, or OrganizationName, nobody has set. Raises UnknownStation, and what
        `Stations.send` raises.
        """
        async with self._read() as work:
            known = await registered(work, station)
        if prepare:
            name = known.trust.organization_value or self._settings.cpo_name
            outcome = await self._stations.send(station, SetOrganization(name=name))
            if not outcome.accepted:
                return outcome
        outcome = await self._ask_to_renew(station)
        async with self._begin() as work:
            deed = Deed(
                action="certificate.renewal_asked", object=str(station), result=outcome.status
            )
            await audit(work, station.tenant, self._clock(), deed)
        return outcome

    async def _ask_to_renew(self, station: StationId) -> Outcome:
        return await self._stations.send(station, Trigger(message=Triggered.SIGN_CERTIFICATE))

    async def expect(self, station: StationId, names: Names) -> Trust:
        """Change which names a station's certificate must bear (A00.FR.404, 405).

        They count from its next request or connection. Without any, they are only told. Raises
        UnknownStation.
        """
        now = self._clock()
        changes = {
            name: value
            for name, value in structs.asdict(names).items()
            if value is not None and name != "forget_pin"
        }
        if names.forget_pin:
            changes["pin"] = ""
        async with self._begin() as work:
            before = (await locked(work, station)).trust
            after = structs.replace(before, **changes)
            if after == before:
                return before
            await work.stations.set_trust(station, after)
            work.emit(StationChanged(station=station, at=now, what="names in its certificate"))
            deed = Deed(
                action="station.names_set",
                object=str(station),
                before=_said(before, changes),
                after=_said(after, changes),
            )
            await audit(work, station.tenant, now, deed)
        return after

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        states: Sequence[CertificateState] = (),
        limit: int = 1000,
    ) -> list[IssuedCertificate]:
        """What we have issued, the latest changed first. Raises UnknownStation."""
        async with self._read() as work:
            if station is not None:
                await registered(work, station)
                return await work.certificates.of(station, states=states, limit=limit)
            return await work.certificates.all(tenant, states=states, limit=limit)

    async def requests(
        self, tenant: TenantId | None = None, *, station: StationId | None = None, limit: int = 1000
    ) -> list[CertificateRequest]:
        """What stations have asked for and was in order, the latest first."""
        async with self._read() as work:
            if station is not None:
                return await work.certificate_requests.of(station, limit=limit)
            return await work.certificate_requests.all(tenant, limit=limit)

    async def get(self, serial: str, tenant: TenantId = DEFAULT_TENANT) -> IssuedCertificate:
        """Raises UnknownCertificate."""
        async with self._read() as work:
            return await _found(work, tenant, serial)

    def own(self) -> Sequence[IssuedCertificate]:
        """The authority's own: root, issuers, and what the server shows."""
        return self._authority.certificates()

    async def revoke(
        self,
        serial: str,
        reason: RevocationReason = RevocationReason.UNSPECIFIED,
        tenant: TenantId = DEFAULT_TENANT,
        *,
        disconnect: bool = False,
    ) -> IssuedCertificate:
        """Let nobody in with it from now on (A00.FR.704).

        A connection that was made with it stays (whitepaper 2.6.3) unless ``disconnect``. Raises
        UnknownCertificate.
        """
        now = self._clock()
        async with self._begin() as work:
            found = await _found(work, tenant, serial)
            current = await work.certificates.lock(found.station, found.id) or found
            if current.state is not CertificateState.REVOKED:
                current = await _revoke(work, current, reason, now)
            if disconnect:
                work.emit(
                    StationChanged(station=current.station, at=now, what="certificate revoked")
                )
        self._crls.clear()
        return current

    # What anybody asks: which certificates are revoked.

    async def crl(self, issuer: str) -> bytes:
        """The revocation list (DER) of an issuer by name. Raises LookupError."""
        now = self._clock()
        made_at, crl = self._crls.get(issuer, (None, b""))
        if made_at is None or now - made_at >= _CRL_KEPT:
            revoked = await self._revoked(issuer, now)
            crl = await asyncio.to_thread(self._authority.crl, issuer, revoked, now)
            self._crls[issuer] = (now, crl)
        return crl

    async def _revoked(self, issuer: str, now: datetime) -> list[IssuedCertificate]:
        revoked: list[IssuedCertificate] = []
        before = None
        async with self._read() as work:
            while page := await work.certificates.all(
                states=[CertificateState.REVOKED], before=before, limit=_PAGE
            ):
                revoked += [each for each in page if each.issuer == issuer and each.not_after > now]
                before = (page[-1].at, page[-1].station, page[-1].id)
        return revoked

    async def ocsp(self, request: bytes) -> bytes:
        """The answer (DER) to an OCSP request (DER), whatever it is."""
        try:
            serials = list(self._authority.ocsp_asks(request))[:_MOST_ASKED]
        except BadCertificate:
            serials = []
        known: list[IssuedCertificate] = []
        if serials:
            async with self._read() as work:
                # Whoever has a certificate has an entry in the audit log: its issue.
                for tenant in await work.audit.tenants():
                    found = [await work.certificates.find(tenant, each) for each in serials]
                    known += [each for each in found if each is not None]
        return await asyncio.to_thread(self._authority.ocsp, request, known, self._clock())


def _said(trust: Trust, names: Iterable[str]) -> str:
    return ", ".join(f"{name}={getattr(trust, name)!s}" for name in sorted(names))


def _names_problem(station: Station, asked: RequestedCertificate, settings: Settings) -> str:
    """Why the names in a request are not the station's (A00.FR.509, 511; A02.FR.13)."""
    trust = station.trust
    match trust.organization or NameCheck(settings.organization_check):
        case NameCheck.STRICT if not holds([asked.organization], settings.cpo_name):
            return f"its organization (O) is not {settings.cpo_name}: set it in the station"
        case NameCheck.VALUE if asked.organization != (trust.organization_value or None):
            return "its organization (O) is not the one set for the station"
    serial = serial_number(station)
    match trust.common_name or NameCheck(settings.common_name_check):
        case NameCheck.STRICT if not serial:
            return "the station's serial number is not known, so its name (CN) cannot be checked"
        case NameCheck.STRICT if not holds([asked.common_name], serial):
            return "its name (CN) is not the station's serial number"
        case NameCheck.VALUE if asked.common_name != trust.common_name_value:
            return "its name (CN) is not the one set for the station"
    return "" if asked.common_name else "it names nobody (CN)"


async def _key_problem(work: Work, station: StationId, asked: RequestedCertificate) -> str:
    first = await work.certificate_requests.find(station.tenant, asked.key_fingerprint)
    return "its key is another station's" if first and first.station != station else ""


async def _accept(
    work: Work,
    sender: Sender,
    asked: RequestedCertificate,
    pem: str,
    use: str,
    request_id: int | None,
) -> None:
    """Keep the request; the one before it is forgotten, unless it is the same once more."""
    station, now = sender.station, sender.received_at
    before = await work.certificate_requests.lock(station, asked.key_fingerprint)
    for other in await work.certificate_requests.of(station, states=[RequestState.REQUESTED]):
        if other.id != asked.key_fingerprint:
            await work.certificate_requests.put(
                structs.replace(other, state=RequestState.REPLACED, at=now)
            )
    state = RequestState.REQUESTED
    if before is not None and (before.state, before.pem) == (RequestState.SIGNED, pem):
        # Said once more (2.x A02.FR.17): the certificate that is on its way is sent at once.
        pending = (CertificateState.ISSUED, CertificateState.SENT)
        for certificate in await work.certificates.of(station, states=pending, limit=1):
            if certificate.key_fingerprint == before.id:
                state = RequestState.SIGNED
                await work.certificates.put(
                    structs.replace(certificate, state=CertificateState.ISSUED, at=now)
                )
    await work.certificate_requests.put(
        CertificateRequest(
            station=station,
            id=asked.key_fingerprint,
            state=state,
            at=now,
            pem=pem,
            common_name=asked.common_name,
            organization=asked.organization,
            subject=asked.subject,
            use=use,
            request_id=request_id,
        )
    )


async def _found(work: Work, tenant: TenantId, serial: str) -> IssuedCertificate:
    plain = serial.lower().replace(":", "").removeprefix("0x").lstrip("0")
    found = await work.certificates.find(tenant, plain)
    if found is None:
        raise UnknownCertificate(f"no certificate of ours has the serial number {serial}")
    return found


async def _revoke(
    work: Work, certificate: IssuedCertificate, reason: RevocationReason, now: datetime
) -> IssuedCertificate:
    revoked = structs.replace(
        certificate,
        state=CertificateState.REVOKED,
        at=now,
        revoked_at=now,
        revocation_reason=reason,
    )
    await work.certificates.put(revoked)
    work.emit(CertificateChanged.of(revoked, now, reason.value))
    deed = Deed(
        action="certificate.revoked",
        object=f"{revoked.id} of {revoked.station}",
        before=certificate.state.value,
        after=reason.value,
    )
    await audit(work, revoked.station.tenant, now, deed)
    return revoked
