"""A file that is being written under another name, and gets its own once all of it is on the disk."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from tocsin_agent.files import write_all
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.local.account import file_uid
from tocsin_agent.tasks.local.errors import file_failed
from tocsin_agent.tasks.local.places import Place
from tocsin_shared.executions import Reason

#: Without this right on the file system (or on this kind of it) a name can't be given only when it is free.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Draft:
    """Everything here blocks, and raises TaskFailed."""

    def __init__(self, place: Place, name: str, *, goes_on: bool = False) -> None:
        """`goes_on` takes what an earlier attempt left under this name; else the name must be free."""
        self._place = place
        self._name = name
        self._is_kept = goes_on
        how = 0 if goes_on else os.O_EXCL
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | how
        try:
            # Nobody else reads it before it is whole: it may become a file with a secret in it.
            self._fd = os.open(name, flags, 0o600, dir_fd=place.directory)
        except OSError as error:
            raise file_failed("write", place.path.with_name(name), error) from None
        info = os.fstat(self._fd)
        if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1 or info.st_uid != file_uid():
            os.close(self._fd)
            message = f"{place.path.with_name(name)} is not what an earlier attempt left there."
            raise TaskFailed(Reason.FILE_ERROR, message)

    def size(self) -> int:
        """How much of it there is."""
        return os.fstat(self._fd).st_size

    def cut(self, size: int) -> None:
        """Keep so much of it, and write on from there."""
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)

    def write(self, data: bytes) -> None:
        """Add all of this."""
        try:
            write_all(self._fd, data)
        except OSError as error:
            raise file_failed("write", self._place.path, error) from None

    def publish(self, *, mode: int | None = None, overwrite: bool = True) -> None:
        """Give it its name, durably. Without `mode` it gets that of the file that it replaces, or the usual one."""
        try:
            self._take_over(mode)
            os.fsync(self._fd)
            if overwrite:
                self._rename()
            else:
                self._name_if_free()
            self._is_kept = True
            self._sync_directory()
        except OSError as error:
            raise file_failed("write", self._place.path, error) from None

    def close(self) -> None:
        """Done with it. What was not published is removed, unless attempts go on with each other's."""
        os.close(self._fd)
        if not self._is_kept:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._place.directory)

    def _take_over(self, mode: int | None) -> None:
        try:
            old = os.stat(self._place.name, dir_fd=self._place.directory, follow_symlinks=False)
        except FileNotFoundError:
            old = None
        usual = 0o666 & ~_umask()
        if old is not None and stat.S_ISREG(old.st_mode):
            with suppress(OSError):  # only root can give a file away
                os.fchown(self._fd, old.st_uid, old.st_gid)
            usual = old.st_mode & 0o777
        os.fchmod(self._fd, usual if mode is None else mode)

    def _rename(self) -> None:
        directory = self._place.directory
        os.rename(self._name, self._place.name, src_dir_fd=directory, dst_dir_fd=directory)

    def _name_if_free(self) -> None:
        directory, name = self._place.directory, self._place.name
        try:
            os.link(self._name, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # No hard links there: what is left is to look, and to be quick.
            if _exists(directory, name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            self._rename()
        else:
            os.unlink(self._name, dir_fd=directory)

    def _sync_directory(self) -> None:
        with suppress(PermissionError):  # one that may be written but not listed
            fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._place.directory)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)


def _umask() -> int:
    """The process's, without changing it for an instant as os.umask does."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022


def _exists(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
