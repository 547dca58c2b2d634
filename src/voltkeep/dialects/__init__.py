"""OCPP messages into the words of the domain, and back: one dialect for 1.6, one for 2.x."""

from voltkeep.dialects.dialect import Dialect
from voltkeep.dialects.ocpp2 import OCPP21, OCPP201
from voltkeep.dialects.ocpp16 import OCPP16

DIALECTS: dict[str, Dialect] = {
    dialect.subprotocol: dialect for dialect in (OCPP21, OCPP201, OCPP16)
}
"""By subprotocol. A station's order of preference decides, not this one."""
