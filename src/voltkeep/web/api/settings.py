"""How this installation runs: its settings, without secrets, and its version."""

from importlib.metadata import version

from litestar import get
from litestar.datastructures import State
from msgspec import Struct

from voltkeep.config import fields, public_value
from voltkeep.domain.accounts import Permission, Principal
from voltkeep.web.access import ApiServices, Given, Who
from voltkeep.web.api.vitals import origins_of
from voltkeep.web.problems import Problem


class SettingOut(Struct, frozen=True, kw_only=True):
    """A setting. ``value`` is text, as a file or a flag would say it; a secret's is ***.

    ``origin`` is where it has its value from: default, a flag, a variable, or a file and its line;
    "" if that is not known.
    """

    name: str
    value: str
    is_default: bool
    origin: str
    description: str
    allowed: str


class InstallationOut(Struct, frozen=True, kw_only=True):
    """The installation as a whole."""

    version: str
    settings: list[SettingOut]


@get("/settings", needs=Permission.READ_SETTINGS)
async def show_settings(principal: Who, services: Given, state: State) -> InstallationOut:
    """The settings of the server that answers. They are changed in its file, and read at start."""
    return installation(principal, services, state)


def installation(principal: Principal, services: ApiServices, state: State) -> InstallationOut:
    """The settings, for who may read them of the installation. Raises Problem."""
    if not principal.is_everywhere:
        raise Problem(403, "settings are the installation's, not a tenant's", code="not-allowed")
    settings, origins = services.addresses.settings, origins_of(state)
    return InstallationOut(
        version=version("voltkeep"),
        settings=[
            SettingOut(
                name=field.name,
                value=public_value(field.name, getattr(settings, field.name)),
                is_default=getattr(settings, field.name) == field.default,
                origin=origins.get(field.name, ""),
                description=field.description,
                allowed=field.allowed,
            )
            for field in fields().values()
        ],
    )


ROUTES = [show_settings]

EXAMPLES = [
    InstallationOut(
        version="0.1.0",
        settings=[
            SettingOut(
                name="heartbeat_interval_s",
                value="300",
                is_default=True,
                origin="default",
                description="The heartbeat interval that an accepted station is given, in seconds.",
                allowed="a whole number from 1 to 86,400",
            )
        ],
    )
]
