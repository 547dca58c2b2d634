"""Security events; keys and security profiles."""

from voltkeep.dialects.dialect import Build, Handler

HANDLERS: dict[str, Handler] = {}
REQUESTS: dict[type, Build] = {}
