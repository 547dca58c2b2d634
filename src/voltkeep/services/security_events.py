"""Functional block A, security: events that stations report, and alerts that people should see."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from cachetools import LRUCache
from msgspec import json, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.events import AlertRaised, SecurityEventReported
from voltkeep.domain.identity import Sender, StationId, TenantId
from voltkeep.domain.security import Alert, SecurityEvent
from voltkeep.services.audit import acting, audit
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.provisioning import registered
from voltkeep.services.rates import MOST_KEYS, Buckets, Rate

CRITICAL = frozenset(
    {
        # Whitepaper 8, and the appendices of 2.0.1 and 2.1.
        *("FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot"),
        *("SecurityLogWasCleared", "MemoryExhaustion", "TamperDetectionActivated"),
        # The appendices only: the whitepaper has these, under the same names, as not critical.
        *("InvalidFirmwareSignature", "InvalidFirmwareSigningCertificate"),
        *("InvalidTLSVersion", "InvalidTLSCipherSuite"),
        # The appendices only.
        *("InvalidCsmsCertificate", "InvalidChargingStationCertificate"),
        *("DiscardedRenewedClientCertificate", "MaintenanceLoginAccepted"),
        "MaintenanceLoginFailed",
    }
)
# Critical, and yet what every station says after a power cut: one alert for all of a tenant's.
_RESTARTS = frozenset({"StartupOfTheDevice", "ResetOrReboot"})
OPEN, ACKNOWLEDGED = "open", "acknowledged"
EVENTS_KEPT = 5000  # of one station, until they are pruned

_FLOOD = "too many security events"
_RESTARTED = "stations restarted"
# What a station has saved up while it was offline comes at once.
_EVENTS = Rate(burst=500, per_s=1)
_TELLINGS = Rate(burst=1, per_s=1 / 60)


class UnknownAlert(LookupError):
    """There is no alert of that id."""


class SecurityEventService:
    """Stores what stations report, and raises alerts."""

    def __init__(self, begin: Begin, read: Read, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._events: Buckets[StationId] = Buckets(_EVENTS)
        self._tellings: Buckets[StationId] = Buckets(_TELLINGS)
        self._dropped: LRUCache[StationId, int] = LRUCache(MOST_KEYS)
        self._restarts: Counter[TenantId] = Counter()
        self._counts_restarts = asyncio.Lock()

    async def report(
        self, sender: Sender, type: str, happened_at: datetime, tech_info: str | None
    ) -> None:
        """Store a security event once, however often it is said (A04).

        Types that we do not know are taken like others, but are not critical. Of a station that
        says too many they are dropped, counted, and told of in one alert.
        """
        now = self._clock().timestamp()
        if not self._events.take(sender.station, now):
            self._dropped[sender.station] = self._dropped.get(sender.station, 0) + 1
            if not self._tellings.take(sender.station, now):
                return
            async with self._begin() as work:
                await work.stations.hold(sender)
                await self._tell_dropped(work, sender)
            return
        event = SecurityEvent(
            station=sender.station,
            id=_event_id(type, happened_at, tech_info),
            state="critical" if type in CRITICAL else "noted",
            at=sender.received_at,
            happened_at=happened_at,
            type=type,
            tech_info=tech_info,
        )
        async with self._begin() as work:
            await work.stations.hold(sender)
            await self._tell_dropped(work, sender)
            is_new = await _store(work, event)
        if is_new and type in _RESTARTS:
            self._restarts[sender.station.tenant] += 1
            await self._tell_restarts(event)

    async def _tell_dropped(self, work: Work, sender: Sender) -> None:
        if dropped := self._dropped.pop(sender.station, 0):
            await _flooded(work, sender.station, sender.received_at, dropped)

    async def _tell_restarts(self, event: SecurityEvent) -> None:
        """Those of one moment together: a fleet must not wait in line for one row."""
        tenant = event.station.tenant
        async with self._counts_restarts:
            count = self._restarts.pop(tenant, 0)
            if not count:
                return
            text = (
                f"{event.station} reports {event.type} at {event.happened_at:%F %T}Z, the last of "
                "those counted here. `voltkeep security events --critical` lists them."
            )
            try:
                async with self._begin() as work:
                    everyone = StationId(tenant, "")
                    await raise_alert(work, everyone, _RESTARTED, text, event.at, times=count)
            except BaseException:
                self._restarts[tenant] += count
                raise

    async def events(
        self,
        station: StationId | None = None,
        *,
        critical: bool = False,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[SecurityEvent]:
        """What stations reported, the latest heard first. Raises UnknownStation."""
        states = ["critical"] if critical else []
        async with self._read() as work:
            if station is None:
                return await work.security_events.all(states=states, since=since, limit=limit)
            found = await work.security_events.of(station, states=states, limit=limit)
            if not found:  # those of a station that was removed stay
                await registered(work, station)
        return [event for event in found if since is None or event.at >= since]

    async def alerts(
        self, tenant: TenantId | None = None, *, acknowledged: bool = False, limit: int = 1000
    ) -> list[Alert]:
        """Those open, and with ``acknowledged`` the others too; the latest first."""
        states: Sequence[str] = [] if acknowledged else [OPEN]
        async with self._read() as work:
            return await work.alerts.all(tenant, states=states, limit=limit)

    async def acknowledge(self, tenant: TenantId, id: str, note: str = "") -> Alert:
        """Somebody has looked at it; if it happens again, it is a new alert. Raises UnknownAlert.

        ``note`` is what they have found. Saying it again changes nothing.
        """
        async with self._begin() as work:
            found = await work.alerts.find(tenant, id)
            alert = found and await work.alerts.lock(found.station, found.id)
            if alert is None:
                raise UnknownAlert(f"there is no alert {id}")
            if alert.state == ACKNOWLEDGED:
                return alert
            now = self._clock()
            alert = structs.replace(
                alert,
                state=ACKNOWLEDGED,
                acknowledged_by=acting().name,
                acknowledged_at=now,
                note=note,
            )
            await work.alerts.put(alert)
            deed = Deed(
                action="alert.acknowledged", object=_object(alert), before=alert.text, after=note
            )
            await audit(work, tenant, now, deed)
        return alert


async def raise_alert(
    work: Work, station: StationId, kind: str, text: str, at: datetime, *, times: int = 1
) -> Alert:
    """Tell people, once: while an alert of that kind is open there, it is only counted up.

    A station of name "" is the tenant as a whole.
    """
    alert = await _open_alert(work, station, kind)
    if alert is not None:
        alert = structs.replace(alert, at=max(at, alert.at), text=text, count=alert.count + times)
        await work.alerts.put(alert)
        return alert
    alert = Alert(
        station=station,
        id=_short_hash([station, kind, at.timestamp()], 10),
        at=at,
        first_at=at,
        count=times,
        kind=kind,
        text=text,
    )
    await work.alerts.put(alert)
    work.emit(AlertRaised(station=station, at=at, alert=alert.id, kind=kind, text=text))
    return alert


async def _open_alert(work: Work, station: StationId, kind: str) -> Alert | None:
    for alert in await work.alerts.of(station, states=[OPEN]):
        if alert.kind == kind:
            locked = await work.alerts.lock(station, alert.id)
            return locked if locked is not None and locked.state == OPEN else None
    return None


async def _store(work: Work, event: SecurityEvent) -> bool:
    """False if it was stored before."""
    station, at = event.station, event.at
    if await work.security_events.get(station, event.id) is not None:
        return False  # said again: it had no answer the first time
    if await work.security_events.count(station) < EVENTS_KEPT:
        await work.security_events.add(event)
    else:
        await _flooded(work, station, at, 1)
    is_critical = event.state == "critical"
    work.emit(
        SecurityEventReported(
            station=station,
            at=at,
            event=event.type,
            happened_at=event.happened_at,
            tech_info=event.tech_info,
            is_critical=is_critical,
        )
    )
    if is_critical and event.type not in _RESTARTS:
        said = f": {event.tech_info}" if event.tech_info else ""
        text = f"{station} reports {event.type} at {event.happened_at:%F %T}Z{said}"
        await raise_alert(work, station, event.type, text, at)
    return True


async def _flooded(work: Work, station: StationId, at: datetime, dropped: int) -> None:
    text = (
        f"{station} reports more security events than are kept: those counted here were dropped. "
        "Look at those that were kept, and have the station looked at."
    )
    await raise_alert(work, station, _FLOOD, text, at, times=dropped)


def _event_id(type: str, happened_at: datetime, tech_info: str | None) -> str:
    return _short_hash([type, happened_at.timestamp(), tech_info], 32)


def _short_hash(content: object, digits: int) -> str:
    return hashlib.sha256(json.encode(content)).hexdigest()[:digits]


def _object(alert: Alert) -> str:
    return f"{alert.kind} of {alert.station}" if alert.station.name else alert.kind
