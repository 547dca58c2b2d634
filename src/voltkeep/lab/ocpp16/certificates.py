"""Certificates in a charge point's hands: roots that it installs, and one of its own renewed."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import SignatureAlgorithmOID
from msgspec import UNSET

from voltkeep.lab import tls
from voltkeep.lab.authority import Authority
from voltkeep.lab.bench import Bench
from voltkeep.lab.ocpp16.line import Asked
from voltkeep.lab.ocpp16.station import ChargePoint
from voltkeep.lab.plan import Shown
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp.v16 import (
    CertificateHashData,
    CertificateSignedRequest,
    CertificateSignedResponse,
    CertificateSignedStatusEnum,
    CertificateUseEnum,
    ExtendedTriggerMessageRequest,
    ExtendedTriggerMessageResponse,
    GenericStatusEnum,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
    GetInstalledCertificateStatusEnum,
    HashAlgorithmEnum,
    InstallCertificateRequest,
    InstallCertificateResponse,
    InstallCertificateStatusEnum,
    MessageTriggerEnum,
    SignCertificateRequest,
    SignCertificateResponse,
    TriggerMessageStatusEnum,
)
from voltkeep.sim.trust import Key, Trust, make_key, named, parse

Use = CertificateUseEnum
Installed = InstallCertificateStatusEnum
Signed = CertificateSignedStatusEnum

_UNREADABLE = (ValueError, UnsupportedAlgorithm)
_CLOCKS = timedelta(minutes=1)  # that the clock of a CA may be ahead of ours
_ORGANIZATION = "Laboratory"  # where the plan says no cpo_name


def root_to_install(bench: Bench, use: Use, name: str) -> str:
    """The plan's root of this use, or one that nobody has seen before, as PEM."""
    files = bench.plan.files
    is_maker = use == Use.MANUFACTURER_ROOT_CERTIFICATE
    if configured := files.manufacturer_root if is_maker else files.csms_root:
        return configured
    organization = bench.plan.cpo_name or _ORGANIZATION
    return Authority(datetime.now(UTC), organization).another_root(name)


def hash_data(root: str, algorithm: str) -> CertificateHashData:
    """What a charge point calls a root: CertificateHashDataType (RFC 6960, CertID)."""
    (certificate,) = parse(root)
    own = named(certificate, certificate, algorithm)
    return CertificateHashData(
        hash_algorithm=HashAlgorithmEnum(own.algorithm),
        issuer_name_hash=own.issuer_name,
        issuer_key_hash=own.issuer_key,
        serial_number=own.serial,
    )


def as_told(data: CertificateHashData) -> dict[str, str]:
    """Hash data as OCPP writes it."""
    return {
        "hashAlgorithm": str(data.hash_algorithm),
        "issuerNameHash": data.issuer_name_hash,
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": data.serial_number,
    }


async def asked_to_install(
    station: ChargePoint, use: Use, root: str, status: Installed = Installed.ACCEPTED
) -> None:
    """The operator orders a root to be installed: the CSMS sends just that one. Raises Failed."""
    bench = station.bench
    order = bench.driver.install_certificate(station.identity, use=str(use), certificate=root)
    asked = await station.asked(order, InstallCertificateRequest)
    came = asked.request
    problem = _not_the_root(came, use, root)
    if problem:
        await asked.answer(InstallCertificateResponse(status=Installed.REJECTED))
        raise problem
    await asked.answer(InstallCertificateResponse(status=status))


async def asked_for_installed(
    station: ChargePoint, use: Use, installed: Sequence[CertificateHashData]
) -> None:
    """The operator asks which roots there are: the CSMS asks for that use. Raises Failed."""
    bench = station.bench
    order = bench.driver.get_installed_certificates(station.identity, use=str(use))
    asked = await station.asked(order, GetInstalledCertificateIdsRequest)
    await asked.answer(naming(installed))
    is_asked_of(bench, asked.request, use)


def is_asked_of(bench: Bench, request: GetInstalledCertificateIdsRequest, use: Use) -> None:
    """The CSMS asks for roots of this use. Raises Failed."""
    came = request.certificate_type
    bench.check(came == use, f"certificateType {use}", f"certificateType {came}")


def naming(installed: Sequence[CertificateHashData]) -> GetInstalledCertificateIdsResponse:
    """The answer with these, or NotFound."""
    status = GetInstalledCertificateStatusEnum
    return GetInstalledCertificateIdsResponse(
        status=status.ACCEPTED if installed else status.NOT_FOUND,
        certificate_hash_data=list(installed) if installed else UNSET,
    )


async def asked_to_renew(station: ChargePoint) -> None:
    """The operator orders a new certificate: the CSMS triggers the request. Raises Failed."""
    bench = station.bench
    order = bench.driver.renew_certificate(station.identity)
    asked = await station.asked(order, ExtendedTriggerMessageRequest)
    came = asked.request
    wanted = MessageTriggerEnum.SIGN_CHARGE_POINT_CERTIFICATE
    is_it = came.requested_message == wanted and came.connector_id is UNSET
    status = TriggerMessageStatusEnum
    await asked.answer(
        ExtendedTriggerMessageResponse(status=status.ACCEPTED if is_it else status.REJECTED)
    )
    expected = f"requestedMessage {wanted}"
    bench.check(came.requested_message == wanted, expected, came.requested_message)
    bench.check(came.connector_id is UNSET, "no connectorId", came.connector_id)


