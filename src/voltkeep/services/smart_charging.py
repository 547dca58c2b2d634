"""Functional block K, smart charging: profiles set, cleared, compared; limits of others."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import (
    ClearChargingProfiles,
    CompositeTold,
    GetChargingProfiles,
    GetCompositeSchedule,
    Outcome,
    ProfileTold,
    SetChargingProfile,
)
from voltkeep.domain.composite import Supply, differences
from voltkeep.domain.identity import Evse, StationId, TenantId
from voltkeep.domain.profile_lints import Finding, lint
from voltkeep.domain.smart_charging import (
    ChargingNeeds,
    ChargingProfile,
    CompositeSchedule,
    HeldProfile,
    ProfileCriteria,
    ProfileReport,
    ProfileReportState,
    ProfileState,
    Purpose,
    RateUnit,
)
from voltkeep.services import held_profiles as held_
from voltkeep.services.audit import audit
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
from voltkeep.services.provisioning import locked, registered
from voltkeep.services.records import Look
from voltkeep.services.transfers import new_request_id

_ALL = ProfileCriteria()
_SUPPLY = Supply()
_PURPOSES = (Purpose.STATION_MAX, Purpose.TX_DEFAULT, Purpose.TX)


class UnsoundProfile(CommandUnfit):
    """A station will most likely refuse the profile, or misunderstand it: say so, or force it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        texts = "; ".join(str(each) for each in findings)
        super().__init__(f"{texts}. Mend the profile, or force it")


