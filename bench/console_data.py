"""What pages of the console show beyond lists: campaigns, deliveries, templates, sites, their days.

Times are counted back from now, because pages show the last hours and days.
"""

import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from msgspec import json, structs

from bench.api_data import SITES, Filled, Moment, Row, name
from bench.certificate_data import certificates
from voltkeep.domain.audit import Actor
from voltkeep.domain.authorization import SeenState, SeenToken, TokenGroup
from voltkeep.domain.campaigns import (
    Campaign,
    CampaignState,
    CampaignStep,
    ChangeKind,
    FirmwareGoal,
    StepState,
    Wave,
)
from voltkeep.domain.configuration import Assignment, Template
from voltkeep.domain.days import EVERYWHERE
from voltkeep.domain.device_model import (
    Component,
    ComponentState,
    Variable,
    VariableState,
    VariableValue,
)
from voltkeep.domain.firmware import FirmwareUpdate, UpdateState
from voltkeep.domain.identity import DEFAULT_TENANT, Evse, IdToken, StationId
from voltkeep.domain.imports import Format, Import, ImportState, RowKind
from voltkeep.domain.reservations import Reservation, ReservationState
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.domain.sites import Site
from voltkeep.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookState,
    state_of,
)
from voltkeep.store import tables

_NOBODY = StationId(DEFAULT_TENANT, "")
_OWN = frozenset({"station", "id", "state", "at"})
_STANDARD = ("tenant", "station", "id", "state", "at", "content")
_HOOK = "w0000001"
_DAYS = 90
_COMPONENTS = ("OCPPCommCtrlr", "SampledDataCtrlr")
RARE = "AttemptedReplayAttacks"
_TYPES = ("StartupOfTheDevice", "SettingSystemTime", "ResetOrReboot", "MemoryExhaustion")


