"""The system as people look after it: what runs, what waits, what is wrong, and what to do."""

from datetime import UTC, datetime, timedelta

from litestar import Response, get
from litestar.datastructures import State
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.web.access import Given, Who
from voltkeep.web.api.settings import installation
from voltkeep.web.api.vitals import looked_at
from voltkeep.web.condition import SystemOut
from voltkeep.web.pages.marking import _
from voltkeep.web.pages.rendering import page
from voltkeep.web.problems import Asked

_SLOW_MS = 250.0
_FULL = 0.9
_LEAST_FREE = 0.1
_LEAST_FREE_BYTES = 2 * 10**9
_MOST_UNTOLD = 1000
_MOST_UNSTORED = 5000
_SOON = timedelta(days=14)
_THIS_MACHINE = ("127.", "localhost:", "[::1]")


KEPT = {
    "message_log_retention_days": _("Messages of the log"),
    "event_retention_days": _("Events, deliveries of webhooks, commands"),
    "status_history_retention_days": _("What connectors' statuses were"),
    "meter_value_retention_days": _("Meter values"),
    "transaction_retention_days": _("Transactions"),
    "transaction_event_retention_days": _("Single reports of transactions"),
    "unknown_token_retention_days": _("Unknown tokens"),
    "security_retention_days": _("Security events, refusals, alerts that were looked at"),
}
"""What each setting of retention keeps."""


class Check(Struct, frozen=True, kw_only=True):
    """One look at the server. ``name`` says what was looked at, not how it is.

    ``do`` is for when it is not well; ``more`` are its own words.
    """

    name: str
    is_well: bool
    do: str
    more: str = ""


def checks(found: SystemOut, now: datetime) -> list[Check]:
    """Whether the server is well, what is wrong first."""
    made = [*_of_process(found), *_of_queues(found), *_of_what_is_left(found, now)]
    return sorted(made, key=lambda each: each.is_well)


def _of_process(found: SystemOut) -> list[Check]:
    closed = [each.setting for each in found.listeners if not each.is_open]
    return [
        Check(
            name=_("The database"),
            is_well=found.database.kind is not None and not found.troubles,
            do=_(
                "Look whether the database runs and can be reached; nothing is lost meanwhile: "
                "stations are told to try again."
            ),
            more="; ".join(found.troubles),
        ),
        Check(
            name=_("What should listen"),
            is_well=not closed,
            do=_("Look into the server's log for these, and start it anew."),
            more=", ".join(closed),
        ),
        Check(
            name=_("The event loop"),
            is_well=found.event_loop.worst_ms < _SLOW_MS,
            do=_("The machine is busy, or too small for this fleet: look what else runs on it."),
            more=f"{found.event_loop.worst_ms:.0f} ms",
        ),
    ]


def _of_queues(found: SystemOut) -> list[Check]:
    queues = found.queues
    return [
        Check(
            name=_("Storing what stations say"),
            is_well=queues.rows_unstored < _MOST_UNSTORED and not queues.rows_dropped,
            do=_("The database is too slow for this fleet: rows of logs were dropped, or wait."),
            more=f"{queues.rows_unstored:,}, {queues.rows_dropped:,}",
        ),
        Check(
            name=_("Telling events"),
            is_well=(queues.events_untold or 0) < _MOST_UNTOLD,
            do=_("If this grows, the database is slow. If it stays, start the server anew."),
            more=f"{queues.events_untold or 0:,}",
        ),
        Check(
            name=_("Delivering webhooks"),
            is_well=queues.webhook_deliveries < _MOST_UNTOLD,
            do=_("A receiver is slow or away: the page of webhooks says which."),
            more=f"{queues.webhook_deliveries:,}",
        ),
    ]


def _of_what_is_left(found: SystemOut, now: datetime) -> list[Check]:
    """Of room, and of time."""
    connections, disk = found.connections, found.disk
    ending = [each for each in found.certificates if each.not_after < now + _SOON]
    return [
        Check(
            name=_("Room for more stations"),
            is_well=connections.connected < _FULL * connections.at_most,
            do=_("Raise the setting max_connections, and what the system allows of open files."),
            more=f"{connections.connected:,} / {connections.at_most:,}",
        ),
        Check(
            name=_("Room on the disk"),
            is_well=disk is None
            or (
                disk.free_bytes >= _LEAST_FREE * disk.total_bytes
                and disk.free_bytes >= _LEAST_FREE_BYTES
            ),
            do=_("Make room, or keep records for less long: see the retention below."),
            more="" if disk is None else size(disk.free_bytes),
        ),
        Check(
            name=_("The end of certificates"),
            is_well=not ending,
            do=_(
                "Those of the server and of stations are renewed by themselves in time: if one is "
                "here, look why it was not. Roots are replaced by people."
            ),
            more=", ".join(f"{each.kind} {each.not_after:%Y-%m-%d}" for each in ending),
        ),
    ]


def size(octets: int | None) -> str:
    """``48000000`` as ``48.0 MB``."""
    if octets is None:
        return "–"
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if octets >= factor:
            return f"{octets / factor:.1f} {unit}"
    return f"{octets / 1000:.1f} kB"


@get("/system", needs=Permission.READ_SETTINGS, include_in_schema=False)
async def system_page(
    request: Asked, principal: Who, services: Given, state: State
) -> Response[str]:
    """The server that answers: how it does, and with which settings."""
    settings = installation(principal, services, state)
    found = await looked_at(principal, state)
    now = datetime.now(UTC)
    return page(
        request,
        "system.html",
        found=found,
        now=now,
        up_s=(now - found.started_at).total_seconds(),
        checks=checks(found, now),
        size=size,
        kept=KEPT,
        settings=settings.settings,
        is_sqlite=found.database.kind == "SQLite",
        this_machine=_THIS_MACHINE,
    )


AT_THE_ROOT = [system_page]
EXAMPLES: list[object] = []
