"""What is to be known of each setting, for its flag, its page and its errors."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from voltkeep.config.settings import Settings

PREFIX = "VOLTKEEP_"
# Never shown, and no flags: other users could read them there.
HIDDEN = {"secret", "pki_key", "oidc_client_secret"}


class Field(NamedTuple):
    """What is to be known of one setting, for its flag, its page and its errors."""

    name: str
    type: Any
    description: str
    allowed: str
    default: Any  # msgspec.NODEFAULT for `data`, which depends on the environment

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str | None:
        """None: the setting must not show in a list of processes."""
        return None if self.name in HIDDEN else "--" + self.name.replace("_", "-")


def fields() -> dict[str, Field]:
    """Every setting, in the order of `Settings`."""
    hints = get_type_hints(Settings, include_extras=True)
    found = {}
    for info in msgspec.structs.fields(Settings):
        type_, meta = get_args(hints[info.name])
        assert isinstance(meta, Meta)
        found[info.name] = Field(
            info.name, hints[info.name], meta.description or "", _allowed(type_, meta), info.default
        )
    return found


def _allowed(type_: Any, meta: Meta) -> str:
    if said := (meta.extra or {}).get("allowed"):
        return str(said)
    if get_origin(type_) is Literal:
        return ", ".join(get_args(type_)[:-1]) + f" or {get_args(type_)[-1]}"
    if type_ is bool:
        return "true or false"
    if type_ is Path:
        return "a path"
    noun = "a whole number" if type_ is int else "a number"
    least = f"above {meta.gt:g}" if meta.gt is not None else f"from {meta.ge:,}"
    most = f"up to {meta.le:,}" if meta.gt is not None else f"to {meta.le:,}"
    return f"{noun} {least} {most}"


def public_value(name: str, value: Any) -> str:
    """A setting's value as it may be shown to anybody: without passwords."""
    if name in HIDDEN:
        return "***" if value else ""
    if name == "database":
        masked = re.sub(r"(://[^/@:]*):[^/]*@", r"\1:***@", str(value))
        return re.sub(r"(password=)[^&]*", r"\1***", masked)
    return str(value)
