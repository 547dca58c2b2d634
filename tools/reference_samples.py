"""Commands of each kind, by the words at a shell that send them: what they are on the wire."""

from datetime import UTC, datetime

from voltkeep.domain import commands as asked
from voltkeep.domain.certificates import HashAlgorithm, HashData, RootUse
from voltkeep.domain.device_model import VariableValue, variable
from voltkeep.domain.diagnostics import LogKind
from voltkeep.domain.identity import Evse, IdToken, TransactionRef
from voltkeep.domain.smart_charging import (
    ChargingProfile,
    Period,
    ProfileCriteria,
    Purpose,
    Schedule,
)
from voltkeep.domain.stations import SecurityProfile

_URL, _NOON = "https://csms.example/", datetime(2026, 1, 1, 12, tzinfo=UTC)
_HASH = HashData(HashAlgorithm.SHA256, "00", "00", "01")
_PROFILE = SecurityProfile.TLS_BASIC
_TOKEN, _EVSE = IdToken("TOKEN"), Evse(1, 1)
_VARIABLE = variable("HeartbeatInterval")
_LIMIT = ChargingProfile(
    id=1,
    purpose=Purpose.TX_DEFAULT,
    schedules=(Schedule(id=1, starts_at=_NOON, periods=(Period(limit_a=16.0),)),),
)

SAMPLES: dict[str, tuple[asked.Command, ...]] = {
    "station command remote-start": (
        asked.StartTransaction(remote_start_id=1, id_token=IdToken("TOKEN")),
    ),
    "station command remote-stop": (asked.StopTransaction(ref=TransactionRef("1")),),
    "station command reset": (asked.Reset(),),
    "station command trigger": (
        asked.Trigger(message=asked.Triggered.HEARTBEAT),
        asked.Trigger(message=asked.Triggered.SIGN_CERTIFICATE),
    ),
    "station rotate-key": (asked.SetKey(key="00" * 20),),
    "station raise-profile": (
        asked.SetNetworkProfile(profile=_PROFILE, url=_URL),
        asked.UseNetworkProfile(),
        asked.GetNetworkProfiles(),
    ),
    "certificate install": (asked.InstallCertificate(use=RootUse.CSMS_ROOT, certificate="PEM"),),
    "certificate installed": (asked.GetInstalledCertificates(use=RootUse.CSMS_ROOT),),
    "certificate delete": (asked.DeleteCertificate(hash_data=_HASH),),
    "certificate renew": (
        asked.SetOrganization(name="Operator"),
        asked.Trigger(message=asked.Triggered.SIGN_CERTIFICATE),
        asked.SendCertificate(chain="PEM"),
    ),
    "log request": (
        asked.GetLog(kind=LogKind.SECURITY, request_id=1, location=_URL),
        asked.GetLog(kind=LogKind.DIAGNOSTICS, older=True, request_id=1, location=_URL),
    ),
    "firmware update": (
        asked.UpdateFirmware(
            request_id=1,
            location=_URL,
            retrieve_at=_NOON,
            signature="c2ln",
            signing_certificate="PEM",
        ),
        asked.UpdateFirmware(request_id=1, location=_URL, retrieve_at=_NOON),
    ),
    "charging-profile set": (asked.SetChargingProfile(profile=_LIMIT),),
    "charging-profile clear": (asked.ClearChargingProfiles(criteria=ProfileCriteria(ids=(1,))),),
    "charging-profile composite": (asked.GetCompositeSchedule(duration_s=60),),
    "charging-profile report": (asked.GetChargingProfiles(request_id=1),),
    "station command operative": (asked.ChangeAvailability(operative=True, evse=_EVSE),),
    "station command unlock": (asked.UnlockConnector(evse=_EVSE),),
    "station command clear-cache": (asked.ClearCache(),),
    "station command transfer": (asked.TransferData(vendor="vendor"),),
    "reservation add": (asked.ReserveNow(id=1, id_token=_TOKEN, expires_at=_NOON, evse=_EVSE),),
    "reservation cancel": (asked.CancelReservation(id=1),),
    "local-list sync": (
        asked.GetLocalListVersion(),
        asked.GetLocalListLimits(),
        asked.SendLocalList(version=1, full=True),
    ),
    "configuration read": (
        asked.ReadVariables(variables=(_VARIABLE,)),
        asked.ReportVariables(request_id=1),
    ),
    "configuration write": (
        asked.WriteVariables(values=(VariableValue(variable=_VARIABLE, value="300"),)),
    ),
}
