"""How an installation is set up: its settings, their sources, and its secret."""

from voltkeep.config.fields import Field, fields, public_value
from voltkeep.config.loading import ConfigError, Loaded, default_data, load
from voltkeep.config.secret import make_data_directory, read_secret
from voltkeep.config.settings import (
    Address,
    Settings,
    address_or_off,
    parse_address,
    parse_networks,
    parse_ports,
)

__all__ = [
    "Address",
    "ConfigError",
    "Field",
    "Loaded",
    "Settings",
    "address_or_off",
    "default_data",
    "fields",
    "load",
    "make_data_directory",
    "parse_address",
    "parse_networks",
    "parse_ports",
    "public_value",
    "read_secret",
]
