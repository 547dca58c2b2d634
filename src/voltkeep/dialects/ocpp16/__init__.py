"""OCPP 1.6: charge points, idTags and connectors, told in the words of OCPP 2.1."""

from voltkeep.dialects.dialect import Dialect
from voltkeep.dialects.ocpp16 import (
    authorization,
    availability,
    certificates,
    configuration,
    data_transfer,
    diagnostics,
    firmware,
    local_list,
    meter_values,
    provisioning,
    remote_control,
    reservations,
    security,
    smart_charging,
    transactions,
)
from voltkeep.dialects.quirks import quirks_of
from voltkeep.ocpp import v16
from voltkeep.ocpp.session import Wire

_SUBPROTOCOL = "ocpp1.6"

OCPP16 = Dialect(
    subprotocol=_SUBPROTOCOL,
    wire=Wire(
        rpc_framework_error=False,
        message_types=frozenset({2, 3, 4}),
        misspells_error_codes=True,
        answers_afresh=frozenset({"BootNotification", "Heartbeat"}),
    ),
    actions=v16.ACTIONS,
    handlers=(
        provisioning.HANDLERS
        | authorization.HANDLERS
        | availability.HANDLERS
        | transactions.HANDLERS
        | meter_values.HANDLERS
        | data_transfer.HANDLERS
        | security.HANDLERS
        | certificates.HANDLERS
        | diagnostics.HANDLERS
        | firmware.HANDLERS
    ),
    requests=(
        provisioning.REQUESTS
        | configuration.REQUESTS
        | data_transfer.REQUESTS
        | availability.REQUESTS
        | remote_control.REQUESTS
        | security.REQUESTS
        | certificates.REQUESTS
        | diagnostics.REQUESTS
        | firmware.REQUESTS
        | reservations.REQUESTS
        | local_list.REQUESTS
        | smart_charging.REQUESTS
    ),
    tells=(
        smart_charging.TOLD
        | configuration.TOLD
        | certificates.TOLD
        | diagnostics.TOLD
        | local_list.TOLD
    ),
    statuses={},
    guards=security.GUARDS,
    quirks=quirks_of(_SUBPROTOCOL),
    instructions=remote_control.INSTRUCTIONS,
    requires_compression_offer=False,
    omissions=local_list.OMISSIONS,
)
