"""The process of a server that is tested: `voltkeep serve`, and it ends with the laboratory.

Its stdin is a pipe that nobody writes to. The kernel closes that with the laboratory, however it
ends, and then the server stops and removes the folder that was made for it. So nothing is left
running, and no key on the disk, also after a SIGKILL.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

_STOP_S = (10.0, 5.0, 5.0)  # how long the server may take to stop, each time it is told
_TRIES = 10


def main() -> None:
    """Run a command of ours. The arguments: the folder to remove, and the command's own."""
    folder = Path(sys.argv[1])
    sys.argv[:2] = ["voltkeep"]
    alone = threading.Event()
    # Until the server has a way of its own to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        # In here, for the laboratory may be gone already: the signal can come before this returns.
        threading.Thread(target=_watch, args=(folder, alone), daemon=True).start()
        from voltkeep.cli.__main__ import tree

        tree()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if alone.is_set():
            _remove(folder)


def _watch(folder: Path, alone: threading.Event) -> None:
    """Wait until the laboratory is gone, and end."""
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1):
            pass
    alone.set()
    # Not once: one that comes while the server changes its handler, or in the middle of something
    # that swallows every exception, is lost.
    for patience_s in _STOP_S:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience_s)
    _remove(folder)
    os._exit(1)


def _remove(folder: Path) -> None:
    """Remove it, though another thread may still make a file there."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
