"""What is left when a story has been played, in words that know no OCPP version.

Refs of transactions are left out (1.6 has us name them), and so is what merely meters.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.stories.configuration import variables
from voltkeep.domain import events
from voltkeep.domain.identity import Evse, IdToken
from voltkeep.domain.transactions import NEVER_NAMED, Transaction

if TYPE_CHECKING:
    from tests.stories.play import Story

_UNTOLD = (
    events.EnergyMetered,
    events.StationAdded,
    events.StationChanged,
    events.StationConnected,
    events.StationDisconnected,
    events.TransactionUpdated,
)


async def told(story: "Story") -> list[str]:
    """Events, then transactions, then the meter values stored outside of any."""
    lines: list[str] = []
    statuses: dict[object, object] = {}
    for event in (*story.store.published, *story.announced):
        if isinstance(event, _UNTOLD):
            continue
        if isinstance(event, events.ConnectorStatusChanged):
            # 1.6 has nine words for five, and tells of each change among them.
            place, status = (event.station, event.evse), (event.status, event.error_code)
            if statuses.get(place) == status:
                continue
            statuses[place] = status
        lines.append(_line(event))
    transactions = await story.services.transactions.all()
    lines += sorted(map(_transaction, transactions)) + sorted(_lone_meter_values(story))
    return lines + sorted(variables(story))


def _transaction(of: Transaction) -> str:
    return (
        f"{of.station.name}: transaction of {_who(of.id_token)} at {_where(of.evse)}:"
        f" {of.authorization}, {of.meter_start_wh} to {of.meter_stop_wh} Wh, {of.stop_reason}"
    )


def _lone_meter_values(story: "Story") -> Iterator[str]:
    for row in story.store._state.meter_values.values():
        if row.ref is None or row.ref == NEVER_NAMED:
            value = row.value
            yield (
                f"{row.station.name}: meter at {_where(row.evse)}:"
                f" {value.energy_wh} Wh ({value.context})"
            )


def _line(event: events.Event) -> str:
    at = f"{event.station.name}: "
    match event:
        case events.StationBooted(registration=registration, make=make):
            return f"{at}a {make.vendor} {make.model} booted: {registration}"
        case events.ConnectorStatusChanged(evse=evse, status=status, error_code=code):
            return f"{at}{_where(evse)} is {status}" + (f" ({code})" if code else "")
        case events.TokenPresented(id_token=id_token, status=status):
            return f"{at}{_who(id_token)} was shown: {status}"
        case events.RemoteStartRequested(id_token=id_token, accepted=accepted):
            return f"{at}asked to start for {_who(id_token)}: {'yes' if accepted else 'no'}"
        case events.TransactionStarted(
            evse=evse, id_token=id_token, authorization=authorization, remote_start_id=remote
        ):
            how = " as asked" if remote else ""
            return f"{at}{_who(id_token)} started{how} at {_where(evse)}: {authorization}"
        case events.TransactionEnded(energy_wh=energy, stop_reason=reason, is_orphan=orphan):
            what = "a transaction never heard of" if orphan else "the transaction"
            return f"{at}{what} ended: {energy} Wh, {reason}"
        case events.ConfigurationWritten() | events.ConfigurationReported() | events.DataReceived():
            return at + _of_configuration(event)
    return at + (_of_charging(event) or _of_trust(event))


def _of_trust(event: events.Event) -> str:
    match event:
        case events.CertificateRequested(problem=problem):
            return "asked for a certificate" + (f": {problem}" if problem else "")
        case events.CertificateChanged(state=state):
            return f"its certificate is {state}"
        case events.RootsChanged(what=what):
            return "roots: " + re.sub(r"\b[0-9a-f]{16}\b", "…", what)
        case events.KeyRotated(stage=stage):
            return f"its new key: {stage}"
        case events.SecurityProfileRaised(profile=profile, stage=stage):
            return f"security profile {profile}: {stage}"
        case events.LogUploadChanged(state=state, status=status):
            return f"log {state}" + (f" ({status})" if status else "")
        case events.FirmwareUpdateChanged(state=state, status=status):
            return f"firmware {state}" + (f" ({status})" if status else "")
        case events.SecurityEventReported(event=what, is_critical=is_critical):
            return f"security event {what}" + (", critical" if is_critical else "")
        case events.AlertRaised(kind=kind):
            return f"alert: {kind}"
    return _of_operation(event)


def _of_operation(event: events.Event) -> str:
    match event:
        case events.ConnectionRefused(reason=reason):
            return f"refused: {reason}"
        case events.AvailabilityChanged(evse=evse, operative=operative, state=state):
            what = "operative" if operative else "inoperative"
            return f"{_where(evse)} shall be {what}: {state}"
        case events.LocalListChanged(state=state, version=version, reason=reason):
            return f"its local list is {state}, version {version}" + (f": {reason}" * bool(reason))
        case events.ReservationChanged(state=state, evse=evse, id_token=id_token, status=status):
            how = f" ({status})" if status else ""
            return f"{_where(evse)} for {_who(id_token)}: reservation {state}{how}"
    return _of_configuration(event)


def _of_configuration(event: events.Event) -> str:
    match event:
        case events.ConfigurationWritten(variable=variable, value=value, status=status):
            return f"{variable} is set to {value}: {status}"
        case events.ConfigurationReported(base=base, variables=number):
            return f"told {number} variables" + (f" ({base})" if base else "")
        case events.DataReceived(vendor=vendor, message=message, status=status):
            return f"{vendor} said {message or 'nothing'}: {status}"
    raise AssertionError(event)


def _of_charging(event: events.Event) -> str | None:
    match event:
        case events.ChargingProfileChanged(profile_id=id, purpose=purpose, evse=evse, state=state):
            how = f" ({event.status})" if event.status else ""
            return f"{purpose} {id} at {_where(evse)}: {state}{how}"
        case events.ChargingLimitChanged(source=source, evse=evse, is_cleared=is_cleared):
            how = "limits no longer" if is_cleared else "limits"
            return f"{source} {how} {_where(evse)}"
        case events.ChargingNeedsReported(evse=evse, energy_wh=energy, energy_transfer=transfer):
            return f"a car at {_where(evse)} needs {energy} Wh, {transfer}"
        case events.EvScheduleReported(evse=evse, is_within_limits=is_within):
            how = "within" if is_within else "beyond"
            return f"a car at {_where(evse)} will charge {how} its limits"
    return None


def _where(evse: Evse | None) -> str:
    return f"EVSE {evse.id}" if evse else "the station"


def _who(id_token: IdToken | None) -> str:
    return id_token.value if id_token else "nobody"
