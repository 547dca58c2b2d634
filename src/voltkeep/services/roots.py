"""Functional block M, roots: which stations have which, and which foreign ones we trust."""

import hashlib
from datetime import datetime
from urllib.parse import urlsplit

import structlog
from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import HashData, InstalledCertificate, RootUse, TrustAnchor
from voltkeep.domain.commands import (
    CertificatesTold,
    DeleteCertificate,
    GetInstalledCertificates,
    InstallCertificate,
    Outcome,
)
from voltkeep.domain.events import RootsChanged
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.audit import audit
from voltkeep.services.authority import Authority, BadCertificate, RootCertificate
from voltkeep.services.ports import (
    Begin,
    Clock,
    CommandUnfit,
    Read,
    Stations,
    StationUnreachable,
    Work,
)
from voltkeep.services.provisioning import registered

log = structlog.get_logger(__name__)

_MOST_LISTED = 100  # certificates kept of what one station reports
_HAS = ("installed", "listed")
_ASKED_EVERYWHERE = (RootUse.CSMS_ROOT, RootUse.MANUFACTURER_ROOT)
_GONE = {"Accepted", "NotFound"}


class UnknownRoot(LookupError):
    """No such root is installed there, or trusted."""


class UnsafeDeletion(ValueError):
    """Without that root the station could not trust our server any more."""


