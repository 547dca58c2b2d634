"""The installation's secret, which keys the hashes of station keys and hides transaction ids."""

import os
import secrets
from pathlib import Path

from voltkeep.config.loading import SECRET_BYTES, ConfigError
from voltkeep.config.settings import Settings


def make_data_directory(settings: Settings) -> None:
    """Make it, readable by its owner only. Raises ConfigError."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data directory {settings.data} cannot be made: {error.strerror}. "
            "Name another with --data DIR."
        ) from error


def read_secret(settings: Settings) -> bytes:
    """The installation's secret, made at the first call. Raises ConfigError."""
    if settings.secret:
        return bytes.fromhex(settings.secret)
    path = settings.secret_path
    try:
        _write_secret(path)
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The secret file {path} cannot be used: {error.strerror}. Give this user access "
            "to it, or name another with --secret-file."
        ) from error
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            f"The secret file {path} holds {len(secret)} bytes, and {SECRET_BYTES} are needed. "
            "Restore it from a backup. If there is none, remove it: a new one is made, and "
            "every station needs a new key (`voltkeep station rotate-key`)."
        )
    return secret


def _write_secret(path: Path) -> None:
    """Write a new secret unless there is one, whole or not at all, whoever else does the same."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(handle)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret counts
    finally:
        draft.unlink()
