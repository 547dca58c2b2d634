"""Functional block B, provisioning: the stations we know, and their boots."""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from msgspec import Struct, json

from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import Outcome, Reset, ResetKind
from voltkeep.domain.events import (
    StationAdded,
    StationBooted,
    StationChanged,
    StationConnected,
    StationDisconnected,
    StationRemoved,
    StationRenamed,
)
from voltkeep.domain.identity import Evse, Sender, StationId, TenantId
from voltkeep.domain.stations import (
    Boot,
    Make,
    Policy,
    Registration,
    SecurityProfile,
    Station,
    UnknownTokens,
)
from voltkeep.services.audit import audit
from voltkeep.services.day_counting import leave
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.outbound import OutboundRefused
from voltkeep.services.ports import Begin, Clock, Read, Stations, Work
from voltkeep.services.rates import Buckets, Rate
from voltkeep.services.sites import check_site

log = structlog.get_logger(__name__)

_BOOTS = Rate(burst=5, per_s=5 / 60)  # of one station
# Of one that conformance tests are run at: each case begins with a boot.
_BOOTS_IN_TESTS = Rate(burst=60, per_s=5.0)
_POLICY_URL = "policy.unknown_tokens_url"


class UnknownStation(LookupError):
    """No station of that name is registered."""


class BadPolicy(ValueError):
    """A station cannot be run like that."""

    def __init__(self, what: str, field: str) -> None:
        super().__init__(what)
        self.field = field


class StationExists(ValueError):
    """A station of that name is registered already."""


async def registered(work: Work, station: StationId) -> Station:
    """The station as the register has it. Raises UnknownStation."""
    known = await work.stations.get(station)
    if known is None:
        raise UnknownStation(f"no station is called {station}")
    return known


async def locked(work: Work, station: StationId) -> Station:
    """As `registered`, and nobody else may change it until this work is over."""
    known = await work.stations.lock(station)
    if known is None:
        raise UnknownStation(f"no station is called {station}")
    return known


class _Present(Struct):
    """What is kept at hand of a station that is connected here."""

    registration: Registration
    make: Make | None
    passive: bool


class BootReply(Struct, frozen=True, kw_only=True):
    """What a booting station is told; ``interval_s`` is its heartbeat, or when to boot again."""

    registration: Registration
    now: datetime
    interval_s: int


