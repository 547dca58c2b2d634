"""Firmware updates, signed and unsigned, and their status."""

from voltkeep.dialects.dialect import Build, Handler

HANDLERS: dict[str, Handler] = {}
REQUESTS: dict[type, Build] = {}
