"""Charts: energy, sessions and utilisation per day and site, and security events by kind."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

from litestar import Response, get
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.services.days import Day, KindDays, SiteDays
from voltkeep.web.access import ApiServices, Given, Who, seen_sites
from voltkeep.web.api.days import zone_of
from voltkeep.web.pages.choosing import filters, in_words, sites_of
from voltkeep.web.pages.formats import energy
from voltkeep.web.pages.rendering import page
from voltkeep.web.pages.station_pictures import Bar
from voltkeep.web.problems import Asked

_SITES = 8
_WIDTH, _HEIGHT = 1000, 100
_GAP = 0.15  # of a bar's place
_LITTLE = 0.0995


class Which(Struct, frozen=True, kw_only=True):
    """The filters, as they stand in an address."""

    site: Annotated[str, Meta(max_length=48)] | None = None
    days: Literal["7", "30", "90"] = "30"


class Figure(Struct, frozen=True, kw_only=True):
    """Bars, one for each day; ``top`` is what the full height is, and ``most`` the day of that.

    ``top`` "": there is nothing to draw.
    """

    bars: Sequence[Bar]
    top: str
    most: date | None


class SiteCharts(Struct, frozen=True, kw_only=True):
    """A site's days as pictures, and what they come to."""

    site: str
    name: str
    sessions: int
    energy_wh: int
    utilisation: float | None
    energy: Figure
    used: Figure


class KindChart(Struct, frozen=True, kw_only=True):
    """How often a kind of security event was heard of."""

    kind: str
    number: int
    figure: Figure


def figure(
    days: Sequence[date],
    values: Sequence[float | None],
    words: Callable[[float], str],
    look: str = "busy",
) -> Figure:
    """A bar for each day; what is not known or nothing has none."""
    top = max((each for each in values if each), default=0.0)
    if not top:
        return Figure(bars=(), top="", most=None)
    place = _WIDTH / len(days)
    bars = [
        Bar(
            x=round((number + _GAP / 2) * place, 2),
            width=round((1 - _GAP) * place, 2),
            y=round(_HEIGHT - height, 2),
            height=round(height, 2),
            look=look,
            text=f"{day}: {words(value)}",
        )
        for number, (day, value) in enumerate(zip(days, values, strict=True))
        if value
        for height in [max(1.0, value * _HEIGHT / top)]
    ]
    return Figure(bars=bars, top=words(top), most=days[list(values).index(top)])


def _share(value: float) -> str:
    """In percent, and what is little in tenths of it."""
    return f"{value * 100:.1f} %" if value < _LITTLE else f"{value * 100:.0f} %"


def _utilisation(days: Sequence[Day]) -> float | None:
    """Of all days on which connectors are known."""
    could = sum(each.connector_s or 0 for each in days)
    busy = sum(each.busy_s for each in days if each.connector_s)
    return min(busy / could, 1.0) if could else None


def _site(found: SiteDays) -> SiteCharts:
    days = found.days
    dates = [each.day for each in days]
    return SiteCharts(
        site=found.site,
        name=found.name,
        sessions=sum(each.sessions for each in days),
        energy_wh=sum(each.energy_wh for each in days),
        utilisation=_utilisation(days),
        energy=figure(dates, [each.energy_wh for each in days], energy),
        used=figure(dates, [each.utilisation for each in days], _share, "good"),
    )


def security_charts(dates: Sequence[date], kinds: Sequence[KindDays]) -> list[KindChart]:
    """Small charts of security events, for any page: ``security_figures`` in charts_parts.html."""
    return [
        KindChart(
            kind=each.kind,
            number=each.number,
            figure=figure(dates, each.numbers, lambda value: f"{value:.0f}", "warn"),
        )
        for each in kinds
    ]


async def security_of(
    services: ApiServices, principal: Principal, site: str | None, days: int, zone: str = ""
) -> list[KindChart]:
    """Security events of the sites that somebody may see, or of one of them."""
    sites = seen_sites(principal, site)
    found = await services.days.security(principal.tenant, sites, days, zone)
    return security_charts(services.days.span(days, zone), found)


def which_of(query: Mapping[str, str]) -> Which:
    """Raises Problem."""
    return filters(query, Which)


@get("/charts", needs=Permission.READ_TRANSACTIONS, include_in_schema=False)
async def charts_page(request: Asked, principal: Who, services: Given) -> Response[str]:
    """What was charged on each day, together and at each of some sites."""
    which = which_of(request.query_params)
    tenant, number = principal.tenant, int(which.days)
    zone = await zone_of(services, principal, which.site)
    days = await services.days.days(tenant, seen_sites(principal, which.site), number, zone)
    dates = [each.day for each in days]
    by_site: list[SiteDays] = []
    if which.site is None:
        by_site = await services.days.by_site(tenant, principal.sites, number, _SITES)
    security = None
    if principal.may(Permission.READ_SECURITY):
        security = await security_of(services, principal, which.site, number, zone)
    sites = await sites_of(services, principal)
    return page(
        request,
        "charts.html",
        which=which,
        zone=zone,
        days=days,
        state=await services.days.state(tenant),
        energy=figure(dates, [each.energy_wh for each in days], energy),
        sessions=figure(dates, [each.sessions for each in days], lambda value: f"{value:.0f}"),
        used=figure(dates, [each.utilisation for each in days], _share, "good"),
        utilisation=_utilisation(days),
        share=_share,
        by_site=[_site(each) for each in by_site],
        most_sites=_SITES,
        security=security,
        sites=in_words(sites),
    )


AT_THE_ROOT = [charts_page]
EXAMPLES: list[object] = []
