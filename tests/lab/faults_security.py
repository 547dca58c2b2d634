"""Faults that the cases of security must catch."""

import ssl

from tests.lab.csms.certificates import Authority
from tests.lab.csms.server import SUITES
from tests.lab.fault import Fault
from tests.lab.spoils import (
    CUT,
    WITHOUT,
    Named,
    adds,
    answers,
    asks,
    asks_else,
    barred,
    closes,
    follows,
    has,
    later,
    mute,
    never,
    put,
    refuses,
    shows,
    unchecked,
    wishes,
)

_BOOT, _STATUS, _CHANGE = "BootNotification", "StatusNotification", "ChangeConfiguration"
_TRIGGER, _SIGN, _SIGNED = "ExtendedTriggerMessage", "SignCertificate", "CertificateSigned"
_EVENT = "SecurityEventNotification"
_INSTALL, _LIST, _DELETE = "InstallCertificate", "GetInstalledCertificateIds", "DeleteCertificate"
_LF, _CRLF = "\n", "\r\n"

PASSWORD = [
    Fault("The key is AuthorizationKey", "TC_073", asks(_CHANGE, key="SecurityProfile")),
    Fault("A key is at most 40 digits", "TC_073", asks(_CHANGE, value="ab" * 21), 2),
    Fault("A key is at least 16 octets", "TC_073", asks(_CHANGE, value="ab" * 8)),
    Fault("A key is hexadecimal", "TC_073", asks(_CHANGE, value="correct horse battery staple"), 2),
    Fault("A key has two digits for each octet", "TC_073", asks(_CHANGE, value=CUT)),
    Fault("A new key lets in", "TC_073", has(forgets_changes=True), 2),
    Fault("A new key is sent", "TC_073", never(_CHANGE), silent=True),
    Fault("A new key is new", "TC_073", asks(_CHANGE, value=(b"SMALL-1" + b"*" * 13).hex())),
    Fault("Nothing is read after a key", "TC_073", follows(_CHANGE, "GetConfiguration"), 2),
    Fault("A station boots with its new key", "TC_073", answers(_BOOT, 2, status="Rejected")),
    Fault("No header, no upgrade", "TC_085", unchecked("user", "password")),
    Fault("No header, no upgrade, over TLS either", "TC_085", unchecked("user", "password"), 2),
    Fault("The right key lets in", "TC_085", barred("password")),
    Fault("A refusal is no failure of the server", "TC_085", wishes(refusal=500), 2),
    Fault("A refusal is no other place", "TC_085", wishes(refusal=302)),
    Fault("Who is let in may boot", "TC_085", refuses(_BOOT), 2),
]

_ANOTHER_ROOT = Named("_ANOTHER_ROOT", lambda _: Authority().root)

RENEWAL = [
    Fault(
        "Nothing is read between a certificate and its use",
        "TC_074",
        follows(_SIGNED, "GetConfiguration"),
        3,
    ),
    Fault("A request for a certificate is triggered", "TC_074", never(_TRIGGER), 3, silent=True),
    Fault("It is that of the station", "TC_074", asks(_TRIGGER, requestedMessage="Heartbeat"), 3),
    Fault("It is of no connector", "TC_074", asks(_TRIGGER, connectorId=1), 3),
    Fault(
        "It is the extended trigger",
        "TC_074",
        asks_else(_TRIGGER, "TriggerMessage", requestedMessage="Heartbeat"),
        3,
    ),
    Fault("A request is accepted", "TC_074", answers(_SIGN, status="Rejected"), 3),
    Fault("A request is answered", "TC_074", mute(_SIGN), 3, silent=True),
    Fault("What was signed is sent", "TC_074", never(_SIGNED), 3, silent=True),
    Fault(
        "A chain has LF at the end of lines",
        "TC_074",
        asks(_SIGNED, certificateChain=put(_LF, _CRLF)),
        3,
    ),
    Fault("A chain is PEM", "TC_074", asks(_SIGNED, certificateChain=put("-----", "")), 3),
    Fault("A chain is there", "TC_074", asks(_SIGNED, certificateChain=WITHOUT), 3),
    Fault("A chain is not empty", "TC_074", asks(_SIGNED, certificateChain=""), 3),
    Fault(
        "A certificate is of the key in the request",
        "TC_074",
        wishes(station={"of_another_key": True}),
        3,
    ),
    Fault("CN is the serial number", "TC_074", wishes(station={"name": "CP-1"}), 3),
    Fault("A certificate has a CN", "TC_074", wishes(station={"name": ""}), 3),
    Fault("O is the operator", "TC_074", wishes(station={"organization": "Another"}), 3),
    Fault("A certificate is valid", "TC_074", wishes(station={"days": -1}), 3),
    Fault("It is signed by a key of the family", "TC_074", wishes(station={"signer": "rsa"}), 3),
    Fault("Its issuer is trusted", "TC_074", wishes(station={"by_stranger": True}), 3),
    Fault(
        "A station boots with its new certificate", "TC_074", answers(_BOOT, 2, status="Pending"), 3
    ),
    Fault(
        "A request is triggered before it is rejected", "TC_077", never(_TRIGGER), 3, silent=True
    ),
    Fault("What is to be rejected is sent", "TC_077", never(_SIGNED), 3, silent=True),
    Fault("A certificate rejected is told of", "TC_077", refuses(_EVENT), 3),
    Fault("That is answered", "TC_077", mute(_EVENT), 3, silent=True),
    Fault(
        "A rejection begins nothing anew",
        "TC_077",
        follows(_SIGNED, _TRIGGER, requestedMessage="SignChargePointCertificate"),
        3,
    ),
    Fault("SignCertificate.conf has a status", "TC_077", answers(_SIGN, status=WITHOUT), 3),
]

