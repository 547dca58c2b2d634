"""OCPP 2.0.1 and 2.1. One set of handlers: 2.1 only widens 2.0.1.

Requests are read with the structs of the negotiated version. Requests and answers of ours are
built with those of 2.1; `Dialect` proves against 2.0.1 whatever it sends to a 2.0.1 station, and
tests/ocpp/test_versions.py lists the places where 2.1 is not wider.
"""

from voltkeep.dialects.dialect import Dialect
from voltkeep.dialects.ocpp2 import (
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
from voltkeep.ocpp import v21, v201
from voltkeep.ocpp.session import Wire

_SUBPROTOCOL = "ocpp2.0.1"
_WIRE = Wire(
    rpc_framework_error=True,
    message_types=frozenset({2, 3, 4}),
    misspells_error_codes=False,
    answers_afresh=frozenset({"BootNotification", "Heartbeat"}),
)

_SEND_201, _OMIT_201 = local_list.sending(v201.IdToken)
_SEND_21, _OMIT_21 = local_list.sending(v21.IdToken)

OCPP201 = Dialect(
    subprotocol=_SUBPROTOCOL,
    wire=_WIRE,
    actions=v201.ACTIONS,
    handlers=(
        provisioning.HANDLERS
        | authorization.HANDLERS
        | availability.HANDLERS
        | transactions.HANDLERS
        | meter_values.HANDLERS
        | configuration.HANDLERS
        | data_transfer.HANDLERS
        | security.HANDLERS
        | certificates.HANDLERS
        | diagnostics.HANDLERS
        | firmware.HANDLERS
        | reservations.HANDLERS
        | smart_charging.HANDLERS
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
        | _SEND_201
        | smart_charging.REQUESTS
    ),
    tells=(
        smart_charging.TOLD
        | configuration.TOLD
        | certificates.TOLD
        | diagnostics.TOLD
        | local_list.TOLD
        | security.TOLD
    ),
    statuses=security.STATUSES,
    guards=security.GUARDS,
    quirks=quirks_of(_SUBPROTOCOL),
    instructions=remote_control.INSTRUCTIONS,
    requires_compression_offer=True,
    omissions=_OMIT_201,
)

OCPP21 = OCPP201.but(
    subprotocol="ocpp2.1",
    wire=Wire(
        rpc_framework_error=_WIRE.rpc_framework_error,
        message_types=frozenset({2, 3, 4, 5, 6}),
        misspells_error_codes=_WIRE.misspells_error_codes,
        answers_afresh=_WIRE.answers_afresh,
    ),
    actions=v21.ACTIONS,
    handlers=OCPP201.handlers | certificates.WIDER,
    requests={**OCPP201.requests, **_SEND_21},
    omissions=_OMIT_21,
    quirks=quirks_of("ocpp2.1"),
)
