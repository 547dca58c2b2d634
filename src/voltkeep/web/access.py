"""What handlers are given: who asks, the services, and a station that they may see."""

from typing import Annotated, Protocol

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, SkipValidation

from voltkeep.domain.accounts import Principal
from voltkeep.domain.identity import BadName, StationId, station_id
from voltkeep.domain.stations import Station
from voltkeep.services.addresses import Addresses
from voltkeep.services.audit import AuditService
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.availability import AvailabilityService
from voltkeep.services.batches import BatchService
from voltkeep.services.campaigns import CampaignService
from voltkeep.services.certificates import CertificateService
from voltkeep.services.checking import Checker
from voltkeep.services.closing import ClosingService
from voltkeep.services.configuration import ConfigurationService
from voltkeep.services.days import DayService
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.explain import ExplainService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.imports import ImportService
from voltkeep.services.intrusion import IntrusionService
from voltkeep.services.local_list import LocalListService
from voltkeep.services.orders import OrderService
from voltkeep.services.people import People
from voltkeep.services.ports import Read
from voltkeep.services.provisioning import ProvisioningService, UnknownStation
from voltkeep.services.remote_control import RemoteControlService
from voltkeep.services.reservations import ReservationService
from voltkeep.services.roots import RootService
from voltkeep.services.security import SecurityService
from voltkeep.services.security_events import SecurityEventService
from voltkeep.services.sites import SiteService
from voltkeep.services.smart_charging import SmartChargingService
from voltkeep.services.templates import TemplateService
from voltkeep.services.transactions import TransactionService
from voltkeep.services.webhooks import WebhookService
from voltkeep.web.auth import Accounts
from voltkeep.web.paging import Cursors
from voltkeep.web.problems import Asked, NotThere, Problem


class ApiServices(Protocol):
    """What the API calls. Each block adds the service that it needs."""

    @property
    def read(self) -> Read: ...
    @property
    def provisioning(self) -> ProvisioningService: ...
    @property
    def authorization(self) -> AuthorizationService: ...
    @property
    def transactions(self) -> TransactionService: ...
    @property
    def remote_control(self) -> RemoteControlService: ...
    @property
    def availability(self) -> AvailabilityService: ...
    @property
    def closing(self) -> ClosingService: ...
    @property
    def configuration(self) -> ConfigurationService: ...
    @property
    def templates(self) -> TemplateService: ...
    @property
    def reservations(self) -> ReservationService: ...
    @property
    def smart_charging(self) -> SmartChargingService: ...
    @property
    def local_lists(self) -> LocalListService: ...
    @property
    def orders(self) -> OrderService: ...
    @property
    def batches(self) -> BatchService: ...
    @property
    def campaigns(self) -> CampaignService: ...
    @property
    def audit(self) -> AuditService: ...
    @property
    def certificates(self) -> CertificateService: ...
    @property
    def diagnostics(self) -> DiagnosticsService: ...
    @property
    def explain(self) -> ExplainService: ...
    @property
    def firmware(self) -> FirmwareService: ...
    @property
    def roots(self) -> RootService: ...
    @property
    def security(self) -> SecurityService: ...
    @property
    def security_events(self) -> SecurityEventService: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def people(self) -> People: ...
    @property
    def sites(self) -> SiteService: ...
    @property
    def imports(self) -> ImportService: ...
    @property
    def days(self) -> DayService: ...
    @property
    def intrusion(self) -> IntrusionService: ...
    @property
    def webhooks(self) -> WebhookService: ...
    @property
    def checker(self) -> Checker: ...


StationName = Annotated[str, PathParameter(description="The station's id.")]

# By these names handlers are given what they need.
Who = NamedDependency[SkipValidation[Principal]]  # principal
Given = NamedDependency[SkipValidation[ApiServices]]  # services
Known = NamedDependency[SkipValidation[Station]]  # known: of the path, if they may see it
Paging = NamedDependency[SkipValidation[Cursors]]  # cursors


def _principal(request: Asked) -> Principal:
    principal = request.user
    assert principal is not None, "the guard lets nobody in without one"
    return principal


def _services(state: State) -> ApiServices:
    services: ApiServices = state.services
    return services


def _cursors(state: State) -> Cursors:
    cursors: Cursors = state.cursors
    return cursors


async def _known(station: StationName, principal: Who, services: Given) -> Station:
    """The station that the path names. Raises NotThere, also if whoever asks may not see it."""
    try:
        known = await services.provisioning.get(named(principal, station))
    except (UnknownStation, BadName) as error:
        raise NotThere(f"no station is called {station[:60]}") from error
    if not may_see(principal, known):
        raise NotThere(f"no station is called {station[:60]}")
    return known


def named(principal: Principal, station: str) -> StationId:
    """A station of the tenant that the principal acts in. Raises BadName."""
    return station_id(station, principal.tenant)


def seen_sites(principal: Principal, site: str | None) -> tuple[str, ...] | None:
    """The sites whose stations a list may show: those asked for, of those they may see."""
    if site is None:
        return principal.sites
    return (site,) if principal.sites is None or site in principal.sites else ()


def may_see(principal: Principal, station: Station) -> bool:
    """Whether a station is of their tenant and at one of their sites."""
    return station.id.tenant == principal.tenant and (
        principal.sites is None or station.site in principal.sites
    )


def check_sees_every_site(principal: Principal, what: str) -> None:
    """``what`` is the whole tenant's. Raises Problem 403 for who sees some sites only."""
    if principal.sites is not None:
        raise Problem(403, f"{what} for every site, and you see some only", code="not-allowed")


async def check_visible(
    services: ApiServices, principal: Principal, station: StationId, what: str
) -> None:
    """Raises NotThere, in the words of ``what``, unless they may see what belongs to a station.

    What is the whole tenant's, station "", is not for those who see some sites only.
    """
    if station.tenant != principal.tenant:
        raise NotThere(what)
    if principal.sites is None:
        return
    async with services.read() as work:
        known = await work.stations.get(station)
    if known is None or not may_see(principal, known):
        raise NotThere(what)


DEPENDENCIES = {
    "principal": Provide(_principal, sync_to_thread=False),
    "services": Provide(_services, sync_to_thread=False),
    "cursors": Provide(_cursors, sync_to_thread=False),
    "known": Provide(_known),
}