class SmartChargingService:
    """Sends profiles to stations, and keeps what we believe that they have."""

    def __init__(self, begin: Begin, read: Read, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock

    # What we ask. Each raises UnknownStation, and what `Stations.send` raises.

    async def set(
        self,
        station: StationId,
        profile: ChargingProfile,
        evse: Evse | None = None,
        *,
        force: bool = False,
    ) -> Outcome:
        """Send a profile (K01). A TxProfile is of what runs there, if it does not say.

        Raises UnsoundProfile, unless forced.
        """
        now = self._clock()
        async with self._begin() as work:
            await locked(work, station)  # who numbers and replaces goes one after the other
            live = await held_.settled(work, station, now)
            if profile.purpose is Purpose.TX and profile.transaction is None and evse is not None:
                running = (await held_.running(work, station)).get(evse.id)
                ref = None if running is None else running.ref
                profile = structs.replace(profile, transaction=ref)
            sent = held_.begun(station, _in_utc(profile), evse, live, now)
            findings = checked(sent, live, now, force=force)
            await work.charging_profiles.put(sent)
            held_.tell(work, sent)
            deed = Deed(
                action="charging_profile.sent", object=str(station), after=described(sent, force)
            )
            await audit(work, station.tenant, now, deed)
        assert sent.profile is not None, "what we send has words"
        try:
            outcome = await self._stations.send(
                station, SetChargingProfile(profile=sent.profile, evse=evse)
            )
        except StationUnreachable as failure:
            await self._answered(sent, state_after(failure), failure.result)
            raise
        state = ProfileState.ACCEPTED if outcome.accepted else ProfileState.REJECTED
        told = outcome.told
        await self._answered(
            sent,
            state,
            outcome.status,
            whenever_valid=isinstance(told, ProfileTold) and told.whenever_valid,
        )
        return structs.replace(outcome, warning=_said(findings) or outcome.warning)

    async def _answered(
        self, sent: HeldProfile, state: ProfileState, status: str, *, whenever_valid: bool = False
    ) -> None:
        async with self._begin() as work:
            await held_.answered(
                work, sent, state, status, self._clock(), whenever_valid=whenever_valid
            )

    async def clear(self, station: StationId, which: ProfileCriteria = _ALL) -> Outcome:
        """Take profiles from a station (K10): one message for each id, or one for all."""
        async with self._begin() as work:
            await registered(work, station)
            deed = Deed(
                action="charging_profile.cleared", object=str(station), after=_criteria(which)
            )
            await audit(work, station.tenant, self._clock(), deed)
        if len(which.ids) > 1:
            parts = [ProfileCriteria(ids=(id,)) for id in which.ids]
            return _combined([await self._clear(station, part) for part in parts])
        try:
            return await self._clear(station, which)
        except CommandUnfit:
            if which != _ALL:
                raise
        # Where "all" cannot be said, it is said of each purpose.
        parts = [ProfileCriteria(purpose=purpose) for purpose in _PURPOSES]
        return _combined([await self._clear(station, part) for part in parts])

    async def _clear(self, station: StationId, which: ProfileCriteria) -> Outcome:
        outcome = await self._stations.send(station, ClearChargingProfiles(criteria=which))
        now = self._clock()
        # K10.FR.01: a station that has no such profile says so, and accepts nothing.
        state = ProfileState.CLEARED if outcome.accepted else ProfileState.MISSING
        async with self._begin() as work:
            await work.stations.lock(station)
            for held in await held_.settled(work, station, now):
                if which.fits(held) and held.purpose != Purpose.EXTERNAL_CONSTRAINTS:
                    await held_.move(work, held, state, now, outcome.status)
        return outcome

    async def composite(
        self,
        station: StationId,
        evse: Evse | None,
        duration_s: int,
        *,
        unit: RateUnit | None = None,
        supply: Supply = _SUPPLY,
    ) -> Outcome:
        """Ask what all profiles come to, and compare it with what we compute (K08).

        ``told`` of the outcome has both, and where they differ.
        """
        async with self._read() as work:
            await registered(work, station)
        command = GetCompositeSchedule(duration_s=duration_s, evse=evse, unit=unit)
        outcome = await self._stations.send(station, command)
        now = self._clock()
        said = outcome.told.schedule if isinstance(outcome.told, CompositeTold) else None
        if said is not None:
            said = structs.replace(
                said,
                evse=evse,
                starts_at=said.starts_at or now,
                duration_s=said.duration_s if said.duration_s > 0 else duration_s,
            )
        async with self._read() as work:
            computed, unread = await held_.computed(
                work,
                station,
                evse,
                now if said is None or said.starts_at is None else said.starts_at,
                duration_s,
                unit=said.unit if said is not None else unit or RateUnit.W,
                supply=supply,
                now=now,
            )
        told = CompositeTold(
            schedule=said,
            computed=computed,
            differences=()
            if said is None
            else differences(said, computed, tolerance=_tolerance(computed.unit, supply)),
            not_computed=tuple(unread),
        )
        return structs.replace(outcome, told=told)

    async def computed(
        self,
        station: StationId,
        evse: Evse | None,
        duration_s: int,
        *,
        unit: RateUnit = RateUnit.W,
        supply: Supply = _SUPPLY,
    ) -> CompositeSchedule:
        """What the profiles that we believe the station has come to, from now on."""
        async with self._read() as work:
            await registered(work, station)
            now = self._clock()
            schedule, _ = await held_.computed(
                work, station, evse, now, duration_s, unit=unit, supply=supply, now=now
            )
        return schedule

    async def ask_profiles(self, station: StationId, which: ProfileCriteria = _ALL) -> Outcome:
        """Have a station report its profiles (K09): what it reports is believed."""
        now = self._clock()
        async with self._begin() as work:
            await registered(work, station)
            added = False
            while not added:
                report = ProfileReport(
                    station=station,
                    id=str(new_request_id()),
                    state=ProfileReportState.ASKED,
                    at=now,
                    criteria=which,
                    asked_at=now,
                )
                added = await work.profile_reports.add(report)
            deed = Deed(
                action="charging_profile.asked", object=str(station), after=_criteria(which)
            )
            await audit(work, station.tenant, now, deed)
        command = GetChargingProfiles(request_id=int(report.id), criteria=which)
        try:
            outcome = await self._stations.send(station, command)
        except StationUnreachable as failure:
            await self._report_answered(report, ProfileReportState.FAILED, failure.result)
            raise
        state = ProfileReportState.ASKED if outcome.accepted else ProfileReportState.NONE
        await self._report_answered(report, state, outcome.status)
        return outcome

    async def _report_answered(
        self, report: ProfileReport, state: ProfileReportState, status: str
    ) -> None:
        now = self._clock()
        async with self._begin() as work:
            await work.stations.lock(report.station)
            current = await work.profile_reports.lock(report.station, report.id)
            if current is None or current.state is not ProfileReportState.ASKED:
                return  # its parts were quicker than the answer
            changed = structs.replace(current, state=state, status=status, at=now)
            await work.profile_reports.put(changed)
            if state is ProfileReportState.NONE:
                await held_.not_told(work, changed, now)

    # What people look at.

    async def profiles(self, station: StationId, *, live: bool = False) -> list[HeldProfile]:
        """The latest changed first; ``live``: only what may limit it now. Raises UnknownStation."""
        now = self._clock()
        async with self._read() as work:
            await registered(work, station)
            if live:
                return await held_.believed(work, station, now)
            return [each.as_of(now) for each in await work.charging_profiles.of(station)]

    async def page(self, tenant: TenantId, look: Look) -> list[HeldProfile]:
        """Of every station of a tenant; see `HeldProfile.as_of`."""
        async with self._read() as work:
            return await work.charging_profiles.page(tenant, look)

    async def reports_of(self, station: StationId) -> list[ProfileReport]:
        """What it was asked to report, the latest changed first. Raises UnknownStation."""
        async with self._read() as work:
            await registered(work, station)
            return await work.profile_reports.of(station, limit=100)

    async def needs_of(self, station: StationId) -> list[ChargingNeeds]:
        """What EVs have said there. Raises UnknownStation."""
        async with self._read() as work:
            await registered(work, station)
            return await work.charging_needs.of(station)


async def brought_along(
    work: Work,
    station: StationId,
    profile: ChargingProfile,
    evse: Evse | None,
    now: datetime,
    *,
    remote_start_id: int,
    force: bool,
) -> HeldProfile:
    """A profile that goes with a remote start (K05): of the transaction that will answer it.

    The station is locked. Raises UnsoundProfile, unless forced.
    """
    live = await held_.settled(work, station, now)
    sent = held_.begun(station, _in_utc(profile), evse, live, now, remote_start_id=remote_start_id)
    checked(sent, live, now, force=force, with_remote_start=True)
    await work.charging_profiles.put(sent)
    held_.tell(work, sent)
    return sent


def _in_utc(profile: ChargingProfile) -> ChargingProfile:
    try:
        return profile.with_utc()
    except ValueError as error:
        raise CommandUnfit(str(error)) from error


def checked(
    sent: HeldProfile,
    live: Sequence[HeldProfile],
    now: datetime,
    *,
    force: bool,
    with_remote_start: bool = False,
) -> tuple[Finding, ...]:
    """What is to be said of a profile. Raises UnsoundProfile, unless forced."""
    findings = lint(sent, live, now, with_remote_start=with_remote_start)
    against = [each for each in findings if each.is_against_a_rule]
    if against and not force:
        raise UnsoundProfile(against)
    return findings


def _said(findings: Sequence[Finding]) -> str:
    return "; ".join(str(each) for each in findings)


def described(held: HeldProfile, force: bool = False) -> str:  # noqa: FBT001, FBT002  # of a deed
    place = "the station" if held.evse is None else f"EVSE {held.evse.id}"
    words = f"profile {held.profile_id}, {held.purpose}, level {held.stack_level}, {place}"
    return f"{words}, forced" if force else words


def _criteria(which: ProfileCriteria) -> str:
    said = [f"{name} {value}" for name, value in structs.asdict(which).items() if value]
    return ", ".join(said) or "all"


def state_after(failure: StationUnreachable) -> ProfileState:
    """What we believe of a profile whose message had no answer."""
    if failure.may_have_arrived:
        return ProfileState.UNKNOWN
    if isinstance(failure, StationRefused):
        return ProfileState.REJECTED
    return ProfileState.UNSENT


def _combined(outcomes: Sequence[Outcome]) -> Outcome:
    """Of several messages: yes, if one of them was of use."""
    return next((each for each in outcomes if each.accepted), outcomes[-1])


def _tolerance(unit: RateUnit, supply: Supply) -> float:
    """Stations round to 0.1, and may count in the other unit."""
    return 0.1 if unit is RateUnit.A else 0.1 * supply.voltage_v * supply.phases
