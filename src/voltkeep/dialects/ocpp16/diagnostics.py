"""GetLog and LogStatusNotification."""

from collections.abc import Callable
from typing import Any

from voltkeep.dialects.dialect import Build, Handler
from voltkeep.domain.commands import Told

HANDLERS: dict[str, Handler] = {}
REQUESTS: dict[type, Build] = {}
TOLD: dict[type, Callable[[Any], Told | None]] = {}
