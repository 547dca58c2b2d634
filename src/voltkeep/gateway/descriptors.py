"""Notices that the process may open no more files: then nobody new is accepted, silently."""

import errno
import os

import structlog

log = structlog.get_logger(__name__)

_SAY_AGAIN_S = 60.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE)


class Descriptors:
    """Look now and then; what is wrong is said at once, and each minute while it lasts."""

    def __init__(self) -> None:
        self._said_at: float | None = None

    def look(self, now: float, connections: int) -> bool:
        """Whether one more file could be opened."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            if self._said_at is None or now - self._said_at >= _SAY_AGAIN_S:
                self._said_at = now
                log.error(  # noqa: TRY400  # its traceback says nothing
                    "no connection can be accepted: too many open files",
                    connections=connections,
                    advice="raise the limit: LimitNOFILE in systemd, or ulimit -n; see "
                    "`voltkeep doctor`",
                )
            return False
        if self._said_at is not None:
            self._said_at = None
            log.info("connections are accepted again", connections=connections)
        return True