class RootService:
    """Installs, lists and deletes the roots of stations, and keeps the foreign ones we trust."""

    def __init__(
        self, begin: Begin, read: Read, stations: Stations, authority: Authority, clock: Clock
    ) -> None:
        self._begin = begin
        self._read = read
        self._stations = stations
        self._authority = authority
        self._clock = clock

    @property
    def own(self) -> RootCertificate:
        """What stations must trust to trust our server."""
        return self._authority.root

    # In stations.

    async def install_own(self, station: StationId) -> Outcome:
        """Have a station trust our server: install our own root (M05)."""
        return await self.install(station, RootUse.CSMS_ROOT, self._authority.root.pem)

    async def install(
        self, station: StationId, use: RootUse, pem: str, *, force: bool = False
    ) -> Outcome:
        """Give a station a root certificate (M05).

        ``force`` sends it as it is, right or wrong. Raises UnknownStation, BadCertificate, and
        what `Stations.send` raises.
        """
        now = self._clock()
        try:
            root: RootCertificate | None = self._authority.read_root(pem, now)
        except BadCertificate:
            if not force:
                raise
            root = None
        text = root.pem if root else pem
        fingerprint = root.fingerprint if root else hashlib.sha256(pem.encode()).hexdigest()
        certificate = InstalledCertificate(
            station=station,
            id=f"{use.value}:{fingerprint}",
            state="sent",
            at=now,
            use=use.value,
            fingerprint=fingerprint,
            pem=text,
        )
        async with self._begin() as work:
            await registered(work, station)
            before = await work.installed.lock(station, certificate.id)
            if before is None:
                await work.installed.put(certificate)
        try:
            outcome = await self._stations.send(
                station, InstallCertificate(use=use, certificate=text)
            )
        except StationUnreachable as failure:
            if not failure.may_have_arrived:
                await self._installed(certificate, before, str(failure) or failure.result)
            raise
        problem = "" if outcome.accepted else f"it answered {outcome.status}"
        await self._installed(certificate, before, problem)
        return outcome

    async def _installed(
        self,
        certificate: InstalledCertificate,
        before: InstalledCertificate | None,
        problem: str,
    ) -> None:
        """Record what became of it; what the station has had before, it has still."""
        now, station = self._clock(), certificate.station
        had = before is not None and before.state in _HAS
        state = "installed" if not problem or had else "failed"
        async with self._begin() as work:
            await work.installed.put(
                structs.replace(certificate, state=state, at=now, problem=problem)
            )
            what = f"{certificate.use} {certificate.fingerprint[:16]}"
            deed = Deed(
                action="root.installed",
                object=str(station),
                after=f"{certificate.use} {certificate.fingerprint}",
                result=problem or "done",
            )
            await _note(work, station, now, deed, f"{what} {problem or 'installed'}")

    async def installed(
        self, station: StationId, use: RootUse | None = None, *, refresh: bool = True
    ) -> list[InstalledCertificate]:
        """Which roots a station has, of one use or of all (M03): as it says now, or said last.

        Raises UnknownStation, and what `Stations.send` raises.
        """
        async with self._read() as work:
            await registered(work, station)
        if refresh:
            await self._ask(station, use)
        async with self._read() as work:
            known = await work.installed.of(station)
        return [each for each in known if use is None or each.use == use.value]

    async def _ask(self, station: StationId, use: RootUse | None) -> None:
        try:
            outcome = await self._stations.send(station, GetInstalledCertificates(use=use))
        except CommandUnfit:
            if use is not None:
                raise
            for each in _ASKED_EVERYWHERE:  # one after the other, where not all at once
                await self._ask(station, each)
            return
        if not outcome.accepted and outcome.status != "NotFound":
            return  # no word of M03: it tells nothing
        told = outcome.told
        listed = told.certificates if isinstance(told, CertificatesTold) else ()
        if len(listed) > _MOST_LISTED:
            log.warning("too many certificates listed", station=str(station), listed=len(listed))
        await self._listed(station, use, listed[:_MOST_LISTED])

    async def _listed(
        self, station: StationId, use: RootUse | None, told: tuple[tuple[str, HashData], ...]
    ) -> None:
        """Replace what we knew by what the station reports, letter by letter."""
        now = self._clock()
        async with self._begin() as work:
            known = [
                each
                for each in await work.installed.of(station)
                if each.state != "failed" and (use is None or each.use == use.value)
            ]
            roots = {each.pem: each.fingerprint for each in known if each.pem}
            for anchor in [
                *await work.anchors.of(StationId(station.tenant, "")),
                *await work.anchors.of(station),
            ]:
                roots[anchor.pem] = anchor.id
            roots[self._authority.root.pem] = self._authority.root.fingerprint
            for each in known:
                await work.installed.remove(station, each.id)
            listed = [
                InstalledCertificate(
                    station=station,
                    id=f"{(is_of := said or (use.value if use else ''))}:{hash_data.key}",
                    state="listed",
                    at=now,
                    use=is_of,
                    hash_data=hash_data,
                    fingerprint=fingerprint,
                    pem=pem,
                )
                for said, hash_data in told
                for pem, fingerprint in [self._recognised(hash_data, roots)]
            ]
            for each in listed:
                await work.installed.put(each)
            if set(map(_name, known)) != set(map(_name, listed)):
                what = f"{use.value if use else 'every use'}: {len(listed)} listed"
                work.emit(RootsChanged(station=station, at=now, what=what))

    def _recognised(self, hash_data: HashData, roots: dict[str, str]) -> tuple[str, str]:
        """The PEM and fingerprint of the root that a station calls by this; "" if we have none."""
        for pem, fingerprint in roots.items():
            try:
                ours = self._authority.hash_data(pem, hash_data.algorithm)
            except BadCertificate:
                continue  # one that was sent by force
            if ours.key == hash_data.key:
                return pem, fingerprint
        return "", ""

    async def delete(
        self, station: StationId, which: HashData | str, *, force: bool = False
    ) -> Outcome:
        """Take a root from a station (M04). ``which``: as listed, or a part of its id or serial.

        Unless forced, not the root by which the station trusts our server. Raises UnknownStation,
        UnknownRoot, UnsafeDeletion, and what `Stations.send` raises.
        """
        async with self._read() as work:
            known = await registered(work, station)
            roots = await work.installed.of(station)
        root = _which(roots, which)
        assert root.hash_data is not None, "what has none is not found"
        if not force and root.use == RootUse.CSMS_ROOT:
            others = [each for each in roots if each.use == root.use and each.hash_data]
            if len(others) == 1:
                raise UnsafeDeletion(
                    f"that is the last root by which {station} can trust a server: "
                    "install another one first"
                )
            if (
                known.security_profile >= SecurityProfile.TLS_BASIC
                and root.fingerprint == self._authority.root.fingerprint
            ):
                raise UnsafeDeletion(f"{station} trusts this server by that root")
        outcome = await self._stations.send(station, DeleteCertificate(hash_data=root.hash_data))
        await self._deleted(root, outcome)
        return outcome

    async def _deleted(self, root: InstalledCertificate, outcome: Outcome) -> None:
        now = self._clock()
        async with self._begin() as work:
            if outcome.status in _GONE:
                await work.installed.remove(root.station, root.id)
            else:
                problem = f"it was not deleted: the station answered {outcome.status}"
                await work.installed.put(structs.replace(root, at=now, problem=problem))
            deed = Deed(
                action="root.deleted",
                object=str(root.station),
                before=f"{root.use} {root.fingerprint or root.id}",
                result=outcome.status,
            )
            name = root.fingerprint[:16] or root.id.rpartition(":")[2]
            what = f"{root.use} {name} deleted: {outcome.status}"
            await _note(work, root.station, now, deed, what)

    # Those we trust.

    async def add_anchor(
        self,
        owner: StationId,
        use: RootUse,
        pem: str,
        *,
        for_clients: bool = False,
        crl: str = "",
        crl_url: str = "",
        ocsp_url: str = "",
    ) -> TrustAnchor:
        """Trust a foreign root: for one station, or with a name of "" for all of its tenant.

        ``for_clients``: certificates below it let stations in; whether they are revoked is asked
        at the addresses given here, and at none that a certificate names. Raises UnknownStation,
        BadCertificate.
        """
        now = self._clock()
        root = self._authority.read_root(pem, now)
        for url in filter(None, (crl_url, ocsp_url)):
            _check_url(url)
        anchor = TrustAnchor(
            station=owner,
            id=root.fingerprint,
            at=now,
            use=use,
            pem=root.pem,
            subject=root.subject,
            not_after=root.not_after,
            for_clients=for_clients,
            crl=crl,
            crl_url=crl_url,
            ocsp_url=ocsp_url,
        )
        async with self._begin() as work:
            if owner.name:
                await registered(work, owner)
            await work.anchors.put(anchor)
            deed = Deed(
                action="root.trusted",
                object=owner.name or "every station",
                after=f"{use.value} {root.fingerprint}: {root.subject}"
                + (", for clients" if for_clients else ""),
            )
            await _note(work, owner, now, deed, f"{use.value} {root.fingerprint[:16]} trusted")
        return anchor

    async def anchors(
        self, tenant: TenantId | None = None, station: StationId | None = None
    ) -> list[TrustAnchor]:
        """The foreign roots we trust: all, or those that count for one station."""
        async with self._read() as work:
            if station is None:
                return await work.anchors.all(tenant)
            everywhere = await work.anchors.of(StationId(station.tenant, ""))
            return everywhere + await work.anchors.of(station)

    async def remove_anchor(self, owner: StationId, id: str) -> TrustAnchor:
        """Trust it no longer; ``id`` is the beginning of its fingerprint. Raises UnknownRoot."""
        now = self._clock()
        async with self._begin() as work:
            wanted = id.lower().replace(":", "")
            found = [
                each
                for each in await work.anchors.of(owner)
                if wanted and each.id.startswith(wanted)
            ]
            if len(found) != 1:
                raise UnknownRoot(f"{len(found)} trusted roots begin with {id!r}")
            await work.anchors.remove(owner, found[0].id)
            deed = Deed(
                action="root.distrusted",
                object=owner.name or "every station",
                before=f"{found[0].use.value} {found[0].id}: {found[0].subject}",
            )
            what = f"{found[0].use.value} {found[0].id[:16]} trusted no more"
            await _note(work, owner, now, deed, what)
        return found[0]


