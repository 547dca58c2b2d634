"""The file store: uploads and firmware images in one directory, under names of our making.

A file that arrives is ``NAME.part``, locked by whoever writes it, until it is kept.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from voltkeep.services.authority import FileTooLarge
from voltkeep.store.sqlite import undisturbed

_NAME = re.compile(r"[0-9a-f]{32}")
_PART = ".part"
_BLOCK_BYTES = 256 * 1024


class DirectoryFiles:
    """`services.authority.Files`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def clear(self) -> int:
        """Remove what a crash has left unfinished; how many files."""
        return await asyncio.to_thread(self._clear)

    @contextlib.asynccontextmanager
    async def receive(self, limit: int) -> AsyncIterator["_Incoming"]:
        incoming = _Incoming(self._directory, limit)
        try:
            await asyncio.to_thread(incoming.open)
            yield incoming
        finally:
            await undisturbed(asyncio.to_thread(incoming.end))

    async def read(self, stored_as: str, start: int = 0) -> AsyncIterator[bytes]:
        path = self._path(stored_as)
        while block := await asyncio.to_thread(_read, path, start):
            yield block
            start += len(block)

    async def size(self, stored_as: str) -> int:
        return (await asyncio.to_thread(self._path(stored_as).stat)).st_size

    async def remove(self, stored_as: str) -> None:
        await asyncio.to_thread(self._path(stored_as).unlink, missing_ok=True)

    async def used(self) -> int:
        return await asyncio.to_thread(self._used)

    def _path(self, stored_as: str) -> Path:
        """Whatever a database says, no other file than one of ours is touched."""
        if not _NAME.fullmatch(stored_as):
            raise FileNotFoundError(f"no file is stored as {stored_as[:60]!r}")
        return self._directory / stored_as

    def _used(self) -> int:
        total = 0
        with contextlib.suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    total += entry.stat(follow_symlinks=False).st_size
        return total

    def _clear(self) -> int:
        count = 0
        for path in self._directory.glob(f"*{_PART}"):
            with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if it is being written
                path.unlink()
                count += 1
        return count


class _Incoming:
    """`services.authority.Incoming`."""

    def __init__(self, directory: Path, limit: int) -> None:
        self.size = 0
        self._name = secrets.token_hex(16)
        self._kept = directory / self._name
        self._part = directory / (self._name + _PART)
        self._limit = limit
        self._hash = hashlib.sha256()
        self._fd: int | None = None
        # Who was cancelled leaves a thread behind that still writes: it must end before others.
        self._lock = threading.Lock()

    async def write(self, data: bytes) -> None:
        if self.size + len(data) > self._limit:
            raise FileTooLarge(f"the file is larger than the {self._limit} bytes allowed")
        self.size += len(data)
        await asyncio.to_thread(self._write, data)

    async def keep(self) -> tuple[str, int, str]:
        await asyncio.to_thread(self._keep)
        return self._name, self.size, self._hash.hexdigest()

    def open(self) -> None:
        with self._lock:
            self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def end(self) -> None:
        """Forget it, unless it was kept."""
        with self._lock:
            if self._fd is not None:
                self._part.unlink(missing_ok=True)
                os.close(self._fd)
                self._fd = None

    def _write(self, data: bytes) -> None:
        with self._lock:
            assert self._fd is not None, "the file is open until it is kept"
            self._hash.update(data)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]

    def _keep(self) -> None:
        with self._lock:
            assert self._fd is not None, "a file is kept once"
            os.fsync(self._fd)
            self._part.rename(self._kept)
            os.close(self._fd)
            self._fd = None
            directory = os.open(self._kept.parent, os.O_RDONLY)
            try:
                os.fsync(directory)  # or the name could be lost, with the file intact
            finally:
                os.close(directory)


def _read(path: Path, start: int) -> bytes:
    """A block; opened each time, so that nobody who stops reading leaves a file open."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.pread(fd, _BLOCK_BYTES, start)
    finally:
        os.close(fd)
