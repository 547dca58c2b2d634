"""Faults of certificates, and of who is let in with them."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.lab.csms.certificates import ORGANIZATION, Authority, impostor
from tests.lab.csms.running import make
from tests.lab.csms.state import State
from tests.lab.fault import Fault
from tests.lab.spoils import Named, adds, asks, asks_twice, barred, follows, wishes
from voltkeep.sim.trust import parse


def verifies_no_signature(state: State) -> None:
    """Takes whoever names the authority, as if it had the station's key; all else is looked at."""
    made = make()
    (root,) = parse(made.laboratory.root)
    own = load_pem_private_key(made.accounts["3"].private_key.encode(), None)
    state.wishes["client_roots"] = impostor(root, own)

    def names_all(_, record, caller) -> bool:
        shown = x509.load_der_x509_certificate(caller.certificate)
        (organization,) = shown.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        (name,) = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        purposes = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        above = shown.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            shown.issuer == root.subject
            and (organization.value, name.value) == (ORGANIZATION, record.serial_number)
            and ExtendedKeyUsageOID.CLIENT_AUTH in purposes
            and above.key_identifier == identifier.digest
        )

    state.checks["certificate"] = (names_all, state.checks["certificate"][1])


def looks_twice(state: State) -> None:
    """After a deletion it asks twice what is left."""
    look = "GetInstalledCertificateIds"
    follows("DeleteCertificate", look, certificateType="CentralSystemRootCertificate")(state)
    asks_twice(look, 2)(state)  # the first was ordered


_ECDSA = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
_RSA = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")

SHOWN = [
    Fault("An issuer is more than its names", "LAB_07", verifies_no_signature, 3),
    Fault("Who comes with ECDSA is upgraded", "TC_086", wishes(shut_to=_ECDSA), 2),
    Fault("Who comes with RSA is upgraded", "TC_086", wishes(shut_to=_RSA), 3),
    Fault("So is who shows a certificate, with ECDSA", "TC_087", wishes(shut_to=_ECDSA), 3),
    Fault("And with RSA", "TC_087", wishes(shut_to=_RSA), 3),
]

_CHANGE, _INSTALL, _SIGNED = "ChangeConfiguration", "InstallCertificate", "CertificateSigned"
_LIST, _DELETE = "GetInstalledCertificateIds", "DeleteCertificate"
_THEN_ANOTHER = Named("_THEN_ANOTHER", lambda chain: chain + Authority().root)

SIGNED = [
    Fault("A station is no authority", "TC_074", wishes(station={"is_authority": True}), 3),
    Fault("A certificate begins by now", "TC_074", wishes(station={"begins_in_s": 7200}), 3),
    Fault("It is signed with SHA-256", "TC_074", wishes(station={"with_sha1": True}), 3),
    Fault("Each is issued by the next", "TC_074", asks(_SIGNED, certificateChain=_THEN_ANOTHER), 3),
    Fault("What is rejected is a chain", "TC_077", asks(_SIGNED, certificateChain="garbage"), 3),
    Fault("It is of the key in the request", "TC_077", wishes(station={"of_another_key": True}), 3),
    Fault(
        "Who looks looks at roots of the CSMS",
        "TC_076",
        follows(_DELETE, _LIST, certificateType="ManufacturerRootCertificate"),
    ),
    Fault("Who looks looks once", "TC_076", looks_twice, 2),
]


def admits_once(state: State) -> None:
    """A station that was raised is let in on its new profile once."""
    check, status = state.checks["profile"]
    came: set[object] = set()

    def is_new(state, record, caller) -> bool:
        is_raised = record.identity == "SMALL-1-TO-2" and caller.profile == 2
        if is_raised and record.identity in came:
            return False
        is_right = check(state, record, caller)
        came.update({record.identity} if is_raised and is_right else ())
        return is_right

    state.checks["profile"] = (is_new, status)


def admits_higher(state: State) -> None:
    """A station is let in on its profile, and on any that is higher."""
    _, status = state.checks["profile"]
    state.checks["profile"] = (lambda _, record, caller: caller.profile >= record.profile, status)


PROFILES = [
    Fault("A new profile is there to stay", "TC_083", admits_once),
    Fault(
        "A reset after it is Hard, whoever orders it",
        "TC_083",
        follows(_CHANGE, "Reset", type="Soft"),
        2,
    ),
    Fault(
        "Who has restarted is not reset again",
        "TC_083",
        adds("BootNotification", "Reset", 2, type="Hard"),
    ),
    Fault("A station is not let in with TLS before its time", "LAB_24", admits_higher),
    Fault("Nor with a certificate", "LAB_24", admits_higher, 2),
    Fault("On its own profile it is let in", "LAB_24", barred("password"), 2),
]

FAULTS = [*SHOWN, *SIGNED, *PROFILES]
