"""How the small CSMS answers each CALL of a station (OCPP 1.6 edition 2, chapters 4 and 6)."""

from cryptography import x509
from msgspec import UNSET

from tests.lab.csms.certificates import pem
from tests.lab.csms.link import Link
from tests.lab.csms.state import Payload, now
from voltkeep.ocpp import v16


def nothing(link: Link, request: object) -> Payload:
    return {}


def boot(link: Link, request: v16.BootNotificationRequest) -> Payload:
    link.record.was_accepted = True
    return {"status": "Accepted", "currentTime": now(), "interval": link.state.interval_s}


def heartbeat(link: Link, request: v16.HeartbeatRequest) -> Payload:
    return {"currentTime": now()}


def judged(link: Link, id_tag: str) -> Payload:
    """What is known of a token; its letters may be of either case (errata 3.74)."""
    token = id_tag if link.state.minds_letter_case else id_tag.upper()
    return link.state.tokens.get(token, {"status": "Invalid"})


def authorize(link: Link, request: v16.AuthorizeRequest) -> Payload:
    return {"idTagInfo": judged(link, request.id_tag)}


def start(link: Link, request: v16.StartTransactionRequest) -> Payload:
    """The same transaction told again keeps its id; one that is not wanted has an id, too."""
    told = (request.connector_id, request.id_tag, request.timestamp, request.meter_start)
    key = (link.record.identity, *told)
    if key not in link.state.starts:
        link.state.starts[key] = {
            "transactionId": next(link.state.numbers),
            "idTagInfo": judged(link, request.id_tag),
        }
    return link.state.starts[key]


def stop(link: Link, request: v16.StopTransactionRequest) -> Payload:
    return {} if request.id_tag is UNSET else {"idTagInfo": judged(link, request.id_tag)}


def data_transfer(link: Link, request: v16.DataTransferRequest) -> Payload:
    return {"status": "UnknownVendorId"}


def sign(link: Link, request: v16.SignCertificateRequest) -> Payload:
    """Signed at once, and sent when this is answered."""
    csr = x509.load_pem_x509_csr(request.csr.encode())
    if not csr.is_signature_valid:
        return {"status": "Rejected"}
    signed = link.state.authority.signed(csr, link.state.wishes.get("station", {}))
    link.order("CertificateSigned", {"certificateChain": pem(signed)})
    return {"status": "Accepted"}


RULES = {
    "Authorize": authorize,
    "BootNotification": boot,
    "DataTransfer": data_transfer,
    "DiagnosticsStatusNotification": nothing,
    "FirmwareStatusNotification": nothing,
    "Heartbeat": heartbeat,
    "LogStatusNotification": nothing,
    "MeterValues": nothing,
    "SecurityEventNotification": nothing,
    "SignCertificate": sign,
    "SignedFirmwareStatusNotification": nothing,
    "StartTransaction": start,
    "StatusNotification": nothing,
    "StopTransaction": stop,
}
