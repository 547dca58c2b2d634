"""Our authority as people see it: its tree, what expires when, and the foreign roots we trust."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.certificates import IssuedCertificate
from voltkeep.services.expiries import MOST_MONTHS, Expiry, Kind, Place, Wanted
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who, check_sees_every_site
from voltkeep.web.api.certificates import TrustedRoot, trusted_out
from voltkeep.web.pages import certificate_words as words
from voltkeep.web.pages.certificates import is_narrowed
from voltkeep.web.pages.choosing import Text, filters_of
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import Cursor, page_of_records
from voltkeep.web.problems import Asked, NotThere

_ROWS = 50
_NAME = 60  # characters of what is typed to be sure

_Month = Annotated[str, Meta(pattern=r"^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$")]


class _Expiries(Struct, frozen=True, kw_only=True):
    """The filters of what expires, as they stand in an address."""

    month: _Month | None = None
    kind: Kind | None = None
    station: Text | None = None


class _Roots(Struct, frozen=True, kw_only=True):
    """The filters of foreign roots, as they stand in an address."""

    station: Text | None = None


class Node(Struct, frozen=True, kw_only=True):
    """A certificate of our authority, with those below it. ``crl`` names its revocation list."""

    profile: str
    reading: words.Reading
    is_external: bool
    crl: str
    below: list["Node"]


class Month(Struct, frozen=True, kw_only=True):
    """How much expires in a month, by kind; ``share`` is of the fullest, in percent."""

    name: str
    own: int
    issued: int
    anchor: int
    total: int
    share: int


class Root(Struct, frozen=True, kw_only=True):
    """A foreign root; ``reading`` is None where its PEM cannot be read."""

    root: TrustedRoot
    reading: words.Reading | None
    name: str


def tree(own: Sequence[IssuedCertificate]) -> list[Node]:
    """The authority's own certificates, each below its issuer; those signed elsewhere beside."""
    nodes = [_node(each) for each in own if words.read(each.pem)]
    tops: list[Node] = []
    for each in nodes:
        above = next((other for other in nodes if _is_below(each, other)), None)
        (tops if above is None else above.below).append(each)
    return tops


def _node(certificate: IssuedCertificate) -> Node:
    reading = words.read(certificate.pem)[0]
    crl = {"root": "root", "issuer": reading.family}.get(certificate.profile, "")
    is_external = certificate.issuer == "external"
    return Node(
        profile=certificate.profile, reading=reading, is_external=is_external, crl=crl, below=[]
    )


def _is_below(node: Node, other: Node) -> bool:
    return (
        other is not node
        and other.profile in {"root", "issuer"}
        and other.reading.subject == node.reading.issuer
    )


@get("/certificates/authority", needs=Permission.READ_SECURITY, include_in_schema=False)
async def authority_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """Root, issuers and what the server shows, and where others ask what is revoked."""
    check_sees_every_site(principal, "the authority is")
    bases = [base for base in services.addresses.files().values() if not base.startswith("ftp")]
    return page(
        request,
        "certificate_authority.html",
        nodes=tree(services.certificates.own()),
        profiles=words.PROFILES,
        bases=bases,
        now=datetime.now(UTC),
    )


@get("/certificates/authority.pem", needs=Permission.READ_SECURITY, include_in_schema=False)
async def bundle(principal: Who, services: Given) -> Response[str]:
    """Our root and our issuers, for whoever is to trust what we issue."""
    check_sees_every_site(principal, "the authority is")
    own = [each for each in services.certificates.own() if each.profile in {"root", "issuer"}]
    content = "".join(words.read(each.pem)[0].pem for each in own)
    headers = {"content-disposition": 'attachment; filename="voltkeep-authority.pem"'}
    return Response(content, headers=headers, media_type="application/x-pem-file")