_ROOT = "CentralSystemRootCertificate"
_MAKER = "ManufacturerRootCertificate"
_HASHES = "certificateHashData__"

ROOTS = [
    Fault(
        "A maker's root is installed as that", "TC_075_1", asks(_INSTALL, certificateType=_ROOT), 2
    ),
    Fault("A root is installed", "TC_075_1", never(_INSTALL), 3, silent=True),
    Fault("The maker's roots are asked for", "TC_075_1", asks(_LIST, certificateType=_ROOT), 3),
    Fault(
        "A root has LF at the end of lines",
        "TC_075_1",
        asks(_INSTALL, certificate=put(_LF, _CRLF)),
        2,
    ),
    Fault(
        "A root of the CSMS is installed as that",
        "TC_075_2",
        asks(_INSTALL, certificateType=_MAKER),
        2,
    ),
    Fault("A root is PEM", "TC_075_2", asks(_INSTALL, certificate=put("-----", "")), 3),
    Fault("The root is the one ordered", "TC_075_2", asks(_INSTALL, certificate=_ANOTHER_ROOT), 2),
    Fault("A root is there", "TC_075_2", asks(_INSTALL, certificate=WITHOUT), 3),
    Fault("Roots of the CSMS are asked for", "TC_075_2", asks(_LIST, certificateType=_MAKER), 2),
    Fault("Roots are asked for", "TC_075_2", never(_LIST), 3, silent=True),
    Fault(
        "A use is a word of the schema",
        "TC_075_2",
        asks(_LIST, certificateType="CSMSRootCertificate"),
        3,
    ),
    Fault(
        "The algorithm is that of the station",
        "TC_076",
        asks(_DELETE, 2, **{f"{_HASHES}hashAlgorithm": "SHA256"}),
    ),
    Fault(
        "The hash of the name is as told",
        "TC_076",
        asks(_DELETE, 1, **{f"{_HASHES}issuerNameHash": CUT}),
        2,
    ),
    Fault(
        "The hash of the key is as told",
        "TC_076",
        asks(_DELETE, 3, **{f"{_HASHES}issuerKeyHash": CUT}),
        3,
    ),
    Fault(
        "The serial number is as told",
        "TC_076",
        asks(_DELETE, 1, **{f"{_HASHES}serialNumber": "1"}),
    ),
    Fault(
        "Each field of the hash is there",
        "TC_076",
        asks(_DELETE, 1, **{f"{_HASHES}issuerKeyHash": WITHOUT}),
        2,
    ),
    Fault("A root is deleted", "TC_076", never(_DELETE, 3), 3, silent=True),
    Fault("What is deleted was installed", "TC_076", never(_INSTALL, 1), silent=True),
    Fault(
        "Nothing is installed after a deletion", "TC_076", follows(_DELETE, "Reset", type="Hard"), 2
    ),
    Fault("A root to be rejected is sent", "TC_078", never(_INSTALL), 2, silent=True),
    Fault("A root rejected is told of", "TC_078", refuses(_EVENT), 3),
    Fault(
        "A root rejected is not sent again",
        "TC_078",
        follows(_INSTALL, _LIST, certificateType=_ROOT),
        2,
    ),
    Fault(
        "The root to be rejected is of the CSMS",
        "TC_078",
        asks(_INSTALL, certificateType=_MAKER),
        3,
    ),
]

