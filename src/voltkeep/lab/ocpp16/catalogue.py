"""All cases there are, in the order in which they are played."""

import functools
import importlib
import pkgutil

from voltkeep.lab.case import Case
from voltkeep.lab.ocpp16 import cases


@functools.cache
def catalogue() -> tuple[Case, ...]:
    """OCA's cases by their numbers, then our own."""
    found = []
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda each: each.name):
        loaded = importlib.import_module(f"{cases.__name__}.{module.name}")
        found += [each for each in vars(loaded).values() if isinstance(each, Case)]
    return tuple(sorted(found, key=lambda each: (not each.official, each.id)))
