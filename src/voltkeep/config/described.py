"""How a setting says what it means, and what it may be."""

from typing import Any

from msgspec import Meta


def of(description: str, allowed: str | None = None, **limits: Any) -> Meta:
    """``allowed`` says in words what the limits cannot."""
    return Meta(description=description, extra={"allowed": allowed}, **limits)
