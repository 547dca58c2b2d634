"""How orders are kept without their secrets."""

from typing import Protocol


class Sealing(Protocol):
    """Hides the secrets of what is asked; ``ask`` is JSON."""

    def kept(self, action: str, ask: bytes) -> bytes: ...
    def closed(self, ask: bytes) -> str: ...
    def opened(self, sealed: str) -> bytes:
        """Raises CommandUnfit: another installation closed it."""
        ...

    def kept_words(self, ask: bytes, words: str) -> str: ...
