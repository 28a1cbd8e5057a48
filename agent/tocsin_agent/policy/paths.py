"""Which directories a task may name. Links are followed first: what counts is where a path really leads."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path


class Unclear(Exception):
    """Where the path leads can't be told; the message says why."""


@dataclass(frozen=True, slots=True)
class Directories:
    """Directories whose contents may be named; None: any."""

    #: Where commands may begin.
    working: tuple[Path, ...] | None = None
    #: What may be sent elsewhere.
    read: tuple[Path, ...] | None = None
    #: What may be written.
    write: tuple[Path, ...] | None = None


def real_path(path: str) -> Path:
    """The path without links, whether or not its end exists. Blocks. Raises Unclear."""
    if not path.startswith("/"):
        raise Unclear(f"'{path[:200]}' is not an absolute path")
    try:
        return Path(os.path.realpath(path, strict=True))
    except FileNotFoundError:
        return _not_there_yet(path)
    except OSError as error:
        raise Unclear(f"'{path[:200]}' can't be looked at ({_text(error)})") from None
    except ValueError as error:
        raise Unclear(f"'{path[:200]!r}' is not a path ({error})") from None


def is_below(path: Path, directories: tuple[Path, ...]) -> bool:
    """Whether a path without links is one of these directories or in one. Blocks."""
    return any(path.is_relative_to(os.path.realpath(directory)) for directory in directories)


def _not_there_yet(path: str) -> Path:
    """A path whose end does not exist: what exists of it is resolved, the rest may hold neither links nor `..`."""
    real = Path(os.path.realpath(path))
    parent = real
    while True:
        try:
            parent.lstat()
            break
        except FileNotFoundError:
            parent = parent.parent
        except OSError as error:
            raise Unclear(f"'{path[:200]}' can't be looked at ({_text(error)})") from None
    return real


def _text(error: OSError) -> str:
    return error.strerror or errno.errorcode.get(error.errno or 0, type(error).__name__)
