"""Every operation in words: for who gives the order, and for who writes a driver's file."""

from typing import NamedTuple


class Words(NamedTuple):
    """An operation: the message it ends in, and the order, as a template of Jinja2."""

    message: str
    order: str


_ON = "{% if connector is not none %} for connector {{ connector }}{% endif %}"

WORDS = {
    "change_availability": Words(
        "ChangeAvailability",
        "make {% if connector %}connector {{ connector }}{% else %}the whole station{% endif %}"
        " {{ 'operative' if operative else 'inoperative' }}",
    ),
    "clear_cache": Words("ClearCache", "have the station forget its authorization cache"),
    "remote_start": Words(
        "RemoteStartTransaction",
        f"start a transaction for token {{{{ token }}}}{_ON}"
        "{% if profile %} with the charging profile below{% endif %}",
    ),
    "remote_stop": Words("RemoteStopTransaction", "stop transaction {{ transaction }}"),
    "reset": Words("Reset", "restart the station, kind {{ kind }}"),
    "unlock": Words("UnlockConnector", "unlock connector {{ connector }}"),
    "read_configuration": Words(
        "GetConfiguration",
        "read {% if keys %}the configuration keys {{ keys | join(', ') }}"
        "{% else %}the whole configuration, naming no key{% endif %}",
    ),
    "write_configuration": Words(
        "ChangeConfiguration", "set the configuration key {{ key }} to {{ value }}"
    ),
    "trigger": Words("TriggerMessage", f"ask for {{{{ message }}}}{_ON}"),
    "trigger_extended": Words("ExtendedTriggerMessage", f"ask for {{{{ message }}}}{_ON}"),
    "get_local_list_version": Words("GetLocalListVersion", "ask for the version of the local list"),
    "send_local_list": Words(
        "SendLocalList",
        "send {{ 'the whole local list' if full else 'a change of the local list' }}, version"
        " {{ version }}, with {{ tokens | join(', ') if tokens else 'no token' }}",
    ),
    "reserve": Words(
        "ReserveNow",
        "reserve connector {{ connector }} for token {{ token }}"
        "{% if parent %} of the parent {{ parent }}{% endif %} until {{ expires_at }}",
    ),
    "cancel_reservation": Words("CancelReservation", "cancel reservation {{ reservation }}"),
    "set_charging_profile": Words(
        "SetChargingProfile", "set the charging profile below for connector {{ connector }}"
    ),
    "clear_charging_profiles": Words(
        "ClearChargingProfile",
        "clear {% if profile_id is none and connector is none and purpose is none and stack_level"
        " is none %}all charging profiles{% else %}the charging profiles of"
        "{% if profile_id is not none %} id {{ profile_id }}{% endif %}"
        "{% if connector is not none %} connector {{ connector }}{% endif %}"
        "{% if purpose is not none %} purpose {{ purpose }}{% endif %}"
        "{% if stack_level is not none %} stack level {{ stack_level }}{% endif %}{% endif %}",
    ),
    "get_composite_schedule": Words(
        "GetCompositeSchedule",
        "ask for the schedule of connector {{ connector }} for {{ duration_s }} s, in {{ unit }}",
    ),
    "update_firmware": Words(
        "UpdateFirmware", "have it install the firmware at {{ location }}, without a signature"
    ),
    "update_signed_firmware": Words(
        "SignedUpdateFirmware",
        "have it install the firmware at {{ location }} with the signature and the signing"
        " certificate below",
    ),
    "get_diagnostics": Words("GetDiagnostics", "have it upload its diagnostics to {{ location }}"),
    "get_log": Words("GetLog", "have it upload its {{ kind }} to {{ location }}"),
    "install_certificate": Words("InstallCertificate", "install the root below, use {{ use }}"),
    "get_installed_certificates": Words(
        "GetInstalledCertificateIds", "ask for the certificates of use {{ use }}"
    ),
    "delete_certificate": Words("DeleteCertificate", "delete the certificate of the hashes below"),
    "renew_certificate": Words(
        "ExtendedTriggerMessage", "have the station renew its own certificate"
    ),
    "rotate_key": Words(
        "ChangeConfiguration", "give the station a new AuthorizationKey, of the CSMS's choice"
    ),
    "raise_profile": Words(
        "ChangeConfiguration", "raise the station's security profile to {{ to }}"
    ),
}

ARGUMENTS = {
    "station": "the identity of the station",
    "operative": "true or false",
    "connector": "its number; 0 is the station itself",
    "token": "the text of an idTag",
    "profile": "the charging profile, with the names that OCPP 1.6 has for its fields",
    "transaction": "the transactionId that the CSMS gave",
    "kind": "Hard or Soft",
    "keys": "a list of configuration keys; empty: all",
    "key": "a configuration key",
    "value": "its value, as text",
    "message": "what is asked for, as OCPP 1.6 calls it",
    "full": "true: the whole list; false: what changed of it",
    "tokens": "a list of the texts of idTags, which the CSMS knows",
    "version": "a number",
    "expires_at": "a time; `expires_at | tojson` writes it as ISO 8601",
    "parent": "the text of a parentIdTag",
    "reservation": "the reservationId that the CSMS gave",
    "profile_id": "a chargingProfileId",
    "purpose": "ChargePointMaxProfile, TxDefaultProfile or TxProfile",
    "stack_level": "a number",
    "duration_s": "a number of seconds",
    "unit": "A or W",
    "location": "a URL",
    "signature": "base64",
    "signing_certificate": "PEM",
    "use": "CentralSystemRootCertificate or ManufacturerRootCertificate",
    "certificate": "PEM",
    "to": "the security profile, 2 or 3",
}

OF_OPERATION = {
    ("get_log", "kind"): "DiagnosticsLog or SecurityLog",
    ("delete_certificate", "certificate"): (
        "its hashAlgorithm, issuerNameHash, issuerKeyHash and serialNumber"
    ),
}


def explained(operation: str, argument: str) -> str:
    """What an argument of an operation is."""
    return OF_OPERATION.get((operation, argument), ARGUMENTS[argument])
