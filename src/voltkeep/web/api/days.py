"""Statistics: what was charged on each day, and the security events that were heard of."""

from datetime import date
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.services.days import MOST_DAYS, Day, KindDays, SiteDays
from voltkeep.web.access import ApiServices, Given, Who, seen_sites

_SITES = 20
MostDays = Annotated[
    int, QueryParameter(ge=1, le=366, description="So many days, the last of them today.")
]
_Most = Annotated[
    int,
    QueryParameter(
        ge=1, le=100, description=f"At most so many sites, and {MOST_DAYS} days of all of them."
    ),
]
_DAY = date(2026, 5, 2)


class DayOut(Struct, frozen=True, kw_only=True):
    """A day of the site's time zone; of several sites together, days of the same date.

    ``sessions`` began on it. ``busy_s`` is how long transactions took, ``connector_s`` how long
    they could have, ``utilisation`` the one in parts of the other; null if no connector is known,
    and for today where sites are of several time zones.
    """

    day: date
    sessions: int
    energy_wh: int
    busy_s: int
    connector_s: int | None
    utilisation: float | None


class DaysOut(Struct, frozen=True, kw_only=True):
    """Days in order, the last of them not over. ``time_zone`` "" is UTC, or that of each site.

    ``is_complete`` is false while what was there before an upgrade is being counted.
    """

    site: str | None
    time_zone: str
    is_complete: bool
    days: list[DayOut]


class SiteDaysOut(Struct, frozen=True, kw_only=True):
    """A site's days in order. ``site`` "" is where stations stand that have none."""

    site: str
    name: str
    time_zone: str
    days: list[DayOut]


class SitesDaysOut(Struct, frozen=True, kw_only=True):
    """The sites with the most energy in the last 7 days come first."""

    is_complete: bool
    sites: list[SiteDaysOut]


class KindDaysOut(Struct, frozen=True, kw_only=True):
    """How many security events of a kind were heard of on each of the days, in their order."""

    kind: str
    number: int
    numbers: list[int]


class SecurityDaysOut(Struct, frozen=True, kw_only=True):
    """Kinds, the most frequent first; those that no standard names are counted as Other."""

    site: str | None
    time_zone: str
    days: list[date]
    kinds: list[KindDaysOut]


def out(day: Day) -> DayOut:
    """A day as the API shows it."""
    return DayOut(
        day=day.day,
        sessions=day.sessions,
        energy_wh=day.energy_wh,
        busy_s=day.busy_s,
        connector_s=day.connector_s,
        utilisation=day.utilisation,
    )


def _site(found: SiteDays) -> SiteDaysOut:
    return SiteDaysOut(
        site=found.site,
        name=found.name,
        time_zone=found.zone,
        days=[out(each) for each in found.days],
    )


def kind(found: KindDays) -> KindDaysOut:
    """A kind of security event as the API shows it."""
    return KindDaysOut(kind=found.kind, number=found.number, numbers=found.numbers)


async def zone_of(services: ApiServices, principal: Principal, site: str | None) -> str:
    """The time zone of a site that they may see; "" if it has none."""
    if not site or not seen_sites(principal, site):
        return ""
    return await services.sites.time_zone(principal.tenant, site)


@get("/statistics/days", needs=Permission.READ_TRANSACTIONS)
async def list_days(
    principal: Who, services: Given, site: FromQuery[str | None] = None, days: MostDays = 30
) -> DaysOut:
    """What was charged on each day, at one site or at all that you may see together."""
    tenant, zone = principal.tenant, await zone_of(services, principal, site)
    found = await services.days.days(tenant, seen_sites(principal, site), days, zone)
    state = await services.days.state(tenant)
    return DaysOut(
        site=site,
        time_zone=zone,
        is_complete=state.is_complete,
        days=[out(each) for each in found],
    )


@get("/statistics/sites", needs=Permission.READ_TRANSACTIONS)
async def list_days_by_site(
    principal: Who, services: Given, days: MostDays = 30, limit: _Most = _SITES
) -> SitesDaysOut:
    """What was charged on each day at each of the sites with the most energy."""
    found = await services.days.by_site(principal.tenant, principal.sites, days, limit)
    state = await services.days.state(principal.tenant)
    return SitesDaysOut(is_complete=state.is_complete, sites=[_site(each) for each in found])


@get("/statistics/security-events", needs=Permission.READ_SECURITY)
async def list_security_days(
    principal: Who, services: Given, site: FromQuery[str | None] = None, days: MostDays = 30
) -> SecurityDaysOut:
    """How many security events of each kind stations reported on each day."""
    tenant, zone = principal.tenant, await zone_of(services, principal, site)
    found = await services.days.security(tenant, seen_sites(principal, site), days, zone)
    return SecurityDaysOut(
        site=site,
        time_zone=zone,
        days=services.days.span(days, zone),
        kinds=[kind(each) for each in found],
    )


ROUTES = [list_days, list_days_by_site, list_security_days]

_EXAMPLE = DayOut(
    day=_DAY,
    sessions=31,
    energy_wh=612_400,
    busy_s=151_200,
    connector_s=691_200,
    utilisation=0.21875,
)
EXAMPLES = [
    DaysOut(site=None, time_zone="", is_complete=True, days=[_EXAMPLE]),
    SitesDaysOut(
        is_complete=True,
        sites=[
            SiteDaysOut(site="harbour", name="Harbour", time_zone="Europe/Berlin", days=[_EXAMPLE])
        ],
    ),
    SecurityDaysOut(
        site=None,
        time_zone="",
        days=[_DAY],
        kinds=[KindDaysOut(kind="InvalidMessages", number=2, numbers=[2])],
    ),
]
