"""What people choose on pages: the filters that stand in an address, and one of their sites."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, ValidationError, convert

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.sites import Site
from voltkeep.web.access import ApiServices
from voltkeep.web.problems import Asked, Problem

F = TypeVar("F", bound=Struct)

Text = Annotated[str, Meta(max_length=255)]
Instant = Annotated[datetime, Meta(tz=True)]

_MOST_FAULTS = 5
_SITES = 200  # with more of them a site is found by its page


def filters(query: Mapping[str, str], kind: type[F]) -> F:
    """Those fields of ``kind`` that an address names; an empty one is no filter.

    Raises Problem.
    """
    names = kind.__struct_fields__
    return as_filters(
        {name: query[name].strip() for name in names if query.get(name, "").strip()}, kind
    )


def filters_of(request: Asked, kind: type[F], *, also: Collection[str] = ()) -> F:
    """As `filters`, for a page: what is no such filter is left out, and its head says so.

    ``also`` are the other names that its address may have.
    """
    query = request.query_params
    names = kind.__struct_fields__
    said = {name: query[name].strip() for name in names if query.get(name, "").strip()}
    return without_faults(request, said, kind, {*names, *also})


def without_faults(
    request: Asked, said: Mapping[str, Any], kind: type[F], known: Collection[str]
) -> F:
    """Of what an address says that which can be; a page says at its head what is left out.

    ``known`` are the names that may stand in the address.
    """
    wrong = [name for name, value in said.items() if not _fits(name, value, kind)]
    foreign = [each for each in request.query_params if each not in known and each != "cursor"]
    request.scope["state"]["faults"] = {"wrong": wrong, "unknown": foreign[:_MOST_FAULTS]}
    return as_filters({name: said[name] for name in said if name not in wrong}, kind)


def _fits(name: str, value: Any, kind: type[Struct]) -> bool:
    try:
        convert({name: value}, kind, strict=False)
    except ValidationError:
        return False
    return True


def as_filters(said: Mapping[str, Any], kind: type[F]) -> F:
    """What was said of filters, as their kind has them. Raises Problem."""
    try:
        return convert(said, kind, strict=False)
    except ValidationError as error:
        raise Problem(400, f"there is no such filter: {error}", code="invalid") from error


async def sites_of(services: ApiServices, principal: Principal) -> list[Site]:
    """Sites that somebody may see, as many as one chooses from; none if they may read no sites."""
    if not principal.may(Permission.READ_STATIONS):
        return []
    return await services.sites.page(principal.tenant, sites=principal.sites, limit=_SITES)


def in_words(sites: list[Site]) -> list[tuple[str, str]]:
    """Sites as the options of a field: the id, and what people call it."""
    return [(each.id, each.name or each.id) for each in sites]