@get("/certificates/revoked/{issuer:str}", needs=Permission.READ_SECURITY, include_in_schema=False)
async def revocation_list(
    principal: Who, services: Given, issuer: FromPath[str]
) -> Response[bytes]:
    """The revocation list of an issuer, DER."""
    check_sees_every_site(principal, "the authority is")
    try:
        content = await services.certificates.crl(issuer)
    except LookupError as error:
        raise NotThere(f"no issuer here is called {issuer[:40]}") from error
    headers = {"content-disposition": f'attachment; filename="voltkeep-{issuer}.crl"'}
    return Response(content, headers=headers, media_type="application/pkix-crl")


@get("/certificates/expiries", needs=Permission.READ_SECURITY, include_in_schema=False)
async def expiries_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """What expires, by months, the soonest first."""
    check_sees_every_site(principal, "what expires is listed")
    which = filters_of(request, _Expiries)
    expiries = services.certificates.expiries
    months = await expiries.months(principal.tenant, kind=which.kind, station=which.station)
    since, until = _bounds(which.month)
    wanted = Wanted(
        kind=which.kind,
        station=which.station,
        since=since,
        until=until,
        after=cursors.place(request, cursor, Place),
        limit=_ROWS + 1,
    )
    found = await expiries.page(principal.tenant, wanted)
    external = {each.id for each in services.certificates.own() if each.issuer == "external"}
    return page(
        request,
        "certificate_expiries.html",
        months=_months(months),
        is_cut=len(months) == MOST_MONTHS,
        expiries=[(each, _renewal(each, external)) for each in found[:_ROWS]],
        next=cursors.after(request, found[_ROWS - 1].place) if len(found) > _ROWS else None,
        now=datetime.now(UTC),
        profiles=words.PROFILES,
        is_narrowed=is_narrowed(request.query_params, _Expiries),
    )


def _bounds(name: str | None) -> tuple[datetime | None, datetime | None]:
    """The beginning of a month, and of the one after; None: time ends before."""
    if name is None:
        return None, None
    year, month = map(int, name.split("-"))
    start = datetime(year, month, 1, tzinfo=UTC)
    if (year, month) == (9999, 12):
        return start, None
    return start, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _months(counts: Mapping[str, Mapping[Kind, int]]) -> list[Month]:
    most = max((sum(each.values()) for each in counts.values()), default=1)
    return [
        Month(
            name=name,
            own=each["own"],
            issued=each["issued"],
            anchor=each["anchor"],
            total=sum(each.values()),
            share=max(1, round(100 * sum(each.values()) / most)),
        )
        for name, each in counts.items()
    ]


def _renewal(line: Expiry, external: set[str]) -> Literal["itself", "asked", "person"]:
    """Who sees to it that there is a newer one in time."""
    if line.kind == "own" and line.profile == "server" and line.id not in external:
        return "itself"
    return "asked" if line.kind == "issued" and line.profile == "station" else "person"


@get("/certificates/roots", needs=Permission.READ_SECURITY, include_in_schema=False)
async def roots_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, cursor: Cursor = None
) -> Response[str]:
    """The foreign roots that we trust: for every station, or for one."""
    which = filters_of(request, _Roots)
    look = Look(
        station=which.station,
        sites=principal.sites,
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    async with services.read() as work:
        found = await work.anchors.page(principal.tenant, look)
    return page(
        request,
        "certificate_roots.html",
        roots=page_of_records(request, cursors, look, found, lambda each: _root(trusted_out(each))),
        uses=words.ROOT_USES,
        now=datetime.now(UTC),
        is_narrowed=is_narrowed(request.query_params, _Roots),
    )


def _root(root: TrustedRoot) -> Root:
    reading = next(iter(words.read(root.pem)), None)
    name = reading.name if reading is not None else root.subject
    return Root(root=root, reading=reading, name=name[:_NAME].strip() or root.fingerprint[:16])


AT_THE_ROOT = [
    authority_page,
    bundle,
    revocation_list,
    expiries_page,
    roots_page,
]
EXAMPLES: list[object] = []