_GET_LOG, _LOGGED = "GetLog", "LogStatusNotification"
_UPDATE, _UPDATED = "SignedUpdateFirmware", "SignedFirmwareStatusNotification"

LOGS_AND_FIRMWARE = [
    Fault("The log is that of security", "TC_079", asks(_GET_LOG, logType="DiagnosticsLog")),
    Fault(
        "It goes where it is wanted",
        "TC_079",
        asks(_GET_LOG, log__remoteLocation="https://evil.example"),
        2,
    ),
    Fault("It has a location", "TC_079", asks(_GET_LOG, log__remoteLocation=WITHOUT), 3),
    Fault("A request for a log has an id", "TC_079", asks(_GET_LOG, requestId=WITHOUT)),
    Fault("A log is asked for", "TC_079", never(_GET_LOG), 2, silent=True),
    Fault("Uploading is taken", "TC_079", refuses(_LOGGED, 1), 3),
    Fault("Uploaded is taken", "TC_079", refuses(_LOGGED, 2)),
    Fault("Uploaded is answered with nothing", "TC_079", answers(_LOGGED, 2, status="Accepted"), 2),
    Fault(
        "A log begins before it ends",
        "TC_079",
        asks(
            _GET_LOG,
            log__oldestTimestamp="2026-02-01T00:00:00Z",
            log__latestTimestamp="2026-01-01T00:00:00Z",
        ),
        3,
    ),
    Fault(
        "Firmware is fetched where it is",
        "TC_080",
        asks(_UPDATE, firmware__location="https://evil.example"),
    ),
    Fault(
        "The signature is the one ordered",
        "TC_080",
        asks(_UPDATE, firmware__signature="bm9uZQ=="),
        2,
    ),
    Fault("A signature is there", "TC_080", asks(_UPDATE, firmware__signature=WITHOUT), 3),
    Fault(
        "The certificate that signed is there",
        "TC_080",
        asks(_UPDATE, firmware__signingCertificate=WITHOUT),
    ),
    Fault(
        "It has LF at the end of lines",
        "TC_080",
        asks(_UPDATE, firmware__signingCertificate=put(_LF, _CRLF)),
        2,
    ),
    Fault("It is PEM", "TC_080", asks(_UPDATE, firmware__signingCertificate="none"), 3),
    Fault(
        "It is fetched now",
        "TC_080",
        asks(_UPDATE, firmware__retrieveDateTime=later(hours=24)),
        warned=True,
    ),
    Fault(
        "It is fetched at some time", "TC_080", asks(_UPDATE, firmware__retrieveDateTime=WITHOUT), 2
    ),
    Fault(
        "It is installed now",
        "TC_080",
        asks(_UPDATE, firmware__installDateTime="2999-01-01T00:00:00Z"),
        warned=True,
    ),
    Fault("An update has an id", "TC_080", asks(_UPDATE, requestId=WITHOUT), 3),
    Fault(
        "It is signed firmware",
        "TC_080",
        asks_else(_UPDATE, "UpdateFirmware", location="x", retrieveDate="2026-01-01T00:00:00Z"),
    ),
    Fault("Downloading is taken", "TC_080", refuses(_UPDATED, 1), 2),
    Fault("SignatureVerified is taken", "TC_080", refuses(_UPDATED, 3), 3),
    Fault("InstallRebooting is taken", "TC_080", closes(_UPDATED, 5)),
    Fault(
        "A station is accepted with signed firmware",
        "TC_080",
        answers(_BOOT, 2, status="Rejected"),
        2,
    ),
    Fault("FirmwareUpdated is taken", "TC_080", refuses(_EVENT), 3),
    Fault("Installed is taken", "TC_080", refuses(_UPDATED, 6)),
    Fault("A wrong signature may be ordered", "TC_081", never(_UPDATE), silent=True),
    Fault(
        "A wrong signature stays wrong", "TC_081", asks(_UPDATE, firmware__signature="bm9uZQ=="), 2
    ),
    Fault("InvalidSignature is taken", "TC_081", refuses(_UPDATED, 3), 3),
    Fault(
        "InvalidSignature orders nothing anew", "TC_081", adds(_UPDATED, "Reset", 3, type="Hard")
    ),
    Fault("Its security event is taken", "TC_081", refuses(_EVENT), 2),
]