class ProvisioningService:
    """Boots and heartbeats in; the register of stations out."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        clock: Clock,
        *,
        heartbeat_interval_s: int,
        boot_retry_s: int,
        check_url: Callable[[str], None],
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock
        self._heartbeat_interval_s = heartbeat_interval_s
        self._boot_retry_s = boot_retry_s
        self._check_url = check_url
        self._present: dict[StationId, _Present] = {}
        self._boots: Buckets[StationId] = Buckets(_BOOTS)
        self._boots_in_tests: Buckets[StationId] = Buckets(_BOOTS_IN_TESTS)

    # What stations say.

    async def boot(self, sender: Sender, boot: Boot) -> BootReply:
        """Record what the station says it is, and tell it whether it may work (B01-B03).

        One that boots again and again is told to wait (B02), and nothing is recorded of it.
        """
        heard = sender.received_at.timestamp()
        present = self._present.get(sender.station)
        boots = self._boots_in_tests if present and present.passive else self._boots
        if not boots.take(sender.station, heard):
            return self._too_soon(present, boots.wait(sender.station, heard))
        async with self._begin() as work:
            known = await work.stations.hold(sender)
            registration = known.registration
            await work.stations.booted(sender.station, boot, sender.received_at)
            work.emit(
                StationBooted(
                    station=sender.station,
                    at=sender.received_at,
                    make=boot.make,
                    registration=registration,
                    reason=boot.reason,
                )
            )
        self._present[sender.station] = _Present(registration, boot.make, known.passive)
        accepted = registration is Registration.ACCEPTED
        return BootReply(
            registration=registration,
            now=self._clock(),
            interval_s=self._heartbeat_interval_s if accepted else self._boot_retry_s,
        )

    def _too_soon(self, present: _Present | None, wait_s: float) -> BootReply:
        is_rejected = present is not None and present.registration is Registration.REJECTED
        return BootReply(
            registration=Registration.REJECTED if is_rejected else Registration.PENDING,
            now=self._clock(),
            interval_s=max(self._boot_retry_s, math.ceil(wait_s)),
        )

    def heartbeat(self) -> datetime:
        """The time to tell a station; that it lives is noted by the gateway, of any frame."""
        return self._clock()

    def may_work(self, station: StationId) -> bool:
        """Whether a connected station is accepted, as of its connection or last change."""
        present = self._present.get(station)
        return present is not None and present.registration is Registration.ACCEPTED

    def make(self, station: StationId) -> Make | None:
        """What a connected station last said it is."""
        present = self._present.get(station)
        return present.make if present is not None else None

    # Who is connected, for the gateway.

    async def connect(
        self,
        station: Station,
        *,
        subprotocol: str,
        remote_address: str,
        profile: SecurityProfile | None = None,
        settle: Callable[[Work], Awaitable[None]] | None = None,
    ) -> int:
        """Begin a connection and return its fencing epoch: whatever was before it is over.

        ``profile`` is the one it was let in with, if that is not the station's own yet; ``settle``
        is done in the same work. Raises StoreUnavailable or Superseded.
        """
        at = self._clock()
        async with self._begin() as work:
            if settle is not None:
                await settle(work)
            epoch = await work.stations.connected(
                station.id, at=at, subprotocol=subprotocol, address=remote_address
            )
            work.emit(
                StationConnected(
                    station=station.id,
                    at=at,
                    subprotocol=subprotocol,
                    security_profile=station.security_profile if profile is None else profile,
                    remote_address=remote_address,
                    epoch=epoch,
                )
            )
        return epoch

    def remember(self, station: Station) -> None:
        """Keep at hand what every message of a station that is now connected asks for."""
        self._present[station.id] = _Present(station.registration, station.make, station.passive)

    async def disconnect(self, station: StationId, epoch: int, reason: str) -> None:
        """End a connection, unless a newer one has taken over. Raises StoreUnavailable."""
        at = self._clock()
        async with self._begin() as work:
            if await work.stations.disconnected(station, epoch, at):
                work.emit(StationDisconnected(station=station, at=at, epoch=epoch, reason=reason))

    def forget(self, station: StationId) -> None:
        """Drop what is remembered of a connected station: its next connection brings it again."""
        self._present.pop(station, None)

    async def start(self) -> int:
        """After a crash stations look connected to a server that has only just started."""
        async with self._begin() as work:
            return await work.stations.disconnect_all(self._clock())

    async def refresh(self, station: StationId) -> None:
        """An operator changed the register while the station is connected.

        Acceptance counts at once; the rest it learns at its next boot, so that a car that
        charges can still say how that ended.
        """
        if station in self._present:
            async with self._read() as work:
                known = await work.stations.get(station)
            if known is None or known.registration is not Registration.ACCEPTED:
                return
            if station in self._present:
                self._present[station].registration = known.registration

    async def seen(self, last_seen: dict[StationId, datetime]) -> None:
        """Store when stations were last heard of, many at once."""
        if last_seen:
            async with self._begin() as work:
                await work.stations.seen(last_seen)

    # The register.

    async def add(self, station: Station) -> None:
        """Raises StationExists or UnknownSite."""
        now = self._clock()
        # Epochs of a station that was removed and comes again go on where they were, and further.
        station.epoch = max(station.epoch, int(now.timestamp()))
        async with self._begin() as work:
            await check_site(work, station.id.tenant, station.site)
            if not await work.stations.add(station):
                raise StationExists(f"{station.id} is registered already")
            work.emit(StationAdded(station=station.id, at=now))
            after = f"security profile {int(station.security_profile)}, {station.registration}"
            deed = Deed(action="station.added", object=str(station.id), after=after)
            await audit(work, station.id.tenant, now, deed)

    async def get(self, station: StationId) -> Station:
        """Raises UnknownStation."""
        async with self._read() as work:
            return await registered(work, station)

    async def all(self, tenant: TenantId | None = None) -> list[Station]:
        """Every station, in order of tenant and name."""
        stations: list[Station] = []
        async with self._read() as work:
            while page := await work.stations.all(
                tenant, after=stations[-1].id if stations else None
            ):
                stations += page
        return stations

    async def remove(self, station: StationId) -> None:
        """Forget the station; its connection is closed, its history stays.

        Raises UnknownStation.
        """
        async with self._begin() as work:
            if not await work.stations.remove(station):
                raise UnknownStation(f"no station is called {station}")
            now = self._clock()
            work.emit(StationRemoved(station=station, at=now))
            deed = Deed(action="station.removed", object=str(station))
            await audit(work, station.tenant, now, deed)

    async def rename(self, station: StationId, new: StationId) -> None:
        """Give the station another id; its history follows, its old connection is closed.

        Raises UnknownStation or StationExists.
        """
        async with self._begin() as work:
            await registered(work, station)
            if await work.stations.get(new) is not None:
                raise StationExists(f"{new} is registered already")
            if new.tenant != station.tenant:
                await leave(work, station, new.tenant)
            await work.stations.rename(station, new)
            now = self._clock()
            work.emit(StationRenamed(station=station, new=new, at=now))
            deed = Deed(action="station.renamed", object=str(station), after=str(new))
            for tenant in sorted({station.tenant, new.tenant}):
                await audit(work, tenant, now, deed)

    async def set_registration(self, station: StationId, registration: Registration) -> None:
        """Accept, hold or reject a station. It learns at its next boot. Raises UnknownStation."""
        async with self._begin() as work:
            await self._register(work, await locked(work, station), registration)

    async def _register(self, work: Work, known: Station, registration: Registration) -> None:
        await work.stations.set_registration(known.id, registration)
        await self._changed(work, known.id, "registration", known.registration, registration)

    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None:
        """Decide how a station must connect from now on. Raises UnknownStation."""
        async with self._begin() as work:
            known = await locked(work, station)
            await work.stations.set_profile(station, profile)
            before, after = (str(int(each)) for each in (known.security_profile, profile))
            await self._changed(work, station, "security profile", before, after)

    async def set_passive(self, station: StationId, *, passive: bool) -> None:
        """Whether to send it nothing but what a person asks for. Raises UnknownStation."""
        async with self._begin() as work:
            await self._let_be(work, await locked(work, station), passive=passive)

    async def _let_be(self, work: Work, known: Station, *, passive: bool) -> None:
        await work.stations.set_passive(known.id, passive=passive)
        before, after = ("passive" if each else "active" for each in (known.passive, passive))
        await self._changed(work, known.id, "passive", before, after)

    async def describe(
        self,
        station: StationId,
        *,
        site: str | None = None,
        note: str | None = None,
        policy: Policy | None = None,
        registration: Registration | None = None,
        passive: bool | None = None,
        unless_changed: Check[Station] = as_it_is,
    ) -> None:
        """Where a station stands, what is noted of it, how it is run: what differs is changed.

        Raises UnknownStation, UnknownSite or BadPolicy.
        """
        if policy is not None:
            self._check_policy(policy)
        async with self._begin() as work:
            known = await locked(work, station)
            unless_changed(known)
            if site is not None and site != known.site:
                await check_site(work, station.tenant, site)
                await work.stations.set_site(station, site)
                await self._changed(work, station, "site", known.site, site)
            if note is not None and note != known.note:
                await work.stations.set_note(station, note)
                await self._changed(work, station, "note", known.note, note)
            if policy is not None and policy != known.policy:
                await work.stations.set_policy(station, policy)
                before, after = (json.encode(each).decode() for each in (known.policy, policy))
                await self._changed(work, station, "policy", before, after)
            if registration is not None and registration is not known.registration:
                await self._register(work, known, registration)
            if passive is not None and passive is not known.passive:
                await self._let_be(work, known, passive=passive)

    def _check_policy(self, policy: Policy) -> None:
        url = policy.unknown_tokens_url
        if not url and policy.unknown_tokens is UnknownTokens.ASK:
            raise BadPolicy("to ask about unknown tokens takes a URL", _POLICY_URL)
        try:
            if url:
                self._check_url(url)
        except OutboundRefused as refused:
            raise BadPolicy(str(refused), _POLICY_URL) from refused

    async def _changed(
        self, work: Work, station: StationId, what: str, before: str, after: str
    ) -> None:
        now = self._clock()
        work.emit(StationChanged(station=station, at=now, what=what))
        action = f"station.{what.replace(' ', '_')}_changed"
        deed = Deed(action=action, object=str(station), before=before, after=after)
        await audit(work, station.tenant, now, deed)

    # What we ask.

    async def reset(self, station: StationId, kind: ResetKind, evse: Evse | None = None) -> Outcome:
        """Restart a station (B11, B12). Raises what `Stations.send` raises."""
        return await self._stations.send(station, Reset(kind=kind, evse=evse))
