"""Functional block N, diagnostics: logs that stations upload to us."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from msgspec import Struct, structs

from voltkeep.config import Settings
from voltkeep.domain.audit import Deed
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.commands import GetLog, LogTold, Outcome
from voltkeep.domain.diagnostics import OPEN_LOG_STATES, LogKind, LogState, LogUpload, state_after
from voltkeep.domain.events import LogUploadChanged
from voltkeep.domain.identity import Sender, StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.authority import Files, Incoming
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    StationRefused,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import registered
from voltkeep.services.refusals import NOBODY, Refusals
from voltkeep.services.transfers import (
    NOT_KNOWN,
    UNASKED,
    Listeners,
    Room,
    Token,
    TransferBusy,
    TransferRefused,
    Via,
    check_location,
    displaced,
    job_meant,
    new_request_id,
    new_token,
    read_token,
    shown,
)

_AT_ONCE = 2  # uploads with one token: one may be broken off and not know it yet
_LONGEST_NAME = 255  # GetLog.conf filename


class UnknownLog(LookupError):
    """No log was asked for under that number, or nothing of it has arrived."""


class RequestedLog(Struct, frozen=True, kw_only=True):
    """A request that a station has answered."""

    upload: LogUpload
    outcome: Outcome


class Receiving:
    """An upload under way: what is written counts once it was kept."""

    def __init__(self, service: "DiagnosticsService", upload: LogUpload, file: Incoming) -> None:
        self._service = service
        self._upload = upload
        self._file = file

    async def write(self, data: bytes) -> None:
        """Raises FileTooLarge, and OSError when the disk is full."""
        await self._file.write(data)

    async def keep(self) -> None:
        """All has arrived. Raises TransferRefused when another upload was first."""
        stored_as, size, sha256 = await self._file.keep()
        await self._service.kept(self._upload, stored_as, size, sha256)


class DiagnosticsService:
    """Asks for logs, receives them, and tells how far they have come."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        files: Files,
        listeners: Listeners,
        clock: Clock,
        settings: Settings,
        refusals: Refusals,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._files = files
        self._clock = clock
        self._patience = timedelta(hours=settings.upload_hours)
        self._room = Room(files, settings)
        self._refusals = refusals
        self._under_way: Counter[str] = Counter()
        self._listeners = listeners

    # What we ask.

    async def request_log(  # noqa: PLR0913  # each is a field of the request
        self,
        station: StationId,
        kind: LogKind,
        *,
        oldest: datetime | None = None,
        latest: datetime | None = None,
        retries: int | None = None,
        retry_interval_s: int | None = None,
        via: Via | None = None,
        location: str | None = None,
        older: bool = False,
    ) -> RequestedLog:
        """Ask a station to upload a log to us, or to an address of the operator's own (N01).

        A station that does not know GetLog is asked for its diagnostics the older way; with
        ``older`` at once. Raises
        UnknownStation, NoListener, BadLocation, and what `Stations.send` raises.
        """
        upload, url = await self._begun(station, kind, via, location)
        command = GetLog(
            kind=kind,
            request_id=int(upload.id),
            location=url,
            oldest=oldest,
            latest=latest,
            retries=retries,
            retry_interval_s=retry_interval_s,
            older=older,
        )
        try:
            outcome = await self._sent(station, command)
        except StationUnreachable as failure:
            state = LogState.UNKNOWN if failure.may_have_arrived else LogState.REFUSED
            await self._answered(upload, state, failure.result)
            raise
        told = outcome.told.filename if isinstance(outcome.told, LogTold) else None
        is_coming = outcome.accepted and told != ""
        upload = await self._answered(
            upload,
            LogState.REQUESTED if is_coming else LogState.REFUSED,
            "nothing to upload" if outcome.accepted and not is_coming else outcome.status,
            told or "",
        )
        return RequestedLog(upload=upload, outcome=outcome)

    async def _begun(
        self, station: StationId, kind: LogKind, via: Via | None, location: str | None
    ) -> tuple[LogUpload, str]:
        """Remember the request before it is made: the station may be quicker than its answer."""
        if location is not None:
            check_location(location)
        now = self._clock()
        async with self._begin() as work:
            known = await registered(work, station)
            while True:
                id = str(new_request_id())
                token = new_token(station, id) if location is None else None
                upload = LogUpload(
                    station=station,
                    id=id,
                    state=LogState.REQUESTED,
                    at=now,
                    kind=kind,
                    location="",
                    requested_at=now,
                    token_hash=token.hash if token else "",
                    expires_at=now + self._patience if token else None,
                )
                if token is not None:
                    via = self._listeners.choose(known, via)
                    location = self._listeners.url(via, "upload", token)
                assert location is not None
                upload = structs.replace(upload, location=shown(location, token))
                if await work.logs.add(upload):
                    break
                location = None if token else location
            deed = Deed(action="log.requested", object=str(station), after=f"{kind} {id}")
            await audit(work, station.tenant, now, deed)
            _tell(work, upload)
        return upload, location

    async def _sent(self, station: StationId, command: GetLog) -> Outcome:
        try:
            return await self._stations.send(station, command)
        except StationRefused as refused:
            is_other = command.kind is not LogKind.DIAGNOSTICS or command.older
            if refused.code not in NOT_KNOWN or is_other:
                raise
            try:
                return await self._stations.send(station, structs.replace(command, older=True))
            except CommandUnfit:
                raise refused from None

    async def _answered(
        self, upload: LogUpload, state: LogState, status: str, filename: str = ""
    ) -> LogUpload:
        now = self._clock()
        async with self._begin() as work:
            if status == "AcceptedCanceled":
                await self._cancel_others(work, upload, now)
            current = await work.logs.lock(upload.station, upload.id) or upload
            changed = structs.replace(current, filename=filename[:_LONGEST_NAME], at=now)
            if current.state is LogState.REQUESTED:  # or it has gone further already
                changed = structs.replace(changed, state=state, status=status)
            await work.logs.put(changed)
            if changed.state is not current.state:
                _tell(work, changed)
        return changed

    async def _cancel_others(self, work: Work, upload: LogUpload, now: datetime) -> None:
        """N01.FR.11: the station has dropped what it was uploading for this."""
        for other in await displaced(work.logs, upload, OPEN_LOG_STATES):
            cancelled = structs.replace(other, state=LogState.CANCELLED, at=now)
            await work.logs.put(cancelled)
            _tell(work, cancelled)

    # What stations say.

    async def log_status(self, sender: Sender, status: str, request_id: int | None) -> None:
        """A station tells how far its upload is (N01). Unknown and missing ids are no error."""
        async with self._begin() as work:
            await work.stations.hold(sender)
            job = await job_meant(work.logs, sender.station, request_id, OPEN_LOG_STATES)
            is_over = job is None or job.state not in OPEN_LOG_STATES
            if is_over and state_after(None, status) is None:
                return  # N01.FR.12: triggered, and nothing goes on
            if job is None:
                job = _unasked(sender) if request_id is None else _unasked(sender, request_id)
                job = await work.logs.lock(sender.station, UNASKED) or job
            if job.status == status and job.state is not LogState.REQUESTED:
                return  # said again
            state = state_after(job.state, status) or job.state
            changed = structs.replace(job, state=state, status=status, at=sender.received_at)
            await work.logs.put(changed)
            _tell(work, changed)

    # What arrives.

    @asynccontextmanager
    async def receiving(
        self, token: str, host: str, *, expected: int | None = None, name: str = ""
    ) -> AsyncIterator[Receiving]:
        """Take the upload that a token is for: what is not kept may be tried again.

        Raises TransferRefused, TransferBusy, NoRoom, FileTooLarge.
        """
        upload = await self._opened(token, host)
        if name and not upload.filename:
            upload = structs.replace(upload, filename=name[:_LONGEST_NAME])
        key = upload.token_hash
        if self._under_way[key] >= _AT_ONCE:
            raise TransferBusy
        self._under_way[key] += 1
        try:
            async with self._room.receive(expected) as file:
                yield Receiving(self, upload, file)
        finally:
            self._under_way[key] -= 1
            self._under_way += Counter()  # forgets what has come to zero

    async def may_upload(self, token: str) -> bool:
        """Whether `receiving` would take it, for who must tell before anything comes."""
        return not (await self._looked_up(token))[1]

    async def _opened(self, token: str, host: str) -> LogUpload:
        upload, why = await self._looked_up(token)
        if why or upload is None:
            self._refusals.note(upload.station if upload else NOBODY, host, Barrier.TOKEN, why)
            raise TransferRefused
        return upload

    async def _looked_up(self, text: str) -> tuple[LogUpload | None, str]:
        """What a token names, and why it opens nothing ("" if it does)."""
        named = read_token(text)
        if named is None:
            return None, "no token"
        token, station, id = named
        async with self._read() as work:
            upload = await work.logs.get(station, id)
        return upload, _closed(upload, token, self._clock())

    async def kept(self, upload: LogUpload, stored_as: str, size: int, sha256: str) -> None:
        """Note that a file has arrived: its token opens nothing any more."""
        now = self._clock()
        try:
            async with self._begin() as work:
                current = await work.logs.lock(upload.station, upload.id)
                if current is None or current.stored_as or current.state is LogState.CANCELLED:
                    raise TransferRefused
                changed = structs.replace(
                    current,
                    state=LogState.UPLOADED,
                    at=now,
                    filename=current.filename or upload.filename,
                    stored_as=stored_as,
                    size=size,
                    sha256=sha256,
                )
                await work.logs.put(changed)
                deed = Deed(action="log.received", object=str(upload.station), after=upload.id)
                await audit(work, upload.station.tenant, now, deed)
                _tell(work, changed)
        except BaseException:
            await self._files.remove(stored_as)
            raise

    # What operators look at.

    async def logs(
        self, station: StationId | None = None, *, tenant: TenantId | None = None
    ) -> list[LogUpload]:
        """The latest changed first."""
        async with self._read() as work:
            if station is None:
                return await work.logs.all(tenant)
            await registered(work, station)
            return await work.logs.of(station)

    async def get(self, station: StationId, id: str) -> LogUpload:
        """Raises UnknownLog."""
        async with self._read() as work:
            upload = await work.logs.get(station, id)
        if upload is None:
            raise UnknownLog(f"no log {id} was asked of {station}")
        return upload

    async def open(self, station: StationId, id: str) -> AsyncIterator[bytes]:
        """What has arrived, in blocks. Raises UnknownLog."""
        upload = await self.get(station, id)
        if not upload.stored_as:
            raise UnknownLog(f"nothing of log {id} of {station} has arrived: it is {upload.state}")
        return self._files.read(upload.stored_as)

    async def remove(self, station: StationId, id: str) -> None:
        """Forget a log and its file; its token opens nothing any more. Raises UnknownLog."""
        upload = await self.get(station, id)
        now = self._clock()
        async with self._begin() as work:
            await work.logs.remove(station, id)
            deed = Deed(action="log.removed", object=str(station), before=id)
            await audit(work, station.tenant, now, deed)
        if upload.stored_as:
            await self._files.remove(upload.stored_as)


def _closed(upload: LogUpload | None, token: Token, now: datetime) -> str:
    """Why the token opens nothing; "" if it does."""
    if upload is None:
        return "no such request"
    if not token.opens(upload.token_hash):
        return "a wrong token"
    if upload.stored_as:
        return "the token was used"
    if upload.state is LogState.CANCELLED:
        return "the request was cancelled"
    if upload.expires_at is None or upload.expires_at <= now:
        return "the token has expired"
    return ""


def _unasked(sender: Sender, request_id: int | None = None) -> LogUpload:
    """One record for all that a station tells of uploads we know nothing of."""
    return LogUpload(
        station=sender.station,
        id=UNASKED,
        state=LogState.UNKNOWN,
        at=sender.received_at,
        kind=LogKind.DIAGNOSTICS,
        location="",
        requested_at=sender.received_at,
        filename="" if request_id is None else f"request {request_id}",
    )


def _tell(work: Work, upload: LogUpload) -> None:
    work.emit(
        LogUploadChanged(
            station=upload.station,
            at=upload.at,
            request_id=upload.id,
            state=upload.state,
            status=upload.status,
        )
    )