class Console:
    """Records of each kind, some of them as many as there are stations."""

    def __init__(self, stations: int, moment: Moment) -> None:
        self._stations = stations
        self._moment = moment
        self._random = random.Random(5)
        self._now = datetime.now(UTC)

    def tables(self) -> Iterator[Filled]:
        """A table's name, its columns, and its rows."""
        for table, records in (
            (tables.sites, self._sites()),
            (tables.campaigns, self._campaigns()),
            (tables.campaign_steps, self._steps()),
            (tables.webhooks, self._webhooks()),
            (tables.deliveries, self._deliveries()),
            (tables.variable_templates, self._templates()),
            (tables.template_assignments, self._assignments()),
            (tables.variables, self._variables()),
            (tables.security_events, self._security_events()),
            (tables.alerts, self._alerts()),
            (tables.refusals, self._refusals()),
            (tables.reservations, self._reservations()),
            (tables.unknown_tokens, self._unknown_tokens()),
            (tables.token_groups, self._groups()),
            (tables.imports, self._imports()),
            (tables.firmware_updates, self._updates()),
        ):
            found_by = [each.name for each in table.columns if each.name not in _STANDARD]
            columns = [*_STANDARD, *found_by]
            yield table.name, columns, self._rows(records, found_by)
        yield "day_totals", ["tenant", "site", "what", "day", "number"], self._totals()

    def _rows(self, records: Iterable[Any], found_by: list[str]) -> Iterator[Row]:
        return (self._row(each, found_by) for each in records)

    def _row(self, record: Any, found_by: list[str]) -> Row:
        fields = structs.asdict(record)
        content = {name: value for name, value in fields.items() if name not in _OWN}
        return (
            *(record.station.tenant, record.station.name, record.id, str(record.state)),
            *(self._moment(record.at), json.encode(content).decode()),
            *(str(fields[each]) for each in found_by),
        )

    def _ago(self, **most: float) -> datetime:
        return self._now - timedelta(**most) * self._random.random()

    def _any(self) -> StationId:
        return StationId(DEFAULT_TENANT, name(self._random.randrange(self._stations)))

    def _each(self) -> Iterator[StationId]:
        return (StationId(DEFAULT_TENANT, name(number)) for number in range(self._stations))

    def _sites(self) -> Iterator[Site]:
        for number in range(SITES):
            at = self._ago(days=700)
            id = f"site-{number:03}"
            yield Site(station=_NOBODY, id=id, at=at, name=f"Site {number}", created_at=at)

    def _campaigns(self) -> Iterator[Campaign]:
        states = (CampaignState.HALTED, CampaignState.HALTED, CampaignState.FINISHED)
        for number, state in enumerate((*states, *[CampaignState.CANCELLED] * 40)):
            at = self._now - timedelta(days=number)
            yield Campaign(
                station=_NOBODY,
                id=f"c{number:07}",
                state=state,
                at=at,
                kind=ChangeKind.FIRMWARE,
                firmware=FirmwareGoal(image=f"v{number}"),
                which="{}",
                started_at=at,
                started_by="ada",
            )

    def _steps(self) -> Iterator[CampaignStep]:
        shares = {StepState.WAITING: 5, StepState.DONE: 90, StepState.FAILED: 5}
        for campaign, each in itertools.product(range(3), self._each()):
            yield CampaignStep(
                station=each,
                id=f"c{campaign:07}",
                state=self._random.choices([*shares], [*shares.values()])[0],
                at=self._ago(days=campaign + 1),
                wave=Wave.CANARY if self._random.random() < 0.01 else Wave.REST,
                model="Model 1",
                serial_number="4711",
            )

    def _webhooks(self) -> Iterator[Webhook]:
        for number in range(1, 31):
            at = self._ago(days=100)
            yield Webhook(
                station=_NOBODY,
                id=f"w{number:07}",
                state=WebhookState.DISABLED,
                at=at,
                url="https://example.com/hook",
                secret="",
                position=0,
                created_at=at,
            )

    def _deliveries(self) -> Iterator[Delivery]:
        payload = '{"type":"station.booted","data":{"station":"S000001","reason":"PowerUp"}}'
        for number in range(self._stations):
            at = self._ago(days=7)
            progress = DeliveryState.FAILED if number % 50 == 0 else DeliveryState.DELIVERED
            yield Delivery(
                station=self._any(),
                id=f"{number}.{_HOOK}",
                state=state_of(_HOOK, progress),
                at=at,
                event_id=str(number),
                type="station.booted",
                payload=payload,
                attempts=1,
                next_at=at,
                last=Attempt(at=at, latency_s=0.1, status=204),
            )

    def _templates(self) -> Iterator[Template]:
        values = tuple(
            VariableValue(variable=Variable(Component(each), "Interval"), value="60")
            for each in _COMPONENTS
        )
        for number in range(20):
            yield Template(
                station=_NOBODY,
                id=f"template-{number:02}",
                at=self._now,
                values=values,
                sites=(f"site-{number * 19:03}",),
            )

    def _assignments(self) -> Iterator[Assignment]:
        for number in range(min(1000, self._stations)):
            station = StationId(DEFAULT_TENANT, name(number * 97 % self._stations))
            yield Assignment(station=station, id="template-19", at=self._now)

    def _variables(self) -> Iterator[ComponentState]:
        for station, said in itertools.product(self._each(), _COMPONENTS):
            at = self._ago(days=30)
            variables = tuple(
                VariableState(name=each, at=at, value=str(self._random.choice((60, 60, 60, 90))))
                for each in ("Enabled", "Interval", "RetryBackOff")
            )
            of = Component(said)
            yield ComponentState(
                station=station, id=of.key, at=at, component=of, variables=variables
            )

    def _security_events(self) -> Iterator[SecurityEvent]:
        """Half as many as stations, in two weeks; one of a rare type."""
        for number in range(self._stations // 2):
            at = self._ago(days=14)
            type = self._random.choice(_TYPES) if number else RARE
            yield SecurityEvent(
                station=self._any(),
                id=f"e{number:07}",
                state="critical" if number % 40 == 0 else "noted",
                at=at,
                happened_at=at,
                type=type,
            )

    def _alerts(self) -> Iterator[Alert]:
        for number in range(2000):
            at = self._ago(days=30)
            yield Alert(
                station=self._any(),
                id=f"{number:08}",
                state="open" if number % 20 == 0 else "acknowledged",
                at=at,
                first_at=at,
                kind="contending connections" if number % 4 == 0 else "security event",
                text="Two stations contend for this id.",
            )

    def _refusals(self) -> Iterator[Refusal]:
        for number in range(2000):
            at = self._ago(days=2)
            yield Refusal(
                station=self._any(),
                id=hashlib.sha256(str(number).encode()).hexdigest()[:16],
                at=at,
                first_at=at,
                count=3,
                host=f"192.0.2.{number % 256}",
                reason="wrong key",
            )

    def _reservations(self) -> Iterator[Reservation]:
        for number in range(self._stations // 5):
            at = self._ago(days=30)
            is_open = number % 100 == 0
            yield Reservation(
                station=self._any(),
                id=str(number + 1),
                state=ReservationState.ACTIVE if is_open else ReservationState.EXPIRED,
                at=at,
                evse=Evse(1),
                id_token=IdToken(f"{number:08x}"),
                expires_at=self._now + timedelta(days=1),
                requested_at=at,
            )

    def _unknown_tokens(self) -> Iterator[SeenToken]:
        for number in range(self._stations // 5):
            at = self._ago(days=30)
            yield SeenToken(
                station=_NOBODY,
                id=hashlib.sha256(str(number).encode()).hexdigest()[:16],
                state=SeenState.SEEN,
                at=at,
                id_token=IdToken(f"f{number:07x}"),
                first_at=at,
                seen_at=self._any().name,
            )

    def _groups(self) -> Iterator[TokenGroup]:
        for number in range(200):
            yield TokenGroup(station=_NOBODY, id=f"group-{number}", state="open", at=self._now)

    def _imports(self) -> Iterator[Import]:
        for number in range(300):
            at = self._ago(days=90)
            yield Import(
                station=_NOBODY,
                id=f"{number:08}",
                state=ImportState.DONE,
                at=at,
                kind=RowKind.STATIONS,
                format=Format.CSV,
                dry_run=False,
                actor=Actor(kind="user", name="ada"),
                sites=None,
                given_at=at,
                stored_as="",
                size_bytes=1000,
            )

    def _updates(self) -> Iterator[FirmwareUpdate]:
        for number, station in enumerate(self._each()):
            at = self._ago(days=60)
            yield FirmwareUpdate(
                station=station,
                id=str(number),
                state=UpdateState.INSTALLED,
                at=at,
                image="v1",
                location="https://example.com/v1",
                is_signed=True,
                requested_at=at,
            )

    def _totals(self) -> Iterator[Row]:
        today = datetime.combine(self._now, time(), UTC)
        kinds = ("busy_s", "connector_s", "energy_wh", *(f"security/{each}" for each in _TYPES[:2]))
        for site in (EVERYWHERE, *(f"site-{number:03}" for number in range(SITES))):
            for what, ago in itertools.product((*kinds, "sessions"), range(_DAYS)):
                day = (today - timedelta(days=ago)).date().isoformat()
                yield (DEFAULT_TENANT, site, what, day, self._random.randrange(1, 100_000))


def console(stations: int, moment: Moment) -> Iterator[Filled]:
    """For `bench.api_data.fill`."""
    yield from Console(stations, moment).tables()
    yield from certificates(stations, moment)
