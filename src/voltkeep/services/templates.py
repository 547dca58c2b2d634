"""Templates of configuration: what stations shall be like, and how far they are from it."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from msgspec import Raw, Struct, json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import Outcome, VariablesTold
from voltkeep.domain.configuration import (
    Applied,
    Assignment,
    Drift,
    DriftKind,
    Fit,
    StationDrift,
    Template,
    Wanted,
    Written,
    drift_of,
    fit,
    wanted,
)
from voltkeep.domain.device_model import USER_INFO, Attribute, ComponentState, VariableTold
from voltkeep.domain.events import Event, StationBooted
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import Registration, Station
from voltkeep.services.audit import audit
from voltkeep.services.configuration import ConfigurationService, UnsafeWrite, check_writable
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.lists import Place, StationFilter
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    StationUnreachable,
    StoreUnavailable,
    Work,
)
from voltkeep.services.provisioning import UnknownStation, registered

log = structlog.get_logger(__name__)

_MOST_VALUES = 1_000  # of one template
_MOST_TEMPLATES = 1_000  # of one tenant
_AFTER_BOOT_S = 10.0  # some stations do not answer before
_AT_ONCE = 10
_LOOK = 500  # stations that are looked at together
_MOST_WAITING = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


class UnknownTemplate(CommandUnfit):
    """There is no template of that name."""


class TemplateExists(ValueError):
    """There is a template of that name already."""


class BadTemplate(ValueError):
    """That cannot be a template."""


class FleetDrift(Struct, frozen=True, kw_only=True):
    """Some stations that a template is for, in order of name; ``next`` begins the next page."""

    stations: tuple[StationDrift, ...]
    next: str = ""


class TemplateService:
    """Keeps templates, compares stations with them, and writes what differs."""

    def __init__(
        self, begin: Begin, read: Read, configuration: ConfigurationService, clock: Clock
    ) -> None:
        self._begin = begin
        self._read = read
        self._configuration = configuration
        self._clock = clock
        self._booted: dict[StationId, None] = {}
        self._wake = asyncio.Event()

    # Templates.

    async def add(self, template: Template) -> Template:
        """Raises BadTemplate, UnsafeWrite or TemplateExists."""
        template = self._checked(template)
        async with self._begin() as work:
            if len(await work.templates.of(template.station)) >= _MOST_TEMPLATES:
                raise BadTemplate(f"there are {_MOST_TEMPLATES} templates already: remove some")
            if not await work.templates.add(template):
                raise TemplateExists(f"there is a template {template.id} already")
            await self._audit(work, template, "added", _said(template))
        return template

    async def replace(
        self, template: Template, *, unless_changed: Check[Template] = as_it_is
    ) -> Template:
        """Raises BadTemplate, UnsafeWrite or UnknownTemplate."""
        template = self._checked(template)
        async with self._begin() as work:
            unless_changed(await _locked(work, template.station.tenant, template.id))
            await work.templates.put(template)
            await self._audit(work, template, "changed", _said(template))
        return template

    def _checked(self, template: Template) -> Template:
        if not _NAME.fullmatch(template.id):
            raise BadTemplate(
                "a template's name has 1 to 48 letters, digits, dots, dashes or underscores"
            )
        if not 0 < len(template.values) <= _MOST_VALUES:
            raise BadTemplate(f"a template has 1 to {_MOST_VALUES} values")
        check_writable(each.variable for each in template.values)
        for each in template.values:
            if each.variable.is_secret or USER_INFO.search(each.value):
                raise BadTemplate(
                    f"{each.variable} is a secret, and templates are shown: write it to each "
                    "station by itself"
                )
        keys = [(each.variable.key, each.attribute) for each in template.values]
        if len(set(keys)) < len(keys):
            raise BadTemplate("a variable has two values")
        return structs.replace(template, at=self._clock())

    async def get(self, tenant: TenantId, name: str) -> Template:
        """Raises UnknownTemplate."""
        async with self._read() as work:
            found = await work.templates.get(StationId(tenant, ""), name)
        if found is None:
            raise UnknownTemplate(f"there is no template {name}")
        return found

    async def all(self, tenant: TenantId) -> list[Template]:
        """In order of name."""
        async with self._read() as work:
            return await _templates(work, tenant)

    async def remove(self, tenant: TenantId, name: str) -> None:
        """Forget a template, and which stations it was for. Raises UnknownTemplate."""
        async with self._begin() as work:
            template = await _locked(work, tenant, name)
            await work.templates.remove(template.station, name)
            for station in await _assigned(work, tenant, name):
                await work.assignments.remove(station, name)
            await self._audit(work, template, "removed")

    async def assign(self, name: str, station: StationId) -> None:
        """Have a template be for a station. Raises UnknownTemplate or UnknownStation."""
        async with self._begin() as work:
            template = await _locked(work, station.tenant, name)
            await registered(work, station)
            assignment = Assignment(station=station, id=name, at=self._clock())
            if await work.assignments.add(assignment):
                await self._audit(work, template, "assigned", str(station))

    async def unassign(self, name: str, station: StationId) -> None:
        """The reverse; its site or make may still fit. Raises UnknownTemplate."""
        async with self._begin() as work:
            template = await _locked(work, station.tenant, name)
            if await work.assignments.remove(station, name):
                await self._audit(work, template, "unassigned", str(station))

    async def assigned(self, tenant: TenantId, name: str) -> list[StationId]:
        """The stations that a template is assigned to, in order of name."""
        async with self._read() as work:
            return sorted(await _assigned(work, tenant, name))

    async def _audit(self, work: Work, template: Template, what: str, after: str = "") -> None:
        deed = Deed(action=f"template.{what}", object=template.id, after=after)
        await audit(work, template.station.tenant, self._clock(), deed)

    # Drift.

    async def drift(self, station: StationId, template: str = "") -> StationDrift:
        """How far a station is from all that it shall be, or from one template.

        Raises UnknownStation or UnknownTemplate.
        """
        async with self._read() as work:
            it = await registered(work, station)
            if template:
                only = await work.templates.get(StationId(station.tenant, ""), template)
                if only is None:
                    raise UnknownTemplate(f"there is no template {template}")
                wishes = wanted([(Fit.ASSIGNED, only)])
            else:
                wishes = await _wanted(work, it)
            return (await _drifts(work, station.tenant, [(it, wishes)]))[0]

    async def fleet(
        self,
        tenant: TenantId,
        *,
        after: str = "",
        limit: int = 100,
        sites: Sequence[str] | None = None,
        most: int | None = None,
    ) -> FleetDrift:
        """The stations that some template is for, and how far each is from it.

        With ``most`` the page ends once so many stations were looked at, whatever was found.
        """
        found: list[StationDrift] = []
        seen = 0
        which = StationFilter(sites=None if sites is None else tuple(sites))
        place: Place | None = (after,) if after else None
        async with self._read() as work:
            templates = await _templates(work, tenant)
            while templates:
                page = await work.lists.stations(tenant, which, after=place, limit=most or _LOOK)
                rows = page.rows if most is None else page.rows[: most - seen]
                wishes = await _wished(work, tenant, rows, templates)
                due = [(each, wishes[each.id]) for each in rows if wishes[each.id]]
                found += await _drifts(work, tenant, due[: limit - len(found)])
                if len(found) == limit:
                    return FleetDrift(stations=tuple(found), next=found[-1].station.name)
                seen += len(rows)
                if seen == most:
                    return FleetDrift(stations=tuple(found), next=rows[-1].id.name)
                if page.next is None:
                    break
                place = page.next
        return FleetDrift(stations=tuple(found))

    # Applying.

    async def apply(self, station: StationId, template: str = "") -> Applied:
        """Ask the station what it is like, and write only what differs.

        Raises what `ConfigurationService.write` raises, UnknownStation or UnknownTemplate.
        """
        before = await self.drift(station, template)
        wishes = await self._wishes(station, template)
        if not wishes:
            return Applied(station=station)
        await self._ask(station, wishes)
        now = await self.drift(station, template)
        due = [each for each in now.drift if each.kind in _WRITABLE]
        if not due:
            return Applied(station=station, left=now.drift)
        said = await self._configuration.write(station, [each.wanted for each in due])
        after = await self.drift(station, template)
        log.info(
            "applied templates",
            station=str(station),
            templates=before.templates,
            written=len(said),
            left=len(after.drift),
        )
        return Applied(station=station, written=_written(due, said), left=after.drift)

    async def _wishes(self, station: StationId, template: str) -> list[Wanted]:
        async with self._read() as work:
            it = await registered(work, station)
            if not template:
                return await _wanted(work, it)
        return wanted([(Fit.ASSIGNED, await self.get(station.tenant, template))])

    async def _ask(self, station: StationId, wishes: Sequence[Wanted]) -> None:
        for attribute in Attribute:
            some = [e.value.variable for e in wishes if e.value.attribute is attribute]
            if some:
                await self._configuration.read(station, some, attribute)

    async def apply_to(
        self, stations: Iterable[StationId], template: str = "", *, at_once: int = _AT_ONCE
    ) -> list[tuple[StationId, Applied | Exception]]:
        """Apply to many, so many at a time; what went wrong with one stops no other."""
        room = asyncio.Semaphore(at_once)

        async def one(station: StationId) -> tuple[StationId, Applied | Exception]:
            async with room:
                try:
                    return station, await self.apply(station, template)
                except (StationUnreachable, UnknownStation, UnsafeWrite) as failure:
                    return station, failure

        return list(await asyncio.gather(*map(one, stations)))

    # What goes on by itself.

    def booted(self, event: Event) -> None:
        """A station has booted: its turn comes, if a template says so."""
        if isinstance(event, StationBooted) and len(self._booted) < _MOST_WAITING:
            self._booted[event.station] = None
            self._wake.set()

    async def run(self, *, after_s: float = _AFTER_BOOT_S) -> None:
        """Apply templates to stations that have booted, where they say so, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(after_s)
            self._wake.clear()
            booted, self._booted = list(self._booted), {}
            try:
                due = [station for station in booted if await self._is_due(station)]
            except StoreUnavailable as error:
                log.warning("templates wait for the database", error=str(error))
                self._booted = dict.fromkeys(booted) | self._booted
                self._wake.set()
                continue
            for station, done in await self.apply_to(due):
                if isinstance(done, Exception):
                    log.warning("templates were not applied", station=str(station), why=str(done))

    async def _is_due(self, station: StationId) -> bool:
        """Never one that is passive or not accepted; only by templates that say so."""
        async with self._read() as work:
            it = await work.stations.get(station)
            if it is None or it.passive or it.registration is not Registration.ACCEPTED:
                return False
            templates = await _templates(work, station.tenant)
            assigned = await _assigned_to(work, station.tenant, [it])
            fits = _fits(it, templates, assigned[it.id])
        return any(template.after_boot for _, template in fits)


