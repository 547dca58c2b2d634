"""Values that stations tell as text."""

_DIGITS = 9  # any number of so many fits an int32


def whole_number(text: str | None) -> int | None:
    """None for what is no number of ours."""
    said = (text or "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _DIGITS else None


def flag(text: str | None) -> bool | None:
    """None if nothing was told."""
    return None if text is None else text.strip().lower() == "true"
