"""The control log: one append-only file of records. Blocking; meant for a worker thread."""

import os
import threading
from pathlib import Path

from tocsin_agent.files import sync_directory, write_all
from tocsin_agent.journal.framing import scan
from tocsin_agent.journal.quarantine import Quarantine
from tocsin_shared.logs import log


class JournalError(Exception):
    """The journal can't be written: the disk is full, broken or read-only."""


class ControlLog:
    """Appends framed records. A failed append leaves the file as it was; the same call may be tried again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        #: What was appended while a new file is being written, or None when none is.
        self._since_rewrite: list[bytes] | None = None
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._fd).st_size

    @classmethod
    def open(cls, path: Path, quarantine: Quarantine) -> tuple["ControlLog", list[bytes]]:
        """The log, and the payloads of every whole record in it. What is none is kept aside; at the end, cut off."""
        control_log = cls(path)
        found = scan(path.read_bytes())
        damaged = list(found.damaged)
        if found.torn_bytes:
            damaged.append((found.good_end, control_log.size))
        if damaged:
            quarantine.keep_spans(path, damaged)
        if found.torn_bytes:
            os.ftruncate(control_log._fd, found.good_end)
            control_log.size = found.good_end
        return control_log, found.payloads

    def append(self, data: bytes, *, durable: bool) -> None:
        """Add framed records. With `durable` they survive a power cut, else only the end of this process.

        Raises JournalError.
        """
        with self._lock:
            try:
                write_all(self._fd, data)
            except OSError as error:
                self._cut_back()
                raise JournalError(f"{self._path}: {error.strerror}") from error
            self.size += len(data)
            if self._since_rewrite is not None:
                self._since_rewrite.append(data)
            fd = self._fd
        if durable:
            try:
                os.fdatasync(fd)
            except OSError as error:
                raise JournalError(f"{self._path}: {error.strerror}") from error

    def begin_rewrite(self) -> None:
        """What is appended from now on also goes to the file that `rewrite` will write."""
        with self._lock:
            self._since_rewrite = []

    def rewrite(self, live: bytes) -> None:
        """Put a new file in the old one's place: `live`, then what was appended since `begin_rewrite`.

        Raises JournalError; then the old file goes on.
        """
        draft = self._path.with_name(f"{self._path.name}.new")
        fd = -1
        try:
            flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(draft, flags, 0o600)
            write_all(fd, live)
            os.fsync(fd)
            with self._lock:
                late = b"".join(self._since_rewrite or ())
                write_all(fd, late)
                draft.rename(self._path)
                self._fd, fd = fd, self._fd
                self.size = len(live) + len(late)
            os.fdatasync(self._fd)
            sync_directory(self._path.parent)
        except OSError as error:
            raise JournalError(f"{draft}: {error.strerror}") from error
        finally:
            with self._lock:
                self._since_rewrite = None
            if fd != -1:
                os.close(fd)

    def close(self) -> None:
        """Give up the file."""
        os.close(self._fd)

    def _cut_back(self) -> None:
        """Removes what a failed append left behind. If even that fails, the damage is skipped when read."""
        try:
            os.ftruncate(self._fd, self.size)
        except OSError as error:
            log.warning("journal_cut_failed", error=error.strerror)
            self.size = os.fstat(self._fd).st_size
