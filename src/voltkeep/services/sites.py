"""Sites: where stations stand, kept by people."""

import asyncio
import zoneinfo
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.identity import TenantId
from voltkeep.domain.sites import BadSite, Site, check, of_tenant
from voltkeep.services.audit import audit
from voltkeep.services.edits import Check, as_it_is
from voltkeep.services.lists import StationFilter
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.records import Look

_MOST = 20_000  # of one tenant


class UnknownSite(LookupError):
    """There is no site of that id."""


class SiteExists(ValueError):
    """There is a site of that id already."""


class SiteInUse(ValueError):
    """Stations stand there."""


async def check_site(work: Work, tenant: TenantId, site: str) -> None:
    """Nobody removes it until this work is over. Raises UnknownSite; no site ("") is fine."""
    if site and await work.sites.lock(of_tenant(tenant), site) is None:
        raise UnknownSite(f"there is no site {site[:60]}: add it first")


class SiteService:
    """Keeps sites. That a station is at one of them is the station's."""

    def __init__(self, begin: Begin, read: Read, clock: Clock) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock

    async def get(self, tenant: TenantId, id: str) -> Site:
        """Raises UnknownSite."""
        found = await self.find(tenant, id)
        if found is None:
            raise UnknownSite(f"there is no site {id[:60]}")
        return found

    async def find(self, tenant: TenantId, id: str) -> Site | None:
        """None if there is none of that id; no site ("") is none."""
        if not id:
            return None
        async with self._read() as work:
            return await work.sites.get(of_tenant(tenant), id)

    async def time_zone(self, tenant: TenantId, id: str) -> str:
        """Of a site; "" if nobody said it, or there is none of that id."""
        found = await self.find(tenant, id)
        return "" if found is None else found.time_zone

    async def page(
        self,
        tenant: TenantId,
        *,
        sites: tuple[str, ...] | None = None,
        after: tuple[datetime, str, str] | None = None,
        limit: int = 100,
    ) -> list[Site]:
        """The latest changed first; of those in ``sites``, if some are named."""
        look = Look(station="", after=after, limit=limit)
        async with self._read() as work:
            if sites is None:
                return await work.sites.page(tenant, look)
            # Somebody who sees some sites only has few of them.
            named = [await work.sites.get(of_tenant(tenant), id) for id in dict.fromkeys(sites)]
        found = [(site.at, "", site.id) for site in named if site is not None]
        places = sorted((each for each in found if after is None or each < after), reverse=True)
        by_id = {site.id: site for site in named if site is not None}
        return [by_id[id] for _, _, id in places[:limit]]

    async def add(self, site: Site) -> Site:
        """Raises BadSite or SiteExists."""
        _check(site, await asyncio.to_thread(_time_zones))
        now = self._clock()
        site = structs.replace(site, at=now, created_at=now)
        async with self._begin() as work:
            tenant = site.station.tenant
            if await work.sites.count(site.station) >= _MOST:
                raise SiteExists(f"there are {_MOST} sites already: remove some")
            if not await work.sites.add(site):
                raise SiteExists(f"there is a site {site.id} already")
            await audit(work, tenant, now, Deed(action="site.added", object=site.id))
        return site

    async def change(
        self,
        tenant: TenantId,
        id: str,
        edit: Mapping[str, Any],
        *,
        unless_changed: Check[Site] = as_it_is,
    ) -> Site:
        """Change these fields of a site. Raises BadSite or UnknownSite."""
        now = self._clock()
        time_zones = await asyncio.to_thread(_time_zones)
        async with self._begin() as work:
            known = await work.sites.lock(of_tenant(tenant), id)
            if known is None:
                raise UnknownSite(f"there is no site {id[:60]}")
            unless_changed(known)
            site = structs.replace(known, **edit, at=now)
            _check(site, time_zones)
            await work.sites.put(site)
            changed = sorted(each for each in edit if getattr(site, each) != getattr(known, each))
            deed = Deed(action="site.changed", object=id, after=", ".join(changed))
            await audit(work, tenant, now, deed)
        return site

    async def remove(self, tenant: TenantId, id: str) -> None:
        """Forget a site. Raises UnknownSite, or SiteInUse if stations stand there."""
        async with self._begin() as work:
            if await work.sites.lock(of_tenant(tenant), id) is None:
                raise UnknownSite(f"there is no site {id[:60]}")
            there = await work.lists.stations(tenant, StationFilter(sites=(id,)), limit=1)
            if there.rows:
                name = there.rows[0].id.name
                raise SiteInUse(f"{name} stands at {id}: give its stations another site first")
            await work.sites.remove(of_tenant(tenant), id)
            await audit(work, tenant, self._clock(), Deed(action="site.removed", object=id))


def _check(site: Site, time_zones: Collection[str]) -> None:
    """Raises BadSite."""
    check(site)
    if site.time_zone and site.time_zone not in time_zones:
        raise BadSite("time_zone", f"there is no time zone {site.time_zone[:60]!r} (IANA names)")


def _time_zones() -> set[str]:
    return zoneinfo.available_timezones()
