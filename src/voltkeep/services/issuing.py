"""From a station's accepted request to a certificate that it has: signed, sent, taken or not."""

import asyncio
import re
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import (
    CertificateRequest,
    CertificateState,
    IssuedCertificate,
    RequestState,
)
from voltkeep.domain.commands import SendCertificate
from voltkeep.domain.events import CertificateChanged, CertificateRequested
from voltkeep.domain.identity import StationId
from voltkeep.services.audit import audit
from voltkeep.services.authority import Authority, BadCertificate
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationBusy,
    Stations,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.security_events import raise_alert

log = structlog.get_logger(__name__)

LONGEST_CHAIN = 10_000  # characters: whitepaper 5.1, 7.3
_SENDS = 5  # a station that never answers has had its chances
_WAIT = timedelta(minutes=1)  # for an answer that is lost; doubled each time
_AT_ONCE = 10  # stations that are served at the same time
_LOOK_EVERY_S = 5.0
_PAGE = 1000
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PENDING = (CertificateState.ISSUED, CertificateState.SENT)


class Issuing:
    """Signs what was asked for, and sends it until the station has answered."""

    def __init__(
        self, begin: Begin, read: Read, stations: Stations, authority: Authority, clock: Clock
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._authority = authority
        self._clock = clock
        self._has_work = asyncio.Event()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._busy: set[StationId] = set()
        # Whose request is being answered: a certificate must not overtake the answer.
        self.answering: set[StationId] = set()

    def wake(self) -> None:
        """There is something to do."""
        self._has_work.set()

    async def run(self) -> None:
        """Until cancelled. A station that takes its time holds up no other."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._has_work.clear()
                for station in await self._due():
                    tasks.create_task(self._serve(station))
                try:
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._has_work.wait()
                except TimeoutError:
                    pass

    async def catch_up(self) -> None:
        """Do once what there is to do now, and wait for the answers."""
        await asyncio.gather(*(self._serve(station) for station in await self._due()))

    async def _due(self) -> list[StationId]:
        """For whom something is to be signed or sent, and nobody does it yet; they are busy now."""
        now = self._clock()
        try:
            async with self._read() as work:
                requests = await work.certificate_requests.all(
                    states=[RequestState.REQUESTED], limit=_PAGE
                )
                pending = await work.certificates.all(states=_PENDING, limit=_PAGE)
                due = {each.station for each in pending if await _is_due(work, each, now)}
        except StoreUnavailable as error:
            log.warning("certificates wait for the database", error=str(error))
            return []
        due |= {each.station for each in requests}
        due -= self._busy | self.answering
        self._busy |= due
        return sorted(due)

    async def _serve(self, station: StationId) -> None:
        try:
            async with self._few:
                await self._sign(station)
                await self._send(station)
        except StoreUnavailable as error:
            log.warning("a certificate waits", station=str(station), error=str(error))
        finally:
            self._busy.discard(station)

    # Sign.

    async def _sign(self, station: StationId) -> None:
        async with self._read() as work:
            open_ = await work.certificate_requests.of(
                station, states=[RequestState.REQUESTED], limit=1
            )
        if not open_:
            return
        request, now = open_[0], self._clock()
        certificate, problem = None, ""
        try:
            certificate = await asyncio.to_thread(
                self._authority.sign_station,
                request.pem,
                organization=request.organization,
                common_name=request.common_name,
                at=now,
            )
        except BadCertificate as error:
            problem = str(error)
        async with self._begin() as work:
            current = await work.certificate_requests.lock(station, request.id)
            if current != request:
                return  # asked anew meanwhile
            if certificate is None or await work.stations.get(station) is None:
                await _refuse(work, request, problem or "the station is gone", now)
            else:
                await self._issue(work, request, structs.replace(certificate, station=station), now)

    async def _issue(
        self, work: Work, request: CertificateRequest, certificate: IssuedCertificate, now: datetime
    ) -> None:
        station = request.station
        for older in await work.certificates.of(station, states=_PENDING):
            await _changed(work, older, CertificateState.SUPERSEDED, now, "a newer one was issued")
        certificate = structs.replace(
            certificate, at=now, pem=chain_to_send(certificate.pem, self._authority.root.pem)
        )
        await work.certificates.put(certificate)
        await work.certificate_requests.put(
            structs.replace(request, state=RequestState.SIGNED, at=now)
        )
        work.emit(CertificateChanged.of(certificate, now, certificate.problem))
        deed = Deed(
            action="certificate.issued",
            object=str(station),
            after=f"{certificate.id}: {certificate.subject}",
        )
        await audit(work, station.tenant, now, deed)

    # Send.

    async def _send(self, station: StationId) -> None:
        now = self._clock()
        async with self._read() as work:
            pending = await work.certificates.of(station, states=_PENDING, limit=1)
            if not pending or not await _is_due(work, pending[0], now):
                return
            certificate = pending[0]
            request = await work.certificate_requests.get(station, certificate.key_fingerprint)
        command = SendCertificate(
            chain=certificate.pem,
            request_id=request.request_id if request else None,
            use=request.use if request else "",
        )
        state, problem = CertificateState.ACCEPTED, ""
        if certificate.not_after <= now:
            state, problem = CertificateState.REJECTED, "it expired before it could be sent"
        else:
            try:
                outcome = await self._stations.send(station, command)
            except StationUnreachable as failure:
                state, problem = _state_after(failure, certificate.sends + 1)
            else:
                if not outcome.accepted:
                    state, problem = CertificateState.REJECTED, f"it answered {outcome.status}"
        if state is not CertificateState.ISSUED:  # it never left: its turn comes
            await self._sent(certificate, state, problem)

    async def _sent(
        self, certificate: IssuedCertificate, state: CertificateState, problem: str
    ) -> None:
        now = self._clock()
        async with self._begin() as work:
            current = await work.certificates.lock(certificate.station, certificate.id)
            if current is None or current.state not in _PENDING:
                return  # revoked meanwhile, or the station is back with it already
            await _changed(
                work,
                structs.replace(current, sends=current.sends + 1),
                state,
                now,
                problem,
            )
            if state is CertificateState.REJECTED:
                # A02, error handling: a person must look; trying again by the clock helps nobody.
                await raise_alert(
                    work,
                    certificate.station,
                    "certificate not taken",
                    f"certificate {certificate.id} was not taken: {problem}",
                    now,
                )


def chain_to_send(pem: str, root: str) -> str:
    """The certificate and those between it and the root, which the station has or will not trust.

    Lines end in LF (A00.FR.507). What is above is left out where the chain would be too long.
    """
    without = "".join(root.split())
    blocks = [
        block.replace("\r\n", "\n").strip() + "\n"
        for block in _BLOCK.findall(pem)
        if "".join(block.split()) != without
    ]
    while len(blocks) > 1 and sum(map(len, blocks)) > LONGEST_CHAIN:
        blocks.pop()
    return "".join(blocks)


async def _is_due(work: Work, certificate: IssuedCertificate, now: datetime) -> bool:
    """Whether to send it now; again after a while, or once the station has come back."""
    if certificate.state is CertificateState.ISSUED:
        return True
    if now >= certificate.at + _WAIT * (1 << max(0, certificate.sends - 1)):
        return True
    station = await work.stations.get(certificate.station)
    return (
        station is not None
        and station.connected_at is not None
        and station.connected_at > certificate.at
    )


def _state_after(failure: StationUnreachable, sends: int) -> tuple[CertificateState, str]:
    """Where a certificate stands when sending it brought no answer, and why."""
    if failure.may_have_arrived:
        if sends < _SENDS:
            return CertificateState.SENT, f"no answer ({failure.result})"
        return CertificateState.REJECTED, f"no answer, {sends} times"
    if isinstance(failure, StationBusy) or failure.result == "offline":
        return CertificateState.ISSUED, ""
    return CertificateState.REJECTED, str(failure) or failure.result


async def _refuse(work: Work, request: CertificateRequest, problem: str, now: datetime) -> None:
    await work.certificate_requests.put(
        structs.replace(request, state=RequestState.REFUSED, at=now, problem=problem)
    )
    work.emit(
        CertificateRequested(
            station=request.station, at=now, subject=request.subject, problem=problem
        )
    )
    text = f"no certificate was made for {request.subject}: {problem}"
    await raise_alert(work, request.station, "certificate not made", text, now)


async def _changed(
    work: Work,
    certificate: IssuedCertificate,
    state: CertificateState,
    now: datetime,
    problem: str = "",
) -> None:
    changed = structs.replace(certificate, state=state, at=now, problem=problem)
    await work.certificates.put(changed)
    if state is CertificateState.SENT:
        return  # what became of it is not known yet
    work.emit(CertificateChanged.of(changed, now, changed.problem))
    deed = Deed(
        action=f"certificate.{state.value}",
        object=f"{changed.station} {changed.id}",
        before=certificate.state.value,
        after=state.value,
        result=problem or "done",
    )
    await audit(work, changed.station.tenant, now, deed)
