"""Faults of CSMSs that look at certificates, and not at all of them."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.lab.csms.certificates import ORGANIZATION, impostor
from tests.lab.csms.running import make
from tests.lab.csms.state import State
from tests.lab.fault import Fault
from tests.lab.spoils import wishes
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


_ECDSA = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
_RSA = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")

SHOWN = [
    Fault("An issuer is more than its names", "LAB_07", verifies_no_signature, 3),
    Fault("Who comes with ECDSA is upgraded", "TC_086", wishes(shut_to=_ECDSA), 2),
    Fault("Who comes with RSA is upgraded", "TC_086", wishes(shut_to=_RSA), 3),
    Fault("So is who shows a certificate, with ECDSA", "TC_087", wishes(shut_to=_ECDSA), 3),
    Fault("And with RSA", "TC_087", wishes(shut_to=_RSA), 3),
]

FAULTS = [*SHOWN]
