"""Certificates: those we issued, the roots that stations have, the foreign roots we trust."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.certificates import (
    CertificateRequest,
    CertificateState,
    InstalledCertificate,
    IssuedCertificate,
    RequestState,
    RevocationReason,
    RootUse,
    TrustAnchor,
)
from voltkeep.domain.identity import StationId
from voltkeep.services.expiries import Expiry, Place, Wanted
from voltkeep.web.access import Given, Known, Paging, Who, check_visible, named
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_records
from voltkeep.web.problems import Asked

_Days = Annotated[
    float | None, QueryParameter(ge=0, le=36_500, description="How many, at most a hundred years.")
]

_FROM = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
_TO = datetime(2027, 5, 1, 8, 0, tzinfo=UTC)


class CertificateOut(Struct, frozen=True, kw_only=True):
    """A certificate that we issued. ``station`` is null for the server's own."""

    serial_number: str
    station: str | None
    state: CertificateState
    changed_at: datetime
    profile: str
    issuer: str
    subject: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    problem: str
    revoked_at: datetime | None
    revocation_reason: RevocationReason | None
    pem: str


class CertificateRequestOut(Struct, frozen=True, kw_only=True):
    """A station's request for a certificate that was found to be in order.

    ``problem`` says why the authority refused it after all. ``key_fingerprint`` is that of the
    certificate's key too.
    """

    station: str
    state: RequestState
    changed_at: datetime
    subject: str
    common_name: str
    organization: str
    key_fingerprint: str
    use: str
    problem: str
    pem: str


class Revocation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a certificate is revoked, and whether a connection made with it is closed at once."""

    reason: RevocationReason = RevocationReason.UNSPECIFIED
    disconnect: bool = False


class RootOut(Struct, frozen=True, kw_only=True):
    """A root certificate that a station has, as far as we know."""

    id: str
    use: str
    state: str
    changed_at: datetime
    fingerprint: str
    problem: str


class TrustedRoot(Struct, frozen=True, kw_only=True):
    """A foreign root that we trust; ``station`` null: for every station."""

    fingerprint: str
    station: str | None
    use: RootUse
    subject: str
    not_after: datetime
    for_clients: bool
    crl_url: str
    ocsp_url: str
    pem: str


class NewTrustedRoot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A foreign root to be trusted. ``for_clients``: certificates below it let stations in."""

    use: RootUse
    pem: str
    station: str | None = None
    for_clients: bool = False
    crl_url: str = ""
    ocsp_url: str = ""


class ExpiryOut(Struct, frozen=True, kw_only=True):
    """What expires, and whose it is. ``kind`` is own, issued or anchor (a foreign root)."""

    kind: str
    id: str
    station: str | None
    subject: str
    not_after: datetime


def certificate_out(certificate: IssuedCertificate) -> CertificateOut:
    """A certificate as the API shows it."""
    return CertificateOut(
        serial_number=certificate.id,
        station=certificate.station.name or None,
        state=certificate.state,
        changed_at=certificate.at,
        profile=certificate.profile,
        issuer=certificate.issuer,
        subject=certificate.subject,
        fingerprint=certificate.fingerprint,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        problem=certificate.problem,
        revoked_at=certificate.revoked_at,
        revocation_reason=certificate.revocation_reason,
        pem=certificate.pem,
    )


def request_out(request: CertificateRequest) -> CertificateRequestOut:
    """A request as the API shows it."""
    return CertificateRequestOut(
        station=request.station.name,
        state=request.state,
        changed_at=request.at,
        subject=request.subject,
        common_name=request.common_name,
        organization=request.organization,
        key_fingerprint=request.id,
        use=request.use,
        problem=request.problem,
        pem=request.pem,
    )


def _root(root: InstalledCertificate) -> RootOut:
    return RootOut(
        id=root.id,
        use=root.use,
        state=root.state,
        changed_at=root.at,
        fingerprint=root.fingerprint,
        problem=root.problem,
    )


def trusted_out(anchor: TrustAnchor) -> TrustedRoot:
    """A foreign root as the API shows it."""
    return TrustedRoot(
        fingerprint=anchor.id,
        station=anchor.station.name or None,
        use=anchor.use,
        subject=anchor.subject,
        not_after=anchor.not_after,
        for_clients=anchor.for_clients,
        crl_url=anchor.crl_url,
        ocsp_url=anchor.ocsp_url,
        pem=anchor.pem,
    )


@get("/certificates", needs=Permission.READ_SECURITY, states=CertificateState, dependencies=LOOK)
async def list_certificates(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[CertificateOut]:
    """Certificates that we issued, by ``state``."""
    async with services.read() as work:
        found = await work.certificates.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, certificate_out)


@get("/certificates/{serial_number:str}", needs=Permission.READ_SECURITY)
async def show_certificate(
    serial_number: FromPath[str], principal: Who, services: Given
) -> CertificateOut:
    """One certificate that we issued."""
    return certificate_out(await found_certificate(serial_number, principal, services))


@post(
    "/certificates/{serial_number:str}/revocation",
    needs=Permission.WRITE_SECURITY,
    status_code=200,
)
async def revoke_certificate(
    serial_number: FromPath[str], data: JSONBody[Revocation], principal: Who, services: Given
) -> CertificateOut:
    """Let nobody in with it from now on. Saying it again changes nothing."""
    await found_certificate(serial_number, principal, services)
    revoked = await services.certificates.revoke(
        serial_number, data.reason, principal.tenant, disconnect=data.disconnect
    )
    return certificate_out(revoked)


