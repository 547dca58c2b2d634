"""Functional block A, security: rotating keys and raising security profiles over OCPP."""

import enum
from typing import Protocol

from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import (
    GetNetworkProfiles,
    NetworkProfilesTold,
    Outcome,
    Reset,
    ResetKind,
    SetKey,
    SetNetworkProfile,
    UseNetworkProfile,
)
from voltkeep.domain.events import KeyRotated, SecurityProfileRaised, StationChanged
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.audit import audit
from voltkeep.services.network_profiles import (
    Route,
    Unready,
    check_target,
    prerequisites,
    slots,
    untold,
)
from voltkeep.services.ports import (
    Begin,
    Clock,
    Read,
    StationOffline,
    StationRefused,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import locked, registered

_WITH_KEY = (SecurityProfile.BASIC, SecurityProfile.TLS_BASIC)
_REBOOT_REQUIRED = "RebootRequired"


class Stage(enum.StrEnum):
    """How a station took a change of its credentials."""

    ACCEPTED = "accepted"
    AFTER_REBOOT = "after reboot"  # accepted, and it counts once the station has restarted
    REJECTED = "rejected"
    UNANSWERED = "unanswered"  # it may have been taken: old and new count until one is used


class KeyRotation(Struct, frozen=True, kw_only=True):
    """What became of a new key, and the key itself: shown once, and kept by nobody."""

    stage: Stage
    key: str = ""  # "" if the station does not have it
    status: str = ""  # the station's word
    problem: str = ""  # why there was no answer


class ProfileRaise(Struct, frozen=True, kw_only=True):
    """What became of a higher security profile that a station was asked to use."""

    profile: SecurityProfile
    stage: Stage
    status: str = ""  # the station's word
    problem: str = ""  # why there was no answer
    warnings: tuple[str, ...] = ()
    is_told_where: bool = False  # its version has sent it the address as well
    needs_reset: bool = False  # it uses the profile once it has restarted
    reset: str = ""  # how it took the Reset, if one was sent
    key: str = ""  # the first key of a station that had none


class GeneratesKeys(Protocol):
    def generate(self) -> tuple[str, str]:
        """A new key as 40 hex digits, and its hash."""
        ...


class CredentialsService:
    """Changes how stations authenticate, without ever locking one out."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        stations: Stations,
        keys: GeneratesKeys,
        clock: Clock,
        addresses: Addresses,
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._keys = keys
        self._clock = clock
        self._addresses = addresses

    # Keys (A01).

    async def rotate_key(self, station: StationId) -> KeyRotation:
        """Give a connected station a new key (A01). Until it has answered, both keys count.

        Raises UnknownStation, Unready, and what `Stations.send` raises if nothing was changed.
        """
        async with self._read() as work:
            known = await registered(work, station)
        if known.security_profile not in _WITH_KEY:
            raise Unready(
                f"{station} has security profile {int(known.security_profile)}, which has no key",
                "Profile 3 authenticates with a certificate: `voltkeep certificate renew` gives a "
                "new one. From profile 0, `voltkeep station raise-profile` gives the first key.",
            )
        return await self._rotate(station)

    async def _rotate(self, station: StationId) -> KeyRotation:
        key, key_hash = self._keys.generate()
        async with self._begin() as work:
            known = await locked(work, station)
            if known.trust.next_key_hash is not None:
                raise Unready(
                    f"{station} has been sent a key before, and has not shown yet which it uses",
                    "Let it connect again: `voltkeep station command "
                    f"{station} reset`. A key for a technician to enter: "
                    f"`voltkeep station rotate-key {station.quoted} --local`.",
                )
            await self._expect(work, known, key_hash)
            await self._tell(work, station, "key.sent", "sent")
        try:
            outcome = await self._stations.send(station, SetKey(key=key))
        except StationUnreachable as failure:
            return await self._unanswered(known, key, key_hash, failure)
        stage = _stage(outcome)
        async with self._begin() as work:
            match stage:
                case Stage.ACCEPTED:
                    await self._install(work, known, key_hash)
                case Stage.AFTER_REBOOT:
                    await self._expect(work, await locked(work, station), key_hash, reboot=True)
                case _:
                    await self._drop(work, station, key_hash)
            said = "" if stage is Stage.ACCEPTED else outcome.status
            await self._tell(work, station, "key.rotated", stage, said)
        has_it = stage is not Stage.REJECTED
        return KeyRotation(stage=stage, key=key if has_it else "", status=outcome.status)

    async def _unanswered(
        self, before: Station, key: str, key_hash: str, failure: StationUnreachable
    ) -> KeyRotation:
        """Raises ``failure`` if the station cannot have taken the key."""
        station = before.id
        async with self._begin() as work:
            if failure.may_have_arrived:
                known = await locked(work, station)
                # A connection with the old key may have settled it before the key was sent.
                if known.key_hash == before.key_hash and known.trust.next_key_hash is None:
                    await self._expect(work, known, key_hash)
                stage = Stage.UNANSWERED
            else:
                await self._drop(work, station, key_hash)
                stage = Stage.REJECTED
            await self._tell(work, station, "key.rotated", stage, failure.result)
        if not failure.may_have_arrived:
            raise failure
        return KeyRotation(stage=stage, key=key, problem=failure.result)

    async def _expect(
        self, work: Work, known: Station, key_hash: str, *, reboot: bool = False
    ) -> None:
        """From now on the station may come with this key as well, unless it has already."""
        if known.key_hash == key_hash:
            return
        trust = structs.replace(
            known.trust,
            next_key_hash=key_hash,
            next_key_at=self._clock(),
            next_key_after_reboot=reboot,
        )
        await work.stations.set_trust(known.id, trust)

    async def _install(self, work: Work, before: Station, key_hash: str) -> None:
        """The station has said that it uses this key; the one before is over (A01.FR.03)."""
        known = await locked(work, before.id)
        if known.key_hash not in (before.key_hash, key_hash):
            # Somebody has set another one here in the meantime: the station will tell.
            await self._expect(work, known, key_hash)
            return
        await work.stations.set_key(known.id, key_hash)
        await self._drop(work, known.id, known.trust.next_key_hash)
        work.emit(StationChanged(station=known.id, at=self._clock(), what="key"))

    async def _drop(self, work: Work, station: StationId, key_hash: str | None) -> None:
        """The station does not come with this key (A01.FR.04), or only with this one."""
        known = await locked(work, station)
        if key_hash is None or known.trust.next_key_hash != key_hash:
            return
        await work.stations.set_trust(station, known.trust.without_next_key())

    async def _tell(
        self, work: Work, station: StationId, action: str, stage: str, said: str = ""
    ) -> None:
        at = self._clock()
        result = f"{stage}: {said}" if said else stage
        deed = Deed(action=action, object=str(station), result=result)
        await audit(work, station.tenant, at, deed)
        work.emit(KeyRotated(station=station, at=at, stage=stage, reason=said))

    # Security profiles (A05).

    async def raise_profile(
        self,
        station: StationId,
        to: SecurityProfile | None = None,
        *,
        reset: ResetKind | None = None,
        if_needed: bool = False,
        force: bool = False,
        route: Route | None = None,
    ) -> ProfileRaise:
        """Ask a connected station to use the next higher security profile (A05).

        Until its first good connection with it both profiles count (A05.FR.08); then the lower
        is refused for ever (A05.FR.09). ``reset`` restarts it afterwards; with ``if_needed``
        only if its version does not reconnect by itself. ``force`` passes over prerequisites.

        Raises UnknownStation, Unready, and what `Stations.send` raises if nothing was changed.
        """
        route = route or Route()
        async with self._read() as work:
            known = await registered(work, station)
            target = check_target(known, to)
            url, warnings = await prerequisites(
                work, known, target, self._addresses, route, self._clock(), force=force
            )
        key = "" if known.key_hash or target not in _WITH_KEY else await self._first_key(station)
        use = route.slots or await self._free_slots(known)
        command = SetNetworkProfile(
            profile=target,
            url=url,
            slot=use[0],
            subprotocol=known.subprotocol or "",
            interface=route.interface,
            message_timeout_s=max(1, round(self._addresses.settings.call_timeout_s)),
        )
        raised = await self._ask(station, command, use)
        if raised.stage is Stage.ACCEPTED and not raised.is_told_where:
            warnings += untold(known, target, self._addresses, route)
        raised = structs.replace(raised, warnings=tuple(warnings), key=key)
        is_wanted = reset is not None and (raised.needs_reset or not if_needed)
        if reset is None or raised.stage is not Stage.ACCEPTED or not is_wanted:
            return raised
        return structs.replace(raised, reset=await self._reset(station, reset))

    async def _ask(
        self, station: StationId, command: SetNetworkProfile, use: tuple[int, ...]
    ) -> ProfileRaise:
        raised = ProfileRaise(profile=command.profile, stage=Stage.ACCEPTED)
        was_pending = await self._pend(station, command.profile)
        stored: Outcome | None = None
        used: Outcome | None = None
        try:
            stored = await self._stations.send(station, command)
            if stored.accepted:
                used = await self._stations.send(station, UseNetworkProfile(slots=use))
        except StationUnreachable as failure:
            if stored is not None and isinstance(failure, StationOffline):
                # It leaves to come back as it was told (1.6 A05.FR.06), or will be told again.
                stage = Stage.ACCEPTED
            else:
                stage = Stage.UNANSWERED if failure.may_have_arrived else Stage.REJECTED
            await self._answered(station, raised.profile, stage, failure.result, was_pending)
            if stage is Stage.REJECTED:
                raise
            return structs.replace(raised, stage=stage, problem=failure.result)
        said = used or stored
        stage = Stage.ACCEPTED if said.accepted else Stage.REJECTED
        status = said.status or stored.status
        await self._answered(station, raised.profile, stage, status, was_pending)
        # Where nothing is to be said of using it, the station changes to it by itself, and knows
        # no address but its own.
        is_told = used is not None and bool(used.status)
        needs_reset = said.accepted and (is_told or stored.status == _REBOOT_REQUIRED)
        return structs.replace(
            raised, stage=stage, status=status, needs_reset=needs_reset, is_told_where=is_told
        )

    async def cancel_raise(self, station: StationId) -> SecurityProfile:
        """Let the station connect with its present profile only. Raises UnknownStation, Unready."""
        async with self._begin() as work:
            known = await locked(work, station)
            pending = known.trust.next_profile
            if pending is None:
                raise Unready(f"{station} was not asked for a higher security profile")
            await self._note(work, known, None, "cancelled")
        return pending

    async def _first_key(self, station: StationId) -> str:
        """A05.FR.02: a profile with a key needs one before."""
        rotation = await self._rotate(station)
        if rotation.stage is not Stage.ACCEPTED:
            said = rotation.status or rotation.problem
            raise Unready(
                f"{station} needs a key for a higher security profile, and did not take one: "
                f"{rotation.stage} ({said})",
                "Enter one into it by hand: `voltkeep station rotate-key "
                f"{station.quoted} --local`.",
            )
        return rotation.key

    async def _free_slots(self, known: Station) -> tuple[int, ...]:
        """Where the new network profile goes, so that the station can fall back to the old one."""
        if known.passive:
            return slots(None)
        try:
            told = (await self._stations.send(known.id, GetNetworkProfiles())).told
        except StationRefused:
            told = None
        return slots(told if isinstance(told, NetworkProfilesTold) else None)

    async def _pend(self, station: StationId, target: SecurityProfile) -> bool:
        """Before the station is told, both profiles count. True if they did already."""
        async with self._begin() as work:
            known = await locked(work, station)
            check_target(known, target)
            was_pending = known.trust.next_profile is not None
            await self._note(work, known, target, "asked")
        return was_pending

    async def _answered(
        self,
        station: StationId,
        target: SecurityProfile,
        stage: Stage,
        said: str,
        was_pending: bool,  # noqa: FBT001  # of the work above, and used once
    ) -> None:
        async with self._begin() as work:
            known = await locked(work, station)
            pending = known.trust.next_profile
            # One that was asked before may refuse because it has done so: a lost answer.
            if stage is Stage.REJECTED and not was_pending and pending == target:
                pending = None
            await self._note(work, known, pending, stage, said, profile=target)

    async def _note(
        self,
        work: Work,
        known: Station,
        pending: SecurityProfile | None,
        stage: str,
        said: str = "",
        *,
        profile: SecurityProfile | None = None,
    ) -> None:
        at, before = self._clock(), known.trust.next_profile
        profile = profile or pending or before
        if pending != before or stage == "asked":
            trust = structs.replace(
                known.trust, next_profile=pending, next_profile_at=at if pending else None
            )
            await work.stations.set_trust(known.id, trust)
        deed = Deed(
            action="security_profile.raised",
            object=str(known.id),
            before=str(int(known.security_profile)),
            after=str(int(profile or known.security_profile)),
            result=f"{stage}: {said}" if said else stage,
        )
        await audit(work, known.id.tenant, at, deed)
        work.emit(
            SecurityProfileRaised(
                station=known.id,
                at=at,
                profile=profile or known.security_profile,
                stage=stage,
                reason=said,
            )
        )

    async def _reset(self, station: StationId, kind: ResetKind) -> str:
        """The station's word; one that has left to reconnect needs none."""
        try:
            outcome = await self._stations.send(station, Reset(kind=kind))
        except StationUnreachable as failure:
            return failure.result
        return outcome.status or ("Accepted" if outcome.accepted else "Rejected")


def _stage(outcome: Outcome) -> Stage:
    if not outcome.accepted:
        return Stage.REJECTED
    return Stage.AFTER_REBOOT if outcome.status == _REBOOT_REQUIRED else Stage.ACCEPTED