_DONE = {"Accepted", "RebootRequired"}
_WRITABLE = {DriftKind.DIFFERENT, DriftKind.UNREAD}


async def _locked(work: Work, tenant: TenantId, name: str) -> Template:
    found = await work.templates.lock(StationId(tenant, ""), name)
    if found is None:
        raise UnknownTemplate(f"there is no template {name}")
    return found


async def _templates(work: Work, tenant: TenantId) -> list[Template]:
    found = await work.templates.of(StationId(tenant, ""), limit=_MOST_TEMPLATES)
    return sorted(found, key=lambda each: each.id)


async def _assigned(work: Work, tenant: TenantId, name: str) -> list[StationId]:
    stations: list[StationId] = []
    before: tuple[datetime, StationId, str] | None = None
    while page := await work.assignments.all(tenant, before=before):
        stations += [each.station for each in page if each.id == name]
        before = (page[-1].at, page[-1].station, page[-1].id)
    return stations


def _fits(
    station: Station, templates: Sequence[Template], assigned: Collection[str]
) -> list[tuple[Fit, Template]]:
    fits = ((fit(each, station, is_assigned=each.id in assigned), each) for each in templates)
    return [each for each in fits if each[0]]


async def _assigned_to(
    work: Work, tenant: TenantId, stations: Sequence[Station]
) -> dict[StationId, set[str]]:
    """The names of the templates that each is assigned, if any is."""
    found: dict[StationId, set[str]] = defaultdict(set)
    for each in await work.assignments.of_each(tenant, [it.id.name for it in stations]):
        found[each.station].add(each.id)
    return found


