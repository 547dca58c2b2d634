"""Functional block B, configuration: what the variables of a station are, and how they are set."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec import Raw, json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.commands import (
    Outcome,
    ReadVariables,
    ReportVariables,
    VariablesTold,
    WriteVariables,
)
from voltkeep.domain.dangers import danger_of
from voltkeep.domain.device_model import (
    ACCEPTED,
    OPEN_REPORTS,
    REBOOT_REQUIRED,
    Attribute,
    Component,
    ComponentState,
    DeviceReport,
    ReportBase,
    ReportState,
    Variable,
    VariableTold,
    VariableValue,
    told,
)
from voltkeep.domain.events import ConfigurationReported, ConfigurationWritten
from voltkeep.domain.identity import Sender, StationId
from voltkeep.domain.stations import Station
from voltkeep.services.audit import audit
from voltkeep.services.device_model import MOST_COMPONENTS, DeviceModels, known
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import locked, registered

_MOST_ASKED = 1_000  # variables in one ask
_MOST_PARTS = 10_000  # of one report
_REPORTS_KEPT = 5
_PATIENCE = timedelta(minutes=10)  # from one part of a report to the next
_LOOK_EVERY_S = 0.2

# What a station takes at once: OCPP 1.6 calls the first one GetConfigurationMaxKeys.
_LIMITS = Component("DeviceDataCtrlr")
_MOST_READ = Variable(_LIMITS, "ItemsPerMessage", "GetVariables")
_MOST_WRITTEN = Variable(_LIMITS, "ItemsPerMessage", "SetVariables")
_READ_IF_UNSAID = 20


class UnsafeWrite(CommandUnfit):
    """Setting that by the way would part the station from what we know, and nothing was sent."""


class UnknownReport(LookupError):
    """The station was not asked for that report."""


def check_writable(variables: Iterable[Variable]) -> None:
    """Raises UnsafeWrite."""
    for each in variables:
        if (danger := danger_of(each.name)) is not None:
            raise UnsafeWrite(f"{each} {danger.refused}")


class ConfigurationService:
    """Reads and writes variables, and keeps what stations say of them, with its age."""

    def __init__(self, begin: Begin, read: Read, stations: Stations, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._clock = clock
        self._models = DeviceModels()

    # What we ask.

    async def read(
        self,
        station: StationId,
        variables: Sequence[Variable],
        attribute: Attribute = Attribute.ACTUAL,
    ) -> list[VariableTold]:
        """Ask what variables are (B06), with as many messages as it takes, and keep it.

        Raises what `Stations.send` raises, and UnknownStation.
        """
        wanted = list({each.key: each for each in variables}.values())
        _check_number(len(wanted))
        at_once = await self._at_once(station) if len(wanted) > 1 else 1
        said: list[VariableTold] = []
        for start in range(0, len(wanted), at_once):
            said += await self._read_some(
                station, tuple(wanted[start : start + at_once]), attribute
            )
        return said

    async def _read_some(
        self, station: StationId, variables: tuple[Variable, ...], attribute: Attribute
    ) -> list[VariableTold]:
        command = ReadVariables(variables=variables, attribute=attribute)
        outcome = await self._stations.send(station, command)
        asked = {each.key for each in variables}
        said = outcome.told.variables if isinstance(outcome.told, VariablesTold) else ()
        answered = [each for each in said if each.variable.key in asked]
        async with self._begin() as work:
            await locked(work, station)
            await self._models.keep(work, station, answered, self._clock())
        silent = asked - {each.variable.key for each in answered}
        return answered + [
            VariableTold(
                variable=each, attribute=attribute, status="", reason="it was not answered"
            )
            for each in variables
            if each.key in silent
        ]

    async def _at_once(self, station: StationId) -> int:
        """How many variables may be read at once; a station that has not said so is asked."""
        async with self._read() as work:
            is_passive = (await registered(work, station)).passive
        if await self._limit(station, _MOST_READ) is None and not is_passive:
            for each in (_MOST_READ, _MOST_WRITTEN):
                with contextlib.suppress(CommandUnfit):  # not in every version
                    await self._read_some(station, (each,), Attribute.ACTUAL)
        return await self._limit(station, _MOST_READ) or _READ_IF_UNSAID

    async def _limit(self, station: StationId, variable: Variable) -> int | None:
        """How many variables the station takes at once; None: it has not said."""
        async with self._read() as work:
            await registered(work, station)
            text = await known(work, station, variable)
        if text is None or not (text.isascii() and text.isdigit()) or len(text) > 6:
            return None
        return max(1, int(text))

    async def ask_report(
        self,
        station: StationId,
        base: ReportBase | None = ReportBase.FULL,
        components: Sequence[Component] = (),
    ) -> tuple[DeviceReport, Outcome]:
        """Ask for a report: of its base (B07), or of these components (B08).

        It may come later, in parts: `report` tells how far it is. Raises what `Stations.send`
        raises, or UnknownStation.
        """
        now = self._clock()
        report = DeviceReport(
            station=station,
            id=str(secrets.randbelow(2**31 - 1)),
            state=ReportState.ASKED,
            at=now,
            asked_at=now,
            base=base.value if base is not None else "",
        )
        async with self._begin() as work:
            await registered(work, station)
            for old in (await work.reports.of(station))[_REPORTS_KEPT - 1 :]:
                await work.reports.remove(station, old.id)
            await work.reports.put(report)
        command = ReportVariables(
            request_id=int(report.id), base=base, components=tuple(components)
        )
        try:
            outcome = await self._stations.send(station, command)
        except StationUnreachable as failure:
            await self._refused(report, f"{failure.result}: {failure}")
            raise
        if isinstance(outcome.told, VariablesTold):
            return await self._told_at_once(report, outcome.told), outcome
        if not outcome.accepted:
            return await self._refused(report, f"it said {outcome.status}"), outcome
        return report, outcome

    async def _refused(self, report: DeviceReport, problem: str) -> DeviceReport:
        report = structs.replace(
            report, state=ReportState.REFUSED, at=self._clock(), problem=problem
        )
        async with self._begin() as work:
            await work.reports.put(report)
        return report

    async def _told_at_once(self, report: DeviceReport, said: VariablesTold) -> DeviceReport:
        """The answer is the report: the stations of OCPP 1.6 do so."""
        at = self._clock()
        async with self._begin() as work:
            await locked(work, report.station)
            dropped = await self._models.keep(work, report.station, said.variables, at)
            report = structs.replace(report, at=at).with_part(
                0, is_last=True, variables=len(said.variables), dropped=dropped
            )
            await self._advance(work, report)
        return report

    async def write(
        self, station: StationId, values: Sequence[VariableValue]
    ) -> list[VariableTold]:
        """Set variables (B05), with as many messages as it takes: what became of each.

        Raises UnsafeWrite, UnknownStation, or what `Stations.send` raises if the first of them
        could not be sent.
        """
        check_writable(each.variable for each in values)
        _check_number(len(values))
        at_once = await self._limit(station, _MOST_WRITTEN) or 1
        said: list[VariableTold] = []
        for start in range(0, len(values), at_once):
            some = tuple(values[start : start + at_once])
            try:
                said += await self._write_some(station, some)
            except CommandUnfit as unfit:
                if len(some) == 1:
                    said.append(_failed(some[0], unfit))
                else:  # what cannot be said together is said one by one
                    said += await self._one_by_one(station, some)
            except StationUnreachable as failure:
                if not said:
                    raise
                said += [_failed(each, failure) for each in values[start:]]
                break
        if values and all(each.status == CommandUnfit.result for each in said):
            raise CommandUnfit(said[0].reason)
        return said

    async def _one_by_one(
        self, station: StationId, values: Sequence[VariableValue]
    ) -> list[VariableTold]:
        said: list[VariableTold] = []
        for each in values:
            try:
                said += await self._write_some(station, (each,))
            except StationUnreachable as failure:
                said.append(_failed(each, failure))
        return said

    async def _write_some(
        self, station: StationId, values: tuple[VariableValue, ...]
    ) -> list[VariableTold]:
        try:
            outcome = await self._stations.send(station, WriteVariables(values=values))
        except CommandUnfit:
            raise  # nothing was asked
        except StationUnreachable as failure:
            async with self._begin() as work:
                for each in values:
                    await self._audit(work, station, each, failure.result)
            raise
        words: dict[tuple[str, Attribute], VariableTold] = {}
        if isinstance(outcome.told, VariablesTold):
            words = {(each.variable.key, each.attribute): each for each in outcome.told.variables}
        at, said = self._clock(), []
        async with self._begin() as work:
            await locked(work, station)
            for each in values:
                word = words.get((each.variable.key, each.attribute))
                # An answer with one word for all of them, as in OCPP 1.6.
                status = outcome.status if not words else word.status if word else ""
                reason = word.reason if word else ""
                result = told(
                    each.variable,
                    each.value,
                    attribute=each.attribute,
                    status=status,
                    reason=reason,
                )
                said.append(result)
                await self._audit(work, station, each, status)
                if result.is_done:
                    work.emit(
                        ConfigurationWritten(
                            station=station,
                            at=at,
                            variable=str(result.variable),
                            value=result.value,
                            attribute=result.attribute.value,
                            status=status,
                        )
                    )
            await self._models.keep(work, station, said, at, is_written=True)
        return said

    async def _audit(
        self, work: Work, station: StationId, wish: VariableValue, result: str
    ) -> None:
        is_open = told(wish.variable, wish.value).value
        before = None if is_open is None else await known(work, station, wish.variable)
        deed = Deed(
            action="configuration.written",
            object=str(station),
            before=before or "",
            after=f"{wish.variable} = {'***' if is_open is None else is_open}",
            result=result,
        )
        await audit(work, station.tenant, self._clock(), deed)

    # What stations say.

    async def reported(
        self,
        sender: Sender,
        request_id: int,
        number: int,
        said: Sequence[VariableTold],
        *,
        is_last: bool,
    ) -> None:
        """Keep one part of a report (B07, B08), in whatever order they come; twice is as once."""
        at = sender.received_at
        async with self._begin() as work:
            await work.stations.hold(sender)
            report = await work.reports.lock(sender.station, str(request_id))
            if report is not None and (number in report.parts or len(report.parts) >= _MOST_PARTS):
                return
            dropped = await self._models.keep(work, sender.station, said, at)
            # Asked by hand, or long ago: what it says is true all the same.
            if report is not None:
                report = structs.replace(report, at=at, problem="").with_part(
                    number, is_last=is_last, variables=len(said), dropped=dropped
                )
                await self._advance(work, report)

    async def _advance(self, work: Work, report: DeviceReport) -> None:
        await work.reports.put(report)
        if report.state is not ReportState.COMPLETE:
            return
        if report.base == ReportBase.FULL:
            await self._models.forget_older(work, report.station, report.asked_at)
        work.emit(
            ConfigurationReported(
                station=report.station,
                at=report.at,
                request_id=report.id,
                base=report.base,
                variables=report.variables,
            )
        )

    # What is known.

    async def known(self, station: StationId) -> tuple[Station, list[ComponentState]]:
        """The station, and all that it said of its variables. Raises UnknownStation."""
        async with self._read() as work:
            it = await registered(work, station)
            components = await work.variables.of(station, limit=MOST_COMPONENTS)
        return it, sorted(components, key=lambda each: each.id)

    async def report(self, station: StationId, id: str) -> DeviceReport:
        """How far a report is. Raises UnknownReport."""
        async with self._read() as work:
            report = await work.reports.get(station, id)
        if report is None:
            raise UnknownReport(f"{station} was not asked for a report {id}, or long ago")
        if report.state in OPEN_REPORTS and self._clock() - report.at > _PATIENCE:
            problem = f"{len(report.parts)} parts are here, and the rest did not come"
            return structs.replace(report, state=ReportState.UNFINISHED, problem=problem)
        return report

    async def reports(self, station: StationId) -> list[DeviceReport]:
        """Those it was asked for last, the latest changed first. Raises UnknownStation."""
        async with self._read() as work:
            await registered(work, station)
            ids = [each.id for each in await work.reports.of(station)]
        return [await self.report(station, id) for id in ids]

    async def wait(self, report: DeviceReport, timeout: float) -> DeviceReport:
        """The report once it is over, or as it is after so many seconds."""
        try:
            async with asyncio.timeout(timeout):
                while report.state in OPEN_REPORTS:
                    await asyncio.sleep(_LOOK_EVERY_S)
                    report = await self.report(report.station, report.id)
        except TimeoutError:
            pass
        return report


def summed_up(said: Sequence[VariableTold]) -> Outcome:
    """Many answers as one: accepted if all are, with the word of the first that is not."""
    problem = next((each.status or "unanswered" for each in said if not each.is_done), "")
    reboot = next((each.status for each in said if each.status == REBOOT_REQUIRED), "")
    rows = [
        {
            "variable": str(each.variable),
            "attribute": each.attribute.value,
            "status": each.status,
            "value": each.value,
            "reason": each.reason,
        }
        for each in said
    ]
    return Outcome(
        accepted=not problem,
        status=problem or reboot or ACCEPTED,
        response=Raw(json.encode({"variables": rows})),
        told=VariablesTold(tuple(said)),
    )


def _failed(wish: VariableValue, failure: StationUnreachable) -> VariableTold:
    return VariableTold(
        variable=wish.variable,
        attribute=wish.attribute,
        status=failure.result,
        reason=str(failure),
    )


def _check_number(number: int) -> None:
    if not 0 < number <= _MOST_ASKED:
        raise CommandUnfit(f"ask for 1 to {_MOST_ASKED} variables at once, not for {number}")
