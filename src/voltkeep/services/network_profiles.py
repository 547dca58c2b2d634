"""What a station needs for a higher security profile, and where it connects with it."""

from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from voltkeep.domain.certificates import CertificateState, RootUse
from voltkeep.domain.commands import NetworkProfilesTold
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile, Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.ports import Work

_HAS_ROOT = ("sent", "installed", "listed")


class Unready(Exception):
    """The station is not ready for this change: why not, and in ``advice`` what to do first."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class Route(Struct, frozen=True, kw_only=True):
    """How a station shall connect with its new profile, where ours is not what it should use."""

    url: str = ""  # without the station's id
    slots: tuple[int, ...] = ()  # where the network profile goes, then what to fall back to
    interface: str = ""


def check_target(known: Station, to: SecurityProfile | None) -> SecurityProfile:
    """One profile up, never down (whitepaper A00.FR.005). Raises Unready."""
    now = int(known.security_profile)
    if known.security_profile is SecurityProfile.TLS_CERTIFICATE and to is None:
        raise Unready(f"{known.id} has the highest security profile, 3")
    target = SecurityProfile(now + 1) if to is None else to
    if target == now:
        raise Unready(f"{known.id} has security profile {now} already")
    if target < now:
        raise Unready(
            f"{known.id} has security profile {now}, and OCPP never lowers it (A00.FR.005)",
            "Change it in the station itself, and here with `voltkeep station set "
            f"{known.id.quoted} --security-profile {int(target)}`.",
        )
    if target > now + 1:
        raise Unready(
            f"{known.id} has security profile {now}: the next one is {now + 1}",
            f"Raise it to {now + 1} first, or let a campaign walk it up: "
            f"`voltkeep campaign start profile {int(target)} {known.id.quoted}`.",
        )
    return target


async def prerequisites(
    work: Work,
    known: Station,
    target: SecurityProfile,
    addresses: Addresses,
    route: Route,
    at: datetime,
    *,
    force: bool,
) -> tuple[str, list[str]]:
    """Where the station shall connect, and what may go wrong. Raises Unready."""
    url = route.url or addresses.base(target, known.id.tenant)
    if not url:
        raise Unready(
            f"nothing that stations can be told listens for security profile {int(target)}",
            f"Set {_LISTENER[target]} to a host and a port, or name an address with --url.",
        )
    if force:
        return url, []
    if target is SecurityProfile.TLS_CERTIFICATE and not await has_certificate(work, known.id, at):
        raise Unready(
            f"{known.id} has no certificate of ours that it has accepted, which profile 3 needs",
            f"`voltkeep certificate renew {known.id.quoted}` has it ask for one. "
            "If it has one of another authority: --force.",
        )
    if target >= SecurityProfile.TLS_BASIC and not await _has_root(work, known):
        return url, [
            (
                "as far as we know, it has no root certificate to check ours with, and will then "
                f"refuse: `voltkeep certificate install {known.id.quoted}`"
            )
        ]
    return url, []


def untold(
    known: Station, target: SecurityProfile, addresses: Addresses, route: Route
) -> list[str]:
    """What is to be done where a station is told the profile, and not where to connect with it."""
    text = "it was told no address, which its OCPP does not carry: enter "
    if route.url:
        return [f"{text}{route.url}/{quote(known.id.name, safe='')} in it"]
    goes_on = target is SecurityProfile.TLS_CERTIFICATE and addresses.is_on("ocpp_tls")
    if goes_on and addresses.settings.ocpp_tls_client_certificates:
        return []  # where it is
    text += f"{addresses.station(known.id, target)} in it"
    return [f"{text}, or set ocpp_tls_client_certificates" if goes_on else text]


async def has_certificate(work: Work, station: StationId, at: datetime) -> bool:
    """Whether the station has taken a certificate of ours that is still valid."""
    states = (CertificateState.ACCEPTED, CertificateState.ACTIVE)
    issued = await work.certificates.of(station, states=states)
    return any(each.not_after > at for each in issued)


async def _has_root(work: Work, known: Station) -> bool:
    installed = await work.installed.of(known.id, states=_HAS_ROOT)
    return any(each.use == RootUse.CSMS_ROOT for each in installed)


_LISTENER = {
    SecurityProfile.BASIC: "ocpp",
    SecurityProfile.TLS_BASIC: "ocpp_tls",
    SecurityProfile.TLS_CERTIFICATE: "ocpp_mtls",
}


def slots(told: NetworkProfilesTold | None) -> tuple[int, ...]:
    """The slot for a new network profile, and after it those to fall back to (B10, A05)."""
    if told is None:
        return (1,)
    kept = [slot for slot in told.priority if slot != told.active]
    if told.active is None:
        # The first is probably in use: leave it alone.
        kept = list(told.priority[1:])
        fallback = told.priority[:1]
    else:
        fallback = (told.active,)
    taken = set(fallback)
    new = next((slot for slot in (*kept, 1, 2) if slot not in taken), 1)
    return (new, *(slot for slot in fallback if slot != new))
