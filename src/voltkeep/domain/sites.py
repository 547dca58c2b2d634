"""Sites: where stations stand."""

import enum
import math
import re
from datetime import datetime

from msgspec import Struct

from voltkeep.domain.identity import StationId, TenantId

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,46}[A-Za-z0-9._-])?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST_LINES = 6
_LONGEST_LINE = 120
_LONGEST_NOTE = 2000


class SiteState(enum.StrEnum):
    """A site that is there is in use; one that was removed is gone."""

    ACTIVE = "active"


class BadSite(ValueError):
    """That cannot be a site; ``field`` says what of it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class Site(Struct, frozen=True, kw_only=True):
    """A place with stations. ``Station.site`` is its id; ``at`` is when it last changed."""

    station: StationId  # of name "": a site is the tenant's
    id: str
    state: SiteState = SiteState.ACTIVE
    at: datetime
    name: str = ""
    address: tuple[str, ...] = ()  # its lines, as on a letter
    country: str = ""  # ISO 3166-1 alpha-2
    latitude: float | None = None  # degrees north, WGS 84
    longitude: float | None = None  # degrees east
    time_zone: str = ""  # a name of the IANA database
    note: str = ""
    created_at: datetime


def of_tenant(tenant: TenantId) -> StationId:
    """The "station" that the sites of a tenant are records of."""
    return StationId(tenant, "")


def check(site: Site) -> None:
    """Raises BadSite. Whether there is such a time zone is for others to know."""
    if not _ID.fullmatch(site.id):
        raise BadSite(
            "id",
            "a site's id has 1 to 48 letters, digits, dots, dashes, underscores, and spaces inside",
        )
    if len(site.address) > _MOST_LINES:
        raise BadSite("address", f"an address has {_MOST_LINES} lines at most")
    for field, text, longest in (
        ("name", site.name, _LONGEST_LINE),
        *(("address", line, _LONGEST_LINE) for line in site.address),
    ):
        if len(text) > longest or not text.isprintable():
            raise BadSite(field, f"{field}: {longest} printable characters at most, on one line")
    if len(site.note) > _LONGEST_NOTE:
        raise BadSite("note", f"a note has {_LONGEST_NOTE} characters at most")
    if site.country and not _COUNTRY.fullmatch(site.country):
        raise BadSite("country", "a country is two capital letters (ISO 3166-1), such as DE")
    for field, value, bound in (
        ("latitude", site.latitude, 90),
        ("longitude", site.longitude, 180),
    ):
        if value is not None and not (math.isfinite(value) and -bound <= value <= bound):
            raise BadSite(field, f"{field}: -{bound} to {bound} degrees")
    if (site.latitude is None) != (site.longitude is None):
        missing = "latitude" if site.latitude is None else "longitude"
        raise BadSite(missing, "a position has both latitude and longitude")
