"""The files of the certificate authority, and the key they are encrypted with."""

import os
from pathlib import Path

from voltkeep.config.settings import Settings

_CREDENTIAL = "voltkeep-pki-key"


class KeyFiles:
    """Small files in one directory that only its owner reads. Written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str) -> Path:
        return self.directory / name

    def read(self, name: str) -> bytes | None:
        """None if there is no such file. Raises OSError."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace it, durably, mode 0600. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path(f"{name}.{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        draft.replace(self.path(name))


def read_pki_key(settings: Settings, derived: bytes) -> bytes:
    """What key files are encrypted with: `pki_key`, its file, a systemd credential, or ``derived``.

    Raises ConfigError.
    """
    raise NotImplementedError
