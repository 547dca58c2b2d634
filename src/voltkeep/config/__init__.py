"""How an installation is set up: its settings, their sources, and its secret."""

from voltkeep.config.loading import ConfigError, Loaded, default_data, load
from voltkeep.config.secret import make_data_directory, read_secret
from voltkeep.config.settings import (
    Address,
    Field,
    Settings,
    fields,
    parse_address,
    public_value,
)

__all__ = [
    "Address",
    "ConfigError",
    "Field",
    "Loaded",
    "Settings",
    "default_data",
    "fields",
    "load",
    "make_data_directory",
    "parse_address",
    "public_value",
    "read_secret",
]
