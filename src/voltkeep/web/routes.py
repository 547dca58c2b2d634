"""Every route of the API: a module for each functional block.

Each has `ROUTES`, and `EXAMPLES`: a value for every type that its handlers take or return.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from litestar.types import ControllerRouterHandler

from voltkeep.web.api import (
    api_keys,
    audit,
    availability,
    batches,
    campaigns,
    certificates,
    charging_profiles,
    commands,
    configuration,
    configuration_templates,
    days,
    events,
    exports,
    firmware,
    imports,
    keys,
    local_lists,
    logs,
    messages,
    reservations,
    security,
    sessions,
    settings,
    sign_in,
    single_sign_on,
    sites,
    stations,
    tenants,
    tokens,
    transactions,
    users,
    vitals,
    webhooks,
)
from voltkeep.web.pages import (
    account,
    assets,
    bulk,
    certificate_authority,
    charts,
    charts_now,
    connect,
    entry,
    fleet,
    message_check,
    people,
    qr,
    start,
    station,
    station_charging,
    station_command,
    station_connection,
    station_timeline,
    station_upkeep,
)
from voltkeep.web.pages import audit as audit_pages
from voltkeep.web.pages import campaigns as campaign_pages
from voltkeep.web.pages import certificates as certificate_pages
from voltkeep.web.pages import configuration_templates as template_pages
from voltkeep.web.pages import firmware as firmware_pages
from voltkeep.web.pages import imports as import_pages
from voltkeep.web.pages import messages as message_pages
from voltkeep.web.pages import reservations as reservation_pages
from voltkeep.web.pages import security as security_pages
from voltkeep.web.pages import sites as site_pages
from voltkeep.web.pages import stations as station_pages
from voltkeep.web.pages import system as system_pages
from voltkeep.web.pages import tokens as token_pages
from voltkeep.web.pages import transactions as transaction_pages
from voltkeep.web.pages import webhooks as webhook_pages

_MODULES: Sequence[ModuleType] = (
    assets,
    entry,
    start,
    connect,
    account,
    people,
    qr,
    fleet,
    bulk,
    station_pages,
    station,
    station_charging,
    station_command,
    station_connection,
    station_timeline,
    station_upkeep,
    message_check,
    charts,
    charts_now,
    message_pages,
    transaction_pages,
    token_pages,
    reservation_pages,
    site_pages,
    import_pages,
    campaign_pages,
    firmware_pages,
    template_pages,
    security_pages,
    audit_pages,
    system_pages,
    webhook_pages,
    certificate_pages,
    certificate_authority,
    stations,
    sites,
    imports,
    exports,
    commands,
    configuration,
    configuration_templates,
    tokens,
    reservations,
    charging_profiles,
    local_lists,
    batches,
    campaigns,
    availability,
    transactions,
    days,
    audit,
    certificates,
    firmware,
    keys,
    logs,
    messages,
    security,
    settings,
    sign_in,
    users,
    sessions,
    api_keys,
    tenants,
    single_sign_on,
    events,
    webhooks,
    vitals,
)

ROUTES: list[ControllerRouterHandler] = [
    route for module in _MODULES for route in getattr(module, "ROUTES", ())
]
"""Below ``/api/v1``."""

AT_THE_ROOT: list[ControllerRouterHandler] = [
    route for module in _MODULES for route in getattr(module, "AT_THE_ROOT", ())
]

EXAMPLES: Mapping[str, Any] = {
    type(example).__name__: example for module in _MODULES for example in module.EXAMPLES
}
