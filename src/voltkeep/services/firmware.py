"""Functional block L, firmware: images, and updates through downloads and reboots."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from msgspec import Struct, structs

from voltkeep.config import Settings
from voltkeep.domain.audit import Deed
from voltkeep.domain.barriers import Barrier
from voltkeep.domain.commands import Outcome, UpdateFirmware
from voltkeep.domain.events import FirmwareUpdateChanged
from voltkeep.domain.firmware import (
    OPEN_UPDATE_STATES,
    FirmwareImage,
    FirmwareUpdate,
    StatusSaid,
    UpdateState,
    state_after,
)
from voltkeep.domain.identity import Sender, StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.authority import BadCertificate, BadSignature, Files, Signatures
from voltkeep.services.images import Images, image_of, manufacturers, shelf
from voltkeep.services.ports import (
    Begin,
    Clock,
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
    Token,
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

_SAID_KEPT = 50


class UnknownUpdate(LookupError):
    """No update was asked for under that number."""


class UpdateAsked(ValueError):
    """An update was asked for under that number already."""


class UnsoundUpdate(ValueError):
    """The certificate or the signature would not stand, so nothing was sent (A00.FR.706)."""


class RequestedUpdate(Struct, frozen=True, kw_only=True):
    """A request that a station has answered."""

    update: FirmwareUpdate
    outcome: Outcome


class Wish(Struct, frozen=True, kw_only=True):
    """How a station shall be updated."""

    image: str
    retrieve_at: datetime | None = None  # None: now
    install_at: datetime | None = None  # None: as soon as it can
    retries: int | None = None
    retry_interval_s: int | None = None
    via: Via | None = None
    location: str | None = None  # of the file, instead of ours
    unsigned: bool = False  # leave the signature away
    # In place of the image's own; with ``force`` they may be wrong on purpose.
    signature: str | None = None
    signing_certificate: str | None = None
    force: bool = False


class Download(Struct, frozen=True, kw_only=True):
    """A file that a token opens."""

    stored_as: str
    size: int
    sha256: str


class FirmwareService:
    """Sends stations to images, serves them, and follows each update."""

    def __init__(  # noqa: PLR0913, PLR0917  # each is a port
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        files: Files,
        signatures: Signatures,
        listeners: Listeners,
        clock: Clock,
        settings: Settings,
        refusals: Refusals,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._files = files
        self._signatures = signatures
        self.images = Images(begin, read, files, signatures, clock, settings)
        self._listeners = listeners
        self._clock = clock
        self._patience = timedelta(hours=settings.upload_hours)
        self._refusals = refusals

    # What we ask.

    async def update(self, station: StationId, wish: Wish, id: str = "") -> RequestedUpdate:
        """Have a station fetch and install an image (L01), under this number if one is given.

        Certificate and signature are checked first, unless forced (A00.FR.706). Raises
        UnknownStation, UnknownImage, UnsoundUpdate, UpdateAsked, NoListener, BadLocation, and
        what `Stations.send` raises.
        """
        if wish.location is not None:
            check_location(wish.location)
        async with self._read() as work:
            await registered(work, station)
            image = await image_of(work, station.tenant, wish.image)
            roots = await manufacturers(work, station)
        signature, certificate = self._seal(image, wish, roots)
        update, url = await self._begun(station, image, wish, is_signed=bool(signature), number=id)
        command = UpdateFirmware(
            request_id=int(update.id),
            location=url,
            retrieve_at=wish.retrieve_at or self._clock(),
            install_at=wish.install_at,
            signature=signature,
            signing_certificate=certificate,
            retries=wish.retries,
            retry_interval_s=wish.retry_interval_s,
        )
        try:
            outcome = await self._stations.send(station, command)
        except StationUnreachable as failure:
            state = UpdateState.UNKNOWN if failure.may_have_arrived else UpdateState.REFUSED
            await self._answered(update, state, failure.result)
            if isinstance(failure, StationRefused) and failure.code in NOT_KNOWN:
                raise _other_way(failure, is_signed=bool(signature)) from failure
            raise
        state = UpdateState.REQUESTED if outcome.accepted else UpdateState.REFUSED
        update = await self._answered(update, state, outcome.status)
        return RequestedUpdate(update=update, outcome=outcome)

    def _seal(self, image: FirmwareImage, wish: Wish, roots: list[str]) -> tuple[str, str]:
        """The signature and the certificate to send; both empty for an unsigned update."""
        if wish.unsigned:
            return "", ""
        signature = image.signature if wish.signature is None else wish.signature
        certificate = wish.signing_certificate
        if certificate is None:
            certificate = image.signing_certificate
        if not signature and not certificate:
            return "", ""
        if wish.force:
            return signature, certificate
        try:
            certificate = self._signatures.check_certificate(certificate, roots, self._clock())
        except BadCertificate as error:
            raise UnsoundUpdate(f"the signing certificate will not do: {error}") from error
        if image.sha256:  # a file elsewhere is for its keeper to check
            try:
                self._signatures.verify(image.sha256, signature, certificate)
            except BadSignature as error:
                raise UnsoundUpdate(str(error)) from error
        elif not signature:
            raise UnsoundUpdate("there is a signing certificate, and no signature")
        return signature, certificate

    async def _begun(
        self, station: StationId, image: FirmwareImage, wish: Wish, *, is_signed: bool, number: str
    ) -> tuple[FirmwareUpdate, str]:
        """Remember the request before it is made: the station may be quicker than its answer."""
        now = self._clock()
        foreign = wish.location or image.url
        async with self._begin() as work:
            known = await registered(work, station)
            added = False
            while not added:
                id = number or str(new_request_id())
                token = None if foreign else new_token(station, id)
                url = foreign
                if token is not None:
                    via = self._listeners.choose(known, wish.via)
                    url = self._listeners.url(via, "firmware", token, image.filename)
                update = FirmwareUpdate(
                    station=station,
                    id=id,
                    state=UpdateState.REQUESTED,
                    at=now,
                    image=image.id,
                    location=shown(url, token),
                    is_signed=is_signed,
                    requested_at=now,
                    token_hash=token.hash if token else "",
                    expires_at=max(now, wish.retrieve_at or now) + self._patience,
                )
                added = await work.updates.add(update)
                if number and not added:
                    raise UpdateAsked(f"update {number} was asked of {station} already")
            what = f"{image.id} ({'signed' if is_signed else 'unsigned'})"
            what += " unchecked" if wish.force else ""
            deed = Deed(action="firmware.requested", object=str(station), after=what)
            await audit(work, station.tenant, now, deed)
            _tell(work, update)
        return update, url

    async def _answered(
        self, update: FirmwareUpdate, state: UpdateState, status: str
    ) -> FirmwareUpdate:
        now = self._clock()
        async with self._begin() as work:
            if status == "AcceptedCanceled":
                await self._cancel_others(work, update, now)
            current = await work.updates.lock(update.station, update.id) or update
            if current.state is not UpdateState.REQUESTED:  # it has gone further already
                return current
            changed = structs.replace(current, state=state, status=status, at=now)
            await work.updates.put(changed)
            if changed.state is not current.state:
                _tell(work, changed)
        return changed

    async def _cancel_others(self, work: Work, update: FirmwareUpdate, now: datetime) -> None:
        """L01.FR.26: the station has dropped what it was installing for this."""
        for other in await displaced(work.updates, update, OPEN_UPDATE_STATES):
            cancelled = structs.replace(other, state=UpdateState.CANCELLED, at=now)
            await work.updates.put(cancelled)
            _tell(work, cancelled)

    # What stations say.

    async def status(self, sender: Sender, status: str, request_id: int | None) -> None:
        """A station tells how far its update is (L01). Unknown and missing ids are no error."""
        async with self._begin() as work:
            await work.stations.hold(sender)
            job = await job_meant(work.updates, sender.station, request_id, OPEN_UPDATE_STATES)
            is_over = job is None or job.state not in OPEN_UPDATE_STATES
            if is_over and state_after(None, status) is None:
                return  # L01.FR.28: triggered, and nothing goes on
            if job is None:
                job = await work.updates.lock(sender.station, UNASKED) or _unasked(sender)
            if job.said and job.said[-1].status == status:
                return  # said again
            said = (*job.said, StatusSaid(status, sender.received_at))[-_SAID_KEPT:]
            changed = structs.replace(
                job,
                state=state_after(job.state, status) or job.state,
                status=status,
                said=said,
                at=sender.received_at,
            )
            await work.updates.put(changed)
            _tell(work, changed)

    # What is fetched.

    async def download(self, text: str, host: str) -> Download:
        """What a token opens, until its update has ended. Raises TransferRefused."""
        now = self._clock()
        named = read_token(text)
        if named is None:
            self._refusals.note(NOBODY, host, Barrier.TOKEN, "no token")
            raise TransferRefused
        token, station, id = named
        async with self._read() as work:
            update = await work.updates.get(station, id)
            image = await work.images.get(shelf(station.tenant), update.image) if update else None
        why = _closed(update, image, token, now)
        if why or image is None:
            self._refusals.note(station if update else NOBODY, host, Barrier.TOKEN, why)
            raise TransferRefused
        return Download(stored_as=image.stored_as, size=image.size, sha256=image.sha256)

    def content(self, download: Download, start: int = 0) -> AsyncIterator[bytes]:
        """The file from there on, in blocks. Raises FileNotFoundError."""
        return self._files.read(download.stored_as, start)

    # What operators look at.

    async def updates(
        self, station: StationId | None = None, *, tenant: TenantId | None = None
    ) -> list[FirmwareUpdate]:
        """The latest changed first. Raises UnknownStation."""
        async with self._read() as work:
            if station is None:
                return await work.updates.all(tenant)
            await registered(work, station)
            return await work.updates.of(station)

    async def get(self, station: StationId, id: str) -> FirmwareUpdate:
        """Raises UnknownUpdate."""
        async with self._read() as work:
            update = await work.updates.get(station, id)
        if update is None:
            raise UnknownUpdate(f"no update {id} was asked of {station}")
        return update


def _closed(
    update: FirmwareUpdate | None, image: FirmwareImage | None, token: Token, now: datetime
) -> str:
    """Why the token opens nothing; "" if it does."""
    if update is None:
        return "no such request"
    if not token.opens(update.token_hash):
        return "a wrong token"
    if update.state not in OPEN_UPDATE_STATES:
        return f"the update is {update.state}"
    if update.expires_at is None or update.expires_at <= now:
        return "the token has expired"
    if image is None or not image.stored_as:
        return "the image was removed"
    return ""


def _other_way(refused: StationRefused, *, is_signed: bool) -> StationRefused:
    """L01.FR.20: a station knows either the signed update or the unsigned one."""
    advice = (
        "the station knows no signed update: have it updated without its signature (--unsigned)"
        if is_signed
        else "the station takes only signed firmware: sign the image (`voltkeep firmware sign`)"
    )
    return StationRefused(refused.code, advice)


def _unasked(sender: Sender) -> FirmwareUpdate:
    """One record for all that a station tells of updates we know nothing of."""
    return FirmwareUpdate(
        station=sender.station,
        id=UNASKED,
        state=UpdateState.UNKNOWN,
        at=sender.received_at,
        image="",
        location="",
        is_signed=False,
        requested_at=sender.received_at,
    )


def _tell(work: Work, update: FirmwareUpdate) -> None:
    work.emit(
        FirmwareUpdateChanged(
            station=update.station,
            at=update.at,
            request_id=update.id,
            state=update.state,
            status=update.status,
        )
    )
