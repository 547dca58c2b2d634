"""What a good connection settles: a key, a profile or a certificate that was waiting for it."""

from datetime import datetime

from msgspec import Struct, structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import CertificateState, ClientCertificate, IssuedCertificate
from voltkeep.domain.events import (
    CertificateChanged,
    CertificatePinned,
    KeyRotated,
    SecurityProfileRaised,
)
from voltkeep.domain.security import Shown, Verdict
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.audit import audit
from voltkeep.services.ports import Superseded, Work

_BEFORE_USE = (CertificateState.ISSUED, CertificateState.SENT, CertificateState.ACCEPTED)
_USED = "the station has connected with it"
_USABLE = (*_BEFORE_USE, CertificateState.ACTIVE)


class Admission(Struct, frozen=True, kw_only=True):
    """What was decided at the door, and what was used to get in.

    ``station`` and ``profile`` are set when the verdict is ADMITTED.
    """

    verdict: Verdict
    station: Station | None = None
    profile: SecurityProfile | None = None
    password: Shown = Shown.NOTHING  # as far as it counted
    certificate: ClientCertificate | None = None  # as far as it counted
    pins: bool = False  # the certificate is the only one from now on


async def settle(work: Work, admission: Admission, at: datetime) -> None:
    """Make what the station has used count, and drop what it has thereby left behind.

    Within the work that begins its connection. Raises Superseded if what let it in counts no
    more.
    """
    known = admission.station
    if known is None:
        return
    if _is_pending(known, admission):
        station = await work.stations.lock(known.id)
        if station is None:
            raise Superseded
        await _settle_key(work, station, admission, at)
        await _settle_profile(work, station, admission, at)
        await _pin(work, station, admission, at)
    if admission.certificate is not None and admission.certificate.is_own:
        await _settle_certificate(work, known, admission.certificate, at)


def _is_pending(known: Station, admission: Admission) -> bool:
    return (
        admission.pins
        or admission.profile != known.security_profile
        or known.trust.next_key_hash is not None
    )


async def _settle_key(work: Work, station: Station, admission: Admission, at: datetime) -> None:
    trust, was = station.trust, admission.station
    assert was is not None
    if admission.password not in (Shown.KEY, Shown.NEXT_KEY) or trust.next_key_hash is None:
        return
    if was.trust.next_key_hash != trust.next_key_hash:
        return  # rotated again since; that rotation is not decided by this connection
    is_new = admission.password is Shown.NEXT_KEY
    if not is_new and trust.next_key_after_reboot:
        return  # it uses the new one after its reboot
    if is_new:
        await work.stations.set_key(station.id, trust.next_key_hash)
    station.trust = trust.without_next_key()
    await work.stations.set_trust(station.id, station.trust)
    reason = "the station uses its new key" if is_new else "the station goes on with its old key"
    stage = "in use" if is_new else "given up"
    work.emit(KeyRotated(station=station.id, at=at, stage=stage, reason=reason))
    deed = Deed(
        action="key.rotated" if is_new else "key.rotation_given_up",
        object=str(station.id),
        after=reason,
    )
    await audit(work, station.id.tenant, at, deed)


async def _settle_profile(work: Work, station: Station, admission: Admission, at: datetime) -> None:
    """A05.FR.09: from the first good connection on the lower profile is refused for ever."""
    profile = admission.profile
    if profile is None or profile <= station.security_profile:
        return
    if station.trust.next_profile != profile:
        raise Superseded  # the upgrade was given up a moment ago
    await work.stations.set_profile(station.id, profile)
    station.trust = structs.replace(station.trust, next_profile=None, next_profile_at=None)
    await work.stations.set_trust(station.id, station.trust)
    work.emit(
        SecurityProfileRaised(
            station=station.id, at=at, profile=int(profile), stage="in use", reason=_USED
        )
    )
    deed = Deed(
        action="security_profile.raised",
        object=str(station.id),
        before=str(int(station.security_profile)),
        after=str(int(profile)),
    )
    await audit(work, station.id.tenant, at, deed)


async def _pin(work: Work, station: Station, admission: Admission, at: datetime) -> None:
    shown = admission.certificate
    if shown is None or not admission.pins:
        return
    if station.trust.pin not in ("", shown.fingerprint):
        raise Superseded  # another certificate was faster
    station.trust = structs.replace(station.trust, pin=shown.fingerprint)
    await work.stations.set_trust(station.id, station.trust)
    reason = "the first that the station showed, and its names are not checked"
    work.emit(
        CertificatePinned(station=station.id, at=at, fingerprint=shown.fingerprint, reason=reason)
    )
    deed = Deed(
        action="certificate.pinned", object=str(station.id), after=f"SHA-256 {shown.fingerprint}"
    )
    await audit(work, station.id.tenant, at, deed)


async def _settle_certificate(
    work: Work, station: Station, shown: ClientCertificate, at: datetime
) -> None:
    used = await work.certificates.get(station.id, shown.serial_number)
    if used is None or used.state not in _BEFORE_USE:
        return
    used = await work.certificates.lock(station.id, shown.serial_number)
    if used is None or used.state not in _BEFORE_USE:
        return
    await _move(work, used, CertificateState.ACTIVE, at, _USED)
    for other in await work.certificates.of(station.id, states=_USABLE):
        is_older = other.not_before < used.not_before or other.state is CertificateState.ACTIVE
        if other.id != used.id and is_older:
            reason = f"the station uses {used.id}"
            await _move(work, other, CertificateState.SUPERSEDED, at, reason)


async def _move(
    work: Work, certificate: IssuedCertificate, state: CertificateState, at: datetime, reason: str
) -> None:
    moved = structs.replace(certificate, state=state, at=at)
    await work.certificates.put(moved)
    work.emit(CertificateChanged.of(moved, at, reason))
    deed = Deed(
        action=f"certificate.{state.value}",
        object=f"{certificate.station} {certificate.id}",
        before=certificate.state.value,
        after=state.value,
    )
    await audit(work, certificate.station.tenant, at, deed)