async def _wished(
    work: Work, tenant: TenantId, stations: Sequence[Station], templates: Sequence[Template]
) -> dict[StationId, list[Wanted]]:
    assigned = await _assigned_to(work, tenant, stations) if templates else {}
    return {each.id: wanted(_fits(each, templates, assigned.get(each.id, ()))) for each in stations}


async def _wanted(work: Work, station: Station) -> list[Wanted]:
    templates = await _templates(work, station.id.tenant)
    return (await _wished(work, station.id.tenant, [station], templates))[station.id]


async def _drifts(
    work: Work, tenant: TenantId, due: Sequence[tuple[Station, Sequence[Wanted]]]
) -> list[StationDrift]:
    """How far each is from what it shall be."""
    names = [station.id.name for station, _ in due]
    keys = {each.value.variable.component.key for _, wishes in due for each in wishes}
    ids = sorted(keys) if len(keys) <= _MOST_VALUES else ()
    told = {
        (each.station, each.id): each for each in await work.variables.of_each(tenant, names, ids)
    }
    return [_drift(station, wishes, told) for station, wishes in due]


def _drift(
    station: Station,
    wishes: Sequence[Wanted],
    told: Mapping[tuple[StationId, str], ComponentState],
) -> StationDrift:
    drift: list[Drift] = []
    for each in wishes:
        component = told.get((station.id, each.value.variable.component.key))
        found = drift_of(each, component, station.booted_at)
        if found is not None:
            drift.append(found)
    return StationDrift(
        station=station.id,
        templates=tuple(dict.fromkeys(each.template for each in wishes)),
        wanted=len(wishes),
        drift=tuple(drift),
    )