async def found_certificate(
    serial_number: str, principal: Who, services: Given
) -> IssuedCertificate:
    """Raises UnknownCertificate, or NotThere for one that they may not see."""
    found = await services.certificates.get(serial_number, principal.tenant)
    words = f"there is no certificate {serial_number[:60]}"
    await check_visible(services, principal, found.station, words)
    return found


@get(
    "/certificate-requests",
    needs=Permission.READ_SECURITY,
    states=RequestState,
    dependencies=LOOK,
)
async def list_certificate_requests(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[CertificateRequestOut]:
    """What stations have asked for and was in order, by ``state``: one of each of their keys."""
    async with services.read() as work:
        found = await work.certificate_requests.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, request_out)


@get("/certificate-expiries", needs=Permission.READ_SECURITY)
async def list_expiries(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    days: _Days = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ExpiryOut]:
    """What expires within so many days, the soonest first."""
    if principal.sites is not None:
        return Page(items=[])
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    after = cursors.place(request, cursor, Place)
    wanted = Wanted(until=until, after=after, limit=limit + 1)
    found = await services.certificates.expiries.page(principal.tenant, wanted)
    following = cursors.after(request, found[limit - 1].place) if len(found) > limit else None
    return Page(items=[_expiry(each) for each in found[:limit]], next=following)


def _expiry(expiry: Expiry) -> ExpiryOut:
    return ExpiryOut(
        kind=expiry.kind,
        id=expiry.id,
        station=expiry.station.name or None,
        subject=expiry.subject,
        not_after=expiry.not_after,
    )


@get("/stations/{station:str}/roots", needs=Permission.READ_SECURITY)
async def list_station_roots(known: Known, services: Given) -> list[RootOut]:
    """Which root certificates a station has, as far as we know: at most 100 of each answer."""
    async with services.read() as work:
        return [_root(each) for each in await work.installed.of(known.id)]


@get("/trusted-roots", needs=Permission.READ_SECURITY, dependencies=LOOK)
async def list_trusted_roots(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[TrustedRoot]:
    """The foreign roots that we trust."""
    async with services.read() as work:
        found = await work.anchors.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, trusted_out)


@post("/trusted-roots", needs=Permission.WRITE_SECURITY)
async def trust_root(
    data: JSONBody[NewTrustedRoot], principal: Who, services: Given
) -> TrustedRoot:
    """Trust a foreign root: a manufacturer's, a V2G root, or one below which stations are."""
    owner = StationId(principal.tenant, "")
    if data.station is not None:
        owner = named(principal, data.station)
    await check_visible(services, principal, owner, f"no station is called {owner.name}")
    anchor = await services.roots.add_anchor(
        owner,
        data.use,
        data.pem,
        for_clients=data.for_clients,
        crl_url=data.crl_url,
        ocsp_url=data.ocsp_url,
    )
    return trusted_out(anchor)


@delete("/trusted-roots/{fingerprint:str}", needs=Permission.WRITE_SECURITY)
async def distrust_root(
    fingerprint: FromPath[str],
    principal: Who,
    services: Given,
    station: FromQuery[str | None] = None,
) -> None:
    """Trust it no longer: for every station, or for the one for which it was trusted."""
    owner = StationId(principal.tenant, "")
    if station is not None:
        owner = named(principal, station)
    await check_visible(services, principal, owner, f"there is no root {fingerprint[:64]}")
    await services.roots.remove_anchor(owner, fingerprint)


ROUTES = [
    list_certificates,
    show_certificate,
    revoke_certificate,
    list_certificate_requests,
    list_expiries,
    list_station_roots,
    list_trusted_roots,
    trust_root,
    distrust_root,
]

_PEM = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"
_FINGERPRINT = "6f1c2a" + "0" * 58
EXAMPLES = [
    CertificateOut(
        serial_number="3a7f00c1",
        station="CP-1001",
        state=CertificateState.ACTIVE,
        changed_at=_FROM,
        profile="station",
        issuer="ec",
        subject="CN=A-0815,O=Example Charging",
        fingerprint=_FINGERPRINT,
        not_before=_FROM,
        not_after=_TO,
        problem="",
        revoked_at=None,
        revocation_reason=None,
        pem=_PEM,
    ),
    CertificateRequestOut(
        station="CP-1001",
        state=RequestState.SIGNED,
        changed_at=_FROM,
        subject="CN=A-0815,O=Example Charging",
        common_name="A-0815",
        organization="Example Charging",
        key_fingerprint=_FINGERPRINT,
        use="",
        problem="",
        pem="-----BEGIN CERTIFICATE REQUEST-----\nMIIB...\n-----END CERTIFICATE REQUEST-----\n",
    ),
    Revocation(reason=RevocationReason.KEY_COMPROMISE, disconnect=True),
    RootOut(
        id="CSMSRootCertificate:6f1c2a",
        use="CSMSRootCertificate",
        state="installed",
        changed_at=_FROM,
        fingerprint=_FINGERPRINT,
        problem="",
    ),
    TrustedRoot(
        fingerprint=_FINGERPRINT,
        station=None,
        use=RootUse.MANUFACTURER_ROOT,
        subject="CN=Acme Root",
        not_after=_TO,
        for_clients=False,
        crl_url="",
        ocsp_url="",
        pem=_PEM,
    ),
    NewTrustedRoot(use=RootUse.MANUFACTURER_ROOT, pem=_PEM),
    ExpiryOut(kind="issued", id="3a7f00c1", station="CP-1001", subject="CN=A-0815", not_after=_TO),
]
