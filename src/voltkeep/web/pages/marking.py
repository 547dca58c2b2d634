"""Texts that stand in Python and are shown by templates."""


def _(text: str) -> str:
    """A text that templates translate when they show it."""
    return text
