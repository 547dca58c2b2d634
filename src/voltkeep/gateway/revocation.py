"""Asks whoever issued a foreign client certificate whether it is revoked (A00.FR.702, 704).

Only addresses that an operator has entered with a root are asked, never one that a certificate
names: that would let a stranger choose whom we call.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import structlog
from cachetools import LRUCache
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from voltkeep.domain.certificates import ClientCertificate, Standing, TrustAnchor
from voltkeep.services.ports import Clock

log = structlog.get_logger(__name__)

_TIMEOUT_S = 5.0  # of a whole question, however slowly the answer drips
_REST_S = 10.0  # who did not answer is left alone for so long
_OCSP_BYTES = 64 * 1024
_CRL_BYTES = 8 * 1024 * 1024
_SKEW = timedelta(minutes=5)
_WITHOUT_NEXT_UPDATE = timedelta(minutes=5)
_MOST_ANSWERS = 50_000
_MOST_LISTS = 100


class _Unanswered(Exception):
    """Whoever was asked did not say, or not in a way that can be believed."""


class _Answer(Struct, frozen=True):
    standing: Standing
    until: datetime


class _List(Struct, frozen=True):
    crl: x509.CertificateRevocationList
    until: datetime


class OnlineRevocations:
    """`services.authority.Revocations` over OCSP and revocation lists, remembered while valid."""

    def __init__(self, clock: Clock, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._answers: LRUCache[tuple[str, str], _Answer] = LRUCache(_MOST_ANSWERS)
        self._lists: LRUCache[tuple[str, str], _List] = LRUCache(_MOST_LISTS)
        self._resting: LRUCache[str, datetime] = LRUCache(_MOST_LISTS)
        self._asking: dict[tuple[str, bytes], asyncio.Task[bytes]] = {}

    async def standing(
        self, certificate: bytes, judged: ClientCertificate, anchors: Sequence[TrustAnchor]
    ) -> Standing:
        """See `voltkeep.services.authority.Revocations`."""
        anchor = next((each for each in anchors if each.id == judged.issuer_fingerprint), None)
        if anchor is None:
            return Standing.REVOCATION_UNKNOWN
        try:
            shown = x509.load_der_x509_certificate(certificate)
            issuer = x509.load_pem_x509_certificate(anchor.pem.encode())
        except ValueError:
            return Standing.REVOCATION_UNKNOWN
        found = Standing.REVOCATION_UNKNOWN
        for ask in (self._by_stored_list, self._by_ocsp, self._by_list):
            try:
                said = await ask(shown, issuer, anchor)
            except _Unanswered as error:
                log.warning(
                    "revocation is not known",
                    issuer=anchor.subject,
                    serial_number=judged.serial_number,
                    why=str(error)[:200],
                )
                continue
            if said is Standing.REVOKED:
                return said
            if said is not None:
                found = said
        return found

    async def _by_stored_list(
        self, shown: x509.Certificate, issuer: x509.Certificate, anchor: TrustAnchor
    ) -> Standing | None:
        if not anchor.crl:
            return None
        key = (anchor.id, hashlib.sha256(anchor.crl.encode()).hexdigest())
        known = self._lists.get(key)
        if known is None:
            known = await asyncio.to_thread(_read_list, anchor.crl.encode(), issuer)
            self._lists[key] = known
        said = _look_up(known.crl, shown)
        # An old list still says who was revoked; that nobody has been since, it cannot say.
        if said is Standing.TRUSTED and known.until <= self._clock():
            raise _Unanswered("the stored revocation list is too old: import the next one")
        return said

    async def _by_list(
        self, shown: x509.Certificate, issuer: x509.Certificate, anchor: TrustAnchor
    ) -> Standing | None:
        if not anchor.crl_url:
            return None
        key = (anchor.id, anchor.crl_url)
        known = self._lists.get(key)
        if known is None or known.until <= self._clock():
            content = await self._fetch(anchor.crl_url, b"", _CRL_BYTES)
            known = await asyncio.to_thread(_read_list, content, issuer)
            if known.until <= self._clock():
                raise _Unanswered(f"the revocation list of {anchor.crl_url} is too old")
            self._lists[key] = known
        return _look_up(known.crl, shown)

    async def _by_ocsp(
        self, shown: x509.Certificate, issuer: x509.Certificate, anchor: TrustAnchor
    ) -> Standing | None:
        if not anchor.ocsp_url:
            return None
        key = (anchor.id, f"{shown.serial_number:x}")
        known = self._answers.get(key)
        if known is not None and known.until > self._clock():
            return known.standing
        # SHA-1 names the issuer here and proves nothing; every responder knows it (RFC 5019).
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            shown,
            issuer,
            hashes.SHA1(),  # noqa: S303  # as above
        )
        request = builder.build().public_bytes(serialization.Encoding.DER)
        content = await self._fetch(anchor.ocsp_url, request, _OCSP_BYTES)
        answer = _read_ocsp(content, shown, issuer, self._clock())
        self._answers[key] = answer
        return answer.standing

    async def _fetch(self, url: str, body: bytes, limit: int) -> bytes:
        """Ask once for all who want the same, and nobody who has just been silent."""
        if self._resting.get(url, self._clock()) > self._clock():
            raise _Unanswered(f"{url} did not answer a moment ago")
        task = self._asking.get((url, body))
        if task is None:
            task = asyncio.create_task(self._request(url, body, limit))
            self._asking[url, body] = task
            task.add_done_callback(lambda done: self._asked(url, body, done))
        try:
            return await asyncio.shield(task)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            self._resting[url] = self._clock() + timedelta(seconds=_REST_S)
            words = str(error) or f"no answer in {self._timeout_s:g} s"
            raise _Unanswered(f"{url}: {words}") from None

    def _asked(self, url: str, body: bytes, done: asyncio.Task[bytes]) -> None:
        self._asking.pop((url, body), None)
        if not done.cancelled():
            done.exception()  # those who wait for it have it; perhaps none of them is left

    async def _request(self, url: str, body: bytes, limit: int) -> bytes:
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        method = "POST" if body else "GET"
        content = bytearray()
        async with (
            asyncio.timeout(self._timeout_s),
            httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, content=body or None, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise httpx.HTTPError(f"it answered with status {response.status_code}")
            async for block in response.aiter_raw():
                content += block
                if len(content) > limit:
                    raise httpx.HTTPError(f"it answered with more than {limit} bytes")
        return bytes(content)


def _read_list(content: bytes, issuer: x509.Certificate) -> _List:
    try:
        is_pem = content.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(content) if is_pem else x509.load_der_x509_crl(content)
        key = issuer.public_key()
        is_signed = (
            isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            and crl.issuer == issuer.subject
            and crl.is_signature_valid(key)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _Unanswered(f"the revocation list cannot be read: {error}") from None
    if not is_signed:
        raise _Unanswered("the revocation list is not signed by the issuer")
    if crl.next_update_utc is None:
        raise _Unanswered("the revocation list does not say how long it counts")
    return _List(crl, crl.next_update_utc)


def _look_up(crl: x509.CertificateRevocationList, shown: x509.Certificate) -> Standing:
    entry = crl.get_revoked_certificate_by_serial_number(shown.serial_number)
    return Standing.TRUSTED if entry is None else Standing.REVOKED


def _read_ocsp(
    content: bytes, shown: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> _Answer:
    try:
        response = ocsp.load_der_ocsp_response(content)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _Unanswered(f"the OCSP responder says {response.response_status.name}")
        _check_signer(response, issuer, now)
        if response.serial_number != shown.serial_number or not _is_about(response, issuer):
            raise _Unanswered("the OCSP answer is about another certificate")
        this, following = response.this_update_utc, response.next_update_utc
        status = response.certificate_status
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        words = str(error) or type(error).__name__
        raise _Unanswered(f"the OCSP answer cannot be believed: {words}") from None
    until = following or this + _WITHOUT_NEXT_UPDATE
    if this > now + _SKEW or until + _SKEW <= now:
        raise _Unanswered("the OCSP answer is too old, or of tomorrow")
    if status is ocsp.OCSPCertStatus.UNKNOWN:
        raise _Unanswered("the OCSP responder does not know the certificate")
    is_good = status is ocsp.OCSPCertStatus.GOOD
    return _Answer(Standing.TRUSTED if is_good else Standing.REVOKED, until)


def _is_about(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Whether its CertID names this issuer (RFC 6960, 4.1.1)."""
    asked = (
        ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, response.hash_algorithm).build()
    )
    # Of a request about the issuer as if it had issued itself only the hash of the key is right.
    return asked.issuer_key_hash == response.issuer_key_hash


def _check_signer(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """RFC 6960, 4.2.2.2: the issuer itself, or whom it has made a responder."""
    signer = issuer
    for candidate in response.certificates:
        if candidate == issuer:
            continue
        candidate.verify_directly_issued_by(issuer)
        usage = candidate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        is_valid = candidate.not_valid_before_utc <= now <= candidate.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and is_valid:
            signer = candidate
            break
    algorithm = response.signature_hash_algorithm
    if algorithm is None:
        raise _Unanswered("the OCSP answer is signed in a way we do not know")
    key = signer.public_key()
    match key:
        case rsa.RSAPublicKey():
            key.verify(
                response.signature,
                response.tbs_response_bytes,
                padding.PKCS1v15(),
                algorithm,
            )
        case ec.EllipticCurvePublicKey():
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        case _:
            raise _Unanswered("the OCSP answer is signed with a key we do not know")
