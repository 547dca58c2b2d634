"""Asks about credentials, certificates, logs and firmware: which service carries out which."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from voltkeep.domain import asks
from voltkeep.domain.commands import Outcome
from voltkeep.domain.identity import StationId
from voltkeep.services.certificates import CertificateService
from voltkeep.services.credentials import CredentialsService, Stage
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.firmware import FirmwareService, Wish
from voltkeep.services.roots import RootService

CarryOut = Callable[[StationId, Any], Awaitable[Outcome]]
"""Does what is asked of a station. Raises what `Stations.send` raises."""


class TrustDoers(Protocol):
    """The services that these asks need."""

    @property
    def certificates(self) -> CertificateService: ...
    @property
    def credentials(self) -> CredentialsService: ...
    @property
    def diagnostics(self) -> DiagnosticsService: ...
    @property
    def firmware(self) -> FirmwareService: ...
    @property
    def roots(self) -> RootService: ...


def trust_table(doers: TrustDoers) -> Mapping[type[Any], CarryOut]:
    """How each of these asks is carried out."""
    return {**_credentials(doers), **_certificates(doers), **_files(doers)}


def _files(doers: TrustDoers) -> Mapping[type[Any], CarryOut]:
    async def request_log(station: StationId, ask: asks.RequestLog) -> Outcome:
        requested = await doers.diagnostics.request_log(
            station,
            ask.kind,
            oldest=ask.oldest,
            latest=ask.latest,
            retries=ask.retries,
            retry_interval_s=ask.retry_interval_s,
            location=ask.location,
            older=ask.older,
        )
        return requested.outcome

    async def update_firmware(station: StationId, ask: asks.UpdateFirmware) -> Outcome:
        wish = Wish(
            image=ask.image,
            retrieve_at=ask.retrieve_at,
            install_at=ask.install_at,
            retries=ask.retries,
            retry_interval_s=ask.retry_interval_s,
            location=ask.location,
            unsigned=ask.unsigned,
            signature=ask.signature,
            signing_certificate=ask.signing_certificate,
            force=ask.force,
        )
        return (await doers.firmware.update(station, wish)).outcome

    return {asks.RequestLog: request_log, asks.UpdateFirmware: update_firmware}


def _certificates(doers: TrustDoers) -> Mapping[type[Any], CarryOut]:
    async def install(station: StationId, ask: asks.InstallCertificate) -> Outcome:
        if ask.certificate is None:
            return await doers.roots.install_own(station)
        return await doers.roots.install(station, ask.use, ask.certificate, force=ask.force)

    async def installed(station: StationId, ask: asks.GetInstalledCertificates) -> Outcome:
        found = await doers.roots.installed(station, ask.use)
        return Outcome(accepted=True, status=f"{len(found)} certificates")

    async def remove(station: StationId, ask: asks.DeleteCertificate) -> Outcome:
        return await doers.roots.delete(station, ask.certificate, force=ask.force)

    async def renew(station: StationId, ask: asks.RenewCertificate) -> Outcome:
        return await doers.certificates.renew(station, prepare=ask.prepare)

    return {
        asks.InstallCertificate: install,
        asks.GetInstalledCertificates: installed,
        asks.DeleteCertificate: remove,
        asks.RenewCertificate: renew,
    }


def _credentials(doers: TrustDoers) -> Mapping[type[Any], CarryOut]:
    async def rotate(station: StationId, _: asks.RotateKey) -> Outcome:
        rotated = await doers.credentials.rotate_key(station)
        return _staged(rotated.stage, rotated.status, rotated.problem)

    async def raise_profile(station: StationId, ask: asks.RaiseProfile) -> Outcome:
        raised = await doers.credentials.raise_profile(
            station, ask.to, reset=ask.reset, force=ask.force
        )
        warning = "; ".join(filter(None, (raised.problem, *raised.warnings)))
        return _staged(raised.stage, raised.status, warning)

    return {asks.RotateKey: rotate, asks.RaiseProfile: raise_profile}


def _staged(stage: Stage, status: str, warning: str) -> Outcome:
    is_taken = stage in {Stage.ACCEPTED, Stage.AFTER_REBOOT}
    return Outcome(accepted=is_taken, status=status or stage.value, warning=warning)
