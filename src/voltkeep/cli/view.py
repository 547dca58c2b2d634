"""What happens, told to a person line by line while the server runs."""

import functools
import re
import shlex
from collections import OrderedDict
from collections.abc import Container
from datetime import datetime, timedelta
from typing import TypeVar

from voltkeep.cli.output import Cell
from voltkeep.cli.text import Timeline, duration, energy, escape, power
from voltkeep.domain import events
from voltkeep.domain.barriers import remedy
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.identity import DEFAULT_TENANT, Evse, IdToken, StationId, TransactionRef

_PROGRESS_EVERY = timedelta(seconds=15)  # for each transaction
_REFUSAL_EVERY = timedelta(minutes=1)  # for each station id that somebody tries
_REMEMBERED = 10_000
_LONGEST = 400
_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_CHANGES = {
    "names in its certificate": "must bear other names in its certificate",
    "certificate revoked": "has had its certificate revoked",
    "quarantine": "was released from quarantine",
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_K = TypeVar("_K")
_V = TypeVar("_V")
_Key = tuple[StationId, TransactionRef]


class View:
    """Turns events into sentences. Keeps what it needs to speak of progress, and no more.

    ``program`` is how to type a command; that ``ours`` are registered is nobody's news. Who else
    writes lines shares the ``timeline``.
    """

    def __init__(
        self, *, program: str, ours: Container[str] = (), timeline: Timeline | None = None
    ) -> None:
        self._program = program
        self._ours = ours
        self._timeline = timeline or Timeline()
        self._meters: OrderedDict[_Key, float] = OrderedDict()
        self._started: OrderedDict[_Key, events.TransactionStarted] = OrderedDict()
        self._spoken: OrderedDict[object, datetime] = OrderedDict()
        self._unsaid: OrderedDict[object, int] = OrderedDict()
        self._statuses: OrderedDict[tuple[StationId, Evse | None], str] = OrderedDict()

    def line(self, event: events.Event) -> tuple[str, Cell] | None:
        """When and where, and what happened there; None where it is not worth a line."""
        told = self._told(event)
        if told is None:
            return None
        text, style = told
        where = f"{self._timeline.at(event.at)}  {event.station!s:<12}"
        return escape(where) + "  ", Cell(escape(text, _LONGEST), style)

    @functools.singledispatchmethod
    def _told(self, event: events.Event) -> tuple[str, str] | None:
        return None

    @_told.register
    def _(self, event: events.StationConnected) -> tuple[str, str]:
        how = f"{event.subprotocol} from {event.remote_address}"
        if event.security_profile == 0:
            return f"connected with {how}; nobody checks who it is (security profile 0)", "red"
        return f"connected with {how}", "dim"

    @_told.register
    def _(self, event: events.StationDisconnected) -> tuple[str, str]:
        return f"disconnected: {event.reason}", "yellow"

    @_told.register
    def _(self, event: events.ConnectionRefused) -> tuple[str, str] | None:
        what = (event.station, event.reason)
        before = self._spoken.get(what, event.at)
        if not self._is_due(what, event.at, _REFUSAL_EVERY):
            _keep(self._unsaid, what, self._unsaid.get(what, 0) + 1)
            return None
        # As `voltkeep station explain` says it.
        do = remedy(event.reason, event.station).replace("voltkeep ", f"{self._program} ")
        told = f"refused, from {event.remote_address}: {event.reason}"
        if unsaid := self._unsaid.pop(what, 0):
            told += f", and {unsaid} more since {before:%H:%M:%S}"
        return (f"{told}. {do}" if do else told), "red"

    @_told.register
    def _(self, event: events.DuplicateConnection) -> tuple[str, str]:
        what = "took its place" if event.admitted else "was refused"
        told = f"is connected from {event.older_address}; somebody with its id at"
        return f"{told} {event.remote_address} {what}", "yellow"

    @_told.register
    def _(self, event: events.StationQuarantined) -> tuple[str, str]:
        release = f"{self._program} station release {event.station.quoted}"
        told = "two connections contend for this id; nobody new is let in until"
        return f"{told} {event.until:%H:%M:%S}, or {release}", "red"

    @_told.register
    def _(self, event: events.StationAdded) -> tuple[str, str] | None:
        return None if event.station.name in self._ours else ("was registered", "dim")

    @_told.register
    def _(self, event: events.StationRenamed) -> tuple[str, str]:
        return f"is called {event.new} from now on", "dim"

    @_told.register
    def _(self, event: events.StationRemoved) -> tuple[str, str]:
        return "was removed", "dim"

    @_told.register
    def _(self, event: events.StationChanged) -> tuple[str, str] | None:
        if event.station.name in self._ours:
            return None
        return _CHANGES.get(event.what, f"has a new {event.what}"), "dim"

    @_told.register
    def _(self, event: events.StationBooted) -> tuple[str, str]:
        make = event.make
        what = " ".join(filter(None, (make.vendor, make.model, make.firmware)))
        if event.registration == "Accepted":
            return f"booted: {what}", ""
        held = f"booted: {what}; it is held as {event.registration.lower()}"
        accept = f"{self._program} station accept {event.station.quoted}"
        return f"{held} until {accept}", "yellow"

    @_told.register
    def _(self, event: events.ConnectorStatusChanged) -> tuple[str, str] | None:
        key = (event.station, event.evse)
        is_first = key not in self._statuses
        _keep(self._statuses, key, event.raw_status)
        if is_first and event.status == "Available":
            return None  # as is to be expected after a boot
        error = event.error_code if event.error_code not in (None, "NoError") else ""
        more = " ".join(filter(None, (error, event.info)))
        text = f"{_where(event.evse) or 'station'} is {_words(event.raw_status)}"
        is_wrong = event.status == "Faulted" or bool(error)
        return (f"{text}: {more}" if more else text), "red" if is_wrong else "dim"

    @_told.register
    def _(self, event: events.TokenPresented) -> tuple[str, str]:
        who = f"token {event.id_token.value}"
        if event.status == "Accepted":
            return f"{who} is welcome", "dim"
        told = f"{who} was told: {_words(event.status)}"
        # Only what can be copied into a shell without thinking: a station could send a command.
        if event.status == "Unknown" and _HARMLESS.fullmatch(event.id_token.value):
            told += f". If it may charge: {self._program} token add {event.id_token.value}"
            if event.station.tenant != DEFAULT_TENANT:
                told += f" --tenant {shlex.quote(event.station.tenant)}"
        return told, "yellow"

    @_told.register
    def _(self, event: events.RemoteStartRequested) -> tuple[str, str]:
        who = f"token {event.id_token.value}"
        return f"was asked to start for {who}: {event.status}", "" if event.accepted else "yellow"

    @_told.register
    def _(self, event: events.TransactionStarted) -> tuple[str, str]:
        key = (event.station, event.ref)
        _keep(self._started, key, event)
        if event.meter_start_wh is not None:
            _keep(self._meters, key, event.meter_start_wh)
        parts = ["started charging", _for(event.id_token), _on(event.evse)]
        text = " ".join(filter(None, parts)) + f" (transaction {event.ref})"
        if event.authorization not in (None, "Accepted"):
            return f"{text}, though its token was told: {_words(event.authorization)}", "yellow"
        return text, "bold green"

    @_told.register
    def _(self, event: events.TransactionUpdated) -> tuple[str, str] | None:
        if event.charging_state is None:
            return None
        started = self._started.get((event.station, event.ref))
        where = _where(started.evse) if started else ""
        return f"{where or f'transaction {event.ref}'} is {_words(event.charging_state)}", "dim"

    @_told.register
    def _(self, event: events.EnergyMetered) -> tuple[str, str] | None:
        if event.ref is None:
            return None
        key = (event.station, event.ref)
        first = self._meters.get(key, event.energy_wh)
        if first is not None:
            _keep(self._meters, key, first)
        if not self._is_due(key, event.at, _PROGRESS_EVERY) or event.power_w is None:
            return None
        so_far = event.energy_wh - first if event.energy_wh is not None and first is not None else 0
        parts = [
            f"charges at {power(event.power_w)}",
            f"{energy(so_far)} so far" if so_far > 0 else "",
            "" if event.soc_percent is None else f"battery at {event.soc_percent:.0f} %",
        ]
        started = self._started.get(key)
        where = _where(event.evse or (started.evse if started else None))
        return f"{where} ".lstrip() + ", ".join(filter(None, parts)), ""

    @_told.register
    def _(self, event: events.TransactionEnded) -> tuple[str, str]:
        key = (event.station, event.ref)
        self._meters.pop(key, None)
        self._spoken.pop(key, None)
        started = self._started.pop(key, None)
        took = f"in {duration(event.ended_at - started.started_at)}" if started else ""
        why = f"({_words(event.stop_reason)})" if event.stop_reason else ""
        parts = ["stopped charging", _on(event.evse), why]
        text = " ".join(filter(None, parts))
        if event.energy_wh is not None:
            text += f": {energy(event.energy_wh)} {took}".rstrip()
        if event.is_orphan:
            return f"{text}; its start was never heard (transaction {event.ref})", "yellow"
        return text, "bold"

    @_told.register
    def _(self, event: events.TransactionClosed) -> tuple[str, str]:
        told = f"transaction {event.ref} was closed in the record by {event.closed_by}"
        return f"{told}{_because(event.reason)}", ""

    @_told.register
    def _(self, event: events.AvailabilityChanged) -> tuple[str, str]:
        what = "operative" if event.operative else "inoperative"
        parts = ["shall be", what, _on(event.evse)]
        told = f"{' '.join(filter(None, parts))}: {event.state}"
        return told, "yellow" if event.state in {"rejected", "unanswered"} else ""

    @_told.register
    def _(self, event: events.CommandQueued) -> tuple[str, str]:
        return f"is to be asked once it is connected: command {event.command_id}", "dim"

    @_told.register
    def _(self, event: events.CommandCompleted) -> tuple[str, str]:
        return f"was asked by an operator: {_words(event.action)}: {event.result}", ""

    @_told.register
    def _(self, event: events.KeyRotated) -> tuple[str, str]:
        is_bad = event.stage in {"rejected", "unanswered", "given up"}
        return f"new key: {event.stage}{_because(event.reason)}", "yellow" if is_bad else "dim"

    @_told.register
    def _(self, event: events.SecurityProfileRaised) -> tuple[str, str]:
        told = f"security profile {event.profile}: {event.stage}{_because(event.reason)}"
        return told, "yellow" if event.stage in {"rejected", "unanswered"} else ""

    @_told.register
    def _(self, event: events.SecurityEventReported) -> tuple[str, str]:
        told = f"reports {event.event}{_said(event.tech_info)}"
        return told, "red" if event.is_critical else "dim"

    @_told.register
    def _(self, event: events.AlertRaised) -> tuple[str, str]:
        return f"ALERT, {event.kind}: {event.text}", "bold red"

    @_told.register
    def _(self, event: events.CertificateRequested) -> tuple[str, str]:
        if event.problem:
            return f"asked for a certificate and gets none: {event.problem}", "yellow"
        return f"asked for a certificate: {event.subject}", "dim"

    @_told.register
    def _(self, event: events.CertificateChanged) -> tuple[str, str]:
        told = f"certificate {event.serial_number}, valid until {event.not_after:%Y-%m-%d}"
        is_bad = event.state in {CertificateState.REJECTED, CertificateState.REVOKED}
        return f"{told}: {event.state}{_because(event.reason)}", "yellow" if is_bad else "dim"

    @_told.register
    def _(self, event: events.CertificatePinned) -> tuple[str, str]:
        told = f"may show no certificate from now on but {event.fingerprint[:16]}…"
        return f"{told}{_because(event.reason)}", ""

    @_told.register
    def _(self, event: events.RootsChanged) -> tuple[str, str]:
        return f"trusted certificates: {event.what}", "dim"

    @_told.register
    def _(self, event: events.LogUploadChanged) -> tuple[str, str]:
        return f"log {event.request_id} is {_words(event.state)}{_said(event.status)}", ""

    @_told.register
    def _(self, event: events.FirmwareUpdateChanged) -> tuple[str, str]:
        told = f"firmware update {event.request_id} is {_words(event.state)}"
        return f"{told}{_said(event.status)}", ""

    @_told.register
    def _(self, event: events.CampaignChanged) -> tuple[str, str]:
        return f"campaign {event.campaign} is {_words(event.state)}{_said(event.reason)}", ""

    @_told.register
    def _(self, event: events.ReservationChanged) -> tuple[str, str]:
        parts = [f"reservation {event.reservation_id}", _for(event.id_token), _on(event.evse)]
        told = f"{' '.join(filter(None, parts))} is {event.state}{_said(event.status)}"
        return told, "yellow" if event.state in {"refused", "unknown", "removed"} else ""

    @_told.register
    def _(self, event: events.ChargingProfileChanged) -> tuple[str, str]:
        parts = [f"charging profile {event.profile_id}", _on(event.evse), f"is {event.state}"]
        told = f"{' '.join(filter(None, parts))}{_said(event.status)}"
        return told, "yellow" if event.state in {"rejected", "unknown", "missing"} else "dim"

    @_told.register
    def _(self, event: events.ChargingLimitChanged) -> tuple[str, str]:
        what = "is no longer limited" if event.is_cleared else "is limited"
        told = " ".join(filter(None, (_where(event.evse), what, f"by {event.source}")))
        return told, "yellow" if event.is_grid_critical else ""

    @_told.register
    def _(self, event: events.ChargingNeedsReported) -> tuple[str, str]:
        wants = "" if event.energy_wh is None else f" {energy(event.energy_wh)}"
        by = "" if event.departure_at is None else f" by {event.departure_at:%Y-%m-%d %H:%M}"
        return f"{_where(event.evse)} has a car that needs{wants or ' energy'}{by}", "dim"

    @_told.register
    def _(self, event: events.EvScheduleReported) -> tuple[str, str]:
        if event.is_within_limits:
            return f"{_where(event.evse)} has a car that keeps to its limits", "dim"
        return f"{_where(event.evse)} has a car that wants more than its limits", "yellow"

    @_told.register
    def _(self, event: events.ConfigurationReported) -> tuple[str, str]:
        return f"has reported its configuration: {event.variables} variables", "dim"

    @_told.register
    def _(self, event: events.ConfigurationWritten) -> tuple[str, str]:
        value = "" if event.value is None else f" = {event.value}"
        return f"configuration: {event.variable}{value} ({_words(event.status)})", "dim"

    @_told.register
    def _(self, event: events.DataReceived) -> tuple[str, str]:
        message = " ".join(filter(None, (event.vendor, event.message)))
        return f"sent data of {message}: {_words(event.status)}", "dim"

    @_told.register
    def _(self, event: events.LocalListChanged) -> tuple[str, str]:
        told = f"local list {event.version} is {event.state}{_because(event.reason)}"
        return told, "yellow" if event.state == "failed" else "dim"

    @_told.register
    def _(self, event: events.WebhookChanged) -> tuple[str, str]:
        return f"webhook {event.webhook}: {_words(event.what).replace('_', ' ')}", "dim"

    def _is_due(self, what: object, at: datetime, every: timedelta) -> bool:
        last = self._spoken.get(what)
        if last is not None and at - last < every:
            return False
        _keep(self._spoken, what, at)
        return True


def _keep(known: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)


def _where(evse: Evse | None) -> str:
    return f"connector {evse.id}" if evse else ""


def _on(evse: Evse | None) -> str:
    return f"on connector {evse.id}" if evse else ""


def _for(id_token: IdToken | None) -> str:
    return f"for {id_token.value}" if id_token else ""


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _said(words: str | None) -> str:
    return f": {words}" if words else ""


def _words(name: str) -> str:
    """``SuspendedEV`` as ``suspended EV``."""
    parts = _CAMEL.split(name)
    return " ".join(part if part.isupper() and len(part) > 1 else part.lower() for part in parts)
