"""What was asked of many stations at once, and how far that is."""

from datetime import datetime

from litestar import Response, get
from litestar.params import FromPath, FromQuery
from msgspec import structs

from voltkeep.domain.accounts import Permission
from voltkeep.domain.orders import OPEN_BATCHES, WAITING, OrderResult, OrderState
from voltkeep.services.records import Look
from voltkeep.web.access import Given, Paging, Who
from voltkeep.web.api import batches, commands
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.pages.rendering import page
from voltkeep.web.paging import page_of_records
from voltkeep.web.problems import Asked, Problem

_ROWS = 50


@get("/bulk", needs=Permission.SEND_COMMANDS, include_in_schema=False, dependencies=LOOK)
async def batches_page(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Response[str]:
    """Batches, the latest changed first."""
    look = structs.replace(look, limit=_ROWS + 1)
    found = await services.batches.page(principal.tenant, look)
    shown = page_of_records(
        request, cursors, look, found, lambda batch: batches.out(principal, batch)
    )
    return page(request, "bulk_list.html", batches=shown)


@get("/bulk/{batch:str}", needs=Permission.SEND_COMMANDS, include_in_schema=False)
async def batch_page(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    batch: FromPath[str],
    result: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """How far a batch is, and what became of its commands."""
    progress = await batches.progress_of(services, principal, batch)
    if result and result not in set(OrderResult):
        raise Problem(400, f"there is no result {result[:60]}", code="invalid", field="result")
    fields = [("batch", progress.id), *([("result", result)] if result else [])]
    look = Look(
        fields=tuple(fields),
        after=cursors.place(request, cursor, tuple[datetime, str, str]),
        limit=_ROWS + 1,
    )
    found = await services.orders.page(principal.tenant, look)
    shown = page_of_records(
        request, cursors, look, found, lambda order: commands.out(principal, order)
    )
    states = progress.states or {}
    waiting = sum(states.get(state, 0) for state in WAITING) + states.get(OrderState.RUNNING, 0)
    return page(
        request,
        "bulk.html",
        batch=progress,
        over=sum(states.values()) - waiting,
        waiting=waiting,
        is_open=progress.state in OPEN_BATCHES,
        commands=shown,
        result=result,
    )


AT_THE_ROOT = [batches_page, batch_page]
EXAMPLES: list[object] = []
