"""The files of the certificate authority, and the key they are encrypted with."""

import os
from collections.abc import Mapping
from pathlib import Path

from voltkeep.config.loading import ConfigError
from voltkeep.config.settings import Settings

_CREDENTIAL = "voltkeep-pki-key"
_SHORTEST = 16


class KeyFiles:
    """Small files in one directory that only its owner reads. Written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str) -> Path:
        return self.directory / name

    def names(self) -> list[str]:
        """Of every file there is. Raises OSError."""
        try:
            return sorted(path.name for path in self.directory.iterdir() if path.is_file())
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes | None:
        """None if there is no such file. Raises OSError."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace it, durably, mode 0600. Raises OSError."""
        self._draft(name, content).replace(self.path(name))

    def create(self, name: str, content: bytes) -> bool:
        """The same, unless it is there: then it stays, and the answer is False. Raises OSError."""
        draft = self._draft(name, content)
        try:
            os.link(draft, self.path(name))
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def remove(self, name: str) -> None:
        """Raises OSError."""
        self.path(name).unlink(missing_ok=True)

    def _draft(self, name: str, content: bytes) -> Path:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path(f"{name}.{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        return draft


def read_pki_key(
    settings: Settings, derived: bytes, environ: Mapping[str, str] = os.environ
) -> bytes:
    """What key files are encrypted with: `pki_key`, its file, a systemd credential, or ``derived``.

    ``derived`` is a key made from the installation's secret. Raises ConfigError.
    """
    if settings.pki_key:
        return settings.pki_key.encode()
    if settings.pki_key_file:
        return _read_key(Path(settings.pki_key_file).expanduser())
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory) / _CREDENTIAL).exists():
        return _read_key(credential)
    return derived.hex().encode()


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"The file {path} with the key of the certificate authority cannot be read: "
            f"{error.strerror}. Give this user access to it, or name another with pki_key_file."
        ) from error
    if len(key) < _SHORTEST:
        raise ConfigError(
            f"The file {path} holds {len(key)} bytes, and a key of at least {_SHORTEST} is "
            "needed: `openssl rand -hex 32` makes a good one."
        )
    return key
