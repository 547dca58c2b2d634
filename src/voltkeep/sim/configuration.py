"""What can be set in a station: one table, with the name that each version gives a setting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

_ENERGY = "Energy.Active.Import.Register"
_SAMPLED = f"{_ENERGY},Power.Active.Import,Current.Import,Voltage,SoC"


class Kind(Enum):
    """What a value must look like."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "string"
    MEMBERS = "MemberList"


class Outcome(Enum):
    """How an attempt to set something went."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"
    REBOOT_REQUIRED = "RebootRequired"


def split(value: str) -> tuple[str, ...]:
    """The members of a comma-separated list."""
    return tuple(part for part in (part.strip() for part in value.split(",")) if part)


_MEASURANDS = frozenset({*split(_SAMPLED), "Power.Offered", "Current.Offered"})
_SLOTS = frozenset("1234")  # of network profiles
_PROTOCOLS_KEY, _PROTOCOLS = "SupportedFileTransferProtocols", "FTP,FTPS,HTTP,HTTPS"
_TX_POINTS = frozenset({"EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its Component.Variable in OCPP 2.x, its key in 1.6; either may be missing."""

    variable: str | None
    key: str | None
    default: str
    kind: Kind = Kind.TEXT
    writable: bool = True
    secret: bool = False
    needs_reboot: bool = False
    unit: str | None = None
    members: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """What the station itself calls it."""
        return self.variable or self.key or ""

    def fits(self, value: str) -> bool:
        """Whether a value is one of this setting's."""
        match self.kind:
            case Kind.BOOLEAN:
                return value.lower() in {"true", "false"}
            case Kind.INTEGER:
                return value.isascii() and value.isdigit() and len(value) < 10
            case Kind.MEMBERS:
                return self.members is None or set(split(value)) <= self.members
            case Kind.TEXT:
                return True


def _flag(variable: str | None, key: str | None, default: str, *, writable: bool = True) -> Setting:
    return Setting(variable, key, default, Kind.BOOLEAN, writable)


def _number(
    variable: str | None,
    key: str | None,
    default: int,
    unit: str | None = None,
    *,
    writable: bool = True,
) -> Setting:
    return Setting(variable, key, str(default), Kind.INTEGER, writable, unit=unit)


def _measured(variable: str, key: str | None, default: str) -> Setting:
    return Setting(variable, key, default, Kind.MEMBERS, members=_MEASURANDS)


def _points(variable: str) -> Setting:
    return Setting(variable, None, "PowerPathClosed", Kind.MEMBERS, members=_TX_POINTS)