RAISING = [
    Fault(
        "Nothing is read between a raise and the restart",
        "TC_083",
        follows("Reset", "GetConfiguration"),
        2,
    ),
    Fault("The key is SecurityProfile", "TC_083", asks(_CHANGE, key="AuthorizationKey")),
    Fault("The profile is the next", "TC_083", asks(_CHANGE, value="3")),
    Fault("The profile is not lower", "TC_083", asks(_CHANGE, value="1"), 2),
    Fault("The profile is not the same", "TC_083", asks(_CHANGE, value="2"), 2),
    Fault("A raise is ordered", "TC_083", never(_CHANGE), silent=True),
    Fault("A reset follows", "TC_083", never("Reset"), 2, silent=True),
    Fault("The reset is Hard", "TC_083", asks("Reset", type="Soft")),
    Fault("The higher profile lets in", "TC_083", has(forgets_changes=True), 2),
    Fault("The lower one does not any more", "TC_083", unchecked("profile")),
    Fault("Nor does TLS without a certificate", "TC_083", unchecked("profile"), 2),
    Fault("A lower profile is refused, not broken", "TC_083", wishes(refusal=503)),
    Fault("A station boots on its new profile", "TC_083", answers(_BOOT, 2, status="Rejected"), 2),
    Fault(
        "A station is free on its new profile",
        "TC_083",
        adds(_BOOT, "TriggerMessage", 2, requestedMessage="Heartbeat"),
    ),
]

_SUITES = SUITES.split(":")


def _without(suite: str) -> str:
    return ":".join(each for each in _SUITES if each != suite)


TLS = [
    *(
        Fault(f"{suite} is spoken", case, wishes(suites=_without(suite)), profile)
        for suite in _SUITES
        for case, profile in (("TC_086", 2), ("TC_087", 3))
    ),
    *(
        Fault(rule, case, spoil, profile)
        for case, profile in (("TC_086", 2), ("TC_086", 3), ("TC_087", 3))
        for rule, spoil in (
            ("CN is the name in the URL", shows("rsa", name="csms.other.example")),
            ("CN is the name in the URL, of each", shows("ec", name="*.small.example")),
            ("An RSA key has 2048 bits", shows("rsa", bits=1024)),
            ("A certificate is valid now", shows("ec", days=-1)),
            ("Its issuer is trusted", shows("rsa", is_ca_known=False)),
            (
                "TLS is 1.2 or higher",
                wishes(
                    level="@SECLEVEL=0",
                    suites="ALL",
                    minimum_version=ssl.TLSVersion.TLSv1,
                    maximum_version=ssl.TLSVersion.TLSv1_1,
                ),
            ),
        )
    ),
    Fault("An EC key has 224 bits", "TC_086", shows("ec", bits=192), 2),
    Fault(
        "A certificate names its organization",
        "TC_086",
        shows("ec", organization=""),
        2,
        warned=True,
    ),
    Fault("Who is right is let in", "TC_086", refuses(_BOOT), 3),
    Fault("A certificate needs no password", "TC_087", wishes(wants_password=True), 3),
    Fault("Status is taken over mutual TLS", "TC_087", refuses(_STATUS, 2), 3),
]

SUBPROTOCOLS = [
    Fault("ocpp0.1 alone is not upgraded", "TC_088", wishes(upgrades_all=True, chooses="ocpp0.1")),
    Fault(
        "It is not upgraded without a word either",
        "TC_088",
        wishes(upgrades_all=True, chooses=None),
        2,
    ),
    Fault("Of two the right one is chosen", "TC_088", wishes(chooses="ocpp0.1"), 3),
    Fault("Of two one is chosen", "TC_088", wishes(chooses=None)),
    Fault("Who speaks ocpp1.6 too is let in", "TC_088", wishes(wants_one_version=True), 2),
]

FAULTS = [
    *PASSWORD,
    *RENEWAL,
    *ROOTS,
    *LOGS_AND_FIRMWARE,
    *RAISING,
    *TLS,
    *SUBPROTOCOLS,
]
