"""The device model: the components of a station, their variables, and what it said of them.

In the words of OCPP 2.1. The configuration keys of older stations are variables as well: the
standard ones have the names of `STANDARD`, all others are of the component `OLDER`.
"""

import enum
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from urllib.parse import unquote

from msgspec import Struct, structs

from voltkeep.domain.identity import Evse, StationId

OLDER = "Ocpp16Configuration"

# Variables and fields are named by people: whatever sounds like a secret is one.
SECRET = re.compile(
    r"passw|secret|authori[sz]ationkey|(api|access|auth)_?(key|token)|privatekey|vpnkey|(sim|\b)pin$",
    re.IGNORECASE,
)
USER_INFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^/?#\s\"]*@", re.IGNORECASE)


class BadVariable(ValueError):
    """That is not the name of a variable."""


class Attribute(enum.StrEnum):
    """OCPP 2.1 AttributeEnumType."""

    ACTUAL = "Actual"
    TARGET = "Target"
    MIN_SET = "MinSet"
    MAX_SET = "MaxSet"


class Component(Struct, frozen=True, omit_defaults=True, dict=True):
    """A part of a station, physical or logical; of one EVSE if there is one."""

    name: str
    instance: str = ""
    evse: Evse | None = None

    def __str__(self) -> str:
        text = _quoted(self.name) + _in_brackets(self.instance)
        if self.evse is not None:
            text += f"@{self.evse.id}"
            text += f":{self.evse.connector_id}" if self.evse.connector_id else ""
        return text

    @cached_property
    def key(self) -> str:
        """Case does not tell names apart (2.x identifierString)."""
        return str(self).casefold()


class Variable(Struct, frozen=True, omit_defaults=True, dict=True):
    """What can be read or written of a component."""

    component: Component
    name: str
    instance: str = ""

    def __str__(self) -> str:
        """``Component[instance]@evse:connector.Variable[instance]``, read by `variable`."""
        return f"{self.component}.{_quoted(self.name, _IN_NAME)}{_in_brackets(self.instance)}"

    @cached_property
    def key(self) -> str:
        return str(self).casefold()

    @property
    def is_secret(self) -> bool:
        """Whether its value must never be kept or shown."""
        return SECRET.search(self.name) is not None


_SPECIAL, _IN_NAME = re.compile(r"[%\[\]@.]"), re.compile(r"[%\[\]]")
_TEXT = re.compile(
    r"(?P<component>[^\[\]@.]+)(?:\[(?P<part>[^\[\]]+)\])?"
    r"(?:@(?P<evse>[0-9]{1,9})(?::(?P<connector>[0-9]{1,9}))?)?"
    r"\.(?P<name>[^\[\]]+)(?:\[(?P<instance>[^\[\]]+)\])?",
    re.DOTALL,
)


def _quoted(text: str, special: re.Pattern[str] = _SPECIAL) -> str:
    return special.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _in_brackets(instance: str) -> str:
    return f"[{_quoted(instance, _IN_NAME)}]" if instance else ""


def variable(text: str) -> Variable:
    """A variable as people write it; a name without a component is a configuration key of old.

    Raises BadVariable.
    """
    if not _SPECIAL.search(text) and text.strip():
        return standard(Variable(Component(OLDER), text.strip()))
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise BadVariable(
            f"not a variable: {text[:100]!r}. Write Component.Variable, with an instance as "
            "[name] behind either, and @EVSE or @EVSE:CONNECTOR behind the component; or a "
            "configuration key of OCPP 1.6"
        )
    part = {name: unquote(found or "") for name, found in match.groupdict().items()}
    evse = int(part["evse"] or 0)
    place = Evse(evse, int(part["connector"] or 0) or None) if evse else None
    component = Component(part["component"], part["part"], place)
    return standard(Variable(component, part["name"], part["instance"]))


def component(text: str) -> Component:
    """A component as people write it. Raises BadVariable."""
    return variable(f"{text.strip()}.x").component


# --- the names of old --------------------------------------------------------------------------

# Keys of OCPP 1.6, section 9, and of its security whitepaper whose value means the same in OCPP 2.
# Not here are those whose value is written otherwise (ConnectorPhaseRotation,
# ChargingScheduleAllowedChargingRateUnit), or is a limit there and a count here
# (LocalAuthListMaxLength, MaxChargingProfilesInstalled, CertificateStoreMaxLength).
_STANDARD = {
    "AdditionalRootCertificateCheck": "SecurityCtrlr.AdditionalRootCertificateCheck",
    "AllowOfflineTxForUnknownId": "AuthCtrlr.OfflineTxForUnknownIdEnabled",
    "AuthorizationCacheEnabled": "AuthCacheCtrlr.Enabled",
    "AuthorizationKey": "SecurityCtrlr.BasicAuthPassword",
    "AuthorizeRemoteTxRequests": "AuthCtrlr.AuthorizeRemoteStart",
    "CertSigningRepeatTimes": "SecurityCtrlr.CertSigningRepeatTimes",
    "CertSigningWaitMinimum": "SecurityCtrlr.CertSigningWaitMinimum",
    "CertificateSignedMaxChainSize": "SecurityCtrlr.MaxCertificateChainSize",
    "ChargeProfileMaxStackLevel": "SmartChargingCtrlr.ProfileStackLevel",
    "ChargingScheduleMaxPeriods": "SmartChargingCtrlr.PeriodsPerSchedule",
    "ClockAlignedDataInterval": "AlignedDataCtrlr.Interval",
    "ConnectionTimeOut": "TxCtrlr.EVConnectionTimeOut",
    "ConnectorSwitch3to1PhaseSupported": "SmartChargingCtrlr.Phases3to1",
    "CpoName": "SecurityCtrlr.OrganizationName",
    "GetConfigurationMaxKeys": "DeviceDataCtrlr.ItemsPerMessage[GetVariables]",
    "HeartbeatInterval": "OCPPCommCtrlr.HeartbeatInterval",
    "LocalAuthListEnabled": "LocalAuthListCtrlr.Enabled",
    "LocalAuthorizeOffline": "AuthCtrlr.LocalAuthorizeOffline",
    "LocalPreAuthorize": "AuthCtrlr.LocalPreAuthorize",
    "MaxEnergyOnInvalidId": "TxCtrlr.MaxEnergyOnInvalidId",
    "MeterValueSampleInterval": "SampledDataCtrlr.TxUpdatedInterval",
    "MeterValuesAlignedData": "AlignedDataCtrlr.Measurands",
    "MeterValuesSampledData": "SampledDataCtrlr.TxUpdatedMeasurands",
    "MinimumStatusDuration": "ChargingStation.MinimumStatusDuration",
    "ReserveConnectorZeroSupported": "ReservationCtrlr.NonEvseSpecific",
    "ResetRetries": "OCPPCommCtrlr.ResetRetries",
    "SecurityProfile": "SecurityCtrlr.SecurityProfile",
    "SendLocalListMaxLength": "LocalAuthListCtrlr.ItemsPerMessage",
    "StopTransactionOnEVSideDisconnect": "TxCtrlr.StopTxOnEVSideDisconnect",
    "StopTransactionOnInvalidId": "TxCtrlr.StopTxOnInvalidId",
    "StopTxnAlignedData": "AlignedDataCtrlr.TxEndedMeasurands",
    "StopTxnSampledData": "SampledDataCtrlr.TxEndedMeasurands",
    "SupportedFileTransferProtocols": "OCPPCommCtrlr.FileTransferProtocols",
    "TransactionMessageAttempts": "OCPPCommCtrlr.MessageAttempts[TransactionEvent]",
    "TransactionMessageRetryInterval": "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]",
    "UnlockConnectorOnEVSideDisconnect": "OCPPCommCtrlr.UnlockOnEVSideDisconnect",
    "WebSocketPingInterval": "OCPPCommCtrlr.WebSocketPingInterval",
}


def _plain(text: str) -> Variable:
    component, _, rest = text.partition(".")
    name, _, instance = rest.rstrip("]").partition("[")
    return Variable(Component(component), name, instance)


STANDARD: dict[str, Variable] = {key: _plain(text) for key, text in _STANDARD.items()}
"""By configuration key, as it is written in OCPP 1.6."""

_BY_KEY = {key.casefold(): each for key, each in STANDARD.items()}
_OLDER_KEY = OLDER.casefold()


def standard(of: Variable) -> Variable:
    """The same variable, by the name that OCPP 2 gives it, if it has one."""
    if of.component.key != _OLDER_KEY or of.instance:
        return of
    return _BY_KEY.get(of.name.casefold(), of)


# --- what a station says -----------------------------------------------------------------------


class VariableValue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that a variable shall have."""

    variable: Variable
    value: str
    attribute: Attribute = Attribute.ACTUAL


class Characteristics(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What values a variable may have, as the station says (2.x VariableCharacteristicsType)."""

    data_type: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: str = ""


ACCEPTED, REBOOT_REQUIRED = "Accepted", "RebootRequired"
_UNKNOWN = frozenset({"UnknownComponent", "UnknownVariable", "NotSupported"})


class VariableTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station says of one variable; ``status`` is its word for how reading or writing went.

    A secret has no value here.
    """

    variable: Variable
    attribute: Attribute = Attribute.ACTUAL
    status: str = ACCEPTED
    value: str | None = None
    read_only: bool | None = None
    characteristics: Characteristics | None = None
    reason: str = ""

    @property
    def is_done(self) -> bool:
        return self.status in {ACCEPTED, REBOOT_REQUIRED}


def told(of: Variable, value: str | None, **more: object) -> VariableTold:
    """What is said of a variable, without what must not be kept of it."""
    kept = None if value is None or of.is_secret else USER_INFO.sub(r"\1***@", value)
    return VariableTold(variable=standard(of), value=kept, **more)  # type: ignore[arg-type]  # as VariableTold has them


class VariableState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a variable, and since when."""

    name: str
    instance: str = ""
    at: datetime
    value: str | None = None  # the actual one
    others: tuple[tuple[Attribute, str], ...] = ()  # values of its other attributes
    read_only: bool | None = None
    characteristics: Characteristics | None = None
    is_known: bool = True  # False: the station says that it has no such variable
    # Accepted, and in use after the next boot.
    pending: str | None = None
    pending_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.name.casefold(), self.instance.casefold())

    def needs_reboot(self, booted_at: datetime | None) -> bool:
        """Whether a value that was accepted waits for a boot; ``booted_at`` is the last one."""
        return self.pending_at is not None and (booted_at is None or booted_at <= self.pending_at)

    def actual(self, booted_at: datetime | None) -> str | None:
        """The value in use: the one that waited, once the station has booted."""
        if self.pending_at is None or booted_at is None or booted_at <= self.pending_at:
            return self.value
        return self.value if self.at > booted_at else self.pending

    def value_of(self, attribute: Attribute, booted_at: datetime | None) -> str | None:
        """The value of one attribute; None if the station has not said it."""
        if attribute is Attribute.ACTUAL:
            return self.actual(booted_at)
        return dict(self.others).get(attribute)

    def heard(
        self, said: VariableTold, at: datetime, *, is_written: bool = False
    ) -> "VariableState":
        """With what the station said of it now; ``is_written``: when it was told that value."""
        if said.status in _UNKNOWN:
            return structs.replace(self, at=at, is_known=False)
        if not said.is_done:
            return self
        changes: dict[str, object] = {"at": at, "is_known": True}
        if said.read_only is not None:
            changes["read_only"] = said.read_only
        if said.characteristics is not None:
            changes["characteristics"] = said.characteristics
        if said.status == REBOOT_REQUIRED:
            changes |= {"pending": said.value, "pending_at": at}
        elif said.attribute is not Attribute.ACTUAL:
            others = dict(self.others) | {said.attribute: said.value or ""}
            changes["others"] = tuple(sorted(others.items()))
        else:
            changes["value"] = said.value
            if is_written or said.value == self.pending:
                changes |= {"pending": None, "pending_at": None}
        return structs.replace(self, **changes)


class ComponentState(Struct, frozen=True, kw_only=True):
    """What a station said of one of its components: ``id`` is the key of the component."""

    station: StationId
    id: str
    state: str = "told"
    at: datetime
    component: Component
    variables: tuple[VariableState, ...] = ()

    def find(self, of: Variable) -> VariableState | None:
        key = (of.name.casefold(), of.instance.casefold())
        return next((each for each in self.variables if each.key == key), None)

    def heard(
        self,
        said: Iterable[VariableTold],
        at: datetime,
        *,
        room: int,
        is_written: bool = False,
    ) -> tuple["ComponentState", int]:
        """With what the station said now, and how many variables had no room."""
        variables = {each.key: each for each in self.variables}
        dropped = 0
        for each in said:
            name, instance = each.variable.name, each.variable.instance
            key = (name.casefold(), instance.casefold())
            if key not in variables and len(variables) >= room:
                dropped += 1
                continue
            before = variables.get(key) or VariableState(
                name=name, instance=instance, at=at, is_known=False
            )
            variables[key] = before.heard(each, at, is_written=is_written)
        return structs.replace(self, at=at, variables=tuple(variables.values())), dropped

    def since(self, at: datetime) -> "ComponentState":
        """Only with what was said since then."""
        kept = tuple(each for each in self.variables if each.at >= at)
        return structs.replace(self, variables=kept)


class ReportBase(enum.StrEnum):
    """OCPP 2.1 ReportBaseEnumType: what a report is about."""

    CONFIGURATION = "ConfigurationInventory"
    FULL = "FullInventory"
    SUMMARY = "SummaryInventory"


class ReportState(enum.StrEnum):
    """How far a report is that a station was asked for."""

    ASKED = "asked"
    COMING = "coming"
    COMPLETE = "complete"
    REFUSED = "refused"
    UNFINISHED = "unfinished"  # the rest of it never came


OPEN_REPORTS = (ReportState.ASKED, ReportState.COMING)


class DeviceReport(Struct, frozen=True, kw_only=True):
    """A report that a station was asked for; ``id`` is its request id."""

    station: StationId
    id: str
    state: ReportState
    at: datetime
    asked_at: datetime
    base: str = ""
    parts: tuple[int, ...] = ()  # numbers of those that are here
    last: int | None = None  # number of the last one, once it is here
    variables: int = 0
    dropped: int = 0  # of more variables than a station may have
    problem: str = ""

    def with_part(
        self, number: int, *, is_last: bool, variables: int, dropped: int
    ) -> "DeviceReport":
        """With one part more, which was not here yet, in whatever order they come."""
        parts = (*self.parts, number)
        last = number if is_last else self.last
        is_whole = last is not None and set(range(last + 1)) <= set(parts)
        return structs.replace(
            self,
            state=ReportState.COMPLETE if is_whole else ReportState.COMING,
            parts=parts,
            last=last,
            variables=self.variables + variables,
            dropped=self.dropped + dropped,
        )