_ALL = (
    _number("OCPPCommCtrlr.HeartbeatInterval", "HeartbeatInterval", 300, "s"),
    _number("OCPPCommCtrlr.OfflineThreshold", None, 60, "s"),
    _number("OCPPCommCtrlr.RetryBackOffWaitMinimum", None, 1, "s"),
    _number("OCPPCommCtrlr.RetryBackOffRandomRange", None, 2, "s"),
    _number("OCPPCommCtrlr.RetryBackOffRepeatTimes", None, 5),
    _number("OCPPCommCtrlr.WebSocketPingInterval", "WebSocketPingInterval", 0, "s"),
    _number("OCPPCommCtrlr.MessageTimeout[Default]", None, 30, "s", writable=False),
    _number("OCPPCommCtrlr.MessageAttempts[TransactionEvent]", "TransactionMessageAttempts", 3),
    _number(
        "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]",
        "TransactionMessageRetryInterval",
        10,
        "s",
    ),
    _flag("OCPPCommCtrlr.ResetRetries", "ResetRetries", "false", writable=False),
    _number("OCPPCommCtrlr.NetworkProfileConnectionAttempts", None, 3),
    _number("OCPPCommCtrlr.ActiveNetworkProfile", None, 1, writable=False),
    Setting("OCPPCommCtrlr.NetworkConfigurationPriority", None, "1", Kind.MEMBERS, members=_SLOTS),
    Setting("OCPPCommCtrlr.FileTransferProtocols", _PROTOCOLS_KEY, _PROTOCOLS, writable=False),
    Setting("SecurityCtrlr.BasicAuthPassword", "AuthorizationKey", "", secret=True),
    # 1.6 raises it by its key, 2.x by a network profile (A05).
    _number("SecurityCtrlr.SecurityProfile", None, 1, writable=False),
    _number(None, "SecurityProfile", 1),
    Setting("SecurityCtrlr.OrganizationName", "CpoName", "Voltkeep"),
    _flag(
        "SecurityCtrlr.AdditionalRootCertificateCheck",
        "AdditionalRootCertificateCheck",
        "false",
        writable=False,
    ),
    _number(
        "SecurityCtrlr.MaxCertificateChainSize",
        "CertificateSignedMaxChainSize",
        10_000,
        writable=False,
    ),
    _number("SecurityCtrlr.CertificateEntries", "CertificateStoreMaxLength", 10, writable=False),
    _flag("AuthCtrlr.Enabled", None, "true", writable=False),
    _flag("AuthCtrlr.AuthorizeRemoteStart", "AuthorizeRemoteTxRequests", "true"),
    _flag("AuthCtrlr.LocalAuthorizeOffline", "LocalAuthorizeOffline", "true"),
    _flag("AuthCtrlr.LocalPreAuthorize", "LocalPreAuthorize", "false"),
    _flag("AuthCtrlr.OfflineTxForUnknownIdEnabled", "AllowOfflineTxForUnknownId", "false"),
    _flag("AuthCacheCtrlr.Enabled", "AuthorizationCacheEnabled", "true"),
    _flag("LocalAuthListCtrlr.Enabled", "LocalAuthListEnabled", "true"),
    _number("LocalAuthListCtrlr.ItemsPerMessage", "SendLocalListMaxLength", 500, writable=False),
    _number("LocalAuthListCtrlr.Entries", "LocalAuthListMaxLength", 5000, writable=False),
    _number("TxCtrlr.EVConnectionTimeOut", "ConnectionTimeOut", 120, "s"),
    _flag("TxCtrlr.StopTxOnInvalidId", "StopTransactionOnInvalidId", "true"),
    _flag("TxCtrlr.StopTxOnEVSideDisconnect", "StopTransactionOnEVSideDisconnect", "true"),
    _points("TxCtrlr.TxStartPoint"),
    _points("TxCtrlr.TxStopPoint"),
    _number("SampledDataCtrlr.TxUpdatedInterval", "MeterValueSampleInterval", 60, "s"),
    _measured("SampledDataCtrlr.TxUpdatedMeasurands", "MeterValuesSampledData", _SAMPLED),
    _measured("SampledDataCtrlr.TxStartedMeasurands", None, _ENERGY),
    _measured("SampledDataCtrlr.TxEndedMeasurands", "StopTxnSampledData", _ENERGY),
    _number("AlignedDataCtrlr.Interval", "ClockAlignedDataInterval", 0, "s"),
    _measured("AlignedDataCtrlr.Measurands", "MeterValuesAlignedData", _ENERGY),
    Setting("DeviceDataCtrlr.ConnectorPhaseRotation", "ConnectorPhaseRotation", "Unknown"),
    _flag("ReservationCtrlr.NonEvseSpecific", "ReserveConnectorZeroSupported", "true"),
    Setting(
        "SmartChargingCtrlr.RateUnit", "ChargingScheduleAllowedChargingRateUnit", "", writable=False
    ),
    _number(
        "SmartChargingCtrlr.ProfileStackLevel", "ChargeProfileMaxStackLevel", 10, writable=False
    ),
    _number(
        "SmartChargingCtrlr.PeriodsPerSchedule",
        "ChargingScheduleMaxPeriods",
        100,
        writable=False,
    ),
    _number(
        "SmartChargingCtrlr.Entries[ChargingProfiles]",
        "MaxChargingProfilesInstalled",
        50,
        writable=False,
    ),
    _number("DeviceDataCtrlr.ItemsPerMessage[GetVariables]", None, 100, writable=False),
    _number("DeviceDataCtrlr.ItemsPerMessage[SetVariables]", None, 100, writable=False),
    _number("DeviceDataCtrlr.ItemsPerMessage[GetReport]", None, 100, writable=False),
    _number("DeviceDataCtrlr.BytesPerMessage[GetVariables]", None, 65_000, writable=False),
    _number("DeviceDataCtrlr.BytesPerMessage[SetVariables]", None, 65_000, writable=False),
    _number("DeviceDataCtrlr.BytesPerMessage[GetReport]", None, 65_000, writable=False),
    _number("ChargingStation.EvseCount", "NumberOfConnectors", 1, writable=False),
    Setting("ChargingStation.Model", None, "", writable=False),
    Setting("ChargingStation.VendorName", None, "", writable=False),
    _number(None, "GetConfigurationMaxKeys", 100, writable=False),
    _flag(None, "UnlockConnectorOnEVSideDisconnect", "true"),
    Setting(
        None,
        "SupportedFeatureProfiles",
        "Core,FirmwareManagement,SmartCharging,RemoteTrigger,Reservation,LocalAuthListManagement",
        writable=False,
    ),
)

BY_NAME = {setting.name: setting for setting in _ALL}
BY_VARIABLE = {setting.variable: setting for setting in _ALL if setting.variable}
BY_KEY = {setting.key.lower(): setting for setting in _ALL if setting.key}
COMPONENTS = {name.partition(".")[0] for name in BY_VARIABLE}


class Configuration:
    """A station's settings: what differs from the defaults, and the way to change it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        """Take initial values, by either version's name.

        Raises:
            KeyError: a name is in neither version's table.
        """
        self._values = {find(name).name: value for name, value in values.items()}

    def __iter__(self) -> Iterator[tuple[Setting, str]]:
        return ((setting, self.text(setting.name)) for setting in _ALL)

    def text(self, name: str) -> str:
        """A value as it is written on the wire."""
        value = self._values.get(name)
        return BY_NAME[name].default if value is None else value

    def flag(self, name: str) -> bool:
        """A boolean value."""
        return self.text(name).lower() == "true"

    def number(self, name: str) -> int:
        """An integer value."""
        return int(self.text(name))

    def members(self, name: str) -> tuple[str, ...]:
        """A list value."""
        return split(self.text(name))

    def change(self, setting: Setting, value: str) -> Outcome:
        """Set a value as the CSMS asks."""
        if not setting.writable or not setting.fits(value):
            return Outcome.REJECTED
        self._values[setting.name] = value
        return Outcome.REBOOT_REQUIRED if setting.needs_reboot else Outcome.ACCEPTED

    def put(self, name: str, value: str) -> None:
        """Set a value from inside, writable or not."""
        self._values[name] = value


def find(name: str) -> Setting:
    """A setting by its 2.x variable or its 1.6 key, which ignores case (1.6 CiString).

    Raises:
        KeyError: neither version knows it.
    """
    found = BY_NAME.get(name) or BY_KEY.get(name.lower())
    if found is None:
        raise KeyError(f"No setting {name!r}; see voltkeep.sim.configuration")
    return found
