"""Where a file is: a directory that is held open, and a name in it.

A path is resolved once, judged, and then walked without following links. Whoever puts a link into the way in between
makes the walk fail; nothing is read or written elsewhere.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.local.errors import file_failed
from tocsin_shared.executions import Reason

#: Says no to a path without links, by an exception.
Judge = Callable[[Path], None]

_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """`directory` is a descriptor that whoever asked for the place has to close."""

    directory: int
    path: Path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self.directory)


def place_of(path: str, judge: Judge, *, make_parents: bool = False) -> Place:
    """Where a file is to be written. A link of that name is not followed but replaced. Raises TaskFailed."""
    given = _absolute(path)
    parent = os.path.realpath(given.parent)
    return _walked(Path(parent) / given.name, judge, make_parents=make_parents)


def open_for_reading(path: str, judge: Judge) -> tuple[int, os.stat_result]:
    """A descriptor of a plain file, links followed, and what is known of it. Raises TaskFailed."""
    real = Path(os.path.realpath(_absolute(path)))
    place = _walked(real, judge, make_parents=False)
    try:
        fd = os.open(place.name, _READ, dir_fd=place.directory)
    except OSError as error:
        raise file_failed("read", path, error) from None
    finally:
        place.close()
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise TaskFailed(Reason.FILE_ERROR, f"{path} is no plain file.")
    os.set_blocking(fd, True)
    return fd, info


def with_name(path: str, like: str) -> str:
    """A path that ends in / is a directory, in which the file keeps the name that it has elsewhere."""
    if not path.endswith("/"):
        return path
    name = like.rpartition("/")[2]
    if name in ("", ".", ".."):
        raise TaskFailed(Reason.FILE_ERROR, f"{like} names no file.")
    return path + name


def _absolute(path: str) -> Path:
    if not path.startswith("/"):
        raise TaskFailed(Reason.FILE_ERROR, f"{path} must be an absolute path.")
    given = Path(path)
    if given.name in ("", ".."):
        raise TaskFailed(Reason.FILE_ERROR, f"{path} names no file.")
    return given


def _walked(real: Path, judge: Judge, *, make_parents: bool) -> Place:
    judge(real)
    directory = os.open("/", _WALK)
    try:
        for part in real.parts[1:-1]:
            below = _step(directory, part, make=make_parents)
            os.close(directory)
            directory = below
    except OSError as error:
        os.close(directory)
        doing = "create the directory of" if make_parents else "reach"
        raise file_failed(doing, real, error) from None
    return Place(directory, real)


def _step(directory: int, part: str, *, make: bool) -> int:
    try:
        return _opened(directory, part)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # somebody else may be quicker
        os.mkdir(part, dir_fd=directory)
    return _opened(directory, part)


def _opened(directory: int, part: str) -> int:
    try:
        return os.open(part, _WALK, dir_fd=directory)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(part, dir_fd=directory, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise
