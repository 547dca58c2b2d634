"""The file store: what arrives is there whole or not at all, under a name of our making."""

import asyncio
import errno
import hashlib
import os
import stat
import threading

import pytest

from voltkeep.services.authority import FileTooLarge
from voltkeep.store.files import DirectoryFiles


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "data" / "files"


@pytest.fixture
def files(directory):
    return DirectoryFiles(directory)


async def keep(files, *blocks, limit=10**6):
    async with files.receive(limit) as incoming:
        for block in blocks:
            await incoming.write(block)
        return await incoming.keep()


async def content(files, stored_as, start=0):
    return b"".join([block async for block in files.read(stored_as, start)])


async def test_a_file_that_was_kept_is_read_back_from_anywhere(files):
    whole = os.urandom(700_000)

    name, size, sha256 = await keep(files, whole[:1000], b"", whole[1000:])

    assert (size, sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert await files.size(name) == len(whole)
    assert await content(files, name) == whole
    assert await content(files, name, 699_990) == whole[699_990:]
    assert await content(files, name, 700_001) == b""
    assert await files.used() == len(whole)


async def test_only_its_owner_may_read_a_file(files, directory):
    """Logs hold names of cards."""
    name, *_ = await keep(files, b"log")

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


async def test_a_file_is_not_there_until_it_is_kept(files, directory):
    async with files.receive(10) as incoming:
        await incoming.write(b"12345")
        assert incoming.size == 5
        [part] = directory.iterdir()
        assert part.suffix == ".part"
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        assert await files.used() == 5
        name, *_ = await incoming.keep()
        assert [path.name for path in directory.iterdir()] == [name]


async def test_more_than_was_allowed_is_not_written(files, directory):
    with pytest.raises(FileTooLarge, match="10 bytes"):
        await keep(files, b"1234567890", b"1", limit=10)
    assert list(directory.iterdir()) == []
    assert (await keep(files, b"1234567890", limit=10))[1] == 10


async def test_a_file_that_was_not_kept_is_forgotten(files, directory):
    async with files.receive(10) as incoming:
        await incoming.write(b"1")
    assert list(directory.iterdir()) == []


async def test_who_is_cancelled_while_writing_leaves_nothing(files, directory, monkeypatch):
    """Nor a thread that writes to a file of somebody else."""
    writing, goes_on, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop, really_write = asyncio.get_running_loop(), os.write

    def slow(fd, data):
        loop.call_soon_threadsafe(writing.set)
        goes_on.wait(5)
        written = really_write(fd, data)
        ended.set()
        return written

    monkeypatch.setattr("voltkeep.store.files.os.write", slow)
    task = asyncio.create_task(keep(files, b"1"))
    await writing.wait()
    task.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert list(directory.iterdir()) == []


async def test_a_full_disk_is_said_and_leaves_nothing(files, directory, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("voltkeep.store.files.os.write", full)
    with pytest.raises(OSError, match="No space left"):
        await keep(files, b"1")
    assert list(directory.iterdir()) == []


async def test_what_a_crash_left_is_removed_and_what_is_being_written_is_not(files, directory):
    name, *_ = await keep(files, b"kept")
    (directory / f"{'0' * 32}.part").write_bytes(b"left")
    async with files.receive(10) as incoming:
        await incoming.write(b"1")
        assert await DirectoryFiles(directory).clear() == 1
        other, *_ = await incoming.keep()

    assert {path.name for path in directory.iterdir()} == {name, other}


async def test_a_directory_that_is_not_there_yet_holds_nothing(files):
    assert await files.used() == 0
    assert await files.clear() == 0


async def test_a_file_is_removed_for_good(files):
    name, *_ = await keep(files, b"1")
    await files.remove(name)
    await files.remove(name)

    with pytest.raises(FileNotFoundError):
        await files.size(name)
    with pytest.raises(FileNotFoundError):
        await content(files, name)


@pytest.mark.parametrize(
    "name", ["", ".", "../secret", "/etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n", "\0" * 32]
)
async def test_no_name_but_one_of_ours_leads_to_a_file(files, directory, name):
    await keep(files, b"1")
    (directory.parent / "secret").write_text("secret")

    for asks in (content(files, name), files.size(name), files.remove(name)):
        with pytest.raises(FileNotFoundError):
            await asks


async def test_no_link_is_followed(files, directory):
    await keep(files, b"1")
    (directory / ("a" * 32)).symlink_to("/etc/passwd")

    with pytest.raises(OSError, match="symbolic links"):
        await content(files, "a" * 32)
