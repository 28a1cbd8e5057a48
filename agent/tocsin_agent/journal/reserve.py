"""Room that is given up when the disk is full, so that results of what ran until then can still be written."""

import os
from contextlib import suppress
from pathlib import Path

from tocsin_shared.logs import log

#: Some thousand results.
RESERVE_BYTES = 1024 * 1024


class Reserve:
    """A file that holds nothing but room."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self.is_whole = False
        self.restore()

    def restore(self) -> None:
        """Take the room (again), if there is twice as much."""
        if self.is_whole:
            return
        try:
            disk = os.statvfs(self._path.parent)
            fd = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                held_bytes = os.fstat(fd).st_blocks * 512
                if held_bytes < self._size_bytes and disk.f_bavail * disk.f_frsize < 2 * self._size_bytes:
                    return
                os.posix_fallocate(fd, 0, self._size_bytes)
            finally:
                os.close(fd)
        except OSError:
            with suppress(OSError):
                os.truncate(self._path, 0)
            return
        self.is_whole = True

    def release(self) -> None:
        """Give the room up, for what has to be written now."""
        if self.is_whole:
            self.is_whole = False
            log.error("journal_reserve_used", why="the disk of the state directory is full")
        with suppress(OSError):
            os.truncate(self._path, 0)