def _which(roots: list[InstalledCertificate], which: HashData | str) -> InstalledCertificate:
    if isinstance(which, HashData):
        found = [each for each in roots if each.hash_data and each.hash_data.key == which.key]
    else:
        part = which.lower()
        found = [
            each
            for each in roots
            if part
            and (
                part in {each.id.lower(), each.hash_data and each.hash_data.serial_number.lower()}
                or each.fingerprint.startswith(part)
            )
        ]
    if not found:
        raise UnknownRoot(f"no certificate is known to be in it that is called {_called(which)}")
    if len(found) > 1:
        raise UnknownRoot(
            f"{len(found)} certificates in it are called {_called(which)}: give more of its "
            "fingerprint, or the whole serial number"
        )
    if found[0].hash_data is None:
        raise UnknownRoot(
            "the station has not listed that certificate yet, and deletes by the name it gave: "
            "have it list them first"
        )
    return found[0]


def _called(which: HashData | str) -> str:
    return repr((which.serial_number if isinstance(which, HashData) else which)[:80])


def _name(root: InstalledCertificate) -> tuple[str, str]:
    """What it is, whether or not the station has listed it."""
    return root.use, root.fingerprint or root.id


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadCertificate(f"{url} is no HTTP address")


async def _note(work: Work, station: StationId, at: datetime, deed: Deed, what: str) -> None:
    work.emit(RootsChanged(station=station, at=at, what=what))
    await audit(work, station.tenant, at, deed)