def _written(due: Sequence[Drift], said: Sequence[VariableTold]) -> tuple[Written, ...]:
    of = {(each.variable.key, each.attribute): each for each in said}
    return tuple(
        Written(
            variable=each.wanted.variable,
            value=each.wanted.value,
            status=word.status,
            reason=word.reason,
        )
        for each in due
        if (word := of.get((each.wanted.variable.key, each.wanted.attribute))) is not None
    )


def outcome_of(applied: Applied) -> Outcome:
    """What came of applying, as the answer to what was asked."""
    problem = next((each.status for each in applied.written if each.status not in _DONE), "")
    reboot = "RebootRequired" if applied.needs_reboot else "Accepted"
    content = {
        "written": [
            {
                "variable": str(each.variable),
                "value": each.value,
                "status": each.status,
                "reason": each.reason,
            }
            for each in applied.written
        ],
        "left": [
            {
                "variable": str(each.wanted.variable),
                "wanted": each.wanted.value,
                "value": each.value,
                "why": each.kind.value,
            }
            for each in applied.left
        ],
    }
    said = tuple(
        VariableTold(
            variable=each.variable, value=each.value, status=each.status, reason=each.reason
        )
        for each in applied.written
    )
    return Outcome(
        accepted=not problem,
        status=problem or reboot,
        response=Raw(json.encode(content)),
        told=VariablesTold(said),
    )


def _said(template: Template) -> str:
    return ", ".join(f"{each.variable} = {each.value}" for each in template.values)[:2000]
