"""What stands in the menu: each page once, for those who may see it."""

from collections.abc import Callable

from msgspec import Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.web.pages.marking import _


class Entry(Struct, frozen=True):
    """A page in the menu; ``key`` goes there after ``g``.

    One that is ``whole`` is not for who sees some sites only, and one that is of ``everywhere``
    only for who is at home in the whole installation.
    """

    address: str
    name: str
    needs: Permission
    key: str = ""
    whole: bool = False
    everywhere: bool = False


class Part(Struct, frozen=True):
    """Some pages under a heading."""

    name: str
    entries: tuple[Entry, ...]


_PARTS: tuple[Part, ...] = (
    Part(
        _("Fleet"),
        (
            Entry("/fleet", _("Connectors"), Permission.READ_STATIONS, "f"),
            Entry("/stations", _("Stations"), Permission.READ_STATIONS, "s"),
            Entry("/sites", _("Sites"), Permission.READ_STATIONS, "l"),
            Entry("/connect", _("Connect a station"), Permission.WRITE_STATIONS, "c"),
            Entry("/transactions", _("Transactions"), Permission.READ_TRANSACTIONS, "t"),
            Entry("/reservations", _("Reservations"), Permission.READ_STATIONS, "v"),
            Entry("/charts", _("Charts"), Permission.READ_TRANSACTIONS, "h"),
            Entry("/messages", _("Messages"), Permission.READ_MESSAGES, "m"),
        ),
    ),
    Part(
        _("Upkeep"),
        (
            Entry("/campaigns", _("Campaigns"), Permission.READ_STATIONS, "u"),
            Entry("/firmware", _("Firmware"), Permission.READ_STATIONS, "i"),
            Entry(
                "/configuration-templates",
                _("Configuration templates"),
                Permission.READ_STATIONS,
                "d",
            ),
            Entry("/imports", _("Import and export"), Permission.READ_STATIONS),
        ),
    ),
    Part(
        _("Access"),
        (
            Entry("/tokens", _("Tokens"), Permission.READ_TOKENS, "o", whole=True),
            Entry("/groups", _("Groups of tokens"), Permission.READ_TOKENS, "b", whole=True),
            Entry("/people", _("People"), Permission.READ_ACCOUNTS, "p"),
            Entry("/keys", _("API keys"), Permission.READ_ACCOUNTS, "k"),
            Entry("/tenants", _("Tenants"), Permission.WRITE_TENANTS),
        ),
    ),
    Part(
        _("Trust"),
        (
            Entry("/certificates", _("Certificates"), Permission.READ_SECURITY, "z"),
            Entry("/security", _("Security"), Permission.READ_SECURITY, "e"),
            Entry("/refusals", _("Refused attempts"), Permission.READ_SECURITY, "r"),
            Entry("/audit", _("Audit log"), Permission.READ_AUDIT, "a", whole=True),
        ),
    ),
    Part(
        _("System"),
        (
            Entry("/webhooks", _("Webhooks"), Permission.READ_WEBHOOKS, "w"),
            Entry("/system", _("The system"), Permission.READ_SETTINGS, "y", everywhere=True),
        ),
    ),
)


def menu(principal: Principal | None, parts: tuple[Part, ...] = _PARTS) -> list[Part]:
    """The parts with what this person may see; none is empty."""
    if principal is None or principal.must_change_password:
        return []
    may: Callable[[Permission], bool] = principal.may
    sees_all = principal.sites is None
    shown = (
        Part(
            part.name,
            tuple(
                each
                for each in part.entries
                if may(each.needs)
                and (sees_all or not each.whole)
                and (principal.is_everywhere or not each.everywhere)
            ),
        )
        for part in parts
    )
    return [part for part in shown if part.entries]