async def told_to_sign(station: ChargePoint) -> tuple[Key, Asked[CertificateSignedRequest]]:
    """Ask for a certificate of a new key; the CSMS accepts, and sends one. Raises Failed.

    Another CA may sign it, or a person approve of it (whitepaper, A02.FR.04): that takes a while.
    """
    bench = station.bench
    key = make_key(bench.plan.key_algorithm)
    serial_number = station.credentials.account.serial_number
    request = Trust({}, "", "", "SHA256", limit=0).request(
        key, bench.plan.cpo_name or _ORGANIZATION, serial_number
    )
    answer = await station.tell(SignCertificateRequest(csr=request), SignCertificateResponse)
    accepted = GenericStatusEnum.ACCEPTED
    bench.check(answer.status == accepted, f"status {accepted}", f"status {answer.status}")
    return key, await station.hears(CertificateSignedRequest, bench.plan.deadlines.order_s)


async def judge_chain(
    station: ChargePoint,
    key: Key,
    asked: Asked[CertificateSignedRequest],
    status: Signed = Signed.ACCEPTED,
) -> Shown:
    """Answer so if what was signed is what was asked for, and reject it otherwise.

    The certificate and its key, once it is valid: a station shows it from then on (whitepaper,
    A02.FR.08). Raises Failed.
    """
    chain = asked.request.certificate_chain
    try:
        leaf = _check_chain(station, key, chain)
    except Failed:
        await asked.answer(CertificateSignedResponse(status=Signed.REJECTED))
        raise
    await asked.answer(CertificateSignedResponse(status=status))
    if status is Signed.ACCEPTED:
        await asyncio.sleep((leaf.not_valid_before_utc - datetime.now(UTC)).total_seconds())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Shown(certificate=chain, private_key=text)


def _not_the_root(came: InstallCertificateRequest, use: Use, root: str) -> Failed | None:
    if came.certificate_type != use:
        return Failed(f"certificateType {use}", f"came certificateType {came.certificate_type}")
    if "\r" in came.certificate:
        return Failed("PEM with LF line ends", "came PEM with CR")
    try:
        is_it = parse(came.certificate) == parse(root)
    except _UNREADABLE:
        return Failed("a certificate as PEM", "came something that cannot be read as one")
    return None if is_it else Failed("the root that was ordered", "came another certificate")


def _check_chain(station: ChargePoint, key: Key, chain: str) -> x509.Certificate:
    """What a charge point, and OCTT, look at in what was signed; the leaf. Raises Failed."""
    bench = station.bench
    bench.check("\r" not in chain, "PEM with LF line ends", "PEM with CR")
    try:
        leaf, *others = parse(chain)
    except _UNREADABLE:
        raise Failed("a chain of certificates as PEM", "came none that can be read") from None
    expected = "first the certificate of the key in the request"
    bench.check(_public(leaf) == _public(key), expected, "one of another key")
    _check_leaf(station, leaf)
    _check_path(bench, leaf, others)
    return leaf


def _check_leaf(station: ChargePoint, leaf: x509.Certificate) -> None:
    bench, serial_number = station.bench, station.credentials.account.serial_number
    now = datetime.now(UTC)
    for rule in tls.rules(leaf, now, _CLOCKS):
        bench.check(rule.holds, rule.expected, rule.came)
    if leaf.not_valid_before_utc > now:
        bench.warn("the certificate is not valid yet: a station may refuse it")
    bench.check(not _is_authority(leaf), "a certificate of no authority", "one with CA:TRUE")
    names = tls.common_names(leaf)
    bench.check(names == [serial_number], f"CN {serial_number}", f"CN {names}")
    names, wanted = tls.organizations(leaf), bench.plan.cpo_name
    fits = wanted in names if wanted else bool(names)
    bench.check(fits, f"O {wanted}".rstrip(), f"O {names}")
    family = _signing_family(leaf)
    bench.check(
        family == bench.plan.key_algorithm,
        f"a signature by a key of the family {bench.plan.key_algorithm}",
        f"one by {family}",
    )
    if leaf.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
        # Recommended (A00.FR.505), and not what OCTT and many stations understand.
        bench.warn("signed with RSASSA-PSS: many stations can verify PKCS #1 v1.5 only")


def _check_path(bench: Bench, leaf: x509.Certificate, others: list[x509.Certificate]) -> None:
    """Each certificate is issued by the next, and the last by a root."""
    at = leaf
    for above in others:
        bench.check(
            _is_issued(at, above), "each certificate issued by the next", "a chain that breaks"
        )
        at = above
    try:
        roots = parse(bench.plan.csms.roots) if bench.plan.csms.roots else ()
    except _UNREADABLE:
        roots = ()
    if not _is_issued(at, at) and not any(_is_issued(at, root) for root in roots):
        bench.warn("the chain leads to no root that the plan knows")


def _is_authority(certificate: x509.Certificate) -> bool:
    """Raises Failed if its extensions cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except _UNREADABLE:
        raise Failed("extensions that can be read", "came some that cannot") from None


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*_UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def _signing_family(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    if oid in {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }:
        return "ec"
    if oid in {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
    }:
        return "rsa"
    return oid.dotted_string


def _public(holder: x509.Certificate | Key) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
