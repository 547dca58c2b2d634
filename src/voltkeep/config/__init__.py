"""How an installation is set up: its settings, their sources, and its secret."""

from voltkeep.config.account_settings import check_url, is_this_machine, parse_role_map
from voltkeep.config.addresses import (
    Address,
    address_or_off,
    parse_address,
    parse_networks,
    parse_ports,
)
from voltkeep.config.fields import Field, fields, public_value
from voltkeep.config.key_files import KeyFiles, read_pki_key
from voltkeep.config.loading import LISTENERS, ConfigError, Loaded, default_data, load
from voltkeep.config.secret import make_data_directory, read_secret
from voltkeep.config.settings import Settings

__all__ = [
    "LISTENERS",
    "Address",
    "ConfigError",
    "Field",
    "KeyFiles",
    "Loaded",
    "Settings",
    "address_or_off",
    "check_url",
    "default_data",
    "fields",
    "is_this_machine",
    "load",
    "make_data_directory",
    "parse_address",
    "parse_networks",
    "parse_ports",
    "parse_role_map",
    "public_value",
    "read_pki_key",
    "read_secret",
]
